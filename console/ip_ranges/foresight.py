"""When does a list let somebody of some people in, over all time? Values in, value out.

One pass over the entries answers it for every moment at once, however many dates a list has: no list is compiled.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime

from console.ip_ranges.addresses import address_value
from console.ip_ranges.entries import Entry, RangeList
from console.ip_ranges.rules import FIRST_MOMENT, LAST_MOMENT

Times = list[tuple[datetime, datetime]]
"""From when until just before when."""


def first_shut(
    ranges: RangeList, people: Iterable[tuple[str, Sequence[str]]], moments: Iterable[datetime]
) -> datetime | None:
    """The first of `moments`, which are sorted, at which nobody of `people` gets in; None if somebody always does.

    Each of them is a role and the addresses known; of whom none is known counts as getting in while anybody does.
    """
    if ranges.mode != "enforce":
        return None
    of_role: dict[str, set[str]] = {}
    anywhere = set()
    for role, addresses in people:
        of_role.setdefault(role, set()).update(addresses)
        if not addresses:
            anywhere.add(role)
    found: Times = []
    for role, known in of_role.items():
        found += _open(ranges, role, known, anywhere=role in anywhere)
    times = _joined(found)
    starts = [start for start, _end in times]
    for moment in moments:
        place = bisect_right(starts, moment) - 1
        if place < 0 or times[place][1] <= moment:
            return moment
    return None


def _open(ranges: RangeList, role: str, addresses: Iterable[str], *, anywhere: bool) -> Times:
    """When people of that role get in from one of those addresses; with `anywhere` from any at all."""
    entries = [entry for entry in ranges.entries if entry.on and not entry.trusted and entry.concerns(role)]
    restricted_from = min((entry.starts_at or FIRST_MOMENT for entry in entries), default=LAST_MOMENT)
    values: dict[int, list[int]] = {4: [], 6: []}
    for address in addresses:
        value = address_value(address)
        if value is not None:
            values[value[0]].append(value[1])
    for numbers in values.values():
        numbers.sort()
    times = [(FIRST_MOMENT, restricted_from)]
    times += [
        (entry.starts_at or FIRST_MOMENT, entry.ends_at or LAST_MOMENT)
        for entry in entries
        if anywhere or _holds_one(entry, values)
    ]
    return times


def _holds_one(entry: Entry, values: dict[int, list[int]]) -> bool:
    numbers = values[entry.span.version]
    place = bisect_left(numbers, entry.span.first)
    return place < len(numbers) and numbers[place] <= entry.span.last


def _joined(times: Times) -> Times:
    found: Times = []
    for start, end in sorted(set(times)):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        elif start < end:
            found.append((start, end))
    return found
