"""The list as it is kept: entries with their strength, scope and schedule, and the switches of the whole list."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

from console.core.errors import Invalid
from console.core.permissions import Role
from console.ip_ranges.addresses import Span, parse_span, warnings_of

MOST_ENTRIES = 10_000
DESCRIPTION_CHARACTERS = 200
STRENGTHS = ("allowed", "trusted")
MODES = ("off", "report", "enforce")
ROLES = tuple(str(role) for role in Role)
STATES = ("active", "off", "scheduled", "expired")


@dataclass(frozen=True)
class Entry:
    """One range of the list. No roles means everybody."""

    id: str
    range: str
    strength: str = "allowed"
    description: str = ""
    on: bool = True
    roles: tuple[str, ...] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    @cached_property
    def span(self) -> Span:
        """The addresses it holds. **Raises:** Invalid."""
        return parse_span(self.range)[0]

    @property
    def trusted(self) -> bool:
        """Whether it is of the kind that spares identity confirmation, not of the kind that lets in."""
        return self.strength == "trusted"

    @cached_property
    def warnings(self) -> list[str]:
        """What is odd about it, with reasons."""
        return warnings_of(self.span, trusted=self.trusted)

    def state(self, now: datetime) -> str:
        """Whether it counts at `now`: active, off, scheduled or expired."""
        if not self.on:
            return "off"
        if self.ends_at is not None and self.ends_at <= now:
            return "expired"
        return "scheduled" if self.starts_at is not None and self.starts_at > now else "active"

    def concerns(self, role: str) -> bool:
        """Whether it is about people of that role."""
        return not self.roles or role in self.roles

    def same_but_range(self, other: "Entry") -> bool:
        """Whether both say the same of their addresses, so that one could stand for both."""
        return self.terms == other.terms

    @property
    def terms(self) -> tuple[object, ...]:
        """What it says of its addresses."""
        return self.strength, self.on, self.roles, self.starts_at, self.ends_at

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON keeps it."""
        kept = asdict(self)
        kept["roles"] = list(self.roles)
        for name in ("starts_at", "ends_at"):
            kept[name] = kept[name].isoformat() if kept[name] else None
        return kept


@dataclass(frozen=True)
class RangeList:
    """The whole list. `mode` says what happens outside the allowed ranges: off, report or enforce."""

    mode: str = "off"
    every_request: bool = True
    entries: tuple[Entry, ...] = field(default=())

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """Its entries by id."""
        return {entry.id: entry for entry in self.entries}

    def as_document(self) -> dict[str, Any]:
        """The list as a version keeps it."""
        return {
            "mode": self.mode,
            "every_request": self.every_request,
            "entries": [entry.as_dict() for entry in self.entries],
        }

    def changed(self, **values: Any) -> "RangeList":
        """A copy with other values."""
        return replace(self, **values)

    def with_entries(self, new: Iterable[Entry]) -> "RangeList":
        """A copy with these entries besides. **Raises:** Invalid beyond the limit."""
        entries = (*self.entries, *new)
        if len(entries) > MOST_ENTRIES:
            raise Invalid(
                f"A list has at most {MOST_ENTRIES:,} entries; this would be {len(entries):,}. Merge or remove some first."
            )
        return replace(self, entries=entries)

    def without(self, ids: Iterable[str]) -> "RangeList":
        """A copy without those entries."""
        gone = set(ids)
        return replace(self, entries=tuple(entry for entry in self.entries if entry.id not in gone))

    def put(self, entry: Entry) -> "RangeList":
        """A copy in which that entry stands in place of the one with its id."""
        return replace(self, entries=tuple(entry if entry.id == old.id else old for old in self.entries))


def range_list(document: Mapping[str, Any]) -> RangeList:
    """The list that a version keeps; an empty one, switched off, where none was ever saved."""
    if not document:
        return RangeList()
    entries = tuple(_entry(kept) for kept in document.get("entries", ()))
    return RangeList(str(document.get("mode", "off")), bool(document.get("every_request", True)), entries)


def _entry(kept: Mapping[str, Any]) -> Entry:
    times = {name: datetime.fromisoformat(kept[name]) if kept.get(name) else None for name in ("starts_at", "ends_at")}
    return Entry(
        id=kept["id"],
        range=kept["range"],
        strength=kept["strength"],
        description=kept.get("description", ""),
        on=kept.get("on", True),
        roles=tuple(kept.get("roles", ())),
        starts_at=times["starts_at"],
        ends_at=times["ends_at"],
    )


def new_entry(
    text: str,
    *,
    strength: str = "allowed",
    description: str = "",
    on: bool = True,
    roles: Iterable[str] = (),
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    entry_id: str | None = None,
) -> Entry:
    """An entry from what was typed, in its normal form. **Raises:** Invalid with the field and the reason."""
    problems: dict[str, str] = {}
    span = None
    try:
        span = parse_span(text)[0]
    except Invalid as problem:
        problems["range"] = problem.message
    chosen = tuple(role for role in ROLES if role in set(roles))
    description = " ".join(description.split())
    if set(roles) - set(ROLES):
        problems["roles"] = f"Roles are: {', '.join(ROLES)}."
    if strength not in STRENGTHS:
        problems["strength"] = "Choose allowed or trusted."
    if len(description) > DESCRIPTION_CHARACTERS or not description.isprintable():
        problems["description"] = f"A description has at most {DESCRIPTION_CHARACTERS} printable characters."
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        problems["ends_at"] = "This is not after the start."
    if problems or span is None:
        raise Invalid(next(iter(problems.values())), problems)
    roles = () if len(chosen) == len(ROLES) else chosen
    return Entry(entry_id or str(uuid4()), span.text, strength, description, on, tuple(roles), starts_at, ends_at)
