"""The service staff: who they are, and reset the second factors of one who lost them. Two people, never oneself."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from blueprints.factors.reset import ReasonForm
from blueprints.fields import show_problems
from blueprints.gate import requires
from blueprints.support import blueprint
from blueprints.visit import actor
from console.core.db import db
from console.core.errors import Invalid
from console.core.permissions import Permission, role_label
from console.identity.factors import check_reset, has_factor, reset_factors
from console.users.models import State, User, user

MOST = 500


@blueprint.get("/staff")
@requires(Permission.SUPPORT_FACTORS_RESET)
def list_staff() -> ResponseReturnValue:
    """The colleagues, and whether each has a second factor."""
    query = select(User).where(User.state != State.DELETED).order_by(User.id).limit(MOST)
    rows = [
        {"person": person, "role": role_label(person.role), "factor": has_factor(person.id)}
        for person in db.session.execute(query).scalars()
    ]
    return render_template("support/staff.html", rows=rows, mine=actor().user_id)


@blueprint.get("/staff/<uuid:user_id>/factors/reset")
@requires(Permission.SUPPORT_FACTORS_RESET, fresh=True)
def confirm_factor_reset(user_id: UUID) -> ResponseReturnValue:
    """What will happen."""
    return _page(user_id, ReasonForm())


@blueprint.post("/staff/<uuid:user_id>/factors/reset")
@requires(Permission.SUPPORT_FACTORS_RESET, fresh=True)
def reset_factor(user_id: UUID) -> ResponseReturnValue:
    """The colleague has no second factor any more, is told, and sets up another one at the next sign-in."""
    entered = ReasonForm()
    try:
        person = reset_factors(user_id, reason=entered.reason.data or "", by=actor())
    except Invalid as problem:
        db.session.rollback()
        show_problems(entered, problem)
        return _page(user_id, entered, 422)
    flash(f"The second factors of {person.name} were reset.", "success")
    return redirect(url_for("support.list_staff"), 303)


def _page(user_id: UUID, entered: ReasonForm, status: int = 200) -> ResponseReturnValue:
    person = user(user_id)
    check_reset(person, by=actor())
    return render_template(
        "support/reset_factors.html", form=entered, person=person, role=role_label(person.role)
    ), status
