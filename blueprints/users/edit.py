"""Add a person, change a person."""

import re
from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, SelectChoice, StringField
from wtforms.validators import Optional

from blueprints.fields import TimeZoneField, show_problems
from blueprints.gate import requires
from blueprints.told import count_told
from blueprints.users import blueprint
from blueprints.users.person import field_label
from blueprints.visit import actor, visit
from console.core.db import db
from console.core.errors import Invalid
from console.core.permissions import ROLE_TEXTS, Permission, Role, role_label
from console.users.actions import StaleEdit, add_user, change_user
from console.users.models import Details, User, user
from console.users.rules import assignable_roles, check_may_manage
from console.users.usernames import CONFIRM_HOURS, UsernameTaken, pending_change


class PersonForm(FlaskForm):  # type: ignore[misc]
    """A person's details. Limits are checked by the action; this only takes the text in."""

    given_name = StringField("Given name")
    family_name = StringField("Family name")
    email = StringField("E-mail address")
    title = StringField("Title", [Optional()])
    phone = StringField("Phone", [Optional()])
    time_zone = TimeZoneField("Time zone")
    role = RadioField("Role", validate_choice=False)
    version = HiddenField()
    holder: object = None
    """Who has the address that was typed; the page leads there."""

    def offer_roles(self, present: str | None = None) -> None:
        """Offer the roles that the acting person may give, and the present one."""
        offered = [str(role) for role in assignable_roles(actor())]
        if present and present not in offered:
            offered.append(present)
        self.role.choices = [SelectChoice(role, role_label(role)) for role in offered]

    def details(self, old: Details | None = None) -> Details:
        """What was typed; where a field was not sent at all, what was there before."""
        before = asdict(old or Details())
        return Details(**{name: self[name].data if self[name].data is not None else before[name] for name in before})


ROLE_HINTS = {str(role): text[1] for role, text in ROLE_TEXTS.items()}
_REQUIRED = ("given_name", "family_name", "email")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
NO_VERSION = 0


@blueprint.get("/new")
@requires(Permission.USERS_PEOPLE_WRITE)
def new_user() -> ResponseReturnValue:
    """The form to add a person."""
    return _new_page(PersonForm(data={"role": Role.MEMBER, "time_zone": visit().time_zone}))


@blueprint.post("/new")
@requires(Permission.USERS_PEOPLE_WRITE)
def create_user() -> ResponseReturnValue:
    """The person is invited by mail."""
    entered = PersonForm()
    try:
        person, _link = add_user(entered.details(), entered.role.data or str(Role.MEMBER), by=actor())
    except (Invalid, UsernameTaken) as problem:
        return _refused(entered, problem, _new_page)
    flash(f"{person.name} was added. An invitation is on its way to {person.details.email}.", "success")
    return redirect(url_for("users.show_user", user_id=person.id), 303)


@blueprint.get("/<uuid:user_id>/edit")
@requires(Permission.USERS_PEOPLE_WRITE)
def edit_user(user_id: UUID) -> ResponseReturnValue:
    """The form to change a person."""
    person = user(user_id)
    check_may_manage(actor(), person.role)
    return _edit_page(
        PersonForm(data={**asdict(person.details), "role": person.role, "version": person.version}), person
    )


@blueprint.post("/<uuid:user_id>/edit")
@requires(Permission.USERS_PEOPLE_WRITE)
def save_user(user_id: UUID) -> ResponseReturnValue:
    """The person is changed; or, if somebody else was faster, both versions are shown and nothing is lost."""
    entered = PersonForm()
    person = user(user_id)
    typed, role = entered.details(person.details), entered.role.data or person.role
    try:
        saved = change_user(user_id, typed, role, version=_version(entered), by=actor())
    except StaleEdit:
        return _stale_page(entered, typed, role, user_id)
    except (Invalid, UsernameTaken) as problem:
        return _refused(entered, problem, lambda form, status: _edit_page(form, user(user_id), status))
    flash(f"{saved.name} was saved.", "success")
    pending = pending_change(user_id)
    if pending is not None and typed.email.casefold() != saved.details.email.casefold():
        flash(
            f"The address stays {saved.details.email} until {pending.email} has confirmed it, within {CONFIRM_HOURS} hours."
            " The present mailbox was told, and can stop it.",
            "info",
        )
    return redirect(url_for("users.show_user", user_id=user_id), 303)


def _version(entered: PersonForm) -> int:
    """The version that the editor saw. None, or one that never was, counts as stale."""
    return int(entered.version.data) if _VERSION.fullmatch(entered.version.data or "") else NO_VERSION


def _refused(form: PersonForm, problem: Invalid | UsernameTaken, page: Any) -> ResponseReturnValue:
    """Show the form again with what was typed; nothing of the act stays."""
    db.session.rollback()
    count_told(problem)
    shown = problem if isinstance(problem, Invalid) else Invalid(problem.message, {"email": problem.message})
    show_problems(form, shown)
    form.holder = problem.facts.get("holder_id")
    answer: ResponseReturnValue = page(form, 422)
    return answer


def _new_page(form: PersonForm, status: int = 200) -> ResponseReturnValue:
    form.offer_roles()
    return render_template("users/new.html", form=form, role_hints=ROLE_HINTS, required=_REQUIRED), status


def _edit_page(form: PersonForm, person: User, status: int = 200) -> ResponseReturnValue:
    form.offer_roles(person.role)
    return render_template(
        "users/edit.html", form=form, person=person, role_hints=ROLE_HINTS, required=_REQUIRED
    ), status


def _stale_page(form: PersonForm, typed: Details, role: str, user_id: UUID) -> ResponseReturnValue:
    """What was typed beside what is there now. Saving again then means: over the newer version.

    409 where somebody else was faster, 422 where the form did not say which version it started from.
    """
    db.session.rollback()
    missing = form.version.data is None
    person = user(user_id)
    mine, theirs = {**asdict(typed), "role": role}, {**asdict(person.details), "role": person.role}
    rows = [
        {"field": field_label(name), "old": theirs[name], "new": mine[name]}
        for name in mine
        if mine[name] != theirs[name]
    ]
    form.version.data = str(person.version)
    form.version.raw_data = [form.version.data]
    form.offer_roles(person.role)
    return render_template(
        "users/stale.html",
        form=form,
        person=person,
        rows=rows,
        role_hints=ROLE_HINTS,
        required=_REQUIRED,
        missing=missing,
    ), 422 if missing else 409
