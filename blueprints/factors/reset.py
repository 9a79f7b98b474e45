"""Reset a colleague's second factors, when the phone is lost. They are never shown, only taken away."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import StringField

from blueprints.fields import show_problems
from blueprints.gate import requires
from blueprints.visit import actor
from console.core.db import db
from console.core.errors import Invalid
from console.core.permissions import Permission
from console.identity.factors import check_reset, factor_required, reset_factors
from console.users.models import user

blueprint = Blueprint("factors_reset", __name__, url_prefix="/users")
P = Permission


class ReasonForm(FlaskForm):  # type: ignore[misc]
    """Why."""

    reason = StringField("Reason")


@blueprint.get("/<uuid:user_id>/factors/reset")
@requires(P.USERS_PROOFS_RESET, fresh=True)
def confirm(user_id: UUID) -> ResponseReturnValue:
    """What will happen."""
    return _page(user_id, ReasonForm())


@blueprint.post("/<uuid:user_id>/factors/reset")
@requires(P.USERS_PROOFS_RESET, fresh=True)
def submit(user_id: UUID) -> ResponseReturnValue:
    """The colleague has no second factor any more, and is told."""
    entered = ReasonForm()
    try:
        person = reset_factors(user_id, reason=entered.reason.data or "", by=actor())
    except Invalid as problem:
        db.session.rollback()
        show_problems(entered, problem)
        return _page(user_id, entered, 422)
    flash(f"The second factors of {person.name} were reset.", "success")
    return redirect(url_for("users.show_user", user_id=user_id), 303)


def _page(user_id: UUID, entered: ReasonForm, status: int = 200) -> ResponseReturnValue:
    person = user(user_id)
    check_reset(person, by=actor())
    required = factor_required(person)
    return render_template("factors/reset.html", form=entered, person=person, required=required), status
