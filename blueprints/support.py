"""What service staff see of Customers: names, states and counts; nothing of their people or their data (P05, P15)."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.visit import actor
from console.audit.actions import record
from console.audit.tags import Tag
from console.core.db import db, unit_of_work
from console.core.errors import NotFound
from console.core.ids import PLATFORM_TENANT_ID
from console.core.permissions import Permission
from console.tenants.models import Tenant, customers
from console.users.rules import folded

blueprint = Blueprint("support", __name__, url_prefix="/support")
PAGE = 50


@blueprint.get("")
@requires(Permission.SUPPORT_TENANTS_READ)
def start() -> ResponseReturnValue:
    """The support desk starts with the list of Customers."""
    return redirect(url_for("support.list_tenants"), 303)


@blueprint.get("/tenants")
@requires(Permission.SUPPORT_TENANTS_READ)
def list_tenants() -> ResponseReturnValue:
    """Customers by name, with state and counts."""
    q = request.args.get("q", "").strip()[:200]
    state = request.args.get("state", "")
    named = sorted(((tenant.name, tenant) for tenant in _all()), key=lambda item: folded(item[0]))
    found = [
        (name, tenant)
        for name, tenant in named
        if all(term in folded(name) for term in folded(q).split()) and state in ("", tenant.state)
    ]
    start_at = max(request.args.get("start", 0, type=int), 0)
    return render_template(
        "support/tenants.html",
        tenants=found[start_at : start_at + PAGE],
        total=len(found),
        q=q,
        state=state,
        start=start_at,
        page=PAGE,
    )


@blueprint.get("/tenants/<uuid:tenant_id>")
@requires(Permission.SUPPORT_TENANTS_READ)
def show_tenant(tenant_id: UUID) -> ResponseReturnValue:
    """One Customer's state. That it was opened is in that Customer's own record."""
    tenant = db.session.get(Tenant, tenant_id)
    if tenant is None or tenant_id == PLATFORM_TENANT_ID:
        raise NotFound
    with unit_of_work(tenant_id):
        record(Tag.SUPPORT_TENANT_OPENED, by=actor(), subject=("tenant", tenant_id))
    return render_template("support/tenant.html", tenant=tenant)


def _all() -> list[Tenant]:
    found: list[Tenant] = []
    while batch := customers(after=found[-1].id if found else None):
        found += batch
    return found
