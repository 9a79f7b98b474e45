"""Long work as rows: enqueued in the transaction of the act that wants it, leased, resumed after a kill.

A job holds ids and counts in clear; what it works on lies in its tenant's tables. Where no tenant is known yet, the
little that the work needs is sealed in the row by whoever enqueues it, and dropped when the job ends. Claiming uses
`FOR UPDATE SKIP LOCKED` on PostgreSQL and the write lock on SQLite, so any number of workers may run.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, Text, insert, or_, select, true, update
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, db, unit_of_work
from console.core.ids import new_id

LEASE_SECONDS = 60
MAX_ATTEMPTS = 12
FIRST_RETRY_SECONDS = 5
LONGEST_RETRY_SECONDS = 3600
FINISHED = ("done", "failed", "cancelled")

log = logging.getLogger(__name__)


class Job(Base):
    """One piece of work: its state, its cursor (`done` of `total`), its lease and its fencing token."""

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint("state IN ('queued','running','done','failed','cancelled')", name="state"),
        Index("ix_jobs_ready", "state", "run_after_at"),
        Index("ix_jobs_target", "target_id", "kind"),
        {"info": {"global": "workers see work before they know the tenant; ids, counts and what is sealed only"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(40))
    tenant_id: Mapped[UUID | None]
    target_id: Mapped[UUID | None]
    state: Mapped[str] = mapped_column(String(12), default="queued")
    run_after_at: Mapped[datetime]
    every_seconds: Mapped[int | None]
    attempts: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    lease_until_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None] = mapped_column(Text)
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """What the work needs and no tenant's table can hold, under the platform's key; gone once the job has ended."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class LostLease(Exception):
    """Raised in a worker whose job was taken over or cancelled; its transaction is rolled back."""


class Stopped(Exception):
    """Raised in a worker that is told to end; the job goes back to the queue, where it goes on from its checkpoint."""


class TryLater(Exception):
    """Raised by a handler that could not work now, such as a mail server that is down; the job is retried.

    With `after_seconds` it is retried after so long, however often: for what ends when somebody has made room.
    """

    def __init__(self, reason: str, *, after_seconds: int | None = None) -> None:
        super().__init__(reason)
        self.after_seconds = after_seconds


class NotYet(Exception):
    """Raised by a handler whose work goes on at a known time; that is no failed attempt, and no slot is held."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"goes on in {seconds:.0f} seconds")
        self.seconds = seconds


@dataclass(frozen=True)
class Run:
    """One lease on one job, as its handler sees it."""

    job_id: UUID
    kind: str
    tenant_id: UUID | None
    target_id: UUID | None
    fence: int
    done: int
    attempt: int
    sealed: bytes | None = None
    stopping: Callable[[], bool] = bool
    """Whether this worker is told to end. Without anybody who could tell it, never."""

    @property
    def last_attempt(self) -> bool:
        """Whether the job fails for good if this attempt does."""
        return self.attempt >= MAX_ATTEMPTS

    def checkpoint(self, done: int, total: int, *, progressed: bool = False) -> None:
        """Record progress in the present transaction, and prolong the lease. **Raises:** LostLease, Stopped.

        With `progressed`, attempts are counted from here anew: long work is not given up for the worker's having ended
        now and then.
        """
        if self.stopping():
            raise Stopped
        now = clock.now()
        forgiven = {"attempts": 1} if progressed else {}
        lease_until_at = now + timedelta(seconds=LEASE_SECONDS)
        _update_leased(self, done=done, total=total, heartbeat_at=now, lease_until_at=lease_until_at, **forgiven)

    def beat(self) -> None:
        """Prolong the lease in the present transaction; nothing else changed. **Raises:** LostLease."""
        now = clock.now()
        _update_leased(self, heartbeat_at=now, lease_until_at=now + timedelta(seconds=LEASE_SECONDS))


Handler = Callable[[Run], None]


def enqueue(
    kind: str,
    *,
    tenant_id: UUID | None = None,
    target_id: UUID | None = None,
    delay_seconds: int = 0,
    total: int = 0,
    job_id: UUID | None = None,
    sealed: bytes | None = None,
) -> UUID:
    """A job of `kind` exists as soon as the present transaction commits.

    `sealed` is for work that no tenant's table can hold yet; it is bound to `job_id`, which is then given, too.
    """
    job = Job(
        id=job_id or new_id(),
        sealed=sealed,
        kind=kind,
        tenant_id=tenant_id,
        target_id=target_id,
        total=total,
        created_at=clock.now(),
        run_after_at=clock.now() + timedelta(seconds=delay_seconds),
    )
    db.session.add(job)
    return job.id


def enqueue_unless_waiting(kind: str, *, tenant_id: UUID, target_id: UUID) -> None:
    """Like `enqueue`, unless such a job waits to begin; one that is at work may have looked already."""
    newest = job_for(kind, target_id)
    if newest is None or newest.state != "queued":
        enqueue(kind, tenant_id=tenant_id, target_id=target_id)


def enqueue_many(kind: str, *, tenant_id: UUID, target_ids: list[UUID], delay_seconds: int = 0) -> None:
    """Like `enqueue` for many targets of one tenant, in one statement."""
    now = clock.now()
    common = {"kind": kind, "tenant_id": tenant_id, "created_at": now}
    due = {"run_after_at": now + timedelta(seconds=delay_seconds)}
    rows = [{**common, **due, "id": new_id(), "target_id": target_id} for target_id in target_ids]
    if rows:
        db.session.execute(insert(Job), rows)


def ensure_periodic(kind: str, *, every_seconds: int) -> None:
    """A job of `kind` runs every so often, on whichever worker is free."""
    if db.session.execute(select(Job.id).where(Job.kind == kind, Job.every_seconds.is_not(None))).first():
        return
    db.session.add(
        Job(id=new_id(), kind=kind, every_seconds=every_seconds, created_at=clock.now(), run_after_at=clock.now())
    )


def job_for(kind: str, target_id: UUID) -> Job | None:
    """The newest job of `kind` on `target_id`."""
    return db.session.execute(
        select(Job).where(Job.target_id == target_id, Job.kind == kind).order_by(Job.id.desc()).limit(1)
    ).scalar_one_or_none()


def cancel(job_id: UUID) -> bool:
    """The job does not go on: a queued one never starts, a running one stops at its next checkpoint."""
    stopped = db.session.execute(
        update(Job)
        .where(Job.id == job_id, Job.state.in_(("queued", "running")))
        .values(state="cancelled", finished_at=clock.now(), fence=Job.fence + 1, sealed=None)
    )
    return bool(cast("int", stopped.rowcount))  # type: ignore[attr-defined]


def claim(kinds: list[str], *, job_id: UUID | None = None) -> Run | None:
    """Lease the job that is due longest, including one whose worker died. Commits; call it outside a unit.

    With `job_id` only that one.
    """
    while True:
        with unit_of_work():
            now = clock.now()
            job = _due(kinds, now, job_id)
            if job is None:
                return None
            if job.state == "running" and job.attempts >= MAX_ATTEMPTS and not job.every_seconds:
                # It ended its worker each time; the next one is spared.
                job.state, job.fence, job.lease_until_at, job.sealed = "failed", job.fence + 1, None, None
                job.finished_at, job.reason = now, "the worker ended in the middle of it each time"
                continue
            job.state, job.fence, job.attempts = "running", job.fence + 1, job.attempts + 1
            job.started_at = job.started_at or now
            job.heartbeat_at, job.lease_until_at = now, now + timedelta(seconds=LEASE_SECONDS)
            return Run(job.id, job.kind, job.tenant_id, job.target_id, job.fence, job.done, job.attempts, job.sealed)


def _due(kinds: list[str], now: datetime, job_id: UUID | None) -> Job | None:
    """The job that is due longest and that nobody works on, locked."""
    due = or_(Job.state == "queued", (Job.state == "running") & (Job.lease_until_at < now))
    only = Job.id == job_id if job_id else true()
    return db.session.execute(
        select(Job)
        .where(Job.kind.in_(kinds), due, only, Job.run_after_at <= now)
        .order_by(Job.run_after_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).scalar_one_or_none()


def work_once(handlers: dict[str, Handler], *, stopping: Callable[[], bool] = bool) -> bool:
    """Run one job that is due. Answers False when there was none. A job ends early once `stopping()` is true."""
    run = claim(list(handlers))
    if run is None:
        return False
    carry_out(replace(run, stopping=stopping), handlers[run.kind])
    return True


def carry_out(run: Run, handler: Handler) -> None:
    """The leased job is done, or is retried with the reason; a refusal of the handler never leaves here."""
    try:
        handler(run)
    except Stopped:
        give_back(run)
    except LostLease:
        log.warning("job %s was taken over or cancelled", run.job_id)
    except NotYet as wait:
        _wait(run, wait.seconds)
    except Exception as error:  # noqa: BLE001 (a job must not end its worker; the reason is recorded)
        _retry(run, error)
    else:
        _finish(run)


def give_back(run: Run) -> None:
    """Whoever held the job stops of its own will: another may go on at once, and it was no failed attempt."""
    with unit_of_work():
        job = _mine(run)
        if job is not None:
            _again(job, 0, keep_attempts=True)
            job.attempts -= 1


def _finish(run: Run) -> None:
    with unit_of_work():
        job = _mine(run)
        if job is None:
            return
        if job.every_seconds:
            _again(job, job.every_seconds)
        else:
            job.state, job.finished_at, job.lease_until_at, job.reason = "done", clock.now(), None, None
            job.sealed = None


def _wait(run: Run, seconds: float) -> None:
    with unit_of_work():
        job = _mine(run)
        if job is not None:
            _again(job, math.ceil(seconds))


def _retry(run: Run, error: Exception) -> None:
    expected = isinstance(error, TryLater)
    log.log(
        logging.WARNING if expected else logging.ERROR,
        "job %s (%s): %s",
        run.job_id,
        run.kind,
        error,
        exc_info=None if expected else error,
    )
    with unit_of_work():
        job = _mine(run)
        if job is None:
            return
        job.reason = str(error)[:500] if expected else f"{type(error).__name__} (the log has the details)"
        if isinstance(error, TryLater) and error.after_seconds is not None:
            _again(job, error.after_seconds)
            return
        if job.attempts >= MAX_ATTEMPTS and not job.every_seconds:
            job.state, job.finished_at, job.lease_until_at, job.sealed = "failed", clock.now(), None, None
            return
        _again(job, min(FIRST_RETRY_SECONDS * 2 ** (job.attempts - 1), LONGEST_RETRY_SECONDS), keep_attempts=True)


def _again(job: Job, seconds: int, *, keep_attempts: bool = False) -> None:
    job.state, job.lease_until_at = "queued", None
    job.run_after_at = clock.now() + timedelta(seconds=seconds)
    if not keep_attempts:
        job.attempts = 0


def _mine(run: Run) -> Job | None:
    return db.session.execute(
        select(Job).where(Job.id == run.job_id, Job.fence == run.fence, Job.state == "running").with_for_update()
    ).scalar_one_or_none()


def _update_leased(run: Run, **values: object) -> None:
    changed = db.session.execute(
        update(Job).where(Job.id == run.job_id, Job.fence == run.fence, Job.state == "running").values(**values)
    )
    if not cast("int", changed.rowcount):  # type: ignore[attr-defined]
        raise LostLease
