"""What the pages about second factors share: the fields of a proof, the picture of an app's key, answers as JSON."""

import segno
from flask import Response
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import Length

from blueprints.visit import actor, signed_in
from console.core.db import db, unit_of_work
from console.core.errors import Throttled
from console.identity import totp
from console.identity.actions import acting_as
from console.identity.models import TotpFactor
from console.identity.proving import Given, Offer
from console.identity.totp import Proof
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


def check_wait(proof: Proof) -> None:
    """Nothing happens unless there were too many wrong codes. **Raises:** Throttled, and records that once a window."""
    if proof.wait_seconds:
        db.session.rollback()
        with unit_of_work(signed_in().tenant_id):
            totp.refuse_throttled(signed_in().user_id, by=acting_as(user(signed_in().user_id), actor()))
        raise Throttled(
            "Too many wrong codes. Wait, then use the code that your app shows then.",
            retry_after_seconds=proof.wait_seconds,
        )


def picture(app: TotpFactor, person: User) -> str:
    """The QR code that an authenticator app reads."""
    uri = totp.provisioning_uri(app, person)
    drawn: str = segno.make(uri, error="m").svg_inline(scale=5, border=2, dark="#10201d", light="#ffffff")
    return drawn


def as_json(text: str) -> Response:
    """That JSON text, as the answer to a script."""
    return Response(text, mimetype="application/json")
