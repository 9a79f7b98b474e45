"""The replacement of a key: how far it is, and what was counted at its end. And how to find those of this tenant."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, Index, LargeBinary, String, column, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock, jobs
from console.core.db import Base, TenantOwned, db, row_by_id
from console.vault.access import tenant_keys

JOB = "key-rotation"


class State(StrEnum):
    """The steps of a replacement, in their order; `stopped` waits for somebody."""

    QUEUED = "queued"
    MAKING = "making"
    SEALING = "sealing"
    SETTLING = "settling"
    CHECKING = "checking"
    STOPPED = "stopped"
    DONE = "done"


class KeyRotation(TenantOwned, Base):
    """One replacement of the tenant's key by its next version. At most one is under way."""

    __tablename__ = "key_rotations"
    __table_args__ = (
        CheckConstraint("state IN ('queued','making','sealing','settling','checking','stopped','done')", name="state"),
        CheckConstraint("(state = 'done') = (finished_at IS NOT NULL)", name="finished"),
        CheckConstraint("state <> 'done' OR counted_at IS NOT NULL", name="counted"),
        Index(
            "uq_key_rotations_under_way",
            "tenant_id",
            unique=True,
            sqlite_where=column("finished_at").is_(None),
            postgresql_where=column("finished_at").is_(None),
        ),
        Index("ix_key_rotations_created", "tenant_id", "created_at"),
    )

    state: Mapped[str] = mapped_column(String(10), default=State.QUEUED)
    version: Mapped[int | None]
    """The key version that replaces the others; None until the work begins."""
    place: Mapped[str | None] = mapped_column(String(80))
    """Where the present walk through the tables stands: the place, and the last row that was looked at in it."""
    after_id: Mapped[UUID | None]
    walks: Mapped[int] = mapped_column(default=0)
    """How many walks through all tables have ended."""
    totals: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """Rows by place that lay under older versions at the start."""
    moved: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    remaining: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    """The count at the end, every place by name; the old versions go only if all of it is 0."""
    unreadable: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    """Rows that do not open under their version, by place and id; the first ones where there are many."""
    counted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    """From when on nobody seals under an older version any more."""
    finished_at: Mapped[datetime | None]
    started_by: Mapped[UUID | None]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def words(self) -> dict[str, Any]:
        """The reason, and the name of whoever started it. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    def set_words(self, *, reason: str, by: str) -> None:
        """Seal the reason and the name into the row."""
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, {"reason": reason, "by": by})

    @property
    def done_rows(self) -> int:
        """How many rows were moved."""
        return sum(self.moved.values())

    @property
    def total_rows(self) -> int:
        """How many rows there were to move at the start, or more if more were found since."""
        return max(sum(self.totals.values()), self.done_rows)


def rotation(rotation_id: UUID, *, lock: bool = False) -> KeyRotation:
    """That replacement of this tenant's key. **Raises:** NotFound."""
    return row_by_id(KeyRotation, rotation_id, lock=lock)


def under_way(*, lock: bool = False) -> KeyRotation | None:
    """The replacement that has not ended, if there is one."""
    query = select(KeyRotation).where(KeyRotation.finished_at.is_(None))
    return db.session.execute(query.with_for_update() if lock else query).scalar_one_or_none()


def rotations(*, limit: int) -> list[KeyRotation]:
    """This tenant's replacements, newest first."""
    query = select(KeyRotation).order_by(KeyRotation.created_at.desc(), KeyRotation.id.desc()).limit(limit)
    return list(db.session.execute(query).scalars())


def given_up(found: KeyRotation) -> bool:
    """Whether no worker goes on with it, because it failed in the same step many times."""
    job = jobs.job_for(JOB, found.id)
    return job is not None and job.state == "failed"


@dataclass(frozen=True)
class Progress:
    """How far a replacement is, in the words and numbers that its page shows."""

    state: str
    done: int
    total: int
    rate_per_second: float | None
    seconds_left: float | None
    message: str
    finished: bool


_MESSAGES = {
    State.QUEUED: "Waiting for its turn",
    State.MAKING: "Making the new version",
    State.SEALING: "Sealing everything anew",
    State.SETTLING: "Waiting until no process uses the old version",
    State.CHECKING: "Looking through everything once more",
}


def progress(found: KeyRotation) -> Progress:
    """How far it is. One that stopped counts as finished, as nobody works on it any more."""
    state, done, total = found.state, found.done_rows, found.total_rows
    if state in {State.DONE, State.STOPPED}:
        return Progress(state, done, total, None, None, "", finished=True)
    if given_up(found):
        return Progress("failed", done, total, None, None, "Stopped by an error", finished=True)
    rate = left = None
    if state == State.SEALING and found.started_at is not None:
        seconds = (clock.now() - found.started_at).total_seconds()
        rate = done / seconds if seconds > 0 and done else None
        left = (total - done) / rate if rate else None
    if state == State.SETTLING and found.settled_at is not None:
        left = max(0.0, (found.settled_at - clock.now()).total_seconds())
    return Progress(state, done, total, rate, left, _MESSAGES[State(state)], finished=False)
