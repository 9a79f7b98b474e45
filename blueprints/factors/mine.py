"""One's own second factors: list, add, rename, remove, recovery codes. Each change asks first who it is."""

from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import StringField

from blueprints import cookies
from blueprints.browser import browser_name
from blueprints.factors.parts import as_json, shown_app
from blueprints.factors.setting_up import AppForm, PasskeyForm
from blueprints.fields import show_problems
from blueprints.gate import requires
from blueprints.visit import actor, signed_in
from console.core.db import db
from console.core.errors import Conflict, Invalid
from console.core.permissions import Permission
from console.identity import passkeys, totp
from console.identity.enrolment import Enrolled, add_app, add_passkey
from console.identity.factors import factor_of, factor_required, factors_of, has_factor, remove_factor, rename_factor
from console.identity.recovery_codes import CODES, codes_left, known_codes, replace_codes
from console.sessions.actions import keep_session
from console.users.models import User, user

blueprint = Blueprint("factors", __name__, url_prefix="/me/factors")
P = Permission


class NameForm(FlaskForm):  # type: ignore[misc]
    """What a factor is called."""

    name = StringField("Name")


@blueprint.get("")
@requires(P.ME_PROFILE_READ)
def show() -> ResponseReturnValue:
    """One's own second factors, and how many recovery codes are left."""
    person = user(_my_id())
    found = factors_of(person.id)
    return render_template(
        "factors/list.html",
        factors=found,
        required=factor_required(person),
        has_app=any(factor.kind == "app" for factor in found),
        codes_left=codes_left(person.id),
        codes_in_all=CODES,
    )


@blueprint.post("/app")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def start_app() -> ResponseReturnValue:
    """An authenticator app is being set up: its key is made, and shown on the next page."""
    totp.start_enrolment(user(_my_id()))
    return redirect(url_for("factors.app"), 303)


@blueprint.get("/app")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def app() -> ResponseReturnValue:
    """The key of the app that is being set up, as a picture and as text."""
    return _app_page(AppForm())


@blueprint.post("/app/confirm")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def confirm_app() -> ResponseReturnValue:
    """The first right code makes the app a second factor."""
    entered = AppForm()
    if not entered.validate_on_submit():
        return _app_page(entered, 422)
    done = add_app(_my_id(), entered.code.data, first=False, by=actor())
    if not done.added:
        entered.refuse()
        return _app_page(entered, 422)
    return _added(done, "Your authenticator app was added.")


@blueprint.get("/passkeys")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def new_passkey() -> ResponseReturnValue:
    """The form to add a passkey."""
    return _passkey_page(PasskeyForm())


@blueprint.post("/passkeys/options")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def ask_passkey() -> ResponseReturnValue:
    """What the script hands to the browser to make a passkey."""
    return as_json(passkeys.ask_new(user(_my_id()), session_id=signed_in().session_id))


@blueprint.post("/passkeys")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def create_passkey() -> ResponseReturnValue:
    """The passkey is a second factor."""
    entered = PasskeyForm()
    if not entered.validate_on_submit():
        return _passkey_page(entered, 422)
    name, answer = entered.name.data or "", entered.credential.data or ""
    try:
        done = add_passkey(_my_id(), name, answer, session_id=signed_in().session_id, first=False, by=actor())
    except Invalid as problem:
        show_problems(entered, problem)
        return _passkey_page(entered, 422)
    if not done.added:
        entered.refuse()
        return _passkey_page(entered, 422)
    return _added(done, "The passkey was added.")


@blueprint.get("/<uuid:factor_id>")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def edit(factor_id: UUID) -> ResponseReturnValue:
    """One factor: rename it, or remove it."""
    return _edit_page(factor_id, NameForm(data={"name": factor_of(_my_id(), factor_id).name}))


@blueprint.post("/<uuid:factor_id>/name")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def rename(factor_id: UUID) -> ResponseReturnValue:
    """The factor has another name."""
    entered = NameForm()
    try:
        name = rename_factor(_my_id(), factor_id, entered.name.data or "", by=actor())
    except Invalid as problem:
        db.session.rollback()
        show_problems(entered, problem)
        return _edit_page(factor_id, entered, 422)
    flash(f"It is called “{name}” now.", "success")
    return redirect(url_for("factors.show"), 303)


@blueprint.post("/<uuid:factor_id>/remove")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def remove(factor_id: UUID) -> ResponseReturnValue:
    """The factor proves nothing any more; all other sessions are over."""
    gone = remove_factor(_my_id(), factor_id, by=actor())
    flash(f"“{gone.name}” was removed. All other sessions were ended.", "success")
    return _keeping(user(_my_id()), make_response(redirect(url_for("factors.show"), 303)))


@blueprint.get("/recovery-codes")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def recovery_codes() -> ResponseReturnValue:
    """What making new recovery codes does."""
    _check_any_factor()
    return render_template("factors/new_codes.html", left=codes_left(_my_id()))


@blueprint.post("/recovery-codes")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def new_recovery_codes() -> ResponseReturnValue:
    """Ten new codes, shown this once; earlier ones are dead."""
    _check_any_factor()
    return render_template("factors/codes.html", codes=replace_codes(_my_id(), by=actor()))


@blueprint.post("/recovery-codes/file")
@requires(P.ME_PROFILE_WRITE, fresh=True)
def recovery_codes_file() -> ResponseReturnValue:
    """The codes that the page before showed, as a text file. Nothing but one's own unused codes is ever in it."""
    person = user(_my_id())
    codes = known_codes(person.id, request.form.getlist("codes"))
    if not codes:
        raise Conflict("These are not your present recovery codes. Make new ones, then download them.")
    text = render_template("factors/codes.txt", codes=codes, details=person.details)
    answer = Response(text, mimetype="text/plain")
    answer.headers.set("Content-Disposition", "attachment", filename="safekeep-recovery-codes.txt")
    return answer


def _check_any_factor() -> None:
    if not has_factor(_my_id()):
        raise Conflict("Recovery codes stand in for a second factor, and you have none. Add one first.")


def _added(done: Enrolled, said: str) -> ResponseReturnValue:
    """Back to the list, or to the recovery codes that come with the first factor."""
    if done.codes:
        return _keeping(done.person, make_response(render_template("factors/codes.html", codes=done.codes, said=said)))
    flash(f"{said} All other sessions were ended.", "success")
    return _keeping(done.person, make_response(redirect(url_for("factors.show"), 303)))


def _keeping(person: User, response: Response) -> Response:
    """The present session outlives the change, under a new token."""
    cookies.set_session(response, keep_session(signed_in().session_id, person=person))
    return response


def _my_id() -> UUID:
    return signed_in().user_id


def _app_page(entered: AppForm, status: int = 200) -> ResponseReturnValue:
    found = totp.enrolment_of(_my_id())
    if found is None:
        return redirect(url_for("factors.show"), 303)
    return render_template("factors/app.html", form=entered, app=shown_app(found, user(_my_id()))), status


def _passkey_page(entered: PasskeyForm, status: int = 200) -> ResponseReturnValue:
    if entered.name.data is None:
        entered.name.data = browser_name(request.user_agent.string)
    return render_template("factors/passkey.html", form=entered), status


def _edit_page(factor_id: UUID, entered: NameForm, status: int = 200) -> ResponseReturnValue:
    person = user(_my_id())
    only = len(factors_of(person.id)) == 1
    return render_template(
        "factors/edit.html",
        form=entered,
        factor=factor_of(person.id, factor_id),
        only=only,
        kept=only and factor_required(person),
    ), status
