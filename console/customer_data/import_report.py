"""What an import came to: how far it is, what became of each item, and the file that lists it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from uuid import UUID

from sqlalchemy import select

from console.core import clock
from console.core.db import db, unit_of_work
from console.customer_data.importing import job_of
from console.customer_data.imports import DataImport, ImportFinding, ImportState, Outcome, Progress, data_import
from console.users.exports import MARK, csv_text

FINDING_OUTCOMES = (*(str(outcome) for outcome in Outcome if outcome != Outcome.IMPORTED), "ambiguous")
SILENT = timedelta(seconds=45)
"""A worker that has not said anything for so long may have ended; its lease ends soon after."""
BATCH = 500
COLUMNS = ("outcome", "file", "folder", "offset", "bytes", "code", "reason", "item")


@dataclass(frozen=True)
class FindingPage:
    """Some findings of an import, and the edges of the neighbouring pages."""

    findings: list[ImportFinding]
    before: int | None
    after: int | None


def progress(found: DataImport) -> Progress:
    """How far it is, and why it waits where it does."""
    job = job_of(found)
    if found.state == ImportState.RECEIVING:
        return _told(found, "Waiting for files", finished=False)
    if found.state != ImportState.RUNNING:
        return _told(found, "", finished=True)
    if job is None or job.state in {"failed", "cancelled"}:
        return _told(found, "Stopped by an error", finished=True)
    if job.state == "queued":
        return _told(found, job.reason or "Waiting for its turn", finished=False)
    if job.heartbeat_at is not None and clock.now() - job.heartbeat_at > SILENT:
        return _told(found, "The worker does not answer. The import goes on by itself.", finished=False)
    rate = _rate(found)
    left = (found.total_bytes - found.read_bytes) / rate if rate else None
    return _told(found, "Importing", finished=False, rate=rate, left=left)


def stopped(found: DataImport) -> bool:
    """Whether the worker gave up on it after many attempts, and somebody has to say that it is to go on."""
    job = job_of(found)
    return found.state == ImportState.RUNNING and (job is None or job.state in {"failed", "cancelled"})


def _told(
    found: DataImport, message: str, *, finished: bool, rate: float | None = None, left: float | None = None
) -> Progress:
    state = str(found.state)
    return Progress(state, found.read_bytes, found.total_bytes, found.seen_items, rate, left, message, finished)


def _rate(found: DataImport) -> float | None:
    """Bytes a second since the present worker took it up."""
    leg = found.facts.get("leg")
    if not leg:
        return None
    seconds = (clock.now() - datetime.fromisoformat(leg[0])).total_seconds()
    read = found.read_bytes - int(leg[1])
    return read / seconds if seconds > 0 and read > 0 else None


def finding_page(
    import_id: UUID, *, outcome: str = "", after: int = 0, before: int | None = None, limit: int
) -> FindingPage:
    """The findings behind place `after`, or the last ones before `before`; perhaps of one outcome only."""
    backwards = before is not None
    start = after if before is None else before
    found = list(islice(_ordered(import_id, outcome, start, backwards=backwards, limit=limit + 1), limit + 1))
    more, found = len(found) > limit, found[:limit]
    if backwards:
        found.reverse()
        return FindingPage(found, found[0].place if more else None, start - 1)
    earlier = found[0].place if found and after > 0 else None
    return FindingPage(found, earlier, found[-1].place if more else None)


def _ordered(import_id: UUID, outcome: str, start: int, *, backwards: bool, limit: int) -> Iterator[ImportFinding]:
    """One read of the index for each outcome, put together: no sorting, however long the list is."""
    outcomes = (outcome,) if outcome else FINDING_OUTCOMES
    parts = [_some(import_id, one, start, backwards=backwards, limit=limit) for one in outcomes]
    return merge(*parts, key=lambda finding: finding.place, reverse=backwards)


def _some(import_id: UUID, outcome: str, start: int, *, backwards: bool, limit: int) -> list[ImportFinding]:
    query = select(ImportFinding).where(ImportFinding.import_id == import_id, ImportFinding.outcome == outcome)
    edge = ImportFinding.place < start if backwards else ImportFinding.place > start
    order = ImportFinding.place.desc() if backwards else ImportFinding.place
    return list(db.session.execute(query.where(edge).order_by(order).limit(limit)).scalars())


def finding(import_id: UUID, item_id: UUID) -> ImportFinding | None:
    """Why that import quarantined that item; None where it did not."""
    query = select(ImportFinding).where(ImportFinding.import_id == import_id, ImportFinding.item_id == item_id)
    return db.session.execute(query.where(ImportFinding.outcome == Outcome.QUARANTINED)).scalar_one_or_none()


def report_lines(tenant_id: UUID, import_id: UUID) -> Iterator[str]:
    """The report as CSV, piece by piece: the balance first, then every item that was not simply imported."""
    with unit_of_work(tenant_id, write=False):
        found = data_import(import_id)
        balance = [
            (str(outcome), getattr(found, f"{outcome}_items"), getattr(found, f"{outcome}_bytes"))
            for outcome in Outcome
        ]
        balance.insert(0, ("seen", found.seen_items, found.seen_bytes))
    yield MARK + csv_text([("balance", "items", "bytes"), *balance, (), COLUMNS])
    after: int | None = 0
    while after is not None:
        with unit_of_work(tenant_id, write=False):
            page = finding_page(import_id, after=after, limit=BATCH)
            rows = [_row(one) for one in page.findings]
        yield csv_text(rows)
        after = page.after


def _row(one: ImportFinding) -> list[object]:
    facts = one.facts
    told = (facts["file"], facts["folder"], facts["offset"], one.size_bytes, facts["code"], facts["reason"])
    return [one.outcome, *told, one.item_id or ""]
