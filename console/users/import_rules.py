"""Decide what each row of an import would do. Values in, value out: no database, clock or keys."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from console.core.actor import Actor
from console.core.errors import Forbidden, Invalid
from console.core.permissions import ADMINISTRATOR_ROLES, Role
from console.users.csv_rows import COLUMNS, CsvRow
from console.users.models import Details, State
from console.users.rules import check_may_manage, clean_details

_ROLE_AT, _EMAIL_AT, _ZONE_AT = (COLUMNS.index(name) for name in ("role", "email", "time_zone"))
_DETAIL_PLACES = tuple((at, name) for at, name in enumerate(COLUMNS) if name != "role")


class Outcome(StrEnum):
    """What a row does: planned after the check, done after applying."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(slots=True)
class Row:
    """One row of an import: its number in the file, its cells by `COLUMNS`, and what was decided."""

    number: int
    values: list[str | None]
    outcome: str = ""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why it is refused: column → sentence; under "" what concerns the whole row."""
    before: list[str] | None = None
    """For a change: the values until now, by `COLUMNS`."""
    user_id: str = ""
    version: int | None = None
    """For a person who exists: the version that the decision is about."""
    extra: list[str] = field(default_factory=list)
    """Further cells of a row that has too many; its result shows them behind the others."""

    @classmethod
    def from_csv(cls, row: CsvRow) -> "Row":
        """The row as read; one of a wrong shape is refused already."""
        if row.problem:
            return cls(row.number, row.values, Outcome.REFUSED, {"": row.problem}, extra=row.extra)
        return cls(row.number, row.values)

    def as_list(self) -> list[Any]:
        """The row as it is sealed; `Row(*…)` reads it back."""
        fields = [self.number, self.values, self.outcome, self.reasons, self.before, self.user_id, self.version]
        return [*fields, self.extra] if self.extra else fields

    def refuse(self, column: str, reason: str) -> None:
        """The row will do nothing, and says why."""
        self.outcome, self.reasons, self.before = Outcome.REFUSED, {column: reason}, None

    @property
    def details(self) -> Details:
        """The details that a checked row gives to its person."""
        return Details(**{name: self.values[at] or "" for at, name in _DETAIL_PLACES})

    @property
    def role(self) -> str:
        """The role that a checked row gives to its person."""
        return self.values[_ROLE_AT] or Role.MEMBER

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        """For a change: column, old and new value of those that differ."""
        if self.before is None:
            return []
        pairs = zip(COLUMNS, self.before, self.values, strict=True)
        return [(name, old, new or "") for name, old, new in pairs if old != new]


@dataclass(frozen=True, slots=True)
class Known:
    """A person of this Customer as the check found them."""

    id: UUID
    role: str
    state: str
    version: int
    details: Details

    @property
    def usable_administrator(self) -> bool:
        """Whether this person could help the Customer right now."""
        return self.role in ADMINISTRATOR_ROLES and self.state == State.ACTIVE

    def values(self) -> list[str]:
        """The person's present values by `COLUMNS`."""
        return [self.role if name == "role" else getattr(self.details, name) for name in COLUMNS]


OWN_ROLE_REASON = "You cannot change your own role by an import: it would stop in the middle. Use your page."
ELSEWHERE_REASON = "{email} cannot be used as a username here. Choose another address."
ALIKE_REASON = "{email} reads like {plain}, which is somebody else's. Choose an address that nobody takes for theirs."
UNTOLD_REASON = (
    "Not checked: too many of the addresses that your company tried are used elsewhere in this service. Import this row"
    " again in {wait}."
)
ELSEWHERE = "elsewhere"
"""Stands for the holder of an address who is not of this Customer: nothing more may be known."""


class Desk:
    """Decides about the rows of one import in their order.

    It remembers the addresses that came before, and how many usable administrators would be left, so that no
    prefix of the import locks the Customer out: an import can be stopped between any two of its chunks.
    """

    def __init__(self, by: Actor, *, administrators: int) -> None:
        self.by = by
        self.administrators = administrators
        self.seen: dict[bytes, int] = {}

    def read(self, row: Row) -> Details | None:
        """The row's details in their stored form, absent ones filled in; None where they refuse the row."""
        if row.outcome == Outcome.REFUSED:
            return None
        role = _role(row.values[_ROLE_AT])
        row.values[_ROLE_AT] = role
        row.values[_ZONE_AT] = (row.values[_ZONE_AT] or "").strip() or None
        reasons: dict[str, str] = {}
        if role is not None and role not in _ROLES:
            reasons["role"] = f"There is no such role. Use one of: {', '.join(Role)}."
        given = zip(COLUMNS, row.values, strict=True)
        try:
            details = clean_details(Details(**{name: cell for name, cell in given if cell and name != "role"}))
        except Invalid as problem:
            reasons = {**problem.fields, **reasons}
        if reasons:
            row.outcome, row.reasons = Outcome.REFUSED, reasons
            return None
        for at, name in _DETAIL_PLACES:
            if row.values[at] is not None:
                row.values[at] = getattr(details, name)
        return details

    def decide(self, row: Row, details: Details, digest: bytes, holder: Known | str | None) -> None:
        """The row has its outcome. `holder` is who has the address now."""
        if digest in self.seen:
            first = self.seen[digest]
            reason = f"Row {first} has the same address, and only one of them can count. Remove the others."
            row.refuse("email", reason)
        elif holder is None:
            self._add(row, details)
        elif isinstance(holder, str):
            row.refuse("email", ELSEWHERE_REASON.format(email=details.email))
        else:
            self._change(row, holder)
        if row.outcome != Outcome.REFUSED:
            self.seen[digest] = row.number

    def _add(self, row: Row, details: Details) -> None:
        role = row.values[_ROLE_AT] or Role.MEMBER
        if reason := may_not(self.by, role):
            row.refuse("role", reason)
            return
        row.values = [role if name == "role" else getattr(details, name) for name in COLUMNS]
        row.outcome = Outcome.ADDED

    def _change(self, row: Row, person: Known) -> None:
        if person.state == State.DELETED:
            row.user_id = str(person.id)
            row.refuse(
                "email",
                f"{person.details.email} belongs to {person.details.name}, who was deleted."
                " Restore that person instead.",
            )
            return
        old = person.values()
        new = [was if value is None else value for value, was in zip(row.values, old, strict=True)]
        new[_EMAIL_AT] = person.details.email  # the same address in another case is no change
        row.values, row.user_id, row.version = list(new), str(person.id), person.version
        if new == old:
            row.outcome = Outcome.UNCHANGED
            return
        if problem := self._forbidden(person, new[_ROLE_AT]):
            row.refuse(*problem)
            return
        self.administrators += _usable(person, new[_ROLE_AT]) - person.usable_administrator
        row.outcome, row.before = Outcome.CHANGED, old

    def _forbidden(self, person: Known, role: str) -> tuple[str, str] | None:
        if reason := may_not(self.by, person.role) or may_not(self.by, role):
            return "role", reason
        if person.usable_administrator and not _usable(person, role) and self.administrators <= 1:
            return "role", (
                "This would leave the account without an active owner or administrator. Make somebody else an"
                " administrator in a row above this one."
            )
        if person.id == self.by.user_id and role != person.role:
            return "role", OWN_ROLE_REASON
        return None


_ROLES = frozenset(str(role) for role in Role)


def _role(cell: str | None) -> str | None:
    """A cell's role, also as the pages spell it ("User manager"); None where the row does not say."""
    name = (cell or "").strip().casefold().replace(" ", "_").replace("-", "_")
    return name or None


def _usable(person: Known, role: str) -> bool:
    return role in ADMINISTRATOR_ROLES and person.state == State.ACTIVE


def may_not(by: Actor, role: str) -> str:
    """Why `by` may not manage people of that role; empty where that is allowed."""
    try:
        check_may_manage(by, role)
    except Forbidden as problem:
        return problem.message
    return ""


def still_as_checked(row: Row, version: int | None) -> str:
    """Why a row about a person who has `version` now cannot be applied; empty if it is as it was checked."""
    if version != row.version:
        return "The person was changed by somebody else after the check. Import this row again."
    return ""


def count(rows: list[Row]) -> dict[str, int]:
    """How many rows have each outcome."""
    counts = dict.fromkeys(map(str, Outcome), 0)
    for row in rows:
        if row.outcome:
            counts[row.outcome] += 1
    return counts
