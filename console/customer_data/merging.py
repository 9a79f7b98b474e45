"""Segments of the search index become fewer: sixteen of a level are merged into one of the next, in small steps.

Each step reads outside any lock and writes in a short transaction; the new segment's row is the cursor. Searches see the
old segments until the very transaction in which the new one takes their place. Killed anywhere, it goes on there.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID

from pyroaring import BitMap
from sqlalchemy import delete, insert, select, update

from console.core.db import db, unit_of_work
from console.core.jobs import Run
from console.customer_data.forgetting import live_numbers, only_live, with_removed
from console.customer_data.index import INDEX_JOB, bucket_rows, new_segment
from console.customer_data.models import totals
from console.customer_data.postings import Bucket, DamagedBucket, merge_buckets
from console.customer_data.rebuilding import enqueue_rebuild
from console.customer_data.segments import (
    FAN,
    IndexKeys,
    SearchBucket,
    SearchSegment,
    SegmentState,
    bucket_id,
    level_of,
    segment,
    segments,
)
from console.vault.errors import Unreadable

GROUPS = 16
"""Buckets of each source that one step works through: with 16 sources at most 256 of them, some MiB."""
_REMOVED_ROWS = 1_000


_Live = dict[UUID, BitMap]


def merge_segments(run: Run) -> None:
    """Nothing is left to merge, and nothing of what was replaced is left. Safe to repeat and to run twice at once."""
    live: _Live = {}
    while _step(run, live):
        pass


def _step(run: Run, live: _Live) -> bool:
    """One step in a transaction of its own. Answers whether there is more to do."""
    with unit_of_work(run.tenant_id):
        target = _target()
        removed = 0 if target else _remove_gone()
        if target is None:
            run.checkpoint(0, 0)
            return bool(removed)
        target_id, built = target.id, target.built
    with unit_of_work(run.tenant_id, write=False):
        step = _prepare(target_id, built, live)
    with unit_of_work(run.tenant_id):
        return _write(run, target_id, built, step)


def _target() -> SearchSegment | None:
    """The segment that is being built, or a new one where sixteen wait to become one."""
    building = segments(SegmentState.BUILDING)
    if building:
        return building[0]
    totals(lock=True)  # nobody adds segments, or begins another merge, until this is decided
    if building := segments(SegmentState.BUILDING):
        return building[0]
    sources = _mergeable()
    level = level_of(sum(source.items for source in sources))
    if stale := with_removed():
        sources, level = [stale], stale.level
    if not sources:
        return None
    target = new_segment(
        level=level,
        items=max(0, sum(source.items - source.removed for source in sources)),
        first=min(source.first_number for source in sources),
        last=max(source.last_number for source in sources),
        state=SegmentState.BUILDING,
        generation=sources[0].generation,
    )
    db.session.add(target)
    for source in sources:
        source.into_id = target.id
    db.session.flush()
    return target


def _mergeable() -> list[SearchSegment]:
    """The sixteen oldest segments of the lowest level that has so many, all of one state and generation."""
    waiting: dict[tuple[int, str, int], list[SearchSegment]] = {}
    for one in segments(SegmentState.READY, SegmentState.STANDBY):
        waiting.setdefault((one.level, one.state, one.generation), []).append(one)
    return next((found[:FAN] for _level, found in sorted(waiting.items()) if len(found) >= FAN), [])


_Prepared = tuple[int, list[dict[str, Any]]]


def _prepare(target_id: Any, built: int, known: _Live) -> _Prepared | None:
    """The next buckets, sealed, and how far the merge is with them; None where a source cannot be read."""
    target = segment(target_id)
    sources = _sources(target_id)
    if target is None or not sources:
        return built, []
    keys, bits = IndexKeys(), sources[0].bits
    upto = min(built + GROUPS, 1 << bits)
    live = _live(target, known) if any(one.removed for one in (target, *sources)) else None
    rows: list[dict[str, Any]] = []
    for number in range(built, upto):
        try:
            entries = merge_buckets(_buckets(keys, sources, number, target.first_number))
            merged = entries if live is None else list(only_live(entries, live))
        except (KeyError, Unreadable, DamagedBucket):
            return None
        factor = 1 << (target.bits - bits)
        rows += bucket_rows(keys, target, range(number * factor, (number + 1) * factor), merged)
    return upto, rows


def _live(target: SearchSegment, known: _Live) -> BitMap:
    """Which numbers are still there: read once for a segment, as reading a million takes longer than a step.

    What is removed after that is marked at the segment that is being built, which is then written once more.
    """
    if target.id not in known:
        known.clear()
        known[target.id] = live_numbers(target.first_number, target.last_number)
    return known[target.id]


def _sources(target_id: Any) -> list[SearchSegment]:
    query = select(SearchSegment).where(SearchSegment.into_id == target_id, SearchSegment.state != SegmentState.GONE)
    return list(db.session.execute(query.order_by(SearchSegment.first_number, SearchSegment.id)).scalars())


def _buckets(
    keys: IndexKeys, sources: Sequence[SearchSegment], number: int, first_number: int
) -> Iterator[tuple[int, Bucket]]:
    ids = [bucket_id(source.id, keys.place(source, number)) for source in sources]
    query = select(SearchBucket.id, SearchBucket.sealed).where(SearchBucket.id.in_(ids))
    sealed = {row_id: data for row_id, data in db.session.execute(query)}  # noqa: C416 (rows are no pairs to mypy)
    for source, row_id in zip(sources, ids, strict=True):
        yield source.first_number - first_number, Bucket(keys.open(row_id, sealed[row_id]))


def _write(run: Run, target_id: Any, built: int, step: _Prepared | None) -> bool:
    """The buckets are there, and the cursor behind them; with the last ones the new segment takes its sources' place."""
    totals(lock=True)  # the index may be about to be replaced as a whole
    target = segment(target_id, lock=True)
    if target is None or target.state != SegmentState.BUILDING or target.built != built:
        return True  # another worker was here meanwhile
    if step is None:
        _give_up(target)
        run.checkpoint(0, 0)
        return False
    upto, rows = step
    sources = _sources(target_id)
    if not sources:
        db.session.delete(target)
        return True
    if rows:
        db.session.execute(insert(SearchBucket), rows)
    target.built = upto
    if upto == 1 << sources[0].bits:
        target.state = sources[0].state
        for source in sources:
            source.state = SegmentState.GONE
    db.session.flush()
    run.checkpoint(upto, 1 << sources[0].bits)
    return True


def _give_up(target: SearchSegment) -> None:
    """A source is damaged: the merge is undone, searches go on with what can be read, the index is made anew."""
    db.session.execute(update(SearchSegment).where(SearchSegment.into_id == target.id).values(into_id=None))
    target.state = SegmentState.GONE
    enqueue_rebuild()


def _remove_gone() -> int:
    """Some of the buckets of segments that were replaced are removed; answers how many rows went."""
    gone = segments(SegmentState.GONE)
    if not gone:
        return 0
    query = select(SearchBucket.id).where(SearchBucket.segment_id == gone[0].id).limit(_REMOVED_ROWS)
    ids = list(db.session.execute(query).scalars())
    if ids:
        db.session.execute(delete(SearchBucket).where(SearchBucket.id.in_(ids)))
        return len(ids)
    removed = db.session.execute(delete(SearchSegment).where(SearchSegment.id == gone[0].id))
    return cast("int", removed.rowcount)  # type: ignore[attr-defined]


__all__ = ["INDEX_JOB", "merge_segments"]
