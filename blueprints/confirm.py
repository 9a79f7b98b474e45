"""Confirming a sign-in: the page that asks for the code, and the one behind the link "this was not me"."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from blueprints import cookies
from blueprints.arrival import UNREMEMBERED, ask_again, go_on
from blueprints.gate import half_signed_in, public
from blueprints.limits import anonymous_limit, limiter
from blueprints.next_page import next_page
from blueprints.visit import actor, signed_in, visit
from blueprints.waiting import spoken_wait
from console.core import clock
from console.core.db import unit_of_work
from console.core.errors import Throttled
from console.identity.actions import acting_as
from console.identity.confirmation import MAIL_SECONDS, count_try, plain_code, prove
from console.identity.confirmation_models import mailed_code
from console.identity.rules import REASON_TEXTS, can_remember
from console.sessions.denial import deny_sign_in, sign_in_of
from console.users.models import User, user

blueprint = Blueprint("confirm", __name__, url_prefix="/sign-in")


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The code, and whether this browser is to be remembered."""

    code = StringField("Code", [InputRequired("Give the eight digits of the code."), Length(max=40)])
    remember = BooleanField("Remember this browser")

    def validate_code(self, field: StringField) -> None:
        """What cannot be a code is not tried, and costs no try. **Raises:** ValidationError."""
        if plain_code(field.data) is None:
            raise ValidationError("A code has eight digits, such as 1234 5678.")


@blueprint.get("/confirm")
@half_signed_in("confirm")
def form() -> ResponseReturnValue:
    """Ask for the code that was mailed."""
    return _page(ConfirmForm(remember=True))


@blueprint.post("/confirm")
@half_signed_in("confirm")
@limiter.limit(anonymous_limit)
def submit() -> ResponseReturnValue:
    """A right code leads on, under a new token; a wrong one is counted."""
    entered = ConfirmForm()
    if not entered.validate_on_submit():
        return _page(entered, 422)
    with unit_of_work(signed_in().tenant_id):  # counted for good before it is compared, whatever becomes of the page
        mine, tokens = signed_in().user_id, cookies.browser_tokens()
        counted = count_try(mine, session_id=signed_in().session_id, tokens=tokens)
    if counted.wait_seconds:
        raise Throttled("There were too many wrong codes for this account.", retry_after_seconds=counted.wait_seconds)
    person = user(signed_in().user_id)
    proof = prove(person, plain_code(entered.code.data) or "", counted, by=acting_as(person, actor()))
    if not proof.right:
        entered.code.errors = [*entered.code.errors, _not_right(proof.tries_left)]
        return _page(entered, 422)
    if can_remember(signed_in().choices, person.role) and not entered.remember.data:
        session[UNREMEMBERED] = True
    return go_on(person, "confirm")


def _not_right(tries_left: int) -> str:
    if not tries_left:
        return "No code works any more. Have a new one sent."
    return f"This code is not right. {'1 try is' if tries_left == 1 else f'{tries_left} tries are'} left."


@blueprint.post("/confirm/again")
@half_signed_in("confirm")
@limiter.limit(anonymous_limit)
def send_again() -> ResponseReturnValue:
    """Another code is on its way; the earlier one does not work any more."""
    wait = ask_again(user(signed_in().user_id))
    if wait:
        entered = ConfirmForm(formdata=None, remember=True)
        sent = mailed_code(signed_in().session_id)
        still = " The code in the last mail still works." if sent is not None and sent.open else ""
        entered.form_errors.append(f"No new code was sent. You can have another one in {spoken_wait(wait)}.{still}")
        page, status = _page(entered, 429)
        return page, status, {"Retry-After": str(wait)}
    flash("A new code is on its way. The earlier one does not work any more.", "success")
    return redirect(url_for("confirm.form", next=next_page()), 303)


def _page(entered: ConfirmForm, status: int = 200) -> tuple[str, int]:
    person, sent = user(signed_in().user_id), mailed_code(signed_in().session_id)
    chosen, now = signed_in().choices, clock.now()
    page = render_template(
        "sign_in/confirm.html",
        form=entered,
        next=request.values.get("next", ""),
        mailbox=_masked(person),
        sent=sent,
        works=sent is not None and sent.open,
        reason=REASON_TEXTS[sent.facts["reason"]] if sent else None,
        wait_seconds=max(0, MAIL_SECONDS - int((now - sent.created_at).total_seconds())) if sent else 0,
        days=chosen.remember_browser_days if can_remember(chosen, person.role) else 0,
    )
    return page, status


def _masked(person: User) -> str:
    """The address as its owner knows it, and nobody else can read it: "m…a@acme.example"."""
    mailbox, _at, domain = person.details.email.rpartition("@")
    return f"{mailbox[0]}…{mailbox[-1] if len(mailbox) > 2 else ''}@{domain}"


@blueprint.get("/not-me/<token>")
@public
@limiter.limit(anonymous_limit)
def denial(token: str) -> ResponseReturnValue:
    """What the link will do. Opening it does nothing, because mail scanners open links too."""
    with unit_of_work(write=False):
        shown = sign_in_of(token)
        visit().time_zone = shown.person.details.time_zone
    return render_template("sign_in/not_me.html", token=token, shown=shown)


@blueprint.post("/not-me/<token>")
@public
@limiter.limit(anonymous_limit)
def deny(token: str) -> ResponseReturnValue:
    """That sign-in is over, and the administrators know."""
    with unit_of_work():  # whoever follows the link may be signed in at another Customer
        shown = deny_sign_in(token, by=actor())
        visit().time_zone = shown.person.details.time_zone
    return render_template("sign_in/denied.html", shown=shown)
