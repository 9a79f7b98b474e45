"""The second half of signing in: prove the second factor, or set one up where one is required."""

from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.arrival import go_on, landing
from blueprints.browser import browser_name
from blueprints.factors.parts import ProofForm, as_json, check_wait, count_try, shown_app
from blueprints.factors.setting_up import AppForm, PasskeyForm
from blueprints.fields import show_problems
from blueprints.gate import half_signed_in
from blueprints.limits import anonymous_limit, limiter
from blueprints.visit import actor, signed_in
from console.core.errors import Invalid
from console.identity import passkeys, totp
from console.identity.actions import acting_as
from console.identity.enrolment import Enrolled, add_app, add_passkey
from console.identity.factors import has_factor
from console.identity.proving import offer, prove
from console.sessions.actions import keep_session
from console.users.models import user

blueprint = Blueprint("sign_in_factor", __name__, url_prefix="/sign-in/factor")


@blueprint.get("")
@half_signed_in("factor", "enrol")
def show() -> ResponseReturnValue:
    """Ask for the second factor; somebody who needs one and has none sets it up here."""
    if not _enrols():
        return _proof_page(ProofForm())
    return _app_page(AppForm()) if request.args.get("way") == "app" else _enrol_page(PasskeyForm())


@blueprint.post("")
@half_signed_in("factor", "enrol")
@limiter.limit(anonymous_limit)
def submit() -> ResponseReturnValue:
    """A right proof makes the session full, under a new token; so does a factor that was just set up."""
    if _enrols():
        return _submit_passkey() if "credential" in request.form else _submit_app()
    entered = ProofForm()
    given = entered.given()
    valid = entered.validate_on_submit()
    if not valid or given.empty:
        entered.refuse(offer(_my_id()))
        return _proof_page(entered, 422)
    spent = count_try(given)
    check_wait(spent)
    person = user(_my_id())
    proof = prove(person, given, spent, session_id=signed_in().session_id, by=acting_as(person, actor()))
    if not proof.right:
        entered.refuse(offer(person.id))
        return _proof_page(entered, 422)
    return go_on(person, "factor")


@blueprint.post("/app")
@half_signed_in("factor", "enrol")
@limiter.limit(anonymous_limit)
def start_app() -> ResponseReturnValue:
    """An authenticator app is being set up: its key is made, and shown on the next page."""
    if _enrols():
        totp.start_enrolment(user(_my_id()))
    return redirect(url_for("sign_in_factor.show", way="app", next=request.form.get("next", "")), 303)


@blueprint.post("/passkey")
@half_signed_in("factor", "enrol")
@limiter.limit(anonymous_limit)
def ask_passkey() -> ResponseReturnValue:
    """What the script hands to the browser: to make a passkey where one is set up, else to prove one."""
    person, session_id = user(_my_id()), signed_in().session_id
    ask = passkeys.ask_new if _enrols() else passkeys.ask_proof
    return as_json(ask(person, session_id=session_id))


def _enrols() -> bool:
    """Whether a factor is to be set up. If one came to be meanwhile in another window, it must be proved instead."""
    return signed_in().stage == "enrol" and not has_factor(_my_id())


def _submit_app() -> ResponseReturnValue:
    entered = AppForm()
    if not entered.validate_on_submit():
        return _app_page(entered, 422)
    person = user(_my_id())
    done = add_app(person.id, entered.code.data, first=True, by=acting_as(person, actor()))
    if not done.added:
        entered.refuse()
        return _app_page(entered, 422)
    return _enrolled(done)


def _submit_passkey() -> ResponseReturnValue:
    entered = PasskeyForm()
    person = user(_my_id())
    by, session_id = acting_as(person, actor()), signed_in().session_id
    if not entered.validate_on_submit():
        return _enrol_page(entered, 422)
    try:
        done = add_passkey(
            person.id, entered.name.data or "", entered.credential.data, session_id=session_id, first=True, by=by
        )
    except Invalid as problem:
        show_problems(entered, problem)
        return _enrol_page(entered, 422)
    if not done.added:
        entered.refuse()
        return _enrol_page(entered, 422)
    return _enrolled(done)


def _enrolled(done: Enrolled) -> ResponseReturnValue:
    """Signed in; the recovery codes are shown on the way, this once. All other sessions, half or whole, are over."""
    keep_session(signed_in().session_id, person=done.person)
    page = render_template("factors/codes_at_sign_in.html", codes=done.codes, target=landing(done.person))
    return go_on(done.person, "enrol", show=page)


def _my_id() -> UUID:
    return signed_in().user_id


def _next() -> str:
    return request.values.get("next", "")


def _proof_page(entered: ProofForm, status: int = 200) -> ResponseReturnValue:
    return render_template("factors/sign_in.html", form=entered, offer=offer(_my_id()), next=_next()), status


def _enrol_page(entered: PasskeyForm, status: int = 200) -> ResponseReturnValue:
    if entered.name.data is None:
        entered.name.data = browser_name(request.user_agent.string)
    return render_template("factors/enrol.html", form=entered, next=_next()), status


def _app_page(entered: AppForm, status: int = 200) -> ResponseReturnValue:
    app = totp.enrolment_of(_my_id())
    if app is None:
        return redirect(url_for("sign_in_factor.show", next=_next()), 303)
    shown = shown_app(app, user(_my_id()))
    return render_template("factors/enrol_app.html", form=entered, app=shown, next=_next()), status
