"""Identity confirmation: what the Customer chose, what it means, how often people are asked, and the form to change it."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, StringField
from wtforms.fields import Field as FormField
from wtforms.validators import InputRequired, Length, Optional

from blueprints.audit.words import lines
from blueprints.fields import show_problems
from blueprints.gate import requires
from blueprints.visit import actor
from console.audit.models import EntryFilter, entries
from console.audit.tags import Tag
from console.core.db import db
from console.core.errors import Invalid
from console.core.permissions import Permission, Role, role_label
from console.identity.confirmation_models import confirmations_by_day
from console.identity.rules import cautions, mode_for
from console.policies.actions import Stale, save
from console.policies.choices import FIELD, FIELDS, Choices, Field, choices_of, contradictions, parse, spoken
from console.policies.models import InForce, in_force

blueprint = Blueprint("identity_confirmation", __name__, url_prefix="/security/identity-confirmation")
P = Permission
DAYS = 30
RECENT = 15
OWN = tuple(field for field in FIELDS if field.group == "confirmation")
TAGS = [
    Tag.CONFIRMATION_ASKED,
    Tag.CONFIRMATION_PASSED,
    Tag.CONFIRMATION_REFUSED,
    Tag.CONFIRMATION_DENIED,
    Tag.CONFIRMATION_CODE_GIVEN,
]
MEANING = {
    "off": "Never asked for a code; a second factor is needed at each sign-in",
    "unrecognised": "Asked in a browser that is not recognised",
    "always": "Asked at each sign-in",
}


def _form_field(field: Field) -> FormField:
    if field.options:
        return RadioField(field.label, choices=list(field.options), description=field.help, validate_choice=False)
    zero = f" 0 means “{field.zero.lower()}”." if field.zero else ""
    hint = f"{field.help} In {field.unit}, {field.least} to {field.most}.{zero}"
    return StringField(field.label, [InputRequired(f"Give a number of {field.unit}.")], description=hint)


class ChoicesForm(FlaskForm):  # type: ignore[misc]
    """The choices of this page, the version that they are based on, and why they change."""

    version = HiddenField()
    reason = StringField("Reason", [Optional(), Length(max=300)])


for _field in OWN:
    setattr(ChoicesForm, _field.name, _form_field(_field))


@blueprint.get("")
@requires(P.SECURITY_SETTINGS_READ)
def show() -> ResponseReturnValue:
    """The present choices and how they work out."""
    policy = in_force("settings")
    return _page(policy, _filled(policy))


@blueprint.post("")
@requires(P.SECURITY_SETTINGS_WRITE)
def change() -> ResponseReturnValue:
    """The choices of this page are in force, as a new version; all others stay as they were."""
    entered, policy = ChoicesForm(), in_force("settings")
    if not entered.validate_on_submit():
        return _page(policy, entered, 422)
    before = choices_of(policy)
    try:
        chosen = parse({field.name: request.form.get(field.name, "") for field in OWN}, before)
        reason = _reason(entered, before)
    except Invalid as problem:
        show_problems(entered, problem)
        return _page(policy, entered, 422)
    changed = {field.name: getattr(chosen, field.name) for field in OWN}
    changes = {
        name: (spoken(name, getattr(before, name)), spoken(name, value))
        for name, value in changed.items()
        if value != getattr(before, name)
    }
    if not changes:
        flash("Nothing was changed.", "info")
        return redirect(url_for("identity_confirmation.show"), 303)
    based_on = int(entered.version.data) if str(entered.version.data).isdecimal() else -1
    try:
        save("settings", {**policy.document, **changed}, based_on=based_on, reason=reason, by=actor(), changes=changes)
    except Stale as stale:
        db.session.rollback()
        entered.form_errors.append(stale.message)
        entered.version.data = str(policy.number)
        return _page(policy, entered, 409)
    flash("Your choices are in force.", "success")
    return redirect(url_for("identity_confirmation.show"), 303)


def _reason(entered: ChoicesForm, before: Choices) -> str:
    reason = " ".join((entered.reason.data or "").split())
    if before.reasons_required and not reason:
        problem = "Your company asks for a reason for each change of the security settings."
        raise Invalid(problem, {"reason": problem})
    if not reason.isprintable():
        problem = "The reason holds a character that cannot be shown. Remove it."
        raise Invalid(problem, {"reason": problem})
    return reason


def _filled(policy: InForce) -> ChoicesForm:
    chosen = choices_of(policy)
    values: dict[str, Any] = {"version": str(policy.number)}
    for field in OWN:
        value = getattr(chosen, field.name)
        values[field.name] = ("yes" if value else "no") if isinstance(value, bool) else str(value)
    return ChoicesForm(formdata=None, data=values)


def _page(policy: InForce, form: ChoicesForm, status: int = 200) -> ResponseReturnValue:
    chosen, days = choices_of(policy), confirmations_by_day(DAYS)
    page = render_template(
        "security/identity_confirmation.html",
        form=form,
        fields=[form[field.name] for field in OWN],
        present=[(FIELD[field.name].label, spoken(field.name, getattr(chosen, field.name))) for field in OWN],
        by_role=[(role_label(role), MEANING[mode_for(chosen, role)], chosen.requires_factor(role)) for role in Role],
        cautions=[*contradictions(chosen).values(), *cautions(chosen)],
        reasons_required=chosen.reasons_required,
        number=policy.number,
        totals={name: sum(getattr(day, name) for day in days) for name in ("asked", "confirmed", "refused")},
        points=[
            {"label": f"{day.on_date.day} {day.on_date:%b}", "value": day.confirmed, "value2": day.refused}
            for day in days
        ],
        recent=lines(entries(EntryFilter(tags=list(TAGS)), limit=RECENT)),
    )
    return page, status
