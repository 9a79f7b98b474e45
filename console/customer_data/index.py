"""The sealed search index: a batch of items joins it as one segment, and words are looked up in it.

One query reads one bucket for each word and segment. What whoever holds the database without keys learns of it is in the
README; `merging.py` keeps segments few, `rebuilding.py` makes the index anew from the items.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any
from uuid import UUID

from pyroaring import BitMap
from sqlalchemy import insert, select

from console.core import clock, jobs
from console.core.db import bound_tenant, db
from console.core.ids import new_id
from console.customer_data.postings import FORMAT, Bucket, DamagedBucket, pack_bucket, padded
from console.customer_data.segments import (
    FAN,
    IndexKeys,
    SearchBucket,
    SearchSegment,
    SegmentState,
    bits_of,
    bucket_id,
    bucket_of,
    level_count,
    level_of,
    segments,
)
from console.vault.errors import Unreadable

INDEX_JOB = "data-index-merge"
FIELD_LETTERS = "sbftay"
"""The letters before the colon of a term: subject, body, from, to, attachment, type. Their order is part of the format."""
_TRIES = 5
_ROWS = 500

log = logging.getLogger(__name__)

Terms = Collection[str]


@dataclass(frozen=True)
class PreparedSegment:
    """A segment that is sealed and not yet anywhere: places count from 0 until `add_prepared` tells the first number."""

    segment_id: UUID
    items: int
    places: int
    level: int
    buckets: list[dict[str, Any]]


@dataclass
class Lookup:
    """What the index says of some words: for each word and field the numbers of items, and what could not be read."""

    found: dict[str, dict[int, BitMap]] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    """Segment and bucket of each that did not open. Results are incomplete then."""
    items: int = 0
    """How many items are in the index."""


def prepare_segment(terms: Iterable[tuple[int, Terms]]) -> PreparedSegment:
    """A segment of items by their places (from 0): all the work of indexing, done before any lock is taken."""
    keys = IndexKeys()
    holding: defaultdict[str, list[int]] = defaultdict(list)
    items = places = 0
    for place, its_terms in sorted(terms):
        items, places = items + 1, place + 1
        for term in its_terms:
            holding[term].append(place)
    words = {word: keys.word(word) for word in {term[2:] for term in holding}}
    entries = sorted((words[term[2:]] + FIELD_LETTERS.index(term[0]), held) for term, held in holding.items())
    level = level_of(items)
    made = new_segment(level=level, items=items, first=0, last=max(0, places - 1), state=SegmentState.READY)
    rows = bucket_rows(keys, made, range(1 << made.bits), entries)
    return PreparedSegment(made.id, items, places, level, rows)


def add_prepared(prepared: PreparedSegment, first_number: int) -> None:
    """The item at place n is found as number `first_number` + n, as soon as the present transaction commits."""
    if not prepared.items:
        return
    last = first_number + prepared.places - 1
    made = new_segment(
        level=prepared.level, items=prepared.items, first=first_number, last=last, state=SegmentState.READY
    )
    made.id = prepared.segment_id
    made.generation = max((known.generation for known in segments(SegmentState.READY)), default=1)
    db.session.add(made)
    db.session.flush()
    db.session.execute(insert(SearchBucket), prepared.buckets)
    if level_count(prepared.level, SegmentState.READY) >= FAN:
        enqueue_merge()


def add_segment(numbers_and_terms: Sequence[tuple[int, Terms]]) -> None:
    """Those items are found by those terms, as soon as the present transaction commits. Numbers need not be without gaps.

    A term is a letter of `FIELD_LETTERS`, a colon and a word, as `terms.py` makes them.
    """
    if numbers_and_terms:
        first = min(number for number, _terms in numbers_and_terms)
        add_prepared(prepare_segment((number - first, terms) for number, terms in numbers_and_terms), first)


def enqueue_merge() -> None:
    """Segments are merged soon, unless that waits to be done already."""
    jobs.enqueue_unless_waiting(INDEX_JOB, tenant_id=bound_tenant(), target_id=bound_tenant())


def look_up(words: Collection[str]) -> Lookup:
    """The items that hold each word, by field. A merge that ends meanwhile makes neither a gap nor a double."""
    keys = IndexKeys()
    hashed = {word: keys.word(word) for word in words}
    known: list[UUID] = []
    for _try in range(_TRIES):
        ready = segments(SegmentState.READY)
        wanted = _wanted(keys, ready, hashed)
        rows = _rows(list(wanted))
        # On PostgreSQL two statements may see two moments: a bucket that is missing belonged to a segment just merged.
        if len(rows) == len(wanted) or known == [one.id for one in ready]:
            break
        known = [one.id for one in ready]
    lookup = _read(keys, wanted, rows, words)
    lookup.items = sum(one.items for one in ready)
    return lookup


def new_segment(
    *, level: int, items: int, first: int, last: int, state: SegmentState, generation: int = 1
) -> SearchSegment:
    """A segment that is not in the session yet."""
    return SearchSegment(
        id=new_id(),
        state=state,
        format=FORMAT,
        generation=generation,
        level=level,
        bits=bits_of(level),
        first_number=first,
        last_number=last,
        items=items,
        built=0,
        created_at=clock.now(),
    )


def bucket_rows(
    keys: IndexKeys, segment: SearchSegment, numbers: Iterable[int], entries: Sequence[tuple[int, Sequence[int]]]
) -> list[dict[str, Any]]:
    """The rows of those buckets, sealed; `entries` are sorted by key and belong into one of them each."""
    bits = segment.bits
    spread = {number: list(some) for number, some in groupby(entries, lambda entry: bucket_of(entry[0], bits))}
    rows, tenant_id = [], bound_tenant()
    for number in numbers:
        place = keys.place(segment, number)
        row_id = bucket_id(segment.id, place)
        sealed = keys.seal(row_id, padded(pack_bucket(spread.get(number, []))))
        rows.append({"tenant_id": tenant_id, "id": row_id, "segment_id": segment.id, "bucket": place, "sealed": sealed})
    return sorted(rows, key=lambda row: int(row["bucket"]))  # so that the order of rows says nothing either


_Wanted = dict[UUID, tuple[SearchSegment, int, list[tuple[str, int]]]]


def _wanted(keys: IndexKeys, ready: list[SearchSegment], hashed: dict[str, int]) -> _Wanted:
    """The buckets to read: row id → segment, place, words that belong there."""
    wanted: _Wanted = {}
    for segment in ready:
        for word, key in hashed.items():
            place = keys.place(segment, bucket_of(key, segment.bits))
            wanted.setdefault(bucket_id(segment.id, place), (segment, place, []))[2].append((word, key))
    return wanted


def _rows(ids: list[UUID]) -> dict[UUID, bytes]:
    rows: dict[UUID, bytes] = {}
    for start in range(0, len(ids), _ROWS):
        query = select(SearchBucket.id, SearchBucket.sealed).where(SearchBucket.id.in_(ids[start : start + _ROWS]))
        rows.update((row_id, sealed) for row_id, sealed in db.session.execute(query))
    return rows


def _read(keys: IndexKeys, wanted: _Wanted, rows: dict[UUID, bytes], words: Collection[str]) -> Lookup:
    lookup = Lookup({word: {} for word in words})
    for row_id, (segment, place, its_words) in wanted.items():
        try:
            bucket = Bucket(keys.open(row_id, rows[row_id]))
        except (KeyError, Unreadable, DamagedBucket):
            lookup.damaged.append(f"{segment.id}/{place}")
            log.exception("search index: bucket %s of segment %s does not open", place, segment.id)
            continue
        for word, key in its_words:
            for name, offsets in bucket.fields(key):
                numbers = offsets.shift(segment.first_number)
                known = lookup.found[word].get(name)
                if known is None:
                    lookup.found[word][name] = numbers
                else:
                    known |= numbers
    return lookup
