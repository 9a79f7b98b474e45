"""What the address bar asks of the list of items: words, filters, order, the edge of the page."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request
from werkzeug.datastructures import MultiDict

from blueprints.visit import actor, visit
from console.customer_data.finding import ItemQuery, cursor_of
from console.customer_data.labels import label, may_see_labels
from console.customer_data.models import Item, Kind, custodian

LIMITS = (25, 50, 100, 200)
DEFAULT_LIMIT = 50
SEARCH_CHARACTERS = 1_000
NAMES = ("q", "custodian", "kind", "from", "until", "size", "attachments", "label", "import", "sort", "limit")
EDGES = ("after", "before")
FILTERS = ("q", "custodian", "kind", "from", "until", "size", "attachments", "label", "import")
YEARS = range(1970, 2101)
MIB = 1024 * 1024
KINDS = [
    ("", "Everything"),
    ("message", "Messages"),
    ("document", "All documents"),
    ("text", "Texts"),
    ("pdf", "PDF"),
    ("image", "Pictures"),
    ("office", "Office files"),
    ("archive", "Archives"),
    ("other", "Other files"),
]
MEDIA = {"text", "pdf", "image", "office", "archive", "other"}
SIZES: dict[str, tuple[str, int | None, int | None]] = {
    "": ("Any size", None, None),
    "small": ("Up to 100 KiB", None, 100 * 1024),
    "medium": ("100 KiB to 1 MiB", 100 * 1024, MIB),
    "large": ("1 to 10 MiB", MIB, 10 * MIB),
    "huge": ("Over 10 MiB", 10 * MIB, None),
}
ATTACHMENTS = [("", "With or without attachments"), ("yes", "With attachments"), ("no", "Without attachments")]
SORTS = [("-date", "Newest first"), ("date", "Oldest first")]


@dataclass
class Filters:
    """The filters as typed, what they mean for the search, and what could not be understood."""

    values: dict[str, str]
    query: ItemQuery
    from_on: date | None = None
    until_on: date | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Whether anything narrows the list."""
        return any(self.values.get(name) for name in FILTERS)

    def kept(self, **changes: Any) -> dict[str, Any]:
        """The address with some of it changed; pages start anew."""
        values = {**self.values, **changes}
        return {name: value for name, value in values.items() if value not in (None, "")}


def read_filters(source: MultiDict[str, str] | None = None) -> Filters:
    """What the address (or a form that carries the same fields) asks for; what is not understood is left out."""
    source = request.args if source is None else source
    values = {name: text for name in NAMES if (text := source.get(name, "").strip()[:SEARCH_CHARACTERS])}
    found = Filters(values, ItemQuery())
    found.from_on, found.until_on = _date(values, "from", found), _date(values, "until", found)
    if found.from_on and found.until_on and found.from_on > found.until_on:
        found.problems.append("The first day is after the last one, so nothing can match.")
    kind = values.get("kind", "")
    _label, least, most = SIZES.get(values.get("size", ""), SIZES[""])
    attachments = {"yes": True, "no": False}.get(values.get("attachments", ""))
    found.query = ItemQuery(
        q=values.get("q", ""),
        custodian=_id(values, "custodian"),
        kind=kind if kind in list(Kind) else None,
        media=kind if kind in MEDIA else None,
        since=_start_of(found.from_on) if found.from_on else None,
        until=_start_of(found.until_on + timedelta(days=1)) if found.until_on else None,
        min_bytes=least,
        max_bytes=most,
        label=_id(values, "label") if may_see_labels(actor()) else None,
        attachments=attachments,
        import_id=_id(values, "import"),
        oldest_first=values.get("sort") == "date",
        after=source.get("after"),
        before=source.get("before"),
        limit=_limit(values.get("limit", "")),
    )
    return found


def spoken(filters: Filters) -> str:
    """The filters in words, for the page of an export and for the record of it."""
    values, parts = filters.values, []
    if filters.query.q:
        parts.append(f"words “{filters.query.q}”")
    if filters.query.kind or filters.query.media:
        parts.append(dict(KINDS)[values["kind"]].lower())
    if filters.query.custodian:
        parts.append(f"custodian {custodian(filters.query.custodian).label}")
    if filters.query.label:
        parts.append(f"label {label(filters.query.label).name}")
    parts += [f"{word} {day}" for word, day in (("from", filters.from_on), ("until", filters.until_on)) if day]
    if filters.query.min_bytes or filters.query.max_bytes:
        parts.append(SIZES[values["size"]][0].lower())
    if filters.query.attachments is not None:
        parts.append("with attachments" if filters.query.attachments else "without attachments")
    if filters.query.import_id:
        parts.append(f"import {filters.query.import_id}")
    return ", ".join(parts) or "everything"


def beside(query: ItemQuery, item: Item) -> tuple[ItemQuery, ItemQuery]:
    """The same question for the one item before, and for the one behind that item in the list."""
    place = cursor_of(item.dated_at, item.id)
    before = replace(query, before=place, after=None, limit=1)
    return before, replace(query, after=place, before=None, limit=1)


def _limit(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else DEFAULT_LIMIT
    return min(max(number, 1), LIMITS[-1])


def _id(values: Any, name: str) -> UUID | None:
    try:
        return UUID(values[name])
    except (KeyError, ValueError):
        return None


def _date(values: dict[str, str], name: str, found: Filters) -> date | None:
    text = values.get(name, "")[:40]
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        day = date.min
    if day is not None and day.year not in YEARS:
        found.problems.append(f"“{text}” is not a date such as 2026-11-04, so it was left out.")
        return None
    return day


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=ZoneInfo(visit().time_zone)).astimezone(UTC)
