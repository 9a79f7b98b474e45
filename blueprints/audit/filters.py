"""What the address bar asks of the audit record: filters, edge of the page, page size."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import request

from blueprints.visit import visit
from console.audit.models import EntryFilter
from console.audit.tags import Tag
from console.users.directory import Query, list_people
from console.users.models import State

LIMITS = (25, 50, 100, 200)
DEFAULT_LIMIT = 50
MOST_PEOPLE = 5
"""How many people a name may fit; with more the first ones are taken, and the page says so."""
WHO_CHARACTERS = 200
MOST_ENTRIES = 2**31 - 1
YEARS = range(2000, 2101)
NAMES = ("area", "tag", "who", "about", "actor", "subject", "from", "until", "limit", "result")


@dataclass
class Filters:
    """The filters as typed, what they mean for the record, and what could not be understood."""

    area: str = ""
    tag: str = ""
    who: str = ""
    about: str = ""
    actor: UUID | None = None
    subject: UUID | None = None
    from_on: date | None = None
    until_on: date | None = None
    limit: int = DEFAULT_LIMIT
    people: dict[UUID, str] = field(default_factory=dict)
    """Whom the typed name of who did it fits."""
    subjects: dict[UUID, str] = field(default_factory=dict)
    """Whom the typed name of whom it is about fits."""
    problems: list[str] = field(default_factory=list)

    @property
    def nobody(self) -> bool:
        """Whether a name was typed that fits nobody, or not the person of the link."""
        return bool(self.nobody_text)

    @property
    def nobody_text(self) -> str:
        """Which name fits nobody, as a sentence; empty where each fits somebody."""
        if self.who and not self.actor_ids:
            return "Nobody of that name did anything here."
        return "Nothing here is about anybody of that name." if self.about and not self.subject_ids else ""

    @property
    def actor_ids(self) -> tuple[UUID, ...]:
        """Whose acts were asked for."""
        if self.actor is None:
            return tuple(self.people)
        return (self.actor,) if not self.who or self.actor in self.people else ()

    @property
    def subject_ids(self) -> tuple[UUID, ...]:
        """About whom the entries were asked for."""
        if self.subject is None:
            return tuple(self.subjects)
        return (self.subject,) if not self.about or self.subject in self.subjects else ()

    @property
    def active(self) -> bool:
        """Whether anything narrows the list."""
        texts = self.area, self.tag, self.who, self.about
        return any(texts) or any((self.actor, self.subject, self.from_on, self.until_on))

    @property
    def wanted(self) -> EntryFilter:
        """The same for the record; a day starts and ends where the person is."""
        return EntryFilter(
            area=self.area,
            tags=(Tag(self.tag),) if self.tag else (),
            actor_ids=self.actor_ids,
            subject_ids=self.subject_ids,
            from_at=_start_of(self.from_on) if self.from_on else None,
            until_at=_start_of(self.until_on + timedelta(days=1)) if self.until_on else None,
        )


def read_filters() -> Filters:
    """What the address bar asks for. What is not understood is left out, and `problems` says so."""
    found = Filters(area=_known("area", areas()), tag=_known("tag", list(Tag)))
    found.who, found.about = _name("who"), _name("about")
    found.actor, found.subject = _id("actor", found), _id("subject", found)
    found.from_on, found.until_on = _date("from", found), _date("until", found)
    if found.from_on and found.until_on and found.from_on > found.until_on:
        found.problems.append("The first day is after the last one, so nothing can match.")
    limit = request.args.get("limit", type=int)
    found.limit = min(max(limit, 1), LIMITS[-1]) if limit else DEFAULT_LIMIT
    found.people, found.subjects = _find_people(found.who, "did", found), _find_people(found.about, "", found)
    return found


def _name(name: str) -> str:
    return " ".join(request.args.get(name, "").split())[:WHO_CHARACTERS]


def kept(**changes: str | None) -> dict[str, Any]:
    """The address bar's filters, with some changed, or left out where that is None; pages start anew."""
    values = {name: request.args.get(name) for name in NAMES}
    return {name: value for name, value in {**values, **changes}.items() if value}


def cursor(name: str) -> int | None:
    """The entry number at the page's edge, which the address bar carries in a form of ours."""
    try:
        number = int(request.args[name][:20], 36)
    except (KeyError, ValueError):
        return None
    return number if 0 <= number <= MOST_ENTRIES else None


def cursor_text(number: int) -> str:
    """That number as `cursor` reads it."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


def areas() -> list[str]:
    """The areas that anything is recorded of, in alphabetical order."""
    return sorted({tag.split(":")[0] for tag in Tag})


def _find_people(name: str, act: str, found: Filters) -> dict[UUID, str]:
    """Present and deleted people whom the typed name fits, through the decrypted directory."""
    if not name:
        return {}
    pages = [list_people(Query(q=name, state=state, limit=MOST_PEOPLE)) for state in ("", State.DELETED)]
    people = {person.id: person.name for page in pages for person in page.entries}
    people = dict(list(people.items())[:MOST_PEOPLE])
    total = sum(page.total or 0 for page in pages)
    if total > MOST_PEOPLE:
        shown = f"what the first {MOST_PEOPLE} did" if act else f"what is about the first {MOST_PEOPLE}"
        found.problems.append(
            f"“{name}” fits {total:,} people. Shown is {shown}: {', '.join(people.values())}. Type more of the name."
        )
    return people


def _known(name: str, known: list[str] | list[Tag]) -> str:
    value = request.args.get(name, "")
    return value if value in known else ""


def _id(name: str, found: Filters) -> UUID | None:
    text = request.args.get(name, "")
    try:
        return UUID(text) if text else None
    except ValueError:
        found.problems.append("A link's person was not understood, so it was left out.")
        return None


def _date(name: str, found: Filters) -> date | None:
    text = request.args.get(name, "").strip()[:40]
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
