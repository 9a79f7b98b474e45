"""May somebody come in from this address, and is it trusted? Values in, value out.

A list is compiled once for each version and process: for each role, disjoint ranges as sorted numbers, so that one
check is one search by halves.

A role is restricted from the moment on at which the first allowed range that concerns it starts. It stays restricted
when its ranges have expired: a rule that ends lets nobody in whom it had kept out. A role that no allowed range ever
concerned is not restricted.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from console.ip_ranges.addresses import Span, address_value
from console.ip_ranges.entries import ROLES, Entry, RangeList

FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)

Intervals = tuple[list[int], list[int]]
"""Starts and ends of disjoint ranges, sorted."""


@dataclass(frozen=True, slots=True)
class Table:
    """What counts for one role from `since` until just before `until`."""

    since: datetime
    until: datetime
    restricted: bool
    allowed: dict[int, list[int]]
    """For each version the numbers at which one gets in and out by turns: an odd place is inside."""
    trusted: dict[int, list[int]]


class Compiled:
    """A list made ready for checks. Safe to share between threads: tables are replaced whole."""

    __slots__ = ("_entries", "_tables", "every_request", "mode")

    def __init__(self, ranges: RangeList) -> None:
        self.mode = ranges.mode
        self.every_request = ranges.every_request
        self._entries = tuple(entry for entry in ranges.entries if entry.on)
        self._tables: dict[str, Table] = {}

    def table(self, role: str, now: datetime) -> Table:
        """What counts for that role at `now`."""
        table = self._tables.get(role)
        if table is None or not table.since <= now < table.until:
            table = self._tables[role] = _table([entry for entry in self._entries if entry.concerns(role)], now)
        return table

    def allows(self, version: int, value: int, role: str, now: datetime) -> bool:
        """Whether the allowed ranges let that address in, whatever the mode."""
        table = self._tables.get(role)
        if table is None or not table.since <= now < table.until:
            table = self.table(role, now)
        return bisect_right(table.allowed[version], value) % 2 == 1

    def trusts(self, version: int, value: int, role: str, now: datetime) -> bool:
        """Whether that address lies in a trusted range that is not over-wide."""
        return bisect_right(self.table(role, now).trusted[version], value) % 2 == 1


@dataclass(frozen=True)
class Decision:
    """What becomes of somebody at an address. `outside` says it as if the list were enforced."""

    refused: bool
    outside: bool
    trusted: bool


def decide(compiled: Compiled, address: str, role: str, now: datetime) -> Decision:
    """What becomes of a person of `role` at `address`. An address that cannot be read is outside, and not trusted."""
    value = address_value(address)
    if compiled.mode == "off":
        return Decision(refused=False, outside=False, trusted=_trusted(compiled, value, role, now))
    outside = compiled.table(role, now).restricted if value is None else not compiled.allows(*value, role, now)
    return Decision(
        refused=outside and compiled.mode == "enforce",
        outside=outside,
        trusted=_trusted(compiled, value, role, now) and not outside,
    )


def _trusted(compiled: Compiled, value: tuple[int, int] | None, role: str, now: datetime) -> bool:
    return value is not None and compiled.trusts(*value, role, now)


def passes(compiled: Compiled, address: str, role: str, now: datetime) -> bool:
    """Whether a person of `role` gets in from `address`. The lock-out guard of every door asks this."""
    return not decide(compiled, address, role, now).refused


def _table(entries: list[Entry], now: datetime) -> Table:
    moments = [at for entry in entries for at in (entry.starts_at, entry.ends_at) if at is not None]
    active = [entry for entry in entries if entry.state(now) == "active"]
    restricted = any(not entry.trusted and (entry.starts_at is None or entry.starts_at <= now) for entry in entries)
    return Table(
        since=max((at for at in moments if at <= now), default=FIRST_MOMENT),
        until=min((at for at in moments if at > now), default=LAST_MOMENT),
        restricted=restricted,
        allowed=_edges(entry.span for entry in active if not entry.trusted) if restricted else _EVERYWHERE,
        trusted=_edges(entry.span for entry in active if entry.trusted and not entry.span.over_wide),
    )


_EVERYWHERE = {4: [0], 6: [0]}


def _edges(spans: Iterable[Span]) -> dict[int, list[int]]:
    return {
        version: [edge for first, last in zip(starts, ends, strict=True) for edge in (first, last + 1)]
        for version, (starts, ends) in intervals(spans).items()
    }


def intervals(spans: Iterable[Span]) -> dict[int, Intervals]:
    """The spans by version, joined where they touch, sorted."""
    found: dict[int, Intervals] = {4: ([], []), 6: ([], [])}
    for span in sorted(spans):
        starts, ends = found[span.version]
        if ends and span.first <= ends[-1] + 1:
            ends[-1] = max(ends[-1], span.last)
        else:
            starts.append(span.first)
            ends.append(span.last)
    return found


def moments_of(*lists: RangeList, after: datetime) -> list[datetime]:
    """When entries that are on start or end, after that moment, sorted."""
    return sorted(
        {
            at
            for ranges in lists
            for entry in ranges.entries
            if entry.on
            for at in (entry.starts_at, entry.ends_at)
            if at is not None and at > after
        }
    )


COMPARED_MOMENTS = 50
"""Beyond that many future moments, a changed schedule counts as tighter without looking at each."""


def tightens(old: RangeList, new: RangeList, now: datetime) -> bool:
    """Whether somebody who gets in under `old` may not get in under `new`, now or when an entry starts or ends."""
    if new.mode != "enforce":
        return False
    if old.mode == "enforce" and old.entries == new.entries:
        return new.every_request and not old.every_request
    if old.mode == "enforce" and new.every_request and not old.every_request:
        return True
    moments = moments_of(old, new, after=now)
    if len(moments) > COMPARED_MOMENTS:
        return True
    before, after = Compiled(old), Compiled(new)
    return any(_tighter(before, after, role, at) for at in (now, *moments) for role in ROLES)


def _tighter(before: Compiled, after: Compiled, role: str, at: datetime) -> bool:
    then, later = before.table(role, at), after.table(role, at)
    if not later.restricted:
        return False
    if before.mode != "enforce" or not then.restricted:
        return True
    return any(not _covers(later.allowed[version], then.allowed[version]) for version in (4, 6))


def _covers(outer: list[int], inner: list[int]) -> bool:
    """Whether every inner range lies within one of the outer ones."""
    for first, end in zip(inner[::2], inner[1::2], strict=True):
        place = bisect_right(outer, first)
        if place % 2 == 0 or end > outer[place]:
            return False
    return True


def matches(ranges: RangeList, address: str, role: str, now: datetime) -> list[tuple[Entry, str]]:
    """The entries that hold the address and concern the role, each with its state at `now`. For explanations."""
    value = address_value(address)
    if value is None:
        return []
    span = Span(value[0], value[1], value[1])
    return [(entry, entry.state(now)) for entry in ranges.entries if entry.concerns(role) and entry.span.holds(span)]


def unrestricted_roles(ranges: RangeList, now: datetime) -> list[str]:
    """The roles that no allowed range restricts at `now`."""
    compiled = Compiled(ranges)
    return [role for role in ROLES if not compiled.table(role, now).restricted]
