"""Which entries say the same twice, and what they are when merged."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from console.ip_ranges.addresses import Span
from console.ip_ranges.entries import DESCRIPTION_CHARACTERS, Entry, RangeList


def overlapping(entries: Iterable[Entry]) -> dict[str, tuple[str, str]]:
    """Each entry that shares addresses with another of its strength: how (duplicate, inside, holds, overlap), and whose."""
    found: dict[str, tuple[str, str]] = {}
    ordered = sorted(entries, key=lambda one: (one.strength, one.span.version, one.span.first, -one.span.last))
    for _kind, group in groupby(ordered, key=lambda one: (one.strength, one.span.version)):
        widest: Entry | None = None
        for entry in group:
            if widest is not None and entry.span.meets(widest.span):
                how = _how(entry.span, widest.span)
                found[entry.id] = (how, widest.id)
                found.setdefault(widest.id, ("holds" if how == "inside" else how, entry.id))
            if widest is None or entry.span.last > widest.span.last:
                widest = entry
    return found


def _how(span: Span, other: Span) -> str:
    if span == other:
        return "duplicate"
    return "inside" if other.holds(span) else "overlap"


def merged(ranges: RangeList) -> RangeList:
    """The list with entries joined that overlap or touch and say the same of their addresses.

    Nobody gains or loses by it: the same addresses count for the same people at the same times.
    """
    groups: dict[object, list[Entry]] = {}
    for entry in ranges.entries:
        groups.setdefault((entry.terms, entry.span.over_wide), []).append(entry)
    kept = {entry.id: entry for group in groups.values() for entry in _joined(group)}
    return replace(ranges, entries=tuple(kept[entry.id] for entry in ranges.entries if entry.id in kept))


def _joined(group: list[Entry]) -> list[Entry]:
    found: list[Entry] = []
    for entry in sorted(group, key=lambda one: one.span):
        last = found[-1] if found else None
        if last is None or last.span.version != entry.span.version or entry.span.first > last.span.last + 1:
            found.append(entry)
            continue
        span = Span(last.span.version, last.span.first, max(last.span.last, entry.span.last))
        if last.trusted and span.over_wide != last.span.over_wide:
            found.append(entry)  # joined, they would be too wide to be trusted
            continue
        found[-1] = replace(last, range=span.text, description=_both(last.description, entry.description))
    return found


def _both(one: str, other: str) -> str:
    if not other or other in one.split(" / "):
        return one
    return (f"{one} / {other}" if one else other)[:DESCRIPTION_CHARACTERS].rstrip()
