"""What the versions of a Customer's settings tell: who changed what, when and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from console.policies.choices import FIELDS, choices_of
from console.policies.models import InForce, Kind, PolicyVersion, versions
from console.security.actions import Difference, choices_at, difference

SEARCHED = 50
"""Versions that are opened to find who changed a setting last; one that changed earlier shows no name."""


@dataclass(frozen=True)
class Saved:
    """One version: who saved it, when, why, and what it changed."""

    number: int
    at: datetime
    by: str
    reason: str
    outcome: str | None
    changes: Difference


def saved(rows: list[PolicyVersion]) -> Iterator[Saved]:
    """Each version of the settings with what it changed from the one before. Each of `rows` is opened once."""
    contents = {row.number: row.content for row in rows}
    known = {number: choices_of(InForce("settings", number, kept["document"])) for number, kept in contents.items()}
    for row in rows:
        content, before = contents[row.number], known.get(row.number - 1)
        changes = difference(choices_at(row.number - 1) if before is None else before, known[row.number])
        yield Saved(row.number, row.made_at, content["by"], content["reason"], row.outcome, changes)


def last_changes(kind: Kind) -> dict[str, Saved]:
    """For each setting the latest version that changed it."""
    found: dict[str, Saved] = {}
    for item in saved(versions(kind, limit=SEARCHED)):
        for name in item.changes:
            found.setdefault(name, item)
        if len(found) == len(FIELDS):
            break
    return found
