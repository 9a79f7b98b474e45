"""Staff pages: lift a Customer's IP ranges in an emergency, two people together; and does the proxy tell the truth?"""

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.client_address import explain
from blueprints.gate import requires
from blueprints.support import blueprint
from blueprints.visit import actor
from console.core.db import db, settings, unit_of_work
from console.core.errors import Forbidden, Invalid, NotFound
from console.core.ids import PLATFORM_TENANT_ID
from console.core.permissions import Permission
from console.ip_ranges import break_glass
from console.ip_ranges.sightings import Spread, spread
from console.tenants.models import Tenant, customers

SPREAD_DAYS = 7
MOST_CUSTOMERS = 200


@blueprint.get("/tenants/<uuid:tenant_id>/restrictions")
@requires(Permission.SUPPORT_RESTRICTIONS_LIFT)
def restrictions(tenant_id: UUID) -> ResponseReturnValue:
    """Whether the ranges count, what was asked for and approved, and the form to ask."""
    return _page(tenant_id)


@blueprint.post("/tenants/<uuid:tenant_id>/restrictions")
@requires(Permission.SUPPORT_RESTRICTIONS_LIFT, fresh=True)
def ask_lift(tenant_id: UUID) -> ResponseReturnValue:
    """A colleague is asked to approve."""
    reason, hours = request.form.get("reason", ""), request.form.get("hours", "")
    try:
        with unit_of_work(tenant_id):
            _customer(tenant_id)
            whole = int(hours) if hours.isascii() and hours.isdecimal() and len(hours) < 4 else 0
            break_glass.ask_lift(reason=reason, hours=whole, by=actor())
    except Invalid as problem:
        return _page(tenant_id, problems=problem.fields, status=422)
    flash("Asked. A colleague must approve it; you cannot.", "success")
    return redirect(url_for("support.restrictions", tenant_id=tenant_id), 303)


@blueprint.post("/tenants/<uuid:tenant_id>/restrictions/<uuid:lift_id>/approve")
@requires(Permission.SUPPORT_RESTRICTIONS_LIFT, fresh=True)
def approve_lift(tenant_id: UUID, lift_id: UUID) -> ResponseReturnValue:
    """The ranges do not count for the hours asked for."""
    with unit_of_work(tenant_id):
        _customer(tenant_id)
        if break_glass.lift(lift_id).asked_by == actor().user_id:
            raise Forbidden(break_glass.SAME_PERSON)
        break_glass.approve_lift(lift_id, by=actor())
    flash("The IP ranges are lifted. All owners and administrators are told by mail.", "success")
    return redirect(url_for("support.restrictions", tenant_id=tenant_id), 303)


@blueprint.post("/tenants/<uuid:tenant_id>/restrictions/<uuid:lift_id>/withdraw")
@requires(Permission.SUPPORT_RESTRICTIONS_LIFT)
def withdraw_lift(tenant_id: UUID, lift_id: UUID) -> ResponseReturnValue:
    """Nobody can approve the request any more."""
    with unit_of_work(tenant_id):
        _customer(tenant_id)
        break_glass.withdraw_lift(lift_id, by=actor())
    flash("The request is withdrawn. The IP ranges go on counting.", "success")
    return redirect(url_for("support.restrictions", tenant_id=tenant_id), 303)


@blueprint.post("/tenants/<uuid:tenant_id>/restrictions/end")
@requires(Permission.SUPPORT_RESTRICTIONS_LIFT)
def end_lift(tenant_id: UUID) -> ResponseReturnValue:
    """The ranges count again."""
    with unit_of_work(tenant_id):
        _customer(tenant_id)
        break_glass.end_lift(by=actor())
    flash("The IP ranges count again.", "success")
    return redirect(url_for("support.restrictions", tenant_id=tenant_id), 303)


def _customer(tenant_id: UUID) -> Tenant:
    found = db.session.get(Tenant, tenant_id)
    if found is None or tenant_id == PLATFORM_TENANT_ID:
        raise NotFound
    return found


def _page(tenant_id: UUID, *, problems: dict[str, str] | None = None, status: int = 200) -> ResponseReturnValue:
    name = _customer(tenant_id).name
    with unit_of_work(tenant_id, write=False):
        rows: list[dict[str, Any]] = [
            {
                "id": one.id,
                "state": one.state,
                "words": one.words,
                "asked_by": one.asked_by,
                "asked_at": one.asked_at,
                "approved_at": one.approved_at,
                "until_at": one.until_at,
                "ended_at": one.ended_at,
                "hours": one.hours,
            }
            for one in break_glass.lifts()
        ]
        until = break_glass.lifted_until()
    return render_template(
        "support/restrictions.html",
        tenant_id=tenant_id,
        name=name,
        rows=rows,
        until=until,
        open=any(row["state"] in ("asked", "lifted") for row in rows),
        mine=actor().user_id,
        problems=problems or {},
        reason=request.form.get("reason", ""),
        hours=request.form.get("hours", "4"),
        most_hours=break_glass.MOST_HOURS,
    ), status


@blueprint.get("/proxy")
@requires(Permission.SUPPORT_TENANTS_READ)
def proxy() -> ResponseReturnValue:
    """How this very request's address was found, and whether Customers' people all seem to sit at one address."""
    path = explain(request.remote_addr, request.headers.getlist("X-Forwarded-For"), settings().trusted_proxies)
    spreads = [_spread(tenant.id) for tenant in customers(limit=MOST_CUSTOMERS)]
    return render_template(
        "support/proxy.html",
        path=path,
        trusted=[str(network) for network in settings().trusted_proxies],
        headers=[
            (name, value)
            for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host")
            for value in request.headers.getlist(name)
        ],
        suspicious=sum(one.suspicious for one in spreads),
        looked_at=sum(1 for one in spreads if one.people),
        days=SPREAD_DAYS,
    )


def _spread(tenant_id: UUID) -> Spread:
    with unit_of_work(tenant_id, write=False):
        return spread(SPREAD_DAYS)
