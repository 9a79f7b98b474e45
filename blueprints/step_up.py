"""Before a risky act: confirm that it is you. Ten minutes long that counts, then it is asked again.

An endpoint says that it needs it with `requires(permission, fresh=True)`. Whoever opens such a page too long after the
last proof is asked first and then sent there. A form that arrives too late loses nothing: its fields are carried
through the question, and the browser sends the same form again once the answer was right (307).
"""

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Flask, current_app, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.exceptions import HTTPException
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import Length

from blueprints import cookies
from blueprints.factors.parts import ANSWER_CHARACTERS, as_json, count_try
from blueprints.gate import SAFE_METHODS, is_fresh, requires
from blueprints.limits import anonymous_limit, limiter
from blueprints.next_page import here, is_path, next_page
from blueprints.present_password import is_present_password
from blueprints.uploads import file_bytes
from blueprints.visit import actor, signed_in, visit
from console.core.db import unit_of_work
from console.core.errors import Conflict, Throttled
from console.core.permissions import Permission
from console.identity import passkeys
from console.identity.passwords import LONGEST
from console.identity.proving import Given, Offer, offer, prove
from console.sessions.actions import confirm_session
from console.users.models import user

blueprint = Blueprint("step_up", __name__, url_prefix="/confirm-it-is-you")
P = Permission
OWN = "proof_"
"""What the fields of the question begin with; the page that the form goes on to ignores them."""
TO = f"{OWN}to"
ROOM_BYTES = 32 * 2**10
"""What the question may add to a form."""


class StepUpForm(FlaskForm):  # type: ignore[misc]
    """The proof: of a second factor where there is one, else the password."""

    code = StringField("Code", [Length(max=20)], name=f"{OWN}code")
    recovery_code = StringField("Recovery code", [Length(max=40)], name=f"{OWN}recovery_code")
    assertion = HiddenField(validators=[Length(max=ANSWER_CHARACTERS)], name=f"{OWN}assertion")
    password = PasswordField("Password", [Length(max=4 * LONGEST)], name=f"{OWN}password")

    def given(self) -> Given:
        """The proof of a second factor that was given."""
        return Given(self.assertion.data or "", (self.recovery_code.data or "").strip(), self.code.data or "")


@dataclass(frozen=True)
class Question:
    """What is asked, and what it is asked for: a page to open, or a form to send on."""

    offer: Offer
    to: str | None = None
    carried: tuple[tuple[str, str], ...] = ()


def install(app: Flask) -> None:
    """Risky acts ask first. Runs after the form's token was checked, so that no other site's form is carried on."""
    app.before_request(_ask_first)


def _ask_first() -> ResponseReturnValue | None:
    if not visit().must_confirm:
        return None
    if request.method in SAFE_METHODS:
        return redirect(url_for("step_up.ask", next=here()), 303)
    if file_bytes() is not None or request.files:
        raise Conflict("Confirm first that it is you: open the page again, then choose the file. Nothing was done.")
    carried = tuple((name, value) for name, value in request.form.items(multi=True) if name != "csrf_token")
    to = request.full_path.rstrip("?")
    if not _may_go_on(to) or len(urlencode(carried)) > (request.max_content_length or ROOM_BYTES) - ROOM_BYTES:
        raise Conflict("Confirm first that it is you: open the page again, then send the form. Nothing was done.")
    return _page(StepUpForm(formdata=None), Question(offer(signed_in().user_id), to, carried), 403)


@blueprint.get("")
@requires(P.ME_PROFILE_READ)
def ask() -> ResponseReturnValue:
    """The question; whoever answered it lately goes on."""
    if is_fresh(actor()):
        return redirect(next_page(), 303)
    return _page(StepUpForm(), Question(offer(signed_in().user_id)))


@blueprint.post("")
@requires(P.ME_PROFILE_WRITE)
@limiter.limit(anonymous_limit)
def submit() -> ResponseReturnValue:
    """A right answer counts for ten minutes, under a new token; the page or the form goes on."""
    entered, question = StepUpForm(), _question()
    problem = _problem(entered, question.offer)
    if problem:
        name, said = problem
        field = entered[name] if name else None
        if field is not None:
            field.errors = [*field.errors, said]
        else:
            entered.form_errors.append(said)
        return _page(entered, question, 422)
    person = user(signed_in().user_id)
    token = confirm_session(signed_in().session_id, by=actor(), person=person)
    response = make_response(redirect(question.to, 307) if question.to else redirect(next_page(), 303))
    cookies.set_session(response, token)
    return response


@blueprint.post("/passkey")
@requires(P.ME_PROFILE_WRITE)
@limiter.limit(anonymous_limit)
def ask_passkey() -> ResponseReturnValue:
    """What the script hands to the browser to prove a passkey."""
    return as_json(passkeys.ask_proof(user(signed_in().user_id), session_id=signed_in().session_id))


def _question() -> Question:
    """What this form answers. Read in a unit of its own: the page's begins when the password was compared."""
    with unit_of_work(signed_in().tenant_id, write=False):
        offered = offer(signed_in().user_id)
    to = request.form.get(TO)
    if not to or not _may_go_on(to):
        return Question(offered)
    carried = tuple(
        (name, value)
        for name, value in request.form.items(multi=True)
        if name != "csrf_token" and not name.startswith(OWN)
    )
    return Question(offered, to, carried)


def _problem(entered: StepUpForm, offered: Offer) -> tuple[str, str] | None:
    """What is wrong with the answer: the field and what to say beside it."""
    entered.validate()
    if not offered.factor:
        return _password_problem(entered.password.data or "")
    given = entered.given()
    if given.empty:
        return ("code", "Give the six digits that your app shows.") if offered.app else ("", "Use a passkey first.")
    spent = count_try(given)
    if spent.wait_seconds:
        return "", f"Too many wrong codes. Wait {_minutes(spent.wait_seconds)}, then try again."
    person = user(signed_in().user_id)
    proof = prove(person, given, spent, session_id=signed_in().session_id, by=actor())
    return None if proof.right else _wrong(given)


def _wrong(given: Given) -> tuple[str, str]:
    if given.assertion:
        return "", "The passkey's answer did not count. Try again, or use another way."
    if given.recovery_code:
        return "recovery_code", "This recovery code is not right, or was used already."
    return "code", "This code is not right, or was used already. Wait for the next one."


def _password_problem(typed: str) -> tuple[str, str] | None:
    if not typed:
        return "password", "Give your password."
    try:
        right = is_present_password(typed)
    except Throttled as error:
        return "", f"Too many wrong passwords. Wait {_minutes(error.retry_after_seconds)}, then try again."
    return None if right else ("password", "This is not your password.")


def _minutes(seconds: int) -> str:
    count = -(-seconds // 60)
    return "a minute" if count == 1 else f"{count} minutes" if count < 120 else f"{-(-count // 60)} hours"


def _may_go_on(path: str) -> bool:
    """Whether a form can be sent on to that address: one of ours that takes forms and asks who it is."""
    if not is_path(path):
        return False
    try:
        endpoint, _values = current_app.url_map.bind("").match(urlsplit(path).path, method="POST")
    except HTTPException:
        return False
    access = getattr(current_app.view_functions[endpoint], "access", None)
    return access is not None and bool(access.fresh)


def _page(entered: StepUpForm, question: Question, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "step_up/confirm.html",
        form=entered,
        offer=question.offer,
        to=question.to,
        to_field=TO,
        carried=question.carried,
        next=request.values.get("next", "") if not question.to else "",
    )
    return page, status
