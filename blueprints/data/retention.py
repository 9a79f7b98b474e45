"""How long items are kept: the rules in force, what a change would let go, and the versions before."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.listing import tabs
from blueprints.data.words import size_text
from blueprints.gate import requires
from blueprints.security.settings import based_on
from blueprints.visit import actor
from console.core.db import db
from console.core.errors import Invalid
from console.core.permissions import Permission
from console.customer_data.holds import holds
from console.customer_data.models import custodians
from console.customer_data.retention import (
    GRACE_DAYS,
    LEAST_DAYS,
    MOST_DAYS,
    Rules,
    acts_from,
    check_days,
    present_rules,
    preview,
    rules_of,
    save_rules,
    spoken_days,
)
from console.policies.actions import Stale
from console.policies.models import in_force, versions

VERSIONS = 20


@blueprint.get("/retention")
@requires(Permission.DATA_RETENTION_READ)
def show_retention() -> ResponseReturnValue:
    """The rules in force, and since when they act."""
    return _page(_values(present_rules()), {})


@blueprint.post("/retention/review")
@requires(Permission.DATA_RETENTION_WRITE)
def review_retention() -> ResponseReturnValue:
    """What the changed rules would let go, by custodian; nothing is saved yet."""
    rules, problems = _read()
    if problems:
        return _page(request.form.to_dict(), problems, 422)
    return _review(rules)


@blueprint.post("/retention")
@requires(Permission.DATA_RETENTION_WRITE, fresh=True)
def save_retention() -> ResponseReturnValue:
    """The rules are in force; nothing goes before the days of grace are over."""
    rules, problems = _read()
    if problems:
        return _page(request.form.to_dict(), problems, 422)
    try:
        save_rules(rules, based_on=based_on(), reason=request.form.get("reason", ""), by=actor())
    except Invalid as problem:
        db.session.rollback()
        return _review(rules, problem.fields.get("reason", problem.message), 422)
    except Stale as problem:
        db.session.rollback()
        return _review(rules, problem.message, 409)
    flash(f"Saved. Nothing goes before {GRACE_DAYS} days are over; until then it can be changed back.", "success")
    return redirect(url_for("data.show_retention"), 303)


def _read() -> tuple[Rules, dict[str, str]]:
    """The rules that were typed, and what is wrong with them by field."""
    problems: dict[str, str] = {}
    general, own = 0, {}
    try:
        general = check_days(request.form.get("days", ""))
    except ValueError as error:
        problems["days"] = str(error)
    for one in custodians():
        name = f"custodian_{one.id}"
        try:
            days = check_days(request.form.get(name, ""))
        except ValueError as error:
            problems[name] = str(error)
            continue
        if request.form.get(f"{name}_for_ever"):
            own[one.id] = 0
        elif days:
            own[one.id] = days
    return Rules(general, own), problems


def _values(rules: Rules) -> dict[str, str]:
    """The rules as the form has them."""
    values = {"days": str(rules.days or "")}
    for key, days in rules.by_custodian.items():
        values[f"custodian_{key}"] = str(days or "")
        if not days:
            values[f"custodian_{key}_for_ever"] = "y"
    return values


def _page(values: dict[str, str], problems: dict[str, str], status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "data/retention.html",
        values=values,
        problems=problems,
        custodians=sorted(custodians(), key=lambda one: one.label.casefold()),
        acts_from=acts_from(),
        present=present_rules(),
        spoken=spoken_days,
        bounds=(LEAST_DAYS, MOST_DAYS),
        grace=GRACE_DAYS,
        tabs=tabs("data.show_retention"),
        versions=[_version(row) for row in versions("retention", limit=VERSIONS)],
    )
    return page, status


def _version(row: Any) -> dict[str, Any]:
    content = row.content
    rules = rules_of(content["document"])
    own = len(rules.by_custodian)
    more = f"; {own} with a term of {'its' if own == 1 else 'their'} own" if own else ""
    says = f"{spoken_days(rules.days).capitalize()}{more}"
    return {"number": row.number, "at": row.made_at, "by": content["by"], "reason": content["reason"], "says": says}


def _review(rules: Rules, message: str = "", status: int = 200) -> ResponseReturnValue:
    leaving = preview(rules)
    page = render_template(
        "data/retention_review.html",
        rules=rules,
        values=_values(rules),
        leaving=leaving,
        items=sum(one.items for one in leaving),
        size=size_text(sum(one.size_bytes for one in leaving)),
        size_text=size_text,
        spoken=spoken_days,
        grace=GRACE_DAYS,
        holding=any(one.lifted_at is None for one in holds()),
        number=in_force("retention").number,
        message=message,
        reason=request.form.get("reason", ""),
        names={one.id: one.label for one in custodians()},
        unchanged=rules == present_rules(),
    )
    return page, status
