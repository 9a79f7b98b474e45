"""Add a second factor: prove that it works, then it counts. With the first one come recovery codes, shown once."""

from dataclasses import dataclass
from uuid import UUID

from console.audit.actions import record
from console.audit.tags import Tag
from console.core.actor import Actor
from console.core.errors import Conflict
from console.identity import passkeys, recovery_codes, totp
from console.identity.factors import clean_name, factors_changed, has_factor
from console.users.models import User, user


@dataclass(frozen=True)
class Enrolled:
    """What came of adding a factor: added or not, and recovery codes to show once where it is the first."""

    person: User
    added: bool
    codes: tuple[str, ...] = ()


def add_app(user_id: UUID, code: str, *, first: bool, by: Actor) -> Enrolled:
    """The authenticator app that was being set up counts, if the code is its own. All sessions of before are over.

    With `first` the person must not have a factor yet: who has one proves it instead of adding another.
    **Raises:** NotFound, Conflict. **Records:** identity:factor:added, or identity:factor:refused for a wrong code.
    """
    person = _person(user_id, first=first)
    had = has_factor(user_id)
    proof = totp.confirm(person, code, by=by)
    if not proof.right:
        return Enrolled(person, added=False)
    return _added(person, "authenticator app", "An authenticator app", had=had, by=by)


def add_passkey(user_id: UUID, name: str, answer: str, *, session_id: UUID, first: bool, by: Actor) -> Enrolled:
    """The passkey that the answer describes counts. All sessions of before are over.

    **Raises:** NotFound, Conflict, Invalid for the name. **Records:** identity:factor:added, identity:factor:refused.
    """
    name = clean_name(name)
    person = _person(user_id, first=first)
    had = has_factor(user_id)
    key = passkeys.add(person, name, answer, session_id=session_id)
    if key is None:
        record(Tag.FACTOR_REFUSED, by=by, subject=("user", person.id), kind="passkey")
        return Enrolled(person, added=False)
    return _added(person, "passkey", f"The passkey “{name}”", had=had, by=by)


def _person(user_id: UUID, *, first: bool) -> User:
    person = user(user_id, lock=True)
    if first and has_factor(user_id):
        raise Conflict("A second factor was set up in another window meanwhile. Sign in again and use it.")
    return person


def _added(person: User, kind: str, what: str, *, had: bool, by: Actor) -> Enrolled:
    codes = [] if had and recovery_codes.codes_left(person.id) else recovery_codes.make_codes(person)
    factors_changed(person, "factor_added", by=by, what=what)
    record(Tag.FACTOR_ADDED, by=by, subject=("user", person.id), kind=kind)
    return Enrolled(person, added=True, codes=tuple(codes))
