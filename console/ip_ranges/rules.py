"""May somebody come in from this address, and is it trusted? Values in, value out.

A list is compiled once for each version and process: for each role, disjoint ranges as sorted numbers, so that one
check is one search by halves.

A role is restricted from the moment on at which the first allowed range that concerns it starts. It stays restricted
when its ranges have expired: a rule that ends lets nobody in whom it had kept out. A role that no allowed range ever
concerned is not restricted.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
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
    """A list made ready for checks. Safe to share between threads: tables are replaced whole.

    Roles that the same entries concern share their tables.
    """

    __slots__ = ("_entries", "_schedules", "_scopes", "_tables", "every_request", "mode")

    def __init__(self, ranges: RangeList) -> None:
        self.mode = ranges.mode
        self.every_request = ranges.every_request
        self._entries = tuple(entry for entry in ranges.entries if entry.on)
        self._scopes = {entry.roles for entry in self._entries}
        self._schedules: dict[frozenset[tuple[str, ...]], Schedule] = {}
        self._tables: dict[str, Table] = {}

    def table(self, role: str, now: datetime) -> Table:
        """What counts for that role at `now`."""
        table = self._tables.get(role)
        if table is None or not table.since <= now < table.until:
            table = self._tables[role] = self._schedule(role).table(now)
        return table

    def _schedule(self, role: str) -> "Schedule":
        scopes = frozenset(roles for roles in self._scopes if not roles or role in roles)
        if scopes not in self._schedules:
            self._schedules[scopes] = Schedule([entry for entry in self._entries if entry.roles in scopes])
        return self._schedules[scopes]

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


class Schedule:
    """The entries that are about some roles, sorted once: a table for a moment is then one walk over them."""

    __slots__ = ("_allowed", "_last", "_moments", "_restricted_from", "_trusted")

    def __init__(self, entries: Sequence[Entry]) -> None:
        allowed = [entry for entry in entries if not entry.trusted]
        self._moments = sorted({at for entry in entries for at in (entry.starts_at, entry.ends_at) if at is not None})
        self._restricted_from = min((entry.starts_at or FIRST_MOMENT for entry in allowed), default=LAST_MOMENT)
        self._allowed = Dated(allowed)
        self._trusted = Dated([entry for entry in entries if entry.trusted and not entry.span.over_wide])
        self._last: Table | None = None

    def table(self, now: datetime) -> Table:
        """What counts at `now`. The one made last is kept."""
        last = self._last
        if last is not None and last.since <= now < last.until:
            return last
        place = bisect_right(self._moments, now)
        restricted = self._restricted_from <= now
        made = self._last = Table(
            since=self._moments[place - 1] if place else FIRST_MOMENT,
            until=self._moments[place] if place < len(self._moments) else LAST_MOMENT,
            restricted=restricted,
            allowed=self._allowed.edges(now) if restricted else _EVERYWHERE,
            trusted=self._trusted.edges(now),
        )
        return made


_EVERYWHERE = {4: [0], 6: [0]}


class Dated:
    """Ranges of which some count always, and others from one moment to another."""

    __slots__ = ("_always", "_sometimes")

    def __init__(self, entries: Sequence[Entry]) -> None:
        always = (entry.span for entry in entries if entry.starts_at is None and entry.ends_at is None)
        self._always = _joined(sorted((span.version, span.first, span.last) for span in always))
        self._sometimes = sorted(
            (
                (entry.span.version, entry.span.first, entry.span.last),
                entry.starts_at or FIRST_MOMENT,
                entry.ends_at or LAST_MOMENT,
            )
            for entry in entries
            if entry.starts_at is not None or entry.ends_at is not None
        )

    def edges(self, now: datetime) -> dict[int, list[int]]:
        """For each version the numbers at which one gets in and out by turns."""
        active = [span for span, start, end in self._sometimes if start <= now < end]
        joined = _joined(sorted([*self._always, *active])) if active else self._always
        found: dict[int, list[int]] = {4: [], 6: []}
        for version, first, last in joined:
            found[version] += (first, last + 1)
        return found


def _joined(spans: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Sorted spans, as version, first and last number, joined where they meet or touch."""
    found: list[tuple[int, int, int]] = []
    version = end = -1
    for span in spans:
        if span[0] == version and span[1] <= end + 1:
            if span[2] > end:
                end = span[2]
                found[-1] = (version, found[-1][1], end)
        else:
            found.append(span)
            version, _first, end = span
    return found


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
    for at in (now, *moments):
        # Roles that the same entries concern share their tables, so that each pair is compared once.
        tables = {(id(then), id(later)): (then, later) for then, later in _pairs(before, after, at)}
        if any(_tighter(then, later, enforced=before.mode == "enforce") for then, later in tables.values()):
            return True
    return False


def _pairs(before: Compiled, after: Compiled, at: datetime) -> list[tuple[Table, Table]]:
    return [(before.table(role, at), after.table(role, at)) for role in ROLES]


def _tighter(then: Table, later: Table, *, enforced: bool) -> bool:
    if not later.restricted:
        return False
    if not enforced or not then.restricted:
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
