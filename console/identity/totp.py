"""Authenticator apps (RFC 6238): enrolment and proof. A step is accepted once, whatever is tried at the same time."""

import hmac
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pyotp
from sqlalchemy import delete, update

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import db, settings
from console.core.errors import Conflict
from console.core.ids import new_id
from console.identity.models import TotpFactor, totp_of
from console.users.models import User

STEP_SECONDS = 30
TOLERATED_STEPS = 1
"""Clocks may differ by one step either way (RFC 6238, section 5.2)."""
ENROLMENT_LASTS = timedelta(hours=1)
"""An app that was not confirmed for that long is forgotten, and its secret with it."""


@dataclass(frozen=True)
class Proof:
    """What came of a code."""

    right: bool


def start_enrolment(person: User) -> TotpFactor:
    """An unconfirmed factor with a secret. The one being set up is kept for an hour, so a reload changes nothing.

    **Raises:** Conflict where there is a confirmed one already.
    """
    factor = totp_of(person.id)
    if factor is not None and factor.confirmed_at is not None:
        raise Conflict("You have an authenticator app already. Remove it first, then add another one.")
    if factor is not None and clock.now() - factor.created_at > ENROLMENT_LASTS:
        db.session.delete(factor)
        db.session.flush()
        factor = None
    if factor is None:
        factor = TotpFactor(
            id=new_id(), tenant_id=person.tenant_id, user_id=person.id, created_at=clock.now(), last_step=0
        )
        factor.secret = pyotp.random_base32()
        db.session.add(factor)
        db.session.flush()
    return factor


def enrolment_of(user_id: UUID) -> TotpFactor | None:
    """The app that the person is setting up right now."""
    factor = totp_of(user_id)
    if factor is None or factor.confirmed_at is not None or clock.now() - factor.created_at > ENROLMENT_LASTS:
        return None
    return factor


def provisioning_uri(factor: TotpFactor, person: User) -> str:
    """The `otpauth://` address that an authenticator app reads from the QR code."""
    return pyotp.TOTP(factor.secret).provisioning_uri(name=person.details.email, issuer_name=settings().company)


def prove(person: User, code: str, *, by: Actor) -> Proof:
    """Check a code of the person's confirmed app, and use its step up. The try was counted before (proving.begin).

    **Records:** identity:factor:refused for a wrong code.
    """
    factor = totp_of(person.id)
    return _prove(person, factor if factor is not None and factor.confirmed_at else None, code, by=by)


def confirm(person: User, code: str, *, by: Actor) -> Proof:
    """A right code of the app that is being set up confirms it; from then on it counts.

    Tries are not counted here: whoever may try is shown the key.
    **Records:** identity:factor:refused for a wrong code.
    """
    factor = enrolment_of(person.id)
    proof = _prove(person, factor, code, by=by)
    if proof.right and factor is not None:
        factor.confirmed_at = clock.now()
        db.session.flush()
    return proof


def _prove(person: User, factor: TotpFactor | None, code: str, *, by: Actor) -> Proof:
    step = _matching_step(factor, code) if factor else None
    if factor is None or step is None or not _use_step(factor, step):
        record(Tag.FACTOR_REFUSED, by=by, subject=("user", person.id), kind="authenticator app")
        return Proof(right=False)
    return Proof(right=True)


def forget_unfinished(user_id: UUID) -> None:
    """An app that was being set up is forgotten: whoever has seen its key may be whom a new password is to keep out."""
    gone = delete(TotpFactor).where(TotpFactor.user_id == user_id, TotpFactor.confirmed_at.is_(None))
    db.session.execute(gone.execution_options(synchronize_session="fetch"))


def _matching_step(factor: TotpFactor, code: str) -> int | None:
    code = "".join(code.split())
    now_step = int(clock.now().timestamp()) // STEP_SECONDS
    generator = pyotp.TOTP(factor.secret)
    for step in range(now_step - TOLERATED_STEPS, now_step + TOLERATED_STEPS + 1):
        if hmac.compare_digest(generator.at(step * STEP_SECONDS).encode(), code.encode()):
            return step
    return None


def _use_step(factor: TotpFactor, step: int) -> bool:
    """Whether this call was the one that used the step. One conditional update, so that twenty at once yield one."""
    changed = db.session.execute(
        update(TotpFactor)
        .where(TotpFactor.id == factor.id, TotpFactor.last_step < step)
        .values(last_step=step, last_used_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]
