"""Who was kept out, or would have been: one row for a person, address and hour, found again by its reference."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, UniqueConstraint, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import Base, TenantOwned, bound_tenant, db, tenant_reference
from console.core.errors import NotFound
from console.core.ids import new_id
from console.ip_ranges.sightings import address_digest
from console.vault.access import tenant_keys

KEPT_DAYS = 90
PAGE_CHARACTERS = 200


class Refusal(TenantOwned, Base):
    """One person at one address in one hour. `mode` says whether it was refused, or only would have been."""

    __tablename__ = "ip_refusals"
    __table_args__ = (
        CheckConstraint("mode IN ('report','enforce')", name="mode"),
        CheckConstraint("count > 0", name="count"),
        UniqueConstraint("tenant_id", "user_id", "digest", "hour_at", "mode"),
        UniqueConstraint("tenant_id", "reference"),
        tenant_reference("user_id", "users"),
        Index("ix_ip_refusals_last_at", "tenant_id", "last_at"),
        Index("ix_ip_refusals_digest", "tenant_id", "digest"),
    )

    user_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    hour_at: Mapped[datetime]
    mode: Mapped[str] = mapped_column(String(8))
    reference: Mapped[str] = mapped_column(String(20))
    version: Mapped[int]
    """The number of the list that refused."""
    count: Mapped[int] = mapped_column(default=1)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def seen(self) -> dict[str, Any]:
        """Address, first page and browser. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)


@dataclass(frozen=True)
class Attempt:
    """What somebody wanted who is outside the allowed ranges."""

    user_id: UUID
    address: str
    page: str
    mode: str
    version: int


def note_refusal(attempt: Attempt, *, by: Actor, times: int = 1) -> str:
    """It is in the log, and once an hour and address in the record. Answers the reference that finds it again.

    **Records:** ip_ranges:address:refused.
    """
    now = clock.now()
    hour_at = now.replace(minute=0, second=0, microsecond=0)
    digest, row_id = address_digest(attempt.address), new_id()
    page, browser = attempt.page[:PAGE_CHARACTERS], by.browser
    sealed = tenant_keys().seal(
        Refusal.__tablename__, row_id, {"address": attempt.address, "page": page, "browser": browser}
    )
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    db.session.execute(
        insert(Refusal)
        .values(
            tenant_id=bound_tenant(),
            id=row_id,
            user_id=attempt.user_id,
            digest=digest,
            hour_at=hour_at,
            mode=attempt.mode,
            reference=by.reference or row_id.hex[-12:],
            version=attempt.version,
            count=times,
            first_at=now,
            last_at=now,
            sealed=sealed,
        )
        .on_conflict_do_nothing()
    )
    query = select(Refusal).where(
        Refusal.user_id == attempt.user_id,
        Refusal.digest == digest,
        Refusal.hour_at == hour_at,
        Refusal.mode == attempt.mode,
    )
    found = db.session.execute(query).scalar_one()
    if found.id != row_id:
        db.session.execute(
            update(Refusal)
            .where(Refusal.id == found.id)
            .values({Refusal.count: Refusal.count + times, Refusal.last_at: now})
            .execution_options(synchronize_session=False)
        )
        return found.reference
    if attempt.mode == "enforce":
        record(Tag.ADDRESS_REFUSED, by=by, subject=("user", attempt.user_id), page=page, list_version=attempt.version)
    return found.reference


def refusal(reference: str) -> Refusal:
    """The refusal with that reference number. **Raises:** NotFound."""
    query = select(Refusal).where(Refusal.reference == _plain(reference))
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound("No refusal has this reference number. It may be older than 90 days, or of another company.")
    return found


def known_reference(text: str) -> str | None:
    """The reference number that was typed, if a refusal of this tenant has it."""
    query = select(Refusal.reference).where(Refusal.reference == _plain(text))
    return db.session.execute(query).scalar_one_or_none()


def _plain(text: str) -> str:
    """A reference number as it was given out; nothing for a text that can be none, such as one that holds a NUL."""
    text = text.strip().upper()
    return text if text.isascii() and text.isalnum() else ""


def refusals(*, mode: str = "", address: str = "", before: datetime | None = None, limit: int = 50) -> list[Refusal]:
    """What was refused or would have been, the latest first; before that moment."""
    query = select(Refusal).order_by(Refusal.last_at.desc(), Refusal.id.desc()).limit(limit)
    if mode:
        query = query.where(Refusal.mode == mode)
    if address:
        query = query.where(Refusal.digest == address_digest(address))
    if before:
        query = query.where(Refusal.last_at < before)
    return list(db.session.execute(query).scalars())


def refused_people(days: int, mode: str) -> tuple[int, int]:
    """How many people, and how many times, in the last `days` days."""
    since = clock.now() - timedelta(days=days)
    people, times = db.session.execute(
        select(func.count(Refusal.user_id.distinct()), func.sum(Refusal.count)).where(
            Refusal.mode == mode, Refusal.last_at >= since
        )
    ).one()
    return people, times or 0


def forget_people(user_ids: list[UUID]) -> None:
    """Nothing is left of how those people were kept out."""
    gone = delete(Refusal).where(Refusal.user_id.in_(user_ids))
    db.session.execute(gone.execution_options(synchronize_session=False))


def forget_old() -> int:
    """Refusals older than they are kept are gone. Answers how many."""
    before = clock.now() - timedelta(days=KEPT_DAYS)
    gone = db.session.execute(
        delete(Refusal).where(Refusal.last_at < before).execution_options(synchronize_session=False)
    )
    return int(gone.rowcount)  # type: ignore[attr-defined]
