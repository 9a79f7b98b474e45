"""An expired password is replaced on the way in, where the Customer lets passwords expire. Promise: P08."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.arrival import go_on_with_new_session
from blueprints.fields import show_problems
from blueprints.gate import half_signed_in
from blueprints.limits import anonymous_limit, limiter
from blueprints.password import NewPasswordForm
from blueprints.visit import actor, signed_in
from console.core.db import unit_of_work
from console.core.errors import Invalid
from console.identity.actions import acting_as, change_password, check_renewal
from console.identity.passwords import hash_password
from console.users.models import user

blueprint = Blueprint("renew", __name__, url_prefix="/sign-in/new-password")


@blueprint.get("")
@half_signed_in("renew")
def form() -> ResponseReturnValue:
    """Why a new password is asked for, and the form for it."""
    return _page(NewPasswordForm())


@blueprint.post("")
@half_signed_in("renew")
@limiter.limit(anonymous_limit)
def submit() -> ResponseReturnValue:
    """The new password counts, every other session is over, and the sign-in goes on."""
    entered = NewPasswordForm()
    if not entered.validate_on_submit() or not _acceptable(entered):
        return _page(entered, 422)
    new_hash = hash_password(entered.password.data)
    person = user(signed_in().user_id)
    person = change_password(person.id, new_hash, by=acting_as(person, actor()))
    return go_on_with_new_session(person, "renew")


def _acceptable(entered: NewPasswordForm) -> bool:
    """Whether it will do, and is another one. In a unit of its own: comparing takes long, and nobody should wait."""
    with unit_of_work(signed_in().tenant_id, write=False):
        try:
            check_renewal(user(signed_in().user_id), entered.password.data, entered.password_again.data)
        except Invalid as problem:
            show_problems(entered, problem)
            return False
    return True


def _page(entered: NewPasswordForm, status: int = 200) -> ResponseReturnValue:
    days, email = signed_in().choices.password_expiry_days, user(signed_in().user_id).details.email
    page = render_template(
        "password/renew.html", form=entered, days=days, email=email, next=request.values.get("next", "")
    )
    return page, status
