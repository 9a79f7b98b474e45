"""The search index is made anew from the items themselves, while searches go on with the one that is there.

Needed when the format of the index has changed or a bucket does not open. The new segments stand by until they cover
every item; then, under the lock under which items come, they take the old ones' place in one transaction. The segments
that stand by are the cursor: killed anywhere, it goes on there.
"""

import logging
from collections.abc import Callable
from uuid import UUID

from sqlalchemy import insert, select, update

from console.core import jobs
from console.core.db import bound_tenant, db, unit_of_work
from console.core.jobs import Run
from console.customer_data.contents import DamagedItem, open_content
from console.customer_data.heartbeat import beating
from console.customer_data.index import PreparedSegment, enqueue_merge, new_segment, prepare_segment
from console.customer_data.models import Item, Kind, totals
from console.customer_data.postings import FORMAT, Bucket, DamagedBucket
from console.customer_data.segments import FAN, IndexKeys, SearchBucket, SearchSegment, SegmentState, segments
from console.customer_data.terms import terms_of_document, terms_of_message
from console.formats.documents import document_text
from console.formats.message import read_message
from console.vault.errors import BlobMissing, KeyUnavailable, Unreadable

REBUILD_JOB = "data-index-rebuild"
SWEEP_JOB = "data-index-sweep"
SWEEP_EVERY_SECONDS = 24 * 3600
BATCH_ITEMS = 500
BATCH_BYTES = 32 * 1024 * 1024
_CHECKED_ROWS = 200

log = logging.getLogger(__name__)


def enqueue_rebuild() -> None:
    """The bound tenant's index is made anew soon, unless that waits to be done already."""
    jobs.enqueue_unless_waiting(REBUILD_JOB, tenant_id=bound_tenant(), target_id=bound_tenant())


def rebuild_index(run: Run) -> None:
    """The tenant's index is one of the present format over every item. Safe to repeat and to run twice at once."""
    with beating(run):  # reading a batch of documents may take minutes
        while _step(run):
            pass


def terms_of_item(item: Item) -> frozenset[str]:
    """The terms of an item that is held, from its bytes. **Raises:** DamagedItem, BlobMissing, Unreadable."""
    raw, summary = open_content(item).whole(), item.summary
    if item.kind == Kind.MESSAGE:
        return terms_of_message(read_message(raw), summary)
    return terms_of_document(summary.title, document_text(raw).text, summary.content_type)


def damaged_buckets() -> list[str]:
    """Segment and place of each bucket of the bound tenant that does not open. Reads them all; memory stays flat."""
    keys, damaged, after = IndexKeys(), list[str](), UUID(int=0)
    ready = {one.id: 1 << one.bits for one in segments(SegmentState.READY)}
    query = select(SearchBucket.id, SearchBucket.segment_id, SearchBucket.bucket, SearchBucket.sealed)
    while True:
        rows = db.session.execute(
            query.where(SearchBucket.id > after).order_by(SearchBucket.id).limit(_CHECKED_ROWS)
        ).all()
        for row_id, segment_id, place, sealed in rows:
            if segment_id not in ready:
                continue
            ready[segment_id] -= 1
            try:
                Bucket(keys.open(row_id, sealed))
            except (Unreadable, DamagedBucket):
                damaged.append(f"{segment_id}/{place}")
        if len(rows) < _CHECKED_ROWS:
            return damaged + [f"{segment_id}/missing" for segment_id, lacking in ready.items() if lacking]
        after = rows[-1][0]


def sweep_indexes(run: Run, *, tenant_ids: Callable[[], list[UUID]]) -> None:
    """Each Customer's index that is damaged or of an old format is made anew, and one in many segments is merged."""
    with unit_of_work(write=False):
        wanted = tenant_ids()
    with beating(run):  # all buckets of a Customer are read in one go
        for place, tenant_id in enumerate(wanted, 1):
            try:
                _sweep_index(tenant_id)
            except KeyUnavailable:  # nothing of it can be read any more; the others are looked at all the same
                log.warning("search index of %s is not looked at: its key is gone", tenant_id)
            with unit_of_work():
                run.checkpoint(place, len(wanted))


def _sweep_index(tenant_id: UUID) -> None:
    with unit_of_work(tenant_id, write=False):
        ready = segments(SegmentState.READY)
        outdated = any(one.format != FORMAT for one in ready)
        damaged = [] if outdated else damaged_buckets()
    with unit_of_work(tenant_id):
        if outdated or damaged:
            log.warning("search index of %s is made anew: %s", tenant_id, damaged or "another format")
            enqueue_rebuild()
        elif len(ready) >= FAN or segments(SegmentState.BUILDING, SegmentState.GONE):
            enqueue_merge()


def _step(run: Run) -> bool:
    """One batch in a transaction of its own. Answers whether there is more to do."""
    with unit_of_work(run.tenant_id, write=False):
        after, generation = _cursor()
        items = _batch(after)
        prepared = _prepare(items, after + 1)
        upto = items[-1].number if items else after
    with unit_of_work(run.tenant_id):
        total = totals(lock=True)  # nobody adds items until this batch is written
        last = total.last_number if total else 0
        run.checkpoint(upto, last)
        if _cursor() != (after, generation):
            return True  # another worker was here meanwhile
        if items:
            _stand_by(prepared, after + 1, upto, generation)
            return True
        if _batch(after):
            return True
        _take_place(generation)
        return False


def _cursor() -> tuple[int, int]:
    """Up to which number the new index reaches, and its generation."""
    known = segments(SegmentState.READY, SegmentState.STANDBY)
    newest = max((one.generation for one in known), default=1)  # what is imported into an empty index is its first
    # Those of an older format were begun before the format rose once more; they go with the old index.
    standby = [one for one in known if one.state == SegmentState.STANDBY and one.format == FORMAT]
    return max((one.last_number for one in standby), default=0), standby[0].generation if standby else newest + 1


def _batch(after: int) -> list[Item]:
    query = select(Item).where(Item.number > after).order_by(Item.number).limit(BATCH_ITEMS)
    batch: list[Item] = []
    size = 0
    for item in db.session.execute(query).scalars():
        size += item.size_bytes
        if batch and size > BATCH_BYTES:
            break
        batch.append(item)
    return batch


def _prepare(items: list[Item], first: int) -> PreparedSegment:
    terms = []
    for item in items:
        if item.quarantined_for is not None:
            continue
        try:
            terms.append((item.number - first, terms_of_item(item)))
        except (DamagedItem, BlobMissing, Unreadable):
            log.warning("item %s is damaged and cannot be searched", item.id)
    return prepare_segment(terms)


def _stand_by(prepared: PreparedSegment, first: int, last: int, generation: int) -> None:
    made = new_segment(
        level=prepared.level,
        items=prepared.items,
        first=first,
        last=last,
        state=SegmentState.STANDBY,
        generation=generation,
    )
    made.id = prepared.segment_id
    db.session.add(made)
    db.session.flush()
    db.session.execute(insert(SearchBucket), prepared.buckets)
    enqueue_merge()


def _take_place(generation: int) -> None:
    """The new segments are the index; the old ones go, and with them a merge of theirs that was under way."""
    old = update(SearchSegment).where(SearchSegment.generation < generation)
    db.session.execute(old.where(SearchSegment.state != SegmentState.GONE).values(state=SegmentState.GONE))
    new = update(SearchSegment).where(SearchSegment.state == SegmentState.STANDBY)
    db.session.execute(new.values(state=SegmentState.READY))
    enqueue_merge()
