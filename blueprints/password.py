"""Links from mails: accept an invitation, ask for a new password, choose it. Opening a link changes nothing.

Each act is a unit of work of its own: whoever follows a link may be signed in at another Customer at the same time.
"""

from flask import Blueprint, flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from blueprints.address_gate import admit_link
from blueprints.arrival import MAILBOX
from blueprints.fields import show_problems
from blueprints.gate import public
from blueprints.limits import anonymous_limit, limiter
from blueprints.visit import actor, visit
from console.core.db import unit_of_work
from console.core.errors import Invalid
from console.identity import actions
from console.identity.confirmation import note_mailbox
from console.identity.passwords import LONGEST, hash_password
from console.identity.reset import ask_password_reset
from console.tenants.models import this_tenant
from console.users.links import LinkKind, follow_link
from console.users.models import user

blueprint = Blueprint("password", __name__)


class ForgotForm(FlaskForm):  # type: ignore[misc]
    """Whose password it is."""

    username = StringField("Username", [InputRequired("Give your username: your e-mail address."), Length(max=254)])


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    """A new password, twice."""

    password = PasswordField("New password", [InputRequired("Choose a password."), Length(max=4 * LONGEST)])
    password_again = PasswordField("New password again", [InputRequired("Type it again."), Length(max=4 * LONGEST)])


@blueprint.get("/password/forgot")
@public
def forgot() -> ResponseReturnValue:
    """Ask for a link to choose a new password."""
    return render_template("password/forgot.html", form=ForgotForm())


@blueprint.post("/password/forgot")
@public
@limiter.limit("20 per minute")
def submit_forgot() -> ResponseReturnValue:
    """The same answer for known and unknown names."""
    entered = ForgotForm()
    if not entered.validate_on_submit():
        return render_template("password/forgot.html", form=entered), 422
    with unit_of_work():
        ask_password_reset(entered.username.data, by=actor())
    return render_template("password/asked.html")


@blueprint.get("/password/reset/<token>")
@public
@limiter.limit(anonymous_limit)
def reset(token: str) -> ResponseReturnValue:
    """The form behind a reset link."""
    return _page("password/reset.html", token, "password_reset", NewPasswordForm())


@blueprint.post("/password/reset/<token>")
@public
@limiter.limit(anonymous_limit)
def submit_reset(token: str) -> ResponseReturnValue:
    """The new password counts; all sessions are over."""
    entered = NewPasswordForm()
    if not _acceptable(entered, token, "password_reset"):
        return _page("password/reset.html", token, "password_reset", entered, 422)
    new_hash = hash_password(entered.password.data)
    with unit_of_work():
        person = actions.reset_password(token, new_hash, by=actor())
        secret = note_mailbox(person.id)
    session[MAILBOX] = secret
    flash("Your new password counts from now on. All sessions were ended; please sign in.", "success")
    return redirect(url_for("sign_in.form"), 303)


@blueprint.get("/invitations/<token>")
@public
@limiter.limit(anonymous_limit)
def invitation(token: str) -> ResponseReturnValue:
    """The form behind an invitation."""
    return _page("password/invitation.html", token, "invitation", NewPasswordForm())


@blueprint.post("/invitations/<token>")
@public
@limiter.limit(anonymous_limit)
def accept(token: str) -> ResponseReturnValue:
    """The invited person has a password and can sign in."""
    entered = NewPasswordForm()
    if not _acceptable(entered, token, "invitation"):
        return _page("password/invitation.html", token, "invitation", entered, 422)
    new_hash = hash_password(entered.password.data)
    with unit_of_work():
        person = actions.accept_invitation(token, new_hash, by=actor())
        secret = note_mailbox(person.id)
    session[MAILBOX] = secret
    flash("Welcome. Your account is ready; please sign in with your new password.", "success")
    return redirect(url_for("sign_in.form"), 303)


def _page(template: str, token: str, kind: LinkKind, form: NewPasswordForm, status: int = 200) -> ResponseReturnValue:
    with unit_of_work(write=False):
        link = follow_link(token, kind)
        person = user(link.user_id)
        admit_link(person)
        details, tenant_name = person.details, this_tenant().name
        expires_at, visit().time_zone = link.expires_at, details.time_zone
    page = render_template(
        template, form=form, token=token, details=details, tenant_name=tenant_name, expires_at=expires_at
    )
    return page, status


def _acceptable(form: NewPasswordForm, token: str, kind: LinkKind) -> bool:
    """Whether the form can go on to hashing; its messages say why not."""
    if not form.validate_on_submit():
        return False
    with unit_of_work(write=False):
        person = user(follow_link(token, kind).user_id)
        admit_link(person)
        try:
            actions.check_new_password(person, form.password.data, form.password_again.data)
        except Invalid as problem:
            show_problems(form, problem)
            return False
    return True
