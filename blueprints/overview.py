"""The first page after signing in: what needs attention, how many people, who signs in."""

from typing import Any
from uuid import UUID

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.data.words import size_text
from blueprints.gate import requires
from blueprints.visit import actor
from console.audit.models import AuditEntry, EntryFilter, entries
from console.core.db import settings
from console.core.permissions import ADMINISTRATOR_ROLES, Permission, may
from console.customer_data.models import totals
from console.customer_data.overview import held
from console.sessions.models import sign_ins_by_day
from console.tenants.models import Tenant, this_tenant
from console.users.directory import Query, list_people
from console.users.models import State, names_of

blueprint = Blueprint("overview", __name__)
DAYS = 30
RECENT = 8


@blueprint.get("/overview")
@requires(Permission.ME_PROFILE_READ)
def show() -> ResponseReturnValue:
    """The overview; those whose role has none go to their own page."""
    if may(actor().role, Permission.SUPPORT_TENANTS_READ):
        return redirect(url_for("support.list_tenants"), 303)
    if not may(actor().role, Permission.ACCOUNT_OVERVIEW_READ):
        return redirect(url_for("me.show"), 303)
    tenant = this_tenant()
    return render_template(
        "overview/overview.html",
        attention=_attention(tenant),
        stats=_stats(tenant),
        sign_ins=_sign_ins(),
        recent=_recent() if may(actor().role, Permission.AUDIT_ENTRIES_READ) else None,
    )


def _attention(tenant: Tenant) -> list[dict[str, Any]]:
    items = []
    administrators = sum(
        list_people(Query(role=role, state=State.ACTIVE, limit=1)).total or 0 for role in ADMINISTRATOR_ROLES
    )
    if administrators < 2:  # one alone is one lost phone away from nobody
        items.append(
            {
                "tone": "warn",
                "title": "Only one person can administer this account",
                "text": "If that person is away, nobody can help. Make a second person an administrator.",
                "url": "/users?role=administrator",
                "action": "See administrators",
            }
        )
    items += _damage()
    if tenant.people_invited:
        items.append(
            {
                "tone": "info",
                "title": _people(tenant.people_invited, "has", "have") + " not accepted yet",
                "text": "Invitations expire. Invite these people again, or revoke the invitations.",
                "url": "/users?state=invited",
                "action": "See invitations",
            }
        )
    if tenant.people_deleted:
        items.append(
            {
                "tone": "info",
                "title": _people(tenant.people_deleted, "was", "were") + " deleted and can be restored",
                "text": f"After {settings().restore_days} days they are removed for good.",
                "url": "/users?state=deleted",
                "action": "See deleted people",
            }
        )
    return items


def _damage() -> list[dict[str, Any]]:
    """That items are damaged, for whoever may read them."""
    total = totals() if may(actor().role, Permission.DATA_ITEMS_READ) else None
    if total is None or not total.damaged:
        return []
    return [
        {
            "tone": "bad",
            "title": "1 item is damaged" if total.damaged == 1 else f"{total.damaged} items are damaged",
            "text": "Nothing of them is shown. All others can be read. Tell support.",
            "url": "/data/overview",
            "action": "See which",
        }
    ]


def _people(count: int, one: str, many: str) -> str:
    return f"1 person {one}" if count == 1 else f"{count} people {many}"


def _stats(tenant: Tenant) -> list[dict[str, Any]]:
    data = []
    if may(actor().role, Permission.DATA_ITEMS_READ):
        items, size_bytes = held(by=actor())
        hint = size_text(size_bytes) if items else "Nothing imported yet"
        data = [{"label": "Messages and documents", "value": f"{items:,}", "url": "/data/overview", "hint": hint}]
    people = [
        {"label": "Users", "value": tenant.people, "url": "/users", "hint": None},
        {"label": "Active", "value": tenant.people_active, "url": "/users?state=active", "hint": None},
        {"label": "Invited", "value": tenant.people_invited, "url": "/users?state=invited", "hint": None},
        {"label": "Suspended", "value": tenant.people_suspended, "url": "/users?state=suspended", "hint": None},
    ]
    return [*data, *people]


def _sign_ins() -> list[dict[str, Any]]:
    return [
        {"label": f"{day.on_date.day} {day.on_date:%b}", "value": day.succeeded, "value2": day.refused}
        for day in sign_ins_by_day(DAYS)
    ]


def _recent() -> list[dict[str, Any]]:
    found = entries(EntryFilter(area="users"), limit=RECENT)
    names = names_of({entry.subject_id for entry in found if entry.subject_id and entry.subject_kind == "user"})
    return [_line(entry, names) for entry in found]


def _line(entry: AuditEntry, names: dict[UUID, str]) -> dict[str, Any]:
    who = entry.details.get("actor") or ("The service" if entry.actor_kind == "system" else "Somebody")
    whom = names.get(entry.subject_id) if entry.subject_id and entry.subject_id != entry.actor_id else None
    return {"at": entry.at, "who": who, "what": entry.text, "whom": whom, "url": f"/audit/{entry.id}"}
