"""An import of users: the file's rows, sealed, with what was decided about each; and how to find one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock, jobs
from console.core.db import Base, TenantOwned, db, row_by_id, tenant_reference
from console.users.import_rules import Outcome, Row, count
from console.vault.access import tenant_keys

JOB = "users-import"
CHUNK_ROWS = 500


class ImportState(StrEnum):
    """How far an import is. Nothing is written to anybody before `running`."""

    CHECKING = "checking"
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


WORKING = (ImportState.CHECKING, ImportState.RUNNING)
OPEN = (ImportState.CHECKING, ImportState.READY, ImportState.RUNNING)


class UserImport(TenantOwned, Base):
    """One uploaded file. Its name and who acted from where are sealed; counts and states are in clear."""

    __tablename__ = "user_imports"
    __table_args__ = (
        CheckConstraint("state IN ('checking','ready','running','done','cancelled','failed')", name="state"),
        CheckConstraint("(state IN ('checking','ready','running')) = (finished_at IS NULL)", name="finished"),
        CheckConstraint("state NOT IN ('running','done') OR applied_by IS NOT NULL", name="applied_by"),
        CheckConstraint("position BETWEEN 0 AND total", name="position"),
        Index("ix_user_imports_created", "tenant_id", "created_at"),
    )

    state: Mapped[str] = mapped_column(String(10))
    total: Mapped[int] = mapped_column(default=0)
    position: Mapped[int] = mapped_column(default=0)
    """How many rows the present phase (checking, then applying) has behind it; after a kill it goes on there."""
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    applied_added: Mapped[int] = mapped_column(default=0)
    applied_changed: Mapped[int] = mapped_column(default=0)
    invite: Mapped[bool] = mapped_column(default=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[UUID]
    created_at: Mapped[datetime]
    applied_by: Mapped[UUID | None]
    started_at: Mapped[datetime | None]
    """When work on the present phase began."""
    finished_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(300))
    """Why it failed or was cancelled; nothing personal."""
    rows_dropped_at: Mapped[datetime | None]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """File name, columns found and ignored, and the address and browser of whoever acted last."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Seal other facts into the row."""
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, facts)
        self.__dict__["facts"] = facts

    @property
    def counts(self) -> dict[str, int]:
        """Rows by outcome."""
        return {str(outcome): getattr(self, outcome) for outcome in Outcome}

    def add_counts(self, counts: dict[str, int], *, sign: int = 1) -> None:
        """The rows by outcome are so many more, or fewer."""
        for outcome, number in counts.items():
            setattr(self, outcome, getattr(self, outcome) + sign * number)

    def finish(self, state: ImportState, reason: str | None = None) -> None:
        """The import is over."""
        self.state, self.finished_at, self.reason = state, clock.now(), reason


class ImportChunk(TenantOwned, Base):
    """Up to `CHUNK_ROWS` rows of an import: one sealed record, written and read as a whole."""

    __tablename__ = "user_import_chunks"
    __table_args__ = (
        tenant_reference("import_id", "user_imports", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "import_id", "first_row"),
    )

    import_id: Mapped[UUID]
    first_row: Mapped[int]
    """How many rows of the file stand before the first of these."""
    row_count: Mapped[int]
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    administrators_change: Mapped[int] = mapped_column(default=0)
    """By how many these rows change the number of usable administrators; for resuming a check."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    def rows(self) -> list[Row]:
        """The rows. **Raises:** Unreadable."""
        return [Row(*row) for row in tenant_keys().open(self.__tablename__, self.id, self.sealed)["rows"]]

    def set_rows(self, rows: list[Row]) -> None:
        """Seal the rows as they are now, and count their outcomes."""
        self.row_count = len(rows)
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, {"rows": [row.as_list() for row in rows]})
        for outcome, number in count(rows).items():
            setattr(self, outcome, number)

    @property
    def counts(self) -> dict[str, int]:
        """Rows by outcome."""
        return {str(outcome): getattr(self, outcome) for outcome in Outcome}


def user_import(import_id: UUID, *, lock: bool = False) -> UserImport:
    """That import of this tenant. **Raises:** NotFound."""
    return row_by_id(UserImport, import_id, lock=lock)


def recent_imports(*, limit: int) -> list[UserImport]:
    """This tenant's imports, newest first."""
    query = select(UserImport).order_by(UserImport.created_at.desc(), UserImport.id.desc()).limit(limit)
    return list(db.session.execute(query).scalars())


def chunk_at(import_id: UUID, first_row: int) -> ImportChunk | None:
    """The chunk that starts there."""
    query = select(ImportChunk).where(ImportChunk.import_id == import_id, ImportChunk.first_row == first_row)
    return db.session.execute(query).scalar_one_or_none()


def chunks(import_id: UUID, *, start: int = 0, outcome: str = "", backwards: bool = False) -> Iterator[ImportChunk]:
    """The chunks that reach beyond row `start`, or backwards those that begin before it, one at a time.

    With `outcome` only those that have such rows.
    """
    query = select(ImportChunk).where(ImportChunk.import_id == import_id)
    if outcome:
        query = query.where(getattr(ImportChunk, outcome) > 0)
    order = ImportChunk.first_row.desc() if backwards else ImportChunk.first_row
    while True:
        edge = ImportChunk.first_row < start if backwards else ImportChunk.first_row + ImportChunk.row_count > start
        found = db.session.execute(query.where(edge).order_by(order).limit(1)).scalar_one_or_none()
        if found is None:
            return
        yield found
        start = found.first_row if backwards else found.first_row + found.row_count
        db.session.expunge(found)


@dataclass(frozen=True)
class RowPage:
    """Some rows of an import, with their places in the file, and the edges of the neighbouring pages."""

    rows: list[tuple[int, Row]]
    before: int | None
    after: int | None


def row_page(import_id: UUID, *, outcome: str = "", after: int = 0, before: int | None = None, limit: int) -> RowPage:
    """The rows from place `after` on, or the last ones before place `before`; perhaps of one outcome only."""
    backwards = before is not None
    start = after if before is None else before
    found: list[tuple[int, Row]] = []
    for chunk in chunks(import_id, start=start, outcome=outcome, backwards=backwards):
        places = list(enumerate(chunk.rows(), start=chunk.first_row))
        for place, row in reversed(places) if backwards else places:
            beyond = place < start if backwards else place >= start
            if beyond and (not outcome or row.outcome == outcome):
                found.append((place, row))
        if len(found) > limit:
            break
    more, found = len(found) > limit, found[:limit]
    if backwards:
        found.reverse()
        return RowPage(found, found[0][0] if more else None, start)
    earlier = found[0][0] if found and after > 0 else None
    return RowPage(found, earlier, found[-1][0] + 1 if more else None)


@dataclass(frozen=True)
class Progress:
    """How far an import is, in the words and numbers that its page shows."""

    state: str
    done: int
    total: int
    rate_per_second: float | None
    seconds_left: float | None
    message: str
    finished: bool


def job_failed(found: UserImport) -> bool:
    """Whether the worker gave up on it after many attempts."""
    job = jobs.job_for(JOB, found.id)
    return job is not None and job.state == "failed"


def progress(found: UserImport) -> Progress:
    """How far it is. A job that gave up makes it finished, as nobody works on it any more."""
    if found.state not in WORKING:
        return Progress(found.state, found.position, found.total, None, None, "", finished=True)
    if job_failed(found):
        return Progress("failed", found.position, found.total, None, None, "Stopped by an error", finished=True)
    checking = found.state == ImportState.CHECKING
    if found.started_at is None:
        return Progress(found.state, 0, found.total, None, None, "Waiting for its turn", finished=False)
    seconds = (clock.now() - found.started_at).total_seconds()
    rate = found.position / seconds if seconds > 0 and found.position else None
    left = (found.total - found.position) / rate if rate else None
    return Progress(
        found.state, found.position, found.total, rate, left, "Checking" if checking else "Applying", finished=False
    )
