"""Recovery codes: ten that work once each, for whoever lost the phone. Shown once, kept as keyed hashes."""

import secrets
from uuid import UUID

from sqlalchemy import delete, func, select, update

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db
from console.core.ids import new_id
from console.identity.factors import tell
from console.identity.models import RecoveryCode
from console.identity.totp import Proof
from console.users.models import User, user
from console.vault.access import tenant_keys

CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what is misread: i and 1, l, o and 0."""
GROUPS, GROUP_CHARACTERS = 3, 4
"""12 characters out of 31 are 59 bits."""


def make_codes(person: User) -> list[str]:
    """Ten new codes, as they are shown this once; earlier ones are dead."""
    db.session.execute(
        delete(RecoveryCode).where(RecoveryCode.user_id == person.id).execution_options(synchronize_session=False)
    )
    codes = [_new_code() for _ in range(CODES)]
    for code in codes:
        db.session.add(
            RecoveryCode(
                id=new_id(),
                tenant_id=bound_tenant(),
                user_id=person.id,
                digest=_digest(person.id, code),
                created_at=clock.now(),
            )
        )
    db.session.flush()
    return codes


def replace_codes(user_id: UUID, *, by: Actor) -> list[str]:
    """Ten new codes for that person, shown this once; earlier ones are dead, and the person is told by mail.

    **Raises:** NotFound. **Records:** identity:recovery_codes:made.
    """
    person = user(user_id, lock=True)
    codes = make_codes(person)
    tell(person, "recovery_codes_made", by=by)
    record(Tag.RECOVERY_CODES_MADE, by=by, subject=("user", person.id))
    return codes


def codes_left(user_id: UUID) -> int:
    """How many recovery codes of that person still work."""
    query = select(func.count(RecoveryCode.id)).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return int(db.session.execute(query).scalar_one())


def known_codes(user_id: UUID, codes: list[str]) -> list[str]:
    """Those of `codes` that are unused codes of that person, in their order: what a page may repeat to its reader."""
    digests = {code: _digest(user_id, code) for code in codes[:CODES]}
    query = select(RecoveryCode.digest).where(
        RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None), RecoveryCode.digest.in_(digests.values())
    )
    known = set(db.session.execute(query).scalars())
    return [code for code, digest in digests.items() if digest in known]


def prove(person: User, code: str, *, by: Actor) -> Proof:
    """Check a recovery code and use it up. The try was counted before (proving.begin).

    **Records:** identity:recovery_code:used, identity:factor:refused for a wrong one.
    """
    if not use_code(person.id, code):
        record(Tag.FACTOR_REFUSED, by=by, subject=("user", person.id), kind="recovery code")
        return Proof(right=False)
    left = codes_left(person.id)
    tell(person, "recovery_code_used", by=by, left=str(left))
    record(Tag.RECOVERY_CODE_USED, by=by, subject=("user", person.id), left=left)
    return Proof(right=True)


def use_code(user_id: UUID, code: str) -> bool:
    """Whether this call was the one that used the code. One conditional update, so that twenty at once yield one."""
    changed = db.session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.digest == _digest(user_id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


def _new_code() -> str:
    groups = ("".join(secrets.choice(ALPHABET) for _ in range(GROUP_CHARACTERS)) for _ in range(GROUPS))
    return "-".join(groups)


def _digest(user_id: UUID, code: str) -> bytes:
    """The keyed hash of a code as typed: in any case, with or without its hyphens."""
    plain = "".join(character for character in code.casefold() if character.isalnum())
    return tenant_keys().index("recovery-code", user_id.bytes + plain.encode())
