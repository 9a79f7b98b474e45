"""One's own profile, password, e-mail address and sessions (P03)."""

from dataclasses import asdict
from uuid import UUID

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length, Optional

from blueprints import cookies
from blueprints.address_gate import admit_link
from blueprints.fields import TimeZoneField, show_problems
from blueprints.gate import public, requires
from blueprints.limits import anonymous_limit, limiter
from blueprints.next_page import next_page
from blueprints.present_password import is_present_password
from blueprints.told import count_told
from blueprints.visit import actor, signed_in
from console.core.db import db, unit_of_work
from console.core.errors import Conflict, Invalid
from console.core.permissions import Permission
from console.identity import actions, addresses
from console.identity.factors import factors_of
from console.identity.passwords import LONGEST, hash_password
from console.sessions.actions import end_other_sessions, end_session, start_session
from console.sessions.models import open_sessions
from console.users.links import follow_link
from console.users.models import User, user
from console.users.profile import change_own_profile
from console.users.usernames import pending_change, withdraw_change

blueprint = Blueprint("me", __name__, url_prefix="/me")
P = Permission


class ProfileForm(FlaskForm):  # type: ignore[misc]
    """What everybody may change of themselves."""

    given_name = StringField("Given name")
    family_name = StringField("Family name")
    title = StringField("Title", [Optional()])
    phone = StringField("Phone", [Optional()])
    time_zone = TimeZoneField("Time zone")


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """The present password and the new one, twice."""

    present = PasswordField("Present password", [InputRequired("Give your present password."), Length(max=4 * LONGEST)])
    password = PasswordField("New password", [InputRequired("Choose a password."), Length(max=4 * LONGEST)])
    password_again = PasswordField("New password again", [InputRequired("Type it again."), Length(max=4 * LONGEST)])


class EmailForm(FlaskForm):  # type: ignore[misc]
    """The address to change to. Who it is was asked before (step-up), and both mailboxes must confirm."""

    email = StringField("New e-mail address", [InputRequired("Give the new address."), Length(max=254)])


@blueprint.get("")
@requires(P.ME_PROFILE_READ)
def show() -> ResponseReturnValue:
    """One's own page."""
    person = _me()
    return _page("me/profile.html", ProfileForm(data=asdict(person.details)))


@blueprint.post("")
@requires(P.ME_PROFILE_WRITE)
def save() -> ResponseReturnValue:
    """The profile is changed."""
    entered = ProfileForm()
    fields = {
        name: entered[name].data for name in entered.data if name != "csrf_token" and entered[name].data is not None
    }
    try:
        change_own_profile(fields, by=actor())
    except Invalid as problem:
        db.session.rollback()
        show_problems(entered, problem)
        return _page("me/profile.html", entered, 422)
    flash("Your profile was saved.", "success")
    return redirect(url_for("me.show"), 303)


@blueprint.post("/time-zone")
@requires(P.ME_PROFILE_WRITE)
def save_time_zone() -> ResponseReturnValue:
    """Times are shown in the zone of the browser, which offered it."""
    zone = request.form.get("time_zone", "")
    person = change_own_profile({"time_zone": zone}, by=actor())
    flash(f"Times are shown in {person.details.time_zone.replace('_', ' ')} from now on.", "success")
    return redirect(next_page(), 303)


@blueprint.get("/password")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def password() -> ResponseReturnValue:
    """The form for a new password."""
    return _page("me/password.html", PasswordForm())


@blueprint.post("/password")
@requires(P.ME_PROFILE_WRITE, fresh=True)
@limiter.limit("20 per minute")
def change_password() -> ResponseReturnValue:
    """The new password counts; all other sessions are over, and this one goes on under a new token."""
    entered = PasswordForm()
    if not entered.validate_on_submit() or not _is_me(entered, entered.present.data):
        return _page("me/password.html", entered, 422)
    with unit_of_work(actor().tenant_id, write=False):
        try:
            actions.check_new_password(_me(), entered.password.data, entered.password_again.data)
        except Invalid as problem:
            show_problems(entered, problem)
    if entered.errors:
        return _page("me/password.html", entered, 422)
    new_hash = hash_password(entered.password.data)
    person = actions.change_password(_my_id(), new_hash, by=actor())
    token = start_session(person, stage="full", by=actor())
    flash("Your password was changed. All other sessions were ended.", "success")
    response = make_response(redirect(url_for("me.show"), 303))
    cookies.set_session(response, token)
    return response


@blueprint.get("/e-mail")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def email() -> ResponseReturnValue:
    """The form for another e-mail address."""
    return _page("me/email.html", EmailForm())


@blueprint.post("/e-mail")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def change_email() -> ResponseReturnValue:
    """Both addresses get a link; nothing changes before both were followed."""
    entered = EmailForm()
    if not entered.validate_on_submit():
        return _page("me/email.html", entered, 422)
    try:
        new_email = addresses.ask_email_change(_my_id(), entered.email.data, by=actor())
    except (Invalid, Conflict) as problem:
        db.session.rollback()
        count_told(problem)
        show_problems(entered, Invalid(problem.message, {"email": problem.message}))
        return _page("me/email.html", entered, 422)
    flash(
        f"Open the links that were sent to your present address and to {new_email}. Until then nothing changes.", "info"
    )
    return redirect(url_for("me.show"), 303)


@blueprint.get("/e-mail/confirm/<token>")
@public
@limiter.limit(anonymous_limit)
def confirm_page(token: str) -> ResponseReturnValue:
    """What the link will do; opening it does nothing."""
    with unit_of_work(write=False):
        found = addresses.look_at_confirmation(token)
        admit_link(user(follow_link(token, "email_old", "email_new").user_id))
    return render_template("me/confirm_email.html", token=token, found=found, form=FlaskForm())


@blueprint.post("/e-mail/confirm/<token>")
@public
@limiter.limit(anonymous_limit)
def confirm(token: str) -> ResponseReturnValue:
    """One address confirmed; once all did that must, the username changes."""
    with unit_of_work():  # whoever follows the link may be signed in at another Customer
        admit_link(user(follow_link(token, "email_old", "email_new").user_id))
        person, done = addresses.confirm_email_change(token, by=actor())
        email = person.details.email
    return render_template("me/email_confirmed.html", done=done, email=email)


@blueprint.post("/e-mail/cancel")
@requires(P.ME_PROFILE_WRITE)
def cancel_email() -> ResponseReturnValue:
    """The change of one's own address that waits is off, whoever asked for it."""
    withdraw_change(_my_id(), by=actor())
    flash("Your address stays as it is. The links in the mails do not work any more.", "success")
    return redirect(url_for("me.show"), 303)


@blueprint.get("/e-mail/stop/<token>")
@public
@limiter.limit(anonymous_limit)
def stop_page(token: str) -> ResponseReturnValue:
    """What stopping a change will do; opening the page does nothing."""
    with unit_of_work(write=False):
        found = addresses.look_at_veto(token)
    return render_template("me/stop_email.html", token=token, found=found, form=FlaskForm())


@blueprint.post("/e-mail/stop/<token>")
@public
@limiter.limit(anonymous_limit)
def stop(token: str) -> ResponseReturnValue:
    """The old address is the username, all sessions are over, and the administrators are told."""
    with unit_of_work():
        email = addresses.stop_email_change(token, by=actor()).details.email
    return render_template("me/email_stopped.html", email=email)


@blueprint.get("/sessions")
@requires(P.ME_PROFILE_READ)
def sessions() -> ResponseReturnValue:
    """One's own open sessions."""
    rows = open_sessions(_me())
    return render_template("me/sessions.html", sessions=rows, present=actor().session_id)


@blueprint.post("/sessions/<uuid:session_id>/end")
@requires(P.ME_PROFILE_WRITE)
def end_one(session_id: UUID) -> ResponseReturnValue:
    """That session is over."""
    end_session(session_id, why="ended", by=actor())
    flash("The session was ended.", "success")
    return redirect(url_for("me.sessions"), 303)


@blueprint.post("/sessions/end-others")
@requires(P.ME_PROFILE_WRITE)
def end_others() -> ResponseReturnValue:
    """All sessions but this one are over."""
    count = end_other_sessions(by=actor())
    flash(f"{'1 session was' if count == 1 else f'{count} sessions were'} ended.", "success")
    return redirect(url_for("me.sessions"), 303)


def _my_id() -> UUID:
    return signed_in().user_id


def _me() -> User:
    return user(_my_id())


def _page(template: str, form: FlaskForm, status: int = 200) -> ResponseReturnValue:
    person = _me()
    factors = ", ".join(factor.name for factor in factors_of(person.id)) or "None"
    details, pending = person.details, pending_change(person.id)
    page = render_template(template, form=form, person=person, details=details, pending=pending, factors=factors)
    return page, status


def _is_me(form: PasswordForm, typed: str) -> bool:
    """Whether the present password was typed; if not, the form says so."""
    if is_present_password(typed):
        return True
    form.present.errors = [*form.present.errors, "This is not your present password."]
    return False
