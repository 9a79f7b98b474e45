"""Entries in the words that people read: who, what, about whom, from where."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import url_for

from blueprints.users.person import field_label
from blueprints.visit import actor
from console.audit.models import AuditEntry
from console.core.ids import PLATFORM_TENANT_ID
from console.core.permissions import Permission, may, role_label
from console.policies.choices import FIELD
from console.users.models import names_of

AREA_TEXTS = {
    "audit": "Audit record",
    "customer_data": "Customer Data",
    "identity": "Sign-in and passwords",
    "ip_ranges": "IP ranges",
    "keys": "Encryption keys",
    "policies": "Security choices",
    "security": "Security",
    "sessions": "Sessions",
    "support": "Support",
    "tenants": "Account",
    "users": "Users",
}
FACT_TEXTS = {
    "left": "Left under older versions",
    "moved": "Sealed anew",
    "retired": "Versions destroyed",
    "unreadable": "Rows that do not open",
    "until": "Valid until",
    "wait_seconds": "Wait, in seconds",
    "from_at": "From",
    "until_at": "Before",
}
KINDS = {"staff": ("Support staff", "info"), "system": ("System", "neutral")}


@dataclass(frozen=True)
class Line:
    """One entry, as a list shows it."""

    id: UUID
    number: int
    at: datetime
    tag: str
    text: str
    who: str
    who_url: str | None
    kind: tuple[str, str] | None
    """The badge of an actor who is not one of the Customer's people: its word and tone."""
    subject: str | None
    subject_url: str | None
    address: str | None
    browser: str | None
    reason: str | None
    fields: list[str] = field(default_factory=list)
    readable: bool = True


def lines(rows: Sequence[AuditEntry]) -> list[Line]:
    """The entries as lines; all names in one query."""
    names = names_of({row.subject_id for row in rows if row.subject_kind == "user" and row.subject_id})
    return [_line(row, names) for row in rows]


def _line(row: AuditEntry, names: dict[UUID, str]) -> Line:
    details = row.details
    subject, subject_url = subject_of(row, names)
    return Line(
        id=row.id,
        number=row.number,
        at=row.at,
        tag=row.tag,
        text=row.text,
        who=who(row),
        who_url=url_for("audit.list_entries", actor=row.actor_id) if row.actor_id else None,
        kind=KINDS.get(row.actor_kind),
        subject=subject,
        subject_url=subject_url,
        address=details.get("address"),
        browser=details.get("browser"),
        reason=details.get("reason"),
        fields=[field_label(name) for name in details.get("changes", {})],
        readable=row.readable,
    )


def who(row: AuditEntry) -> str:
    """Who acted, under the name of that time."""
    if not row.readable:
        return "Cannot be read"
    if row.actor_kind == "anonymous":
        return "Not signed in"
    return str(row.details.get("actor") or "The service")


def subject_of(row: AuditEntry, names: dict[UUID, str]) -> tuple[str | None, str | None]:
    """Whom or what the entry is about, and the page of it that the viewer may open."""
    if row.subject_id is None:
        return None, None
    if row.subject_kind == "tenant":
        return ("This installation" if row.subject_id == PLATFORM_TENANT_ID else "This account"), None
    if row.subject_kind == "item" and may(actor().role, Permission.DATA_ITEMS_READ):
        return f"Item {str(row.subject_id)[-6:]}", url_for("data.show_item", item_id=row.subject_id)
    if row.subject_kind != "user":
        return f"{str(row.subject_kind).replace('_', ' ').capitalize()} {str(row.subject_id)[-6:]}", None
    if row.subject_id == row.actor_id:
        return "Own account", None
    return names.get(row.subject_id, "Somebody unknown"), person_url(row.subject_id)


def person_url(user_id: UUID) -> str | None:
    """That person's page, for those whose role can open it."""
    if not may(actor().role, Permission.USERS_PEOPLE_READ):
        return None
    return url_for("users.show_user", user_id=user_id)


def change_rows(details: dict[str, Any]) -> list[dict[str, Any]]:
    """The difference, as the table of changes shows it."""
    return [
        {"field": _label(name), "old": value_text(name, old), "new": value_text(name, new)}
        for name, (old, new) in details.get("changes", {}).items()
    ]


def _label(name: str) -> str:
    return FIELD[name].label if name in FIELD else field_label(name)


def value_text(name: str, value: object) -> str | None:
    """A changed value as people read it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if name == "role":
        return role_label(str(value))
    if name == "policy":
        return {"ip_ranges": "IP ranges", "settings": "Security settings"}.get(str(value), str(value))
    return str(value)


def fact_rows(details: dict[str, Any]) -> list[tuple[str, str]]:
    """What else an entry holds: label and value."""
    return [
        (FACT_TEXTS.get(name, field_label(name)), str(value_text(name, value)))
        for name, value in details.get("facts", {}).items()
    ]


def area_text(area: str) -> str:
    """An area's name as people read it."""
    return AREA_TEXTS.get(area, area.replace("_", " ").capitalize())
