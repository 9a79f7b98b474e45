"""Every list that was saved: who, when, why, and the difference; each can be returned to."""

from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.security.ip_ranges.review import SHOWN_CHANGES
from blueprints.security.ip_ranges.shown import common, working
from blueprints.security.settings import earlier_than
from blueprints.visit import actor
from console.core.permissions import Permission
from console.ip_ranges.actions import take_version
from console.ip_ranges.changes import changes, switches
from console.ip_ranges.models import list_version, version_by_id
from console.policies.models import versions

PAGE = 25


@blueprint.get("/versions")
@requires(Permission.SECURITY_IP_RANGES_READ)
def list_versions() -> ResponseReturnValue:
    """The saved lists, the newest first."""
    before = earlier_than()
    found = versions("ip_ranges", before=before, limit=PAGE + 1)
    more = len(found) > PAGE
    return render_template(
        "security/ip_ranges/versions.html",
        versions=[(one, one.content) for one in found[:PAGE]],
        next_url=url_for("ip_ranges.list_versions", before=found[PAGE - 1].number) if more else None,
        prev_url=url_for("ip_ranges.list_versions") if before else None,
        **common("versions", working()),
    )


@blueprint.get("/versions/<uuid:version_id>")
@requires(Permission.SECURITY_IP_RANGES_READ)
def show_version(version_id: UUID) -> ResponseReturnValue:
    """One saved list: what it changed, and how it differs from the one in force."""
    found = version_by_id(version_id)
    at, ranges, before = working(), list_version(found.number), list_version(found.number - 1)
    since = changes(before, ranges)
    return render_template(
        "security/ip_ranges/version.html",
        version=found,
        content=found.content,
        ranges=ranges,
        changes=since[:SHOWN_CHANGES],
        change_count=len(since),
        switches=switches(before, ranges),
        back=len(changes(at.live, ranges)) + len(switches(at.live, ranges)),
        **common("versions", at),
    )


@blueprint.post("/versions/<uuid:version_id>/take")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def take(version_id: UUID) -> ResponseReturnValue:
    """The draft is that version, ready to be reviewed."""
    found = version_by_id(version_id)
    take_version(found.number, by=actor())
    flash(f"The draft is version {found.number} again. Review and save it.", "success")
    return redirect(url_for("ip_ranges.review"), 303)
