"""A person's second factors together: what there is, rename, remove, and reset by an administrator.

Adding one is in enrolment.py, proving one in proving.py; totp.py, passkeys.py and recovery_codes.py are the kinds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Delete, delete, select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db, settings
from console.core.errors import Conflict, Forbidden, Invalid, NotFound
from console.core.ids import PLATFORM_TENANT_ID
from console.core.permissions import role_label
from console.identity.browsers import drop_all
from console.identity.models import Challenge, Passkey, RecoveryCode, TotpFactor, passkeys_of, totp_of
from console.identity.rules import may_reset_proofs
from console.mail.actions import post
from console.policies.choices import choices
from console.users.models import State, User, spoken_time, user

Kind = Literal["app", "passkey"]
KIND_TEXTS: dict[Kind, str] = {"app": "authenticator app", "passkey": "passkey"}
NAME_CHARACTERS = 60
REASON_CHARACTERS = 300


@dataclass(frozen=True)
class Factor:
    """One second factor, as its owner sees it."""

    id: UUID
    kind: Kind
    name: str
    added_at: datetime
    last_used_at: datetime | None
    doubted_at: datetime | None = None

    @property
    def kind_text(self) -> str:
        """What kind it is, in words."""
        return KIND_TEXTS[self.kind]


def has_factor(user_id: UUID) -> bool:
    """Whether that person has any confirmed second factor. Recovery codes alone are none."""
    app = select(TotpFactor.id).where(TotpFactor.user_id == user_id, TotpFactor.confirmed_at.is_not(None)).limit(1)
    passkey = select(Passkey.id).where(Passkey.user_id == user_id).limit(1)
    return db.session.execute(app).first() is not None or db.session.execute(passkey).first() is not None


def factors_of(user_id: UUID) -> list[Factor]:
    """The confirmed second factors of that person: the authenticator app, then passkeys, oldest first."""
    app = totp_of(user_id)
    found = []
    if app is not None and app.confirmed_at is not None:
        found.append(Factor(app.id, "app", app.name, app.confirmed_at, app.last_used_at))
    return found + [
        Factor(key.id, "passkey", key.name, key.created_at, key.last_used_at, key.doubted_at)
        for key in passkeys_of(user_id)
    ]


def factor_of(user_id: UUID, factor_id: UUID) -> Factor:
    """That second factor of that person. **Raises:** NotFound, also for somebody else's."""
    for factor in factors_of(user_id):
        if factor.id == factor_id:
            return factor
    raise NotFound("This second factor is not there any more.")


def factor_required(person: User) -> bool:
    """Whether that person needs a second factor: service staff always, others as their company chose."""
    return person.tenant_id == PLATFORM_TENANT_ID or choices().requires_factor(person.role)


def clean_name(name: str) -> str:
    """A factor's name on one line. **Raises:** Invalid for the field `name`."""
    name = " ".join(name.split())
    problem = ""
    if not name:
        problem = "Give it a name, such as the device it is on."
    elif len(name) > NAME_CHARACTERS:
        problem = f"A name has at most {NAME_CHARACTERS} characters; this has {len(name)}."
    elif not name.isprintable():
        problem = "The name holds a character that cannot be shown. Remove it."
    if problem:
        raise Invalid(problem, {"name": problem})
    return name


def rename_factor(user_id: UUID, factor_id: UUID, name: str, *, by: Actor) -> str:
    """The factor is called that; answers the name. **Raises:** NotFound, Invalid. **Records:** identity:factor:renamed."""
    name = clean_name(name)
    before = factor_of(user_id, factor_id)
    row = totp_of(user_id) if before.kind == "app" else db.session.get_one(Passkey, (bound_tenant(), factor_id))
    assert row is not None  # noqa: S101 (factor_of has just found it)
    row.name = name
    db.session.flush()
    record(Tag.FACTOR_RENAMED, by=by, subject=("user", user_id), changes={"name": (before.name, name)})
    return name


def remove_factor(user_id: UUID, factor_id: UUID, *, by: Actor) -> Factor:
    """The factor proves nothing any more. With the last one the recovery codes go, too. All sessions are over.

    **Raises:** NotFound, Conflict for the last one of somebody who needs one. **Records:** identity:factor:removed.
    """
    person = user(user_id, lock=True)
    gone = factor_of(user_id, factor_id)
    last = len(factors_of(user_id)) == 1
    if last and factor_required(person):
        raise Conflict(
            f"A second factor is required of you, and “{gone.name}” is your only one. Add another one, then remove it."
        )
    table: type[TotpFactor | Passkey] = TotpFactor if gone.kind == "app" else Passkey
    db.session.execute(_delete(table, user_id).where(table.id == factor_id))
    if last:
        db.session.execute(_delete(RecoveryCode, user_id))
    db.session.execute(_delete(Challenge, user_id))
    factors_changed(person, "factor_removed", by=by, what=f"The {gone.kind_text} “{gone.name}”")
    record(Tag.FACTOR_REMOVED, by=by, subject=("user", user_id), kind=gone.kind_text, name=gone.name)
    return gone


def factors_changed(person: User, letter: str, *, by: Actor, **facts: str) -> None:
    """All sessions of the person are over, no browser is recognised any more, and the person is told by mail.

    The page carries its own session over the change (sessions.actions.keep_session).
    """
    person.sign_in_epoch += 1
    drop_all([person.id])
    tell(person, letter, by=by, **facts)
    db.session.flush()


def tell(person: User, letter: str, *, by: Actor, **facts: str) -> None:
    """The person is told by mail what happened, when and from where."""
    page = "/sign-in" if letter == "factors_reset" else "/password/forgot"
    post(
        letter,
        to_name=person.details.name,
        to_address=person.details.email,
        facts={
            "at": spoken_time(clock.now(), person.details.time_zone),
            "address": by.address or "an unknown address",
            "by": by.label or "An administrator",
            "link": settings().base_url + page,
            **facts,
        },
    )


def check_reset(person: User, *, by: Actor) -> None:
    """Nothing happens if `by` may reset that person's second factors now. **Raises:** Forbidden, Conflict."""
    if person.id == by.user_id:
        raise Conflict("You cannot reset your own second factors. Change them on My profile, or ask a colleague.")
    if by.kind != "system" and not may_reset_proofs(by.role, person.role):
        raise Forbidden(
            f"Your role does not allow resetting the second factors of people with the role {role_label(person.role)}."
        )
    if person.state not in (State.ACTIVE, State.SUSPENDED):
        raise Conflict(f"{person.name} is {person.state} and has no second factor to reset.")
    if not has_factor(person.id):
        raise Conflict(f"{person.name} has no second factor, so there is nothing to reset.")


def reset_factors(user_id: UUID, *, reason: str, by: Actor) -> User:
    """Nothing is left of the person's second factors and recovery codes; all sessions are over; the person is told.

    **Raises:** NotFound, Forbidden, Conflict, Invalid. **Records:** identity:factors:reset.
    """
    reason = " ".join(reason.split())
    problem = ""
    if not reason:
        problem = "Give a reason, such as how you made sure who asked for it."
    elif len(reason) > REASON_CHARACTERS or not reason.isprintable():
        problem = f"A reason has at most {REASON_CHARACTERS} characters, all of which can be shown."
    if problem:
        raise Invalid(problem, {"reason": problem})
    person = user(user_id, lock=True)
    check_reset(person, by=by)
    _forget(user_id)
    factors_changed(person, "factors_reset", by=by)
    record(Tag.FACTORS_RESET, by=by, subject=("user", user_id), reason=reason)
    return person


def _forget(user_id: UUID) -> None:
    for kept in (TotpFactor, Passkey, RecoveryCode, Challenge):
        db.session.execute(_delete(kept, user_id))


def _delete(kept: type[TotpFactor | Passkey | RecoveryCode | Challenge], user_id: UUID) -> Delete:
    return delete(kept).where(kept.user_id == user_id).execution_options(synchronize_session=False)
