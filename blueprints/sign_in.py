"""Signing in with username and password, and signing out. What comes between is in arrival.py."""

from contextlib import suppress

from flask import Blueprint, flash, make_response, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from blueprints import cookies
from blueprints.address_gate import is_trusted, refused_sign_in
from blueprints.arrival import ASKER, arrive
from blueprints.gate import public
from blueprints.limits import anonymous_limit, limiter
from blueprints.next_page import next_page
from blueprints.visit import actor, visit
from console.core.db import unit_of_work
from console.core.errors import NotFound, Throttled
from console.identity import sign_in as steps
from console.identity.passwords import LONGEST, verify_password
from console.sessions.actions import count_sign_in, end_session

blueprint = Blueprint("sign_in", __name__)


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Username and password, as typed."""

    username = StringField("Username", [InputRequired("Give your username: your e-mail address."), Length(max=254)])
    password = PasswordField("Password", [InputRequired("Give your password."), Length(max=4 * LONGEST)])


@blueprint.get("/")
@public
def start() -> ResponseReturnValue:
    """The front door leads to the overview, or to the sign-in form."""
    return redirect(url_for("overview.show" if visit().person else "sign_in.form"), 303)


@blueprint.get("/sign-in")
@public
def form() -> ResponseReturnValue:
    """The sign-in form; somebody who is signed in goes on to where they wanted."""
    if visit().person is not None:
        return redirect(next_page(), 303)
    return _sign_in_page(SignInForm())


@blueprint.post("/sign-in")
@public
@limiter.limit(anonymous_limit)
def submit() -> ResponseReturnValue:
    """Compare, outside of any transaction; then start a session, or say no in the same words for every reason."""
    entered = SignInForm()
    if not entered.validate_on_submit():
        return _sign_in_page(entered, 422)
    with unit_of_work():
        attempt = steps.begin(entered.username.data, address=visit().address, browser_tokens=cookies.browser_tokens())
    if attempt.wait_seconds:
        with unit_of_work():
            steps.refuse_throttled(attempt, by=actor())
        raise Throttled(
            "There were too many attempts for this username or from your network. Your password still works. From a"
            " browser that you used before you can sign in at once.",
            retry_after_seconds=attempt.wait_seconds,
        )
    right = verify_password(attempt.stored_hash, entered.password.data)
    if right and attempt.admits:
        _end_session_before()
    outcome, person = steps.finish(attempt, entered.password.data, right=right, by=actor())
    outside = refused_sign_in(person) if outcome == "welcome" and person is not None else None
    if outcome == "welcome" and person is not None and outside is None:
        return arrive(person, trusted=is_trusted(person))
    count_sign_in(succeeded=False)
    if outside is not None:
        return outside
    if outcome == "suspended":
        entered.form_errors.append("Your access is suspended. Your administrator can tell you more.")
    else:
        entered.form_errors.append(
            "The username or the password is not right. After several wrong tries even the right one is refused for some"
            " minutes."
        )
    return _sign_in_page(entered, 422)


def _end_session_before() -> None:
    """A right password ends the session that this browser had, whosever it was. In a unit of its tenant, before ours."""
    person = visit().person
    if person is None:
        return
    with suppress(NotFound), unit_of_work(person.tenant_id):
        end_session(person.session_id, why="signed in again", by=person.actor)


def _sign_in_page(entered: SignInForm, status: int = 200) -> ResponseReturnValue:
    return render_template("sign_in/form.html", form=entered, next=request.values.get("next", "")), status


@blueprint.post("/sign-out")
@public
def sign_out() -> ResponseReturnValue:
    """The session is over on the server, and the browser drops what it kept of the pages."""
    person = visit().person
    if person is not None:
        with unit_of_work(person.tenant_id):
            end_session(person.session_id, why="signed out", by=person.actor)
    response = make_response(redirect(url_for("sign_in.form"), 303))
    cookies.clear_session(response)
    asker = session.get(ASKER)
    session.clear()
    if asker:
        session[ASKER] = asker  # signing out and in again is no way to more mails than one a minute
    flash("You are signed out.", "success")
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response
