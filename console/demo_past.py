"""The demo's past: two months of sign-ins, through the product's own acts under a clock that stands where it is told.

People come in on working days from the office, over the VPN and, some of them, from a mobile network; now and then a
password is wrong. It is the same past each time the demo is made.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from console.core import clock
from console.core.actor import Actor
from console.core.db import db, unit_of_work
from console.identity import sign_in as steps
from console.identity.actions import acting_as
from console.identity.browsers import remember_browser
from console.identity.confirmation_models import count_confirmation
from console.ip_ranges import actions as ip_ranges
from console.ip_ranges.entries import new_entry
from console.ip_ranges.sightings import note_sighting
from console.sessions.actions import count_sign_in, start_session
from console.users.models import State, User, user

DAYS = 60
OFFICE, OFFICE_V6, VPN, MOBILE = "198.51.100.{}", "2001:db8:40:{:x}::17", "203.0.113.{}", "192.0.2.{}"
"""Addresses that are set aside for examples (RFC 5737, RFC 3849)."""
BROWSERS = ("Firefox 140 on Windows", "Chrome 139 on Windows", "Safari 18 on macOS", "Edge 139 on Windows")
PHONE = "Safari 18 on iPhone"
COMES_IN, FAILS = 0.2, 0.06
"""How likely it is that somebody signs in on a working day, and that the password is wrong first."""


@dataclass
class Habit:
    """Where and how one person comes in, and the secrets by which the browsers are known since."""

    user_id: UUID
    username: str
    browser: str
    office: str
    travels: bool
    known: dict[str, list[str]]


def tell(tenant_id: UUID, *, with_draft: bool) -> None:
    """The last two months of that Customer stand in its record, its counts and its list of addresses.

    `with_draft`: somebody has begun a list of IP ranges, whose review shows whom it would have refused.
    """
    draw = random.Random(DAYS)  # noqa: S311 (a story, not a secret)
    with unit_of_work(tenant_id, write=False):
        query = select(User).where(User.state == State.ACTIVE).order_by(User.id)
        habits = [_habit(person, place, draw) for place, person in enumerate(db.session.execute(query).scalars())]
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(DAYS, 0, -1):
        day = today - timedelta(days=back)
        _tell_day(tenant_id, day, [one for one in habits if draw.random() < _likely(day)], draw)
    if with_draft:
        _draft_ranges(tenant_id, habits)


def _habit(person: User, place: int, draw: random.Random) -> Habit:
    office = OFFICE_V6.format(place) if place % 5 == 4 else OFFICE.format(10 + place // 4)
    return Habit(person.id, person.details.email, draw.choice(BROWSERS), office, travels=place % 4 == 1, known={})


def _likely(day: datetime) -> float:
    return COMES_IN if day.weekday() < 5 else 0.04


def _tell_day(tenant_id: UUID, day: datetime, habits: list[Habit], draw: random.Random) -> None:
    moments = sorted(day + timedelta(hours=7, seconds=draw.randrange(4 * 3600)) for _one in habits)
    failed = [one for one in zip(moments, habits, strict=True) if draw.random() < FAILS]
    for moment, habit in failed:
        with clock.standing_at(moment - timedelta(hours=2)):
            _fail(habit, MOBILE.format(draw.randrange(20, 200)))
    with unit_of_work(tenant_id):
        for moment, habit in zip(moments, habits, strict=True):
            address, browser = _place(habit, draw)
            with clock.standing_at(moment):
                _come_in(habit, address, browser)


def _place(habit: Habit, draw: random.Random) -> tuple[str, str]:
    """From where somebody comes in that day, and with what."""
    chance = draw.random()
    if habit.travels and chance < 0.3:
        return MOBILE.format(draw.randrange(20, 200)), PHONE
    return (VPN.format(draw.randrange(7, 12)) if chance > 0.75 else habit.office), habit.browser


def _come_in(habit: Habit, address: str, browser: str) -> None:
    person = user(habit.user_id)
    by = acting_as(person, Actor(kind="anonymous", address=address, browser=browser))
    first, new = person.last_sign_in_at is None, browser not in habit.known
    if new and not first:
        count_confirmation("asked")
        count_confirmation("confirmed")
    start_session(person, stage="full", by=by)
    habit.known[browser] = remember_browser(person, habit.known.get(browser, []), by=by, confirmed=new, first=True)
    note_sighting(person.id, address, sign_in=True)
    note_sighting(person.id, address, sign_in=False)


def _fail(habit: Habit, address: str) -> None:
    with unit_of_work():
        attempt = steps.begin(habit.username, address=address, browser_tokens=[])
        by = Actor(kind="anonymous", address=address, browser="Chrome 139 on Android")
        steps.finish(attempt, "", right=False, by=by)
        count_sign_in(succeeded=False)


def _draft_ranges(tenant_id: UUID, habits: list[Habit]) -> None:
    """A draft that nobody saved yet: office and VPN alone. Its review shows whom it would have refused."""
    with unit_of_work(tenant_id):
        person = user(habits[0].user_id)
        by = acting_as(person, Actor(kind="anonymous", address=OFFICE.format(10), browser=habits[0].browser))
        entries = [
            new_entry("198.51.100.0/24", description="Head office"),
            new_entry("2001:db8:40::/48", description="Head office, IPv6"),
            new_entry("203.0.113.7-203.0.113.11", description="VPN"),
        ]
        ip_ranges.add_entries(entries, by=by)
        ip_ranges.set_switches(mode="enforce", every_request=True, by=by)
