"""The first page of the security area: how good is it, what is weak, which level is in force."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security import blueprint
from console.core.permissions import Permission
from console.policies.choices import choices_of
from console.policies.models import in_force
from console.security.actions import difference
from console.security.facts import people
from console.security.presets import PRESETS, preset_in_force
from console.security.rules import Check, examine

PAGES = {"users": "users.list_users", "new_user": "users.new_user"}


@blueprint.get("")
@requires(Permission.SECURITY_SETTINGS_READ)
def show() -> ResponseReturnValue:
    """Score, risks with their remedies, and the ready-made levels."""
    policy = in_force("settings")
    chosen = choices_of(policy)
    ranges = in_force("ip_ranges")
    enforced = ranges.document.get("mode") == "enforce" and ranges.lifted_until is None
    return render_template(
        "security/health.html",
        health=examine(chosen, people(), ranges_enforced=enforced),
        policy=policy,
        present=preset_in_force(policy),
        presets=[(item, len(difference(chosen, item.choices))) for item in PRESETS],
        remedy=remedy,
    )


def remedy(check: Check) -> str:
    """The page where that finding is mended."""
    if check.page == "ip_ranges":
        return "/security/ip-ranges"
    if check.page in PAGES:
        return url_for(PAGES[check.page])
    return url_for("security.edit", _anchor=check.setting)
