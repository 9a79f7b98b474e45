"""The one query over Customer Data: filters, words, one page at a time, and only what the person may read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pyroaring import BitMap
from sqlalchemy import ColumnElement, and_, or_, select

from console.core.actor import Actor
from console.core.db import db
from console.core.errors import Invalid
from console.customer_data.labels import ItemLabel
from console.customer_data.models import Item, readable_custodians
from console.customer_data.phrases import Verifier
from console.customer_data.search import Found, find_numbers
from console.formats.queries import Query, parse_query

MOST_ROWS = 200
FEW, MANY = 50, 5_000
"""Up to FEW candidates are always fetched by their numbers and sorted, more than MANY never: these are met by walking
through the list. Between the two, whichever has to look at fewer rows."""
MOST_WALKED = 40_000
"""Items that one page looks through at most; where it stops, the next page goes on."""
_CHUNK = 500
_LONGEST_STEP, _LONGEST_STEP_READING = 8_000, 1_000
_READ_TOGETHER = 25
_ROW_AGAINST_STEP = 12
"""What fetching a row by its number costs against one step of a walk, as measured."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Key = tuple[datetime, UUID]
_Row = tuple[UUID, int, datetime]


@dataclass(frozen=True)
class ItemQuery:
    """What is asked for. Everything set must hold; `after` and `before` are cursors that a page gave."""

    q: str = ""
    custodian: UUID | None = None
    kind: str | None = None
    media: str | None = None
    since: datetime | None = None
    """Inclusive."""
    until: datetime | None = None
    """Exclusive."""
    min_bytes: int | None = None
    max_bytes: int | None = None
    attachments: bool | None = None
    """With attachments, or without any."""
    import_id: UUID | None = None
    label: UUID | None = None
    oldest_first: bool = False
    after: str | None = None
    before: str | None = None
    limit: int = 50


@dataclass(frozen=True)
class ItemPage:
    """One page of items, with what a list says about it."""

    items: list[Item]
    has_next: bool = False
    has_previous: bool = False
    total: int | None = None
    """How many there are on all pages, where that is known without counting them."""
    notes: list[str] = field(default_factory=list)
    """Sentences for the person: what could not be understood, was not searched, or is incomplete."""
    next_after: str | None = None
    """The cursor of the next page. There may be one behind a page without items: so much was looked through."""
    previous_before: str | None = None
    query: Query = field(default_factory=Query)
    """The words as they were understood, for showing hits in titles."""


def find_items(query: ItemQuery, *, by: Actor) -> ItemPage:
    """That page of the items that match and that the person may read. Quarantined items are never among them.

    **Raises:** Invalid where a cursor is none. **Source:** P14.
    """
    asked = parse_query(query.q)
    custodians = readable_custodians(by)
    if custodians is not None and not custodians:
        return ItemPage([], query=asked)
    found = find_numbers(asked) if query.q.strip() else None
    page = _Finder(query, custodians, found).page(asked)
    if query.before and not query.after and not page.has_previous and len(page.items) < min(query.limit, MOST_ROWS):
        # Near the beginning there is less than a page in front of the cursor: the first page is shown instead.
        page = _Finder(replace(query, before=None), custodians, found).page(asked)
    return page


def cursor_of(dated_at: datetime, item_id: UUID) -> str:
    """The cursor behind that item in either order."""
    return f"{(dated_at - _EPOCH) // timedelta(microseconds=1)}.{item_id.hex}"


def read_cursor(text: str) -> _Key:
    """Where that cursor stands. **Raises:** Invalid."""
    moment, _dot, item_id = text.partition(".")
    try:
        return _EPOCH + timedelta(microseconds=int(moment[:20])), UUID(hex=item_id)
    except (ValueError, OverflowError):
        raise Invalid("This address does not lead to a page of the list. Start again from the list.") from None


class _Finder:
    """One page being put together."""

    def __init__(self, query: ItemQuery, custodians: list[UUID] | None, found: Found | None) -> None:
        self.query, self.found, self.limited = query, found, custodians is not None
        self.backwards = query.before is not None and query.after is None
        self.newest_first = query.oldest_first is self.backwards
        cursor = query.before if self.backwards else query.after
        self.cursor = read_cursor(cursor) if cursor else None
        self.limit = max(1, min(query.limit, MOST_ROWS))
        self.filters = _filters(query, custodians)
        self.unfiltered = custodians is None and len(self.filters) == 1
        self.verifier = Verifier(found.checks if found else ())
        self.stopped: _Key | None = None
        """Where looking was given up, if it was."""
        self.decided: _Key | None = None
        """The last candidate that was verified."""
        self.total: int | None = None

    def page(self, asked: Query) -> ItemPage:
        rows = self._rows(self.limit + 1)
        more = len(rows) > self.limit or self.stopped is not None
        found_all = self.found is not None and not self.found.checks and not more
        rows = rows[: self.limit]
        if self.limited:
            # How candidates are met depends on everybody's items, and so would whether their number is known.
            self.total = len(rows) if found_all and self.cursor is None else None
        first, last = (_key(rows[0]), _key(rows[-1])) if rows else (None, None)
        last = last if len(rows) == self.limit or self.stopped is None else self.stopped
        if self.backwards:
            rows.reverse()
            first, last = last, first or self.cursor
        elif first is None:
            first = self.cursor
        before, after = (more, True) if self.backwards else (self.cursor is not None, more)
        return ItemPage(
            _items(rows),
            has_next=after,
            has_previous=before,
            total=self.total,
            notes=self._notes(),
            next_after=cursor_of(*last) if after and last else None,
            previous_before=cursor_of(*first) if before and first else None,
            query=asked,
        )

    def _rows(self, most: int) -> list[_Row]:
        if self.found is None:
            return _read(self._next(_columns(), self.cursor, most))
        if not self.found.numbers:
            self.total = 0
            return []
        if self._few(len(self.found.numbers), most):
            return self._verified(self._by_number(self.found.numbers), most)
        if self.unfiltered and not self.found.checks:
            self.total = len(self.found.numbers)
        return self._walk(self.found.numbers, most)

    def _few(self, candidates: int, most: int) -> bool:
        """Whether fetching all candidates looks at fewer rows than walking until a page of them is met."""
        among = self.found.among if self.found else 0
        return candidates <= FEW or (candidates <= MANY and candidates * candidates * _ROW_AGAINST_STEP <= most * among)

    def _by_number(self, numbers: BitMap) -> list[_Row]:
        """Few candidates: all of them, then in order, then from the cursor on."""
        wanted, rows = numbers.to_array(), list[_Row]()
        for start in range(0, len(wanted), _CHUNK):
            query = _columns().where(*self.filters, Item.number.in_(wanted[start : start + _CHUNK].tolist()))
            rows += _read(query)
        if self.found and not self.found.checks:
            self.total = len(rows)
        rows.sort(key=_key, reverse=self.newest_first)
        if self.cursor is None:
            return rows
        cursor = self.cursor
        return [row for row in rows if (_key(row) < cursor if self.newest_first else _key(row) > cursor)]

    def _walk(self, numbers: BitMap, most: int) -> list[_Row]:
        """Many candidates: the list is walked by numbers alone, and those that are candidates are taken."""
        found: list[_Row] = []
        at, walked, step = self.cursor, 0, 4 * most
        longest = _LONGEST_STEP_READING if self.verifier.checks else _LONGEST_STEP
        while walked < MOST_WALKED:
            seen = self._numbers(at, step)
            walked += len(seen)
            met = [number for number in seen if number in numbers]
            if not self.verifier.checks:
                met = met[: most - len(found)]
            rows = self._keys([*met, *seen[-1:]])
            found += self._verified([rows[number] for number in met if number in rows], most - len(found))
            if len(seen) < step or len(found) >= most or self.stopped:
                return found
            at = _key(rows[seen[-1]])
            step = min(2 * step, longest)
        self.stopped = at
        return found

    def _numbers(self, at: _Key | None, most: int) -> list[int]:
        """The numbers of the next items of the list that pass the filters."""
        return list(db.session.execute(self._next(select(Item.number), at, most)).scalars())

    @staticmethod
    def _keys(numbers: list[int]) -> dict[int, _Row]:
        rows: dict[int, _Row] = {}
        for start in range(0, len(numbers), _CHUNK):
            query = _columns().where(Item.number.in_(numbers[start : start + _CHUNK]))
            rows.update((row[1], row) for row in _read(query))
        return rows

    def _verified(self, rows: list[_Row], most: int) -> list[_Row]:
        """The first rows that hold the phrases, if there are any to verify."""
        if not self.verifier.checks:
            return rows[:most]
        checked: list[_Row] = []
        for start in range(0, len(rows), _READ_TOGETHER):
            items = _items(rows[start : start + _READ_TOGETHER])
            self.verifier.read_ahead(items)
            for item in items:
                if self.verifier.spent:
                    self.stopped = self.decided
                    return checked
                self.decided = (item.dated_at, item.id)
                if self.verifier.holds(item, self._checks_of(item.number)):
                    checked.append((item.id, item.number, item.dated_at))
                    if len(checked) >= most:
                        return checked
        return checked

    def _checks_of(self, number: int) -> list[Any]:
        found = self.found
        if found is None:
            return []
        return [term for term in found.checks if not term.exclude or number in found.doubtful[term]]

    def _next(self, query: Any, at: _Key | None, most: int) -> Any:
        """That query over the next rows of the list that pass the filters."""
        query = query.where(*self.filters)
        if at is not None:
            query = query.where(_beyond(at, newest_first=self.newest_first))
        order = (Item.dated_at.desc(), Item.id.desc()) if self.newest_first else (Item.dated_at, Item.id)
        return query.order_by(*order).limit(most)

    def _notes(self) -> list[str]:
        notes = [*(self.found.notes if self.found else ()), *sorted(self.verifier.notes)]
        if self.stopped:
            notes.append(f"Looked through as far as {self.stopped[0]:%d %B %Y}; the next page goes on from there.")
        return notes


def _columns() -> Any:
    # The size is there so that no index covers the query: SQLite would rather read through all of a covering index than
    # look up fifty numbers in another.
    return select(Item.id, Item.number, Item.dated_at, Item.size_bytes)


def _read(query: Any) -> list[_Row]:
    return [(row_id, number, moment) for row_id, number, moment, _size in db.session.execute(query)]


def _key(row: _Row) -> _Key:
    return row[2], row[0]


def _items(rows: Sequence[_Row]) -> list[Item]:
    """The items in the order of the rows."""
    found = db.session.execute(select(Item).where(Item.id.in_([row[0] for row in rows]))).scalars()
    by_id = {item.id: item for item in found}
    return [by_id[row[0]] for row in rows if row[0] in by_id]


def _beyond(at: _Key, *, newest_first: bool) -> ColumnElement[bool]:
    """Behind that place in the list; written so that the index is entered at it."""
    dated_at, item_id = at
    if newest_first:
        return and_(Item.dated_at <= dated_at, or_(Item.dated_at < dated_at, Item.id < item_id))
    return and_(Item.dated_at >= dated_at, or_(Item.dated_at > dated_at, Item.id > item_id))


_FILTERS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "custodian": lambda value: Item.custodian_id == value,
    "kind": lambda value: Item.kind == value,
    "media": lambda value: Item.media == value,
    "since": lambda value: Item.dated_at >= value,
    "until": lambda value: Item.dated_at < value,
    "min_bytes": lambda value: Item.size_bytes >= value,
    "max_bytes": lambda value: Item.size_bytes <= value,
    "attachments": lambda value: Item.attachments > 0 if value else Item.attachments == 0,
    "import_id": lambda value: Item.import_id == value,
    "label": lambda value: Item.id.in_(select(ItemLabel.item_id).where(ItemLabel.label_id == value)),
}


def _filters(query: ItemQuery, custodians: list[UUID] | None) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = [Item.quarantined_for.is_(None)]
    if custodians is not None:
        filters.append(Item.custodian_id.in_(custodians))
    chosen = ((condition, getattr(query, name)) for name, condition in _FILTERS.items())
    return filters + [condition(value) for condition, value in chosen if value is not None]
