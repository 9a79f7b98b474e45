"""What the pages about second factors share: the fields of a proof, the picture of an app's key, answers as JSON."""

from dataclasses import dataclass

import segno
from flask import Response
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import Length

from blueprints import cookies
from blueprints.visit import actor, signed_in
from console.core.db import db, unit_of_work
from console.core.errors import Throttled
from console.identity import totp
from console.identity.actions import acting_as
from console.identity.models import TotpFactor
from console.identity.proving import Given, Offer, begin
from console.identity.tries import Spent
from console.users.models import User, user

ANSWER_CHARACTERS = 20_000


class ProofForm(FlaskForm):  # type: ignore[misc]
    """One of three ways to prove a second factor; the script fills in the passkey's answer."""

    code = StringField("Code", [Length(max=20)])
    recovery_code = StringField("Recovery code", [Length(max=40)])
    assertion = HiddenField(validators=[Length(max=ANSWER_CHARACTERS)])

    def given(self) -> Given:
        """What was given."""
        return Given(self.assertion.data or "", (self.recovery_code.data or "").strip(), self.code.data or "")

    def refuse(self, offered: Offer) -> None:
        """Say beside the field that was used what was wrong with it."""
        given = self.given()
        if given.assertion:
            self.form_errors.append("The passkey's answer did not count. Try again, or use another way.")
        elif given.recovery_code:
            said = "This recovery code is not right, or was used already."
            self.recovery_code.errors = [*self.recovery_code.errors, said]
        elif not given.code and not offered.app:
            self.form_errors.append("Use a passkey, or give a recovery code.")
        else:
            said = (
                "This code is not right, or was used already. Wait for the next one."
                if given.code
                else "Give the six digits that your app shows."
            )
            self.code.errors = [*self.code.errors, said]


def count_try(given: Given) -> Spent:
    """The try is counted for good before anything is compared, whatever becomes of the page.

    In a unit of its own. What the page itself has read so far is over, so that it holds nothing meanwhile.
    """
    db.session.rollback()
    with unit_of_work(signed_in().tenant_id):
        by = acting_as(user(signed_in().user_id), actor())
        return begin(signed_in().user_id, given, tokens=cookies.browser_tokens(), by=by)


def check_wait(spent: Spent) -> None:
    """Nothing happens unless there were too many wrong codes. **Raises:** Throttled."""
    if spent.wait_seconds:
        raise Throttled(too_many(spent), retry_after_seconds=spent.wait_seconds)


def too_many(spent: Spent) -> str:
    """Why no code is looked at."""
    if spent.today:
        return (
            "There were too many wrong codes for this account within a day, in browsers that it was not used in before."
            " A passkey works, and so does a browser that you used before."
        )
    return "Too many wrong codes. Wait, then use the code that your app shows then."


@dataclass(frozen=True)
class ShownApp:
    """The key of an app that is being set up, in the three ways in which an app takes it."""

    secret: str
    uri: str
    qr: str


def shown_app(app: TotpFactor, person: User) -> ShownApp:
    """The key as text, as a link for an app on this very device, and as a picture for one on another device."""
    uri = totp.provisioning_uri(app, person)
    drawn: str = segno.make(uri, error="m").svg_inline(scale=5, border=2, dark="#10201d", light="#ffffff")
    return ShownApp(app.secret, uri, drawn)


def as_json(text: str) -> Response:
    """That JSON text, as the answer to a script."""
    return Response(text, mimetype="application/json")
