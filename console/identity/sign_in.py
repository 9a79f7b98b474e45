"""Sign-in in three steps: spend a try (committed), compare the hash (no transaction), act on the answer.

Known and unknown names take the same steps and the same work, so that neither time nor text tells them apart.
A browser that the person used before has tries of its own: nobody can lock somebody else out (P07, P09).
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import budgets
from console.core.actor import Actor
from console.core.addresses import guessing_place
from console.core.db import bind_tenant, db, settings
from console.core.ids import PLATFORM_TENANT_ID
from console.core.lookups import find_lookup
from console.identity import passwords
from console.identity.models import Credential, credential_of, recognised_browser
from console.policies.choices import choices
from console.users.models import State, User, user, username_digest
from console.vault.access import platform_keys, tenant_keys

Outcome = Literal["welcome", "wrong", "suspended"]
NOBODY = UUID(int=0)


@dataclass(frozen=True)
class Attempt:
    """One try to sign in, after the first step. Hash is None for an unknown name or one without a password."""

    tenant_id: UUID
    user_id: UUID
    stored_hash: str | None
    spent: tuple[bytes, ...]
    wait_seconds: int
    state: str | None
    paused: bool
    """Whether this Customer's own limit is used up. It shows in nothing: it would tell that the name is known."""

    @property
    def admits(self) -> bool:
        """Whether a right password leads in. What shows before the answer must not show for anybody else."""
        return self.state == State.ACTIVE and not self.paused

    @property
    def known(self) -> bool:
        """Whether the name belongs to somebody."""
        return self.user_id != NOBODY


def begin(username: str, *, address: str, browser_tokens: list[str]) -> Attempt:
    """Spend one try of the account and one of the address. Run it in a unit of its own, and commit it."""
    digest = username_digest(username.strip())
    tenant_id, user_id = find_lookup("username", digest) or (PLATFORM_TENANT_ID, NOBODY)
    bind_tenant(tenant_id)
    browser = recognised_browser(user_id, browser_tokens or [""])
    stored_hash = _stored_hash(user_id)
    state = db.session.execute(select(User.state).where(User.id == user_id)).scalar_one_or_none()
    keys = platform_keys()
    if browser is not None:
        limits = [(keys.index("tries-browser", browser.digest), settings().sign_ins_per_account)]
    else:
        limits = [
            (keys.index("tries-account", digest), settings().sign_ins_per_account),
            (keys.index("tries-address", guessing_place(address).encode()), settings().sign_ins_per_address),
        ]
    window = settings().sign_in_window_seconds
    waits = [budgets.spend(key, limit=limit, window_seconds=window) for key, limit in limits]
    paused = budgets.tries(limits[0][0], window_seconds=window) > choices().sign_in_tries
    spent = tuple(key for key, _limit in limits)
    return Attempt(tenant_id, user_id, stored_hash, spent=spent, wait_seconds=max(waits), state=state, paused=paused)


def _stored_hash(user_id: UUID) -> str | None:
    """The hash of that person's password. Where there is none, as much work is done as opening one takes."""
    query = select(Credential.id, Credential.sealed).where(Credential.user_id == user_id)
    found = db.session.execute(query).one_or_none()
    if found is not None:
        return str(tenant_keys().open(Credential.__tablename__, found.id, found.sealed)["hash"])
    tenant_keys().seal(Credential.__tablename__, NOBODY, {"hash": passwords.stand_in()})
    return None


def refuse_throttled(attempt: Attempt, *, by: Actor) -> None:
    """Record that a try was not even looked at: once a window for an account, or for an address without one.

    **Records:** identity:sign_in:throttled, with how many tries before it were not listed.
    """
    bind_tenant(attempt.tenant_id)
    who = attempt.user_id.bytes if attempt.known else (by.address or "").encode()
    key = platform_keys().index("throttled-sign-in", attempt.tenant_id.bytes + who)
    held = budgets.one_a_window(key, window_seconds=settings().sign_in_window_seconds)
    if held is not None:
        record(
            Tag.SIGN_IN_THROTTLED,
            by=by,
            subject=_subject(attempt),
            wait_seconds=attempt.wait_seconds,
            earlier_tries_not_listed=held or None,
        )


def finish(attempt: Attempt, password: str, *, right: bool, by: Actor) -> tuple[Outcome, User | None]:
    """Act on the comparison. The unit of work is bound to the person's tenant, or the platform's for an unknown name.

    **Records:** identity:sign_in:refused, never with what was typed.
    """
    bind_tenant(attempt.tenant_id)
    # Columns, not objects: building an object for a known name would take measurably longer than finding nothing.
    query = select(User.state).where(User.id == attempt.user_id).with_for_update()
    state = db.session.execute(query).scalar_one_or_none()
    # The password may have been changed while the old one was being compared.
    right = _stored_hash(attempt.user_id) == attempt.stored_hash and right
    if not right or attempt.paused or state not in (State.ACTIVE, State.SUSPENDED):
        reason = _why_not(state, right=right, paused=attempt.paused)
        record(Tag.SIGN_IN_REFUSED, by=by, subject=_subject(attempt), reason=reason)
        return "wrong", None
    for key in attempt.spent:
        budgets.refund(key)
    person = user(attempt.user_id)
    if state == State.SUSPENDED:
        record(Tag.SIGN_IN_REFUSED, by=by, subject=_subject(attempt), reason="suspended")
        return "suspended", person
    credential = credential_of(attempt.user_id)
    if credential is not None and passwords.needs_rehash(credential.password_hash):
        credential.password_hash = passwords.hash_password(password)
    return "welcome", person


def _why_not(state: str | None, *, right: bool, paused: bool) -> str:
    if state is None:
        return "no such username"
    return "paused after wrong passwords" if paused else state if right else "wrong password"


def _subject(attempt: Attempt) -> tuple[str, UUID] | None:
    return ("user", attempt.user_id) if attempt.known else None
