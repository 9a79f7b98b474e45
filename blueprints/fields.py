"""Form fields of our own, and how the messages of a refused act come to stand beside them."""

from functools import cache
from typing import Any

from flask_wtf import FlaskForm
from markupsafe import Markup, escape
from wtforms import Field, StringField
from wtforms.widgets import html_params

from console.core.errors import Invalid
from console.users.rules import time_zones


def show_problems(form: FlaskForm, problem: Invalid) -> None:
    """Each field of `form` that `problem` names shows its message; the rest stands above the form."""
    for name, message in problem.fields.items():
        field = form._fields.get(name)
        if field is None:
            form.form_errors.append(message)
        else:
            field.errors = [*field.errors, message]
    if not problem.fields:
        form.form_errors.append(problem.message)


@cache
def _zone_options() -> str:
    return "".join(f'<option value="{zone}">{zone.replace("_", " ")}</option>' for zone in time_zones())


class TimeZoneWidget:
    """A select of all time zones. Its four hundred options are written once, not at every page."""

    def __call__(self, field: Field, **attributes: Any) -> Markup:
        """The select with the present zone chosen."""
        attributes.setdefault("id", field.id)
        chosen = f'value="{escape(field.data or "UTC")}"'
        options = _zone_options().replace(chosen, f"{chosen} selected", 1)
        return Markup(f"<select {html_params(name=field.name, **attributes)}>{options}</select>")  # noqa: S704 (escaped)


class TimeZoneField(StringField):  # type: ignore[misc]
    """A time zone; whether it exists is checked by the action."""

    widget = TimeZoneWidget()
