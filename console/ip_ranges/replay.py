"""Run a draft over what happened: who of the last days would have been refused, from where, how often."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from console.ip_ranges.addresses import address_value
from console.ip_ranges.entries import RangeList
from console.ip_ranges.rules import Compiled

LEAST_DAYS = 7
USUAL_DAYS = 30
MOST_DAYS = 90


@dataclass(frozen=True)
class Sighting:
    """One person at one address on one day."""

    user_id: UUID
    role: str
    on_date: date
    address: str
    sign_ins: int
    requests: int


@dataclass
class Stranger:
    """A person at an address that the draft refuses."""

    user_id: UUID
    address: str
    sign_ins: int = 0
    requests: int = 0
    days: int = 0
    last_on: date = date.min


@dataclass
class Replay:
    """What a list would have done. `by_day` counts sign-ins: let in, refused."""

    people: set[UUID] = field(default_factory=set)
    refused_people: set[UUID] = field(default_factory=set)
    sign_ins: int = 0
    refused_sign_ins: int = 0
    refused_requests: int = 0
    by_day: dict[date, tuple[int, int]] = field(default_factory=dict)
    refused: list[Stranger] = field(default_factory=list)


def replay(ranges: RangeList, sightings: Iterable[Sighting], now: datetime) -> Replay:
    """What the list, as it stands at `now` and enforced, would have done to those sign-ins and requests."""
    compiled, found = Compiled(ranges), Replay()
    strangers: dict[tuple[UUID, str], Stranger] = {}
    known: dict[tuple[str, str], bool] = {}
    for seen in sightings:
        key = (seen.address, seen.role)
        if key not in known:
            value = address_value(seen.address)
            inside = compiled.allows(*value, seen.role, now) if value else not compiled.table(seen.role, now).restricted
            known[key] = inside
        refused = not known[key]
        found.people.add(seen.user_id)
        found.sign_ins += seen.sign_ins
        passed, stopped = found.by_day.get(seen.on_date, (0, 0))
        found.by_day[seen.on_date] = (passed, stopped + seen.sign_ins) if refused else (passed + seen.sign_ins, stopped)
        if refused:
            _add(strangers.setdefault((seen.user_id, seen.address), Stranger(seen.user_id, seen.address)), seen, found)
    found.refused = sorted(strangers.values(), key=lambda one: (-one.sign_ins, -one.requests, one.address))
    return found


def _add(stranger: Stranger, seen: Sighting, found: Replay) -> None:
    stranger.sign_ins += seen.sign_ins
    stranger.requests += seen.requests
    stranger.days += 1
    stranger.last_on = max(stranger.last_on, seen.on_date)
    found.refused_people.add(seen.user_id)
    found.refused_sign_ins += seen.sign_ins
    found.refused_requests += seen.requests
