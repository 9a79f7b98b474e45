"""Who signed in, who was refused, from where and why; with the last 30 days at a glance."""

from dataclasses import replace
from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints.audit import blueprint
from blueprints.audit.filters import LIMITS, read_filters
from blueprints.audit.listing import Page, page_of, tabs
from blueprints.audit.words import Line, lines
from blueprints.gate import requires
from console.audit.tags import Tag
from console.core.permissions import Permission
from console.sessions.models import sign_ins_by_day

DAYS = 30
REFUSED = (Tag.SIGN_IN_REFUSED, Tag.SIGN_IN_THROTTLED, Tag.FACTOR_REFUSED, Tag.ADDRESS_REFUSED)
RESULTS = {"succeeded": (Tag.SESSION_STARTED,), "refused": REFUSED}


@blueprint.get("/sign-ins")
@requires(Permission.AUDIT_ENTRIES_READ)
def list_sign_ins() -> ResponseReturnValue:
    """One page of sign-ins and refusals, newest first."""
    filters = read_filters()
    result = request.args.get("result", "")
    tags = RESULTS.get(result, (Tag.SESSION_STARTED, *REFUSED))
    # Whose account it was counts, not who acted: whoever was refused had not shown yet who that is.
    wanted = replace(
        filters.wanted, area="", tags=tags, actor_ids=(), subject_ids=filters.actor_ids or filters.subject_ids
    )
    found = Page("audit.list_sign_ins", [], {}) if filters.nobody else page_of(filters, wanted, "audit.list_sign_ins")
    days = sign_ins_by_day(DAYS)
    return render_template(
        "audit/sign_ins.html",
        filters=filters,
        result=result if result in RESULTS else "",
        lines=[(line, _person(line), _reason(line)) for line in lines(found.rows)],
        page=found,
        limits=[(limit, f"{limit} rows") for limit in LIMITS],
        bars=[_bar(day) for day in days] if any(day.succeeded or day.refused for day in days) else [],
        tabs=tabs("audit.list_sign_ins"),
    )


def _bar(day: Any) -> dict[str, Any]:
    return {"label": f"{day.on_date.day} {day.on_date:%b}", "value": day.succeeded, "value2": day.refused}


def _person(line: Line) -> tuple[str, str | None]:
    """Whose account it was, whether or not that person was at the keyboard."""
    if line.subject and line.subject != "Own account":
        return line.subject, line.subject_url
    return (line.who, line.who_url) if line.kind or line.who_url else ("Unknown username", None)


def _reason(line: Line) -> str:
    if line.tag == Tag.SIGN_IN_THROTTLED:
        return "Too many attempts"
    if line.tag == Tag.FACTOR_REFUSED:
        return "Wrong code"
    return (line.reason or "").capitalize()
