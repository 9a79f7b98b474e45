"""The one way from nothing to a tenant: the hash of a secret or of a username, and whose it is.

A request knows no tenant until it has shown a session token, a one-time link or a username. This table holds only
digests and ids, no personal data, and is therefore global (it belongs to no tenant).
"""

import hashlib
import secrets
from typing import Literal
from uuid import UUID

from sqlalchemy import LargeBinary, String, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from console.core.db import Base, db
from console.core.errors import Conflict

TOKEN_BYTES = 32
BATCH = 500
LookupKind = Literal["session", "link", "username", "kept_username", "denial"]


class Lookup(Base):
    """A digest, and the tenant and row that it stands for."""

    __tablename__ = "lookups"
    __table_args__ = ({"info": {"global": "it leads to the tenant; digests and ids only"}},)

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    tenant_id: Mapped[UUID]
    target_id: Mapped[UUID]


class AlreadyTaken(Conflict):
    """Raised when a username or a digest is in use already, in whichever tenant."""


def new_token() -> str:
    """A random 256-bit secret as URL-safe text. It is shown once and stored as its digest only."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> bytes:
    """SHA-256 of a token. A fast hash is safe here because the token itself has 256 random bits."""
    return hashlib.sha256(token.encode()).digest()


def add_lookup(kind: LookupKind, digest: bytes, tenant_id: UUID, target_id: UUID) -> None:
    """`digest` leads to that tenant and row from the commit on. **Raises:** AlreadyTaken."""
    try:
        with db.session.begin_nested():
            db.session.add(Lookup(kind=kind, digest=digest, tenant_id=tenant_id, target_id=target_id))
    except IntegrityError as error:
        raise AlreadyTaken("This is in use already.") from error


def add_lookups(kind: LookupKind, items: list[tuple[bytes, UUID]], tenant_id: UUID) -> None:
    """Each digest leads to its row of that tenant from the commit on, unless it leads somewhere already.

    Who must know which were free reads them back with `find_lookups`. They are written in one order, so that two
    transactions that want some of the same wait for each other and don't deadlock.
    """
    if not items:
        return
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    common = {"kind": kind, "tenant_id": tenant_id}
    rows = [{**common, "digest": digest, "target_id": target_id} for digest, target_id in sorted(items)]
    db.session.execute(insert(Lookup).on_conflict_do_nothing(), rows)


def find_lookup(kind: LookupKind, digest: bytes) -> tuple[UUID, UUID] | None:
    """The tenant and row that `digest` stands for."""
    found = db.session.execute(
        select(Lookup.tenant_id, Lookup.target_id).where(Lookup.kind == kind, Lookup.digest == digest)
    ).one_or_none()
    return (found.tenant_id, found.target_id) if found else None


def find_lookups(kind: LookupKind, digests: list[bytes]) -> dict[bytes, tuple[UUID, UUID]]:
    """Those of `digests` that are known, for checking a whole import in few statements."""
    known: dict[bytes, tuple[UUID, UUID]] = {}
    for start in range(0, len(digests), BATCH):
        part = digests[start : start + BATCH]
        rows = db.session.execute(
            select(Lookup.digest, Lookup.tenant_id, Lookup.target_id).where(
                Lookup.kind == kind, Lookup.digest.in_(part)
            )
        )
        known.update({row.digest: (row.tenant_id, row.target_id) for row in rows})
    return known


def remove_lookup(kind: LookupKind, digest: bytes) -> None:
    """`digest` leads nowhere any more. Removing one that is absent is no error."""
    db.session.execute(delete(Lookup).where(Lookup.kind == kind, Lookup.digest == digest))


def forget_lookups(kind: LookupKind, target_ids: list[UUID]) -> None:
    """Nothing leads to those targets any more."""
    for start in range(0, len(target_ids), BATCH):
        batch = target_ids[start : start + BATCH]
        db.session.execute(delete(Lookup).where(Lookup.kind == kind, Lookup.target_id.in_(batch)))
