"""Export a selection or everything that a search finds: first what will leave, then the file."""

from typing import Any

from flask import Response, render_template, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.filters import Filters, read_filters, spoken
from blueprints.data.listing import chosen_ids
from blueprints.data.words import size_text
from blueprints.gate import requires
from blueprints.visit import actor, signed_in
from console.core import clock
from console.core.errors import Conflict
from console.core.permissions import Permission
from console.customer_data.export_zip import zip_pieces
from console.customer_data.exports import Plan, plan_of_ids, plan_of_search, start_export
from console.customer_data.openings import REASON_CHARACTERS, SHORTEST_REASON

SELECTED = "items ticked in the list"


@blueprint.get("/export")
@requires(Permission.DATA_ITEMS_EXPORT, fresh=True)
def confirm_export() -> ResponseReturnValue:
    """What an export of the search in the address bar would hold."""
    filters = read_filters()
    return _confirm(plan_of_search(filters.query, by=actor()), filters)


@blueprint.post("/export")
@requires(Permission.DATA_ITEMS_EXPORT, fresh=True)
def export_items() -> ResponseReturnValue:
    """The same for ticked items; once it is confirmed, the file, made while it is sent."""
    filters, ids = read_filters(request.form), chosen_ids()
    of_search = request.form.get("of") == "search"
    plan = plan_of_search(filters.query, by=actor()) if of_search else plan_of_ids(ids, by=actor())
    if not plan.item_ids and not plan.too_much and not of_search:
        raise Conflict("No items were ticked. Go back to the list, tick what to export, then export it.")
    reason = " ".join(request.form.get("reason", "").split())[:REASON_CHARACTERS]
    problem = _reason_problem(reason)
    if request.form.get("confirmed") != "yes":
        return _confirm(plan, filters if of_search else None)
    if problem or plan.too_much or not plan.item_ids:
        return _confirm(plan, filters if of_search else None, problem, 422)
    asked = spoken(filters) if of_search else SELECTED
    start_export(plan, by=actor(), asked=asked, reason=reason or None)
    pieces = zip_pieces(signed_in().tenant_id, plan.item_ids, by=actor())
    response = Response(stream_with_context(pieces), mimetype="application/zip")
    response.headers.set("Content-Disposition", "attachment", filename=f"data-{clock.now():%Y-%m-%d-%H%M%S}.zip")
    return response


def _reason_required() -> bool:
    return signed_in().choices.reason_to_open or signed_in().choices.reasons_required


def _reason_problem(reason: str) -> str:
    missing = _reason_required() and len(reason) < SHORTEST_REASON
    return "Your company asks for a reason. Say in a few words why these items leave." if missing else ""


def _confirm(plan: Plan, filters: Filters | None, problem: str = "", status: int = 200) -> ResponseReturnValue:
    """The page that says what will leave. `filters` are those of a search; None for ticked items."""
    carried: dict[str, Any] = filters.kept() if filters is not None else {}
    page = render_template(
        "data/export.html",
        plan=plan,
        size=size_text(plan.size_bytes),
        of_search=filters is not None,
        asked=spoken(filters) if filters is not None else "",
        carried=carried,
        problem=problem,
        reason=request.form.get("reason", ""),
        reason_required=_reason_required(),
        most=REASON_CHARACTERS,
        list_url=url_for("data.list_items", **carried),
    )
    return page, status
