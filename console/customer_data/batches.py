"""A batch of an import: gathered and sealed without a transaction, then written in one that is short.

Exactly once: a batch says where the import stood before it. If the import stands elsewhere by now, somebody else has
written that part, and the batch is dropped. What a kill interrupts has left no row, and is gathered again.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite

from console.core.db import bound_tenant, db, unit_of_work
from console.core.ids import new_id
from console.core.jobs import LostLease, Run
from console.customer_data.custody import Custody
from console.customer_data.imports import DataImport, ImportFinding, ImportState, Outcome, data_import
from console.customer_data.index import PreparedSegment, add_prepared, add_segment, prepare_segment
from console.customer_data.models import Custodian, DataTotal, Item, ItemContent, MonthCount, totals
from console.customer_data.taking import Taken, prepare, take
from console.formats.entries import Entry, Position
from console.vault.access import tenant_keys

BATCH_ITEMS = 500
BATCH_BYTES = 16 * 2**20
BATCH_SECONDS = 2.0
PROGRESS_BYTES = 1024
"""The job's cursor counts in these, so that its whole numbers reach far enough."""
AMBIGUOUS = "ambiguous"


@dataclass(slots=True)
class Batch:
    """Some entries in a row, ready to be written."""

    before: Position | None
    """Where the import stood; None at its very beginning."""
    taken: list[Taken] = field(default_factory=list)
    at_end: bool = False
    fresh: list[Taken] = field(default_factory=list)
    """Those that were not here yet, sealed; each gets its number by its place among them."""
    segment: PreparedSegment | None = None
    """The words of those, sealed for the index."""

    @property
    def after(self) -> Position | None:
        """Where it stands once the batch is written."""
        return self.taken[-1].entry.position if self.taken else self.before


def standing(found: DataImport) -> Position | None:
    """Up to which entry everything is behind us; None before the first."""
    return Position(found.file_place, found.position) if found.seen_items else None


def gather(entries: Iterator[Entry], custody: Custody, import_id: UUID, before: Position | None) -> Batch:
    """The next entries, read, understood and sealed, as many as a batch holds. Those that are here already are only hashed.

    Runs in the unit that will write them, and begins no transaction in it. **Raises:** StoreFull, StoreUnavailable.
    """
    batch, held, until = Batch(before), 0, time.monotonic() + BATCH_SECONDS
    while len(batch.taken) < BATCH_ITEMS and held < BATCH_BYTES and time.monotonic() < until:
        entry = next(entries, None)
        if entry is None:
            batch.at_end = True
            break
        taken = take(entry, custody.of)
        batch.taken.append(taken)
        held += len(taken.raw)
    _prepare_new(batch, import_id)
    return batch


def _prepare_new(batch: Batch, import_id: UUID) -> None:
    with unit_of_work(bound_tenant(), write=False):
        known = set(_held(batch.taken))
    for taken in batch.taken:
        if taken.fingerprint and taken.fingerprint not in known:
            known.add(taken.fingerprint)
            prepare(taken, import_id)
            batch.fresh.append(taken)
    batch.fresh.sort(key=_held_back)
    searched = [(place, one.terms) for place, one in enumerate(batch.fresh) if not one.refusal]
    batch.segment = prepare_segment(searched) if searched else None


def _held(taken: list[Taken]) -> dict[bytes, UUID]:
    """Those of the fingerprints that items have already, and which."""
    wanted = [one.fingerprint for one in taken if one.fingerprint]
    if not wanted:
        return {}
    rows = db.session.execute(select(Item.fingerprint, Item.id).where(Item.fingerprint.in_(wanted)))
    return {row.fingerprint: row.id for row in rows}


def write(batch: Batch, import_id: UUID, run: Run) -> bool:
    """The batch is written, in the caller's transaction. Answers whether the import goes on.

    **Raises:** LostLease where somebody else has written this part, or works on it.
    """
    with db.session.no_autoflush:
        found = data_import(import_id, lock=True)
        if found.state != ImportState.RUNNING:
            return False
        if standing(found) != batch.before:
            raise LostLease
        total = locked_totals()
    report = _Report(found, _held(batch.taken))
    report.settle(batch.taken)
    report.new.sort(key=_held_back)
    db.session.flush()  # large items' blobs first: items refer to them
    _add_items(report.new, total)
    count_in([one.row for one in report.new if one.row and not one.row["quarantined_for"]], total)
    if report.findings:
        db.session.execute(insert(ImportFinding), report.findings)
    _add_words(batch, report.new)
    if batch.after is not None:
        found.file_place, found.position = batch.after.file, batch.after.offset
    db.session.flush()
    run.checkpoint(found.read_bytes // PROGRESS_BYTES, found.total_bytes // PROGRESS_BYTES, progressed=True)
    return True


class _Report:
    """What becomes of each entry of a batch, counted in the import and listed where it was not simply imported."""

    def __init__(self, found: DataImport, held: dict[bytes, UUID]) -> None:
        self._found, self._held = found, held
        self.new: list[Taken] = []
        self.findings: list[dict[str, Any]] = []

    def settle(self, batch: list[Taken]) -> None:
        for taken in batch:
            twin = self._held.get(taken.fingerprint) if taken.fingerprint else None
            if twin is None and taken.row is None and not taken.refusal:
                prepare(taken, self._found.id)  # the item that was here a moment ago has gone
            outcome = Outcome.DUPLICATE if twin else taken.outcome
            self._found.count(outcome, taken.size_bytes)
            self._found.read_bytes += taken.entry.cut.length if taken.entry.cut else taken.size_bytes
            self._found.total_bytes = max(self._found.total_bytes, self._found.read_bytes)
            if twin is not None:
                self._expunge(taken)
                self._list(taken, outcome, "duplicate", _DUPLICATE, twin)
                continue
            if taken.row is not None:
                self.new.append(taken)
                self._held[taken.fingerprint] = taken.row["id"]
            if taken.refusal:
                held = taken.row["id"] if taken.row else None
                self._list(taken, outcome, taken.refusal.code, taken.refusal.sentence, held)
            if taken.entry.cut and taken.entry.cut.ambiguous:
                item_id = taken.row["id"] if taken.row else None
                self._list(taken, AMBIGUOUS, AMBIGUOUS, taken.entry.cut.ambiguous, item_id)

    def _expunge(self, taken: Taken) -> None:
        """It came in meanwhile by another import, or twice in this batch: what was sealed for it is dropped."""
        if taken.blob is not None and taken.blob in db.session:
            db.session.expunge(taken.blob)
        taken.drop()

    def _list(self, taken: Taken, outcome: str, code: str, reason: str, item_id: UUID | None) -> None:
        finding_id, entry = new_id(), taken.entry
        facts = {
            "file": entry.name,
            "folder": "/".join(entry.folder),
            "offset": entry.cut.offset if entry.cut else None,
            "code": code,
            "reason": reason,
        }
        self.findings.append(
            {
                "tenant_id": self._found.tenant_id,
                "id": finding_id,
                "import_id": self._found.id,
                "place": 2 * self._found.seen_items + (outcome == AMBIGUOUS),
                "outcome": str(outcome),
                "size_bytes": taken.size_bytes,
                "item_id": item_id,
                "sealed": tenant_keys().seal(ImportFinding.__tablename__, finding_id, facts),
            }
        )


_DUPLICATE = "The same bytes are in this folder of this custodian already."


def _add_items(new: list[Taken], total: DataTotal) -> None:
    for one in new:
        if one.row is not None:
            total.last_number += 1
            one.row["number"] = total.last_number
    rows = [one.row for one in new if one.row]
    contents = [one.content for one in new if one.content]
    if rows:
        db.session.execute(insert(Item), rows)
    if contents:
        db.session.execute(insert(ItemContent), contents)


def _add_words(batch: Batch, new: list[Taken]) -> None:
    """The new items are found by their words."""
    if list(map(id, new)) != list(map(id, batch.fresh)):  # somebody else brought some of them meanwhile
        add_segment([(one.row["number"], one.terms) for one in new if one.row and not one.refusal])
    elif batch.segment is not None and new[0].row is not None:
        add_prepared(batch.segment, new[0].row["number"])


def _held_back(taken: Taken) -> bool:
    """Quarantined items are numbered last, so that the numbers of what is searched have no gaps."""
    return taken.refusal is not None


@dataclass(slots=True)
class _Sum:
    """How many items, and how large together."""

    items: int = 0
    size_bytes: int = 0


def month_of(moment: datetime) -> str:
    """The month in which an item that came at that moment counts, such as 2026-11."""
    return f"{moment:%Y-%m}"


def count_in(rows: list[dict[str, Any]], total: DataTotal) -> None:
    """Those items count: for the Customer, for their custodians, and for the months in which they came."""
    sums: defaultdict[UUID, _Sum] = defaultdict(_Sum)
    by_month: defaultdict[tuple[UUID, str], _Sum] = defaultdict(_Sum)
    for row in rows:
        owner_id = row["custodian_id"]
        for sum_ in (sums[owner_id], by_month[owner_id, month_of(row["received_at"])]):
            sum_.items += 1
            sum_.size_bytes += row["size_bytes"]
    if not sums:
        return
    total.items += len(rows)
    total.size_bytes += sum(row["size_bytes"] for row in rows)
    query = select(Custodian).where(Custodian.id.in_(list(sums))).order_by(Custodian.id).with_for_update()
    for one in db.session.execute(query.execution_options(populate_existing=True)).scalars():
        one.items += sums[one.id].items
        one.size_bytes += sums[one.id].size_bytes
    _count_months(by_month)


def _count_months(by_month: Mapping[tuple[UUID, str], _Sum]) -> None:
    owners, names = ({key[at] for key in by_month} for at in (0, 1))
    wanted = select(MonthCount).where(MonthCount.month.in_(names), MonthCount.custodian_id.in_(owners))
    months = {(known.custodian_id, known.month): known for known in db.session.execute(wanted).scalars()}
    for (custodian_id, month), sum_ in by_month.items():
        count = months.get((custodian_id, month))
        if count is None:
            count = MonthCount(id=new_id(), custodian_id=custodian_id, month=month, items=0, size_bytes=0)
            db.session.add(count)
        count.items += sum_.items
        count.size_bytes += sum_.size_bytes


def locked_totals() -> DataTotal:
    """The Customer's figures, locked: nobody else adds items until the transaction ends. Made where there are none."""
    found = totals(lock=True)
    if found is not None:
        return found
    insert_ = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {
        "tenant_id": bound_tenant(),
        "id": bound_tenant(),
        "last_number": 0,
        "items": 0,
        "size_bytes": 0,
        "damaged": 0,
    }
    db.session.execute(insert_(DataTotal).on_conflict_do_nothing(), [row])
    found = totals(lock=True)
    if found is None:
        raise RuntimeError("a Customer's figures that were just added are not there")
    return found
