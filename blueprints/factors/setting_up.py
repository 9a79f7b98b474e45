"""The forms that set up a second factor, at sign-in and later."""

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from blueprints.factors.parts import ANSWER_CHARACTERS


class AppForm(FlaskForm):  # type: ignore[misc]
    """The first code of an authenticator app."""

    code = StringField("Code", [InputRequired("Give the six digits that your app shows."), Length(max=20)])

    def refuse(self) -> None:
        """Say that the code was wrong."""
        said = "This code is not right, or was used already. Wait for the next one."
        self.code.errors = [*self.code.errors, said]


class PasskeyForm(FlaskForm):  # type: ignore[misc]
    """A passkey's name, and what the browser says of it; the script fills that in."""

    name = StringField("Name of the passkey", [Length(max=200)])
    credential = HiddenField(validators=[Length(max=ANSWER_CHARACTERS)])

    def refuse(self) -> None:
        """Say that the passkey was not added."""
        self.form_errors.append("The passkey was not added: its answer did not count. Try again.")
