"""An entry of the audit record, and how to find entries of this tenant."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Index, LargeBinary, Select, String, UniqueConstraint, and_, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from console.audit.chain import START
from console.audit.tags import TAG_TEXTS, Tag
from console.core.db import Base, TenantOwned, bound_tenant, db, row_by_id
from console.core.errors import ConsoleError
from console.vault.access import tenant_keys


class AuditEntry(TenantOwned, Base):
    """One event. The chained hash covers all columns; details are sealed, with a salted hash.

    So the chain can be checked without keys, survives re-sealing under a new key, and still stands when the
    tenant's keys are destroyed. The application's database role may insert and read entries, nothing else.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number"),
        Index("ix_audit_entries_tag", "tenant_id", "tag", "number"),
        Index("ix_audit_entries_actor", "tenant_id", "actor_id", "number"),
        Index("ix_audit_entries_subject", "tenant_id", "subject_id", "number"),
        Index("ix_audit_entries_at", "tenant_id", "at"),
    )

    number: Mapped[int]
    at: Mapped[datetime]
    tag: Mapped[str] = mapped_column(String(60))
    actor_kind: Mapped[str] = mapped_column(String(10))
    actor_id: Mapped[UUID | None]
    subject_kind: Mapped[str | None] = mapped_column(String(20))
    subject_id: Mapped[UUID | None]
    reference: Mapped[str | None] = mapped_column(String(20))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    details_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))

    readable = True
    """False once reading many entries at a time met one whose details do not open; they are empty then."""

    @cached_property
    def details(self) -> dict[str, Any]:
        """Actor's name, role, address, browser; changes (old, new), reason, facts. **Raises:** Unreadable."""
        opened: dict[str, Any] = tenant_keys().open(self.__tablename__, self.id, self.sealed)["details"]
        return opened

    @property
    def text(self) -> str:
        """What happened, in words."""
        return TAG_TEXTS.get(self.tag, self.tag)


class AuditHead(TenantOwned, Base):
    """The end of a tenant's chain. Locked while an entry is added, so that numbers have no gaps."""

    __tablename__ = "audit_heads"

    number: Mapped[int] = mapped_column(default=0)
    hash: Mapped[bytes] = mapped_column(LargeBinary(32), default=START)


@dataclass(frozen=True)
class EntryFilter:
    """Which entries a person asked for: inclusive from, exclusive until; no tags or actors means all."""

    area: str = ""
    tags: tuple[Tag, ...] = ()
    actor_ids: tuple[UUID, ...] = ()
    subject_id: UUID | None = None
    subject_ids: tuple[UUID, ...] = ()
    from_at: datetime | None = None
    until_at: datetime | None = None


def head(*, lock: bool = False) -> AuditHead:
    """The end of this tenant's chain; a record that has none yet ends at number 0.

    With `lock` the row is there, and nobody else adds entries until the transaction ends. Its id is the
    tenant's, so that two first writers cannot make two ends.
    """
    query = select(AuditHead).execution_options(populate_existing=True)
    found = db.session.execute(query.with_for_update() if lock else query).scalar_one_or_none()
    if found is not None:
        return found
    start = {"tenant_id": bound_tenant(), "id": bound_tenant(), "number": 0, "hash": START}
    if not lock:
        return AuditHead(**start)
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    db.session.execute(insert(AuditHead).values(**start).on_conflict_do_nothing())
    return db.session.execute(query.with_for_update()).scalar_one()


def entry(entry_id: UUID) -> AuditEntry:
    """That entry of this tenant. **Raises:** NotFound."""
    return row_by_id(AuditEntry, entry_id)


def neighbours(number: int) -> dict[int, AuditEntry]:
    """The entries before and after that number, by number."""
    query = select(AuditEntry).where(AuditEntry.number.in_((number - 1, number + 1)))
    return {row.number: row for row in db.session.execute(query).scalars()}


def entries(
    wanted: EntryFilter, *, before: int | None = None, after: int | None = None, limit: int
) -> list[AuditEntry]:
    """Entries, newest first, details open: behind entry `before`, or just ahead of entry `after`.

    A filter by date goes through the record by time, so that a clock that was wrong hides nothing;
    otherwise numbers decide.
    """
    order = (AuditEntry.at, AuditEntry.number) if wanted.from_at or wanted.until_at else (AuditEntry.number,)
    query = _filtered(wanted)
    if after is not None:
        query = query.where(*_beyond(after, order, newer=True)).order_by(*order)
        return _opened(db.session.execute(query.limit(limit)).scalars().all()[::-1])
    if before is not None:
        query = query.where(*_beyond(before, order, newer=False))
    query = query.order_by(*(column.desc() for column in order))
    return _opened(db.session.execute(query.limit(limit)).scalars().all())


def _beyond(number: int, order: tuple[Any, ...], *, newer: bool) -> list[ColumnElement[bool]]:
    """The conditions for entries newer (or older) than the one of that number, in that order."""
    beyond = AuditEntry.number > number if newer else AuditEntry.number < number
    if len(order) == 1:
        return [beyond]
    edge = db.session.execute(select(AuditEntry.at).where(AuditEntry.number == number)).scalar_one_or_none()
    if edge is None:
        return [beyond]
    further = AuditEntry.at > edge if newer else AuditEntry.at < edge
    return [or_(further, and_(AuditEntry.at == edge, beyond))]


def entries_up(wanted: EntryFilter, *, after: int, up_to: int, limit: int) -> list[AuditEntry]:
    """Entries above `after` and not above `up_to`, oldest first, details open: one part of an export."""
    query = _filtered(wanted).where(AuditEntry.number > after, AuditEntry.number <= up_to)
    return _opened(db.session.execute(query.order_by(AuditEntry.number).limit(limit)).scalars().all())


def _opened(rows: Sequence[AuditEntry]) -> list[AuditEntry]:
    """The rows, details open. One that was tampered with must not hide the others: it is marked instead."""
    for row, opened in zip(rows, open_seals([(row.id, row.sealed) for row in rows]), strict=True):
        row.readable = opened is not None
        row.__dict__["details"] = opened["details"] if opened else {}
    return list(rows)


def open_seals(sealed: Sequence[tuple[UUID, bytes]]) -> Iterable[dict[str, Any] | None]:
    """What each seal holds, or None where one does not open. **Raises:** KeyUnavailable."""
    keys, table = tenant_keys(), AuditEntry.__tablename__
    try:
        return keys.open_many(table, sealed)
    except ConsoleError:
        return [_open_one(keys, table, row_id, value) for row_id, value in sealed]


def _open_one(keys: Any, table: str, row_id: UUID, value: bytes) -> dict[str, Any] | None:
    try:
        opened: dict[str, Any] = keys.open(table, row_id, value)
    except (ConsoleError, TypeError):  # a planted value may not even be bytes
        return None
    return opened


def _filtered(wanted: EntryFilter) -> Select[AuditEntry]:
    query = select(AuditEntry)
    tags = wanted.tags or [tag for tag in Tag if wanted.area and tag.startswith(f"{wanted.area}:")]
    if tags:
        query = query.where(AuditEntry.tag.in_(tags))
    if wanted.actor_ids:
        query = query.where(AuditEntry.actor_id.in_(wanted.actor_ids))
    if wanted.subject_ids:
        query = query.where(AuditEntry.subject_id.in_(wanted.subject_ids))
    if wanted.subject_id:
        query = query.where(AuditEntry.subject_id == wanted.subject_id)
    if wanted.from_at:
        query = query.where(AuditEntry.at >= wanted.from_at)
    if wanted.until_at:
        query = query.where(AuditEntry.at < wanted.until_at)
    return query
