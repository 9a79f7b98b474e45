"""The security settings: the form, the review of what would change and whom it touches, and the saving."""

from dataclasses import asdict
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security import blueprint
from blueprints.visit import actor
from console.core.db import db
from console.core.errors import Invalid, NotFound
from console.core.permissions import Permission
from console.policies.actions import Stale
from console.policies.choices import FIELDS, Choices, choices_of, defaults, parse, spoken
from console.policies.models import InForce, in_force
from console.security.actions import difference, save_choices
from console.security.effects import effects
from console.security.history import last_changes
from console.security.presets import preset

GROUPS = (
    ("confirmation", "Identity confirmation", "When somebody signs in from a place or browser that is new."),
    ("factors", "Second factor", "An authenticator app or a passkey, besides the password."),
    ("sessions", "Sessions", "How long a sign-in lasts, and where."),
    ("passwords", "Passwords", "What a new password must be, and how many wrong ones there may be."),
    ("records", "Records", "What has to be said when something is done."),
)


@blueprint.get("/settings")
@requires(Permission.SECURITY_SETTINGS_READ)
def edit() -> ResponseReturnValue:
    """Every setting: what it is, its value, default and bounds, and who changed it last."""
    policy = in_force("settings")
    return _form(policy, _values(choices_of(policy)), {})


@blueprint.post("/settings/review")
@requires(Permission.SECURITY_SETTINGS_WRITE)
def review() -> ResponseReturnValue:
    """What would change and whom it would touch; nothing is saved yet."""
    policy = in_force("settings")
    try:
        chosen = parse(request.form, choices_of(policy))
    except Invalid as problem:
        db.session.rollback()
        return _form(policy, dict(request.form), problem.fields, 422)
    return _review(policy, chosen)


@blueprint.post("/settings")
@requires(Permission.SECURITY_SETTINGS_WRITE, fresh=True)
def save_settings() -> ResponseReturnValue:
    """The settings are in force from the next request on."""
    policy = in_force("settings")
    try:
        chosen = parse(request.form, choices_of(policy))
        save_choices(chosen, based_on=based_on(), reason=request.form.get("reason", ""), by=actor())
    except Stale as problem:
        db.session.rollback()
        policy = in_force("settings")
        chosen = parse(request.form, choices_of(policy))
        return _review(policy, chosen, problem.message, status=409)
    except Invalid as problem:
        db.session.rollback()
        if "reason" in problem.fields:
            return _review(policy, chosen, problem.fields["reason"], status=422)
        return _form(policy, {**_values(choices_of(policy)), **request.form}, problem.fields, 422, problem.message)
    flash("The security settings were saved. They count from the next request on.", "success")
    return redirect(url_for("security.show"), 303)


@blueprint.get("/presets/<level>")
@requires(Permission.SECURITY_SETTINGS_WRITE)
def review_preset(level: str) -> ResponseReturnValue:
    """What a ready-made level would change. **Raises:** NotFound."""
    found = preset(level)
    if found is None:
        raise NotFound("There is no level of that name.")
    return _review(in_force("settings"), found.choices, level=found.label)


def based_on() -> int:
    """The version that the form was made from; one that does not say counts as stale."""
    text = request.form.get("based_on", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1


def earlier_than() -> int | None:
    """From which version on the list of versions goes back, as the address says; nothing that no version can be."""
    text = request.args.get("before", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else None


def _values(chosen: Choices) -> dict[str, str]:
    """The choices as a form has them."""
    plain = asdict(chosen)
    return {
        name: ("yes" if value else "no") if isinstance(value, bool) else str(value) for name, value in plain.items()
    }


def _form(
    policy: InForce, values: dict[str, Any], problems: dict[str, str], status: int = 200, message: str = ""
) -> ResponseReturnValue:
    standard = Choices(**defaults())
    page = render_template(
        "security/settings.html",
        groups=[(*group, [field for field in FIELDS if field.group == group[0]]) for group in GROUPS],
        values=values,
        problems=problems,
        message=message,
        policy=policy,
        standard={field.name: spoken(field.name, getattr(standard, field.name)) for field in FIELDS},
        changed=last_changes("settings"),
    )
    return page, status


def _review(
    policy: InForce, chosen: Choices, message: str = "", *, level: str = "", status: int = 200
) -> ResponseReturnValue:
    old = choices_of(policy)
    labels = {field.name: field.label for field in FIELDS}
    rows = [
        {"field": labels[name], "old": before, "new": after}
        for name, (before, after) in difference(old, chosen).items()
    ]
    page = render_template(
        "security/review.html",
        rows=rows,
        effects=effects(old, chosen),
        values=_values(chosen),
        policy=policy,
        message=message,
        level=level,
        reason=request.form.get("reason", ""),
        reason_required=old.reasons_required,
    )
    return page, status
