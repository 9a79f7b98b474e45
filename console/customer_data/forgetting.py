"""Words of items that were removed leave the search index: the segments that hold them are written anew without them."""

from collections.abc import Iterable, Iterator, Sequence

from pyroaring import BitMap
from sqlalchemy import select

from console.core.db import db
from console.customer_data.index import enqueue_merge
from console.customer_data.models import Item
from console.customer_data.segments import SearchSegment, SegmentState


def forget_numbers(numbers: Sequence[int]) -> None:
    """The segments that hold words of these items will be written anew without them.

    Call it under the lock of the Customer's figures, in the transaction that removes the items: no merge can begin
    between this and the commit, and one that is going on is marked as well, so that it is written once more.
    """
    wanted = BitMap(numbers)
    ranges = [SearchSegment.first_number <= wanted.max(), SearchSegment.last_number >= wanted.min()]
    query = select(SearchSegment).where(SearchSegment.state != SegmentState.GONE, *ranges).with_for_update()
    found = list(db.session.execute(query.execution_options(populate_existing=True)).scalars())
    for one in found:
        one.removed += wanted.range_cardinality(one.first_number, one.last_number + 1)
    db.session.flush()
    if any(one.removed for one in found):
        enqueue_merge()


def with_removed() -> SearchSegment | None:
    """A segment that has to be written anew, and that no merge has taken; locked."""
    ready = SearchSegment.state.in_((SegmentState.READY, SegmentState.STANDBY))
    query = select(SearchSegment).where(ready, SearchSegment.removed > 0, SearchSegment.into_id.is_(None))
    return db.session.execute(query.order_by(SearchSegment.id).limit(1).with_for_update()).scalar_one_or_none()


def live_numbers(first: int, last: int) -> BitMap:
    """The numbers of items that are there, from `first` to `last`, as offsets from `first`."""
    query = select(Item.number).where(Item.number >= first, Item.number <= last)
    return BitMap(number - first for number in db.session.execute(query).scalars())


def only_live(entries: Iterable[tuple[int, Sequence[int]]], live: BitMap) -> Iterator[tuple[int, Sequence[int]]]:
    """The entries without items that are gone; words that are left with none go with them."""
    for key, offsets in entries:
        kept = [offset for offset in offsets if offset in live]
        if kept:
            yield key, kept
