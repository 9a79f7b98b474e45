"""A list on trial: keep it, or go back at once. And restrictions that support lifted: put them back."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.visit import actor
from console.core.errors import Invalid
from console.core.permissions import Permission
from console.ip_ranges import actions, break_glass


@blueprint.post("/keep")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def keep() -> ResponseReturnValue:
    """The list on trial stays in force."""
    actions.keep_trial(_number(), by=actor())
    flash("Confirmed. The list stays in force.", "success")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


@blueprint.post("/fall-back")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def fall_back() -> ResponseReturnValue:
    """The list from before the trial is in force again."""
    actions.end_trial(_number(), by=actor())
    flash("The list from before is in force again.", "success")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


def _number() -> int:
    """The version that the page showed. **Raises:** Invalid."""
    text = request.form.get("number", "")
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Invalid("Reload the page and try again.")
    return int(text)


@blueprint.post("/end-lift")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def end_lift() -> ResponseReturnValue:
    """The ranges count again, though support had lifted them."""
    break_glass.end_lift(by=actor())
    flash("The IP ranges count again.", "success")
    return redirect(url_for("ip_ranges.list_ranges"), 303)
