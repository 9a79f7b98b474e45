"""Earlier versions of the settings: what each changed, and the way back to it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security import blueprint
from blueprints.security.settings import based_on, earlier_than
from blueprints.visit import actor
from console.core.permissions import Permission
from console.policies.choices import FIELDS, choices_of
from console.policies.models import in_force, versions
from console.security.actions import choices_at, difference, return_to
from console.security.effects import effects
from console.security.history import saved

PAGE = 25
LABELS = {field.name: field.label for field in FIELDS}


@blueprint.get("/settings/history")
@requires(Permission.SECURITY_SETTINGS_READ)
def list_versions() -> ResponseReturnValue:
    """All versions, the newest first, each with what it changed."""
    before = earlier_than()
    rows = versions("settings", before=before, limit=PAGE + 1)
    shown = list(saved(rows[:PAGE]))
    older = shown[-1].number if len(rows) > PAGE else None
    return render_template(
        "security/history.html", versions=shown, labels=LABELS, policy=in_force("settings"), older=older
    )


@blueprint.get("/settings/history/<int(max=999999999):number>")
@requires(Permission.SECURITY_SETTINGS_READ)
def show_version(number: int) -> ResponseReturnValue:
    """What returning to that version would change. Number 0 stands for the defaults. **Raises:** NotFound."""
    policy = in_force("settings")
    old, new = choices_of(policy), choices_at(number)
    rows = [
        {"field": LABELS[name], "old": before, "new": after} for name, (before, after) in difference(old, new).items()
    ]
    return render_template(
        "security/version.html",
        number=number,
        rows=rows,
        effects=effects(old, new),
        policy=policy,
        reason_required=old.reasons_required,
    )


@blueprint.post("/settings/history/<int(max=999999999):number>/restore")
@requires(Permission.SECURITY_SETTINGS_WRITE, fresh=True)
def restore_version(number: int) -> ResponseReturnValue:
    """That version's settings are in force again, as a new version."""
    return_to(number, based_on=based_on(), reason=request.form.get("reason", ""), by=actor())
    flash("The earlier settings are in force again.", "success")
    return redirect(url_for("security.show"), 303)
