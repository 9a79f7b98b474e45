"""The encryption key: its versions, what each still seals, and replacing it."""

from dataclasses import asdict
from typing import Any

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security import blueprint
from blueprints.visit import actor, visit
from console.core.db import bound_tenant, db
from console.core.errors import Invalid
from console.core.permissions import Permission, may
from console.keys.actions import REASON_CHARACTERS, start_rotation
from console.keys.models import KeyRotation, Progress, given_up, progress, rotations, under_way
from console.keys.places import counts_by_version
from console.vault.access import keyring

RECENT = 20
STATE_BADGES = {
    "primary": ("Seals and opens", "good"),
    "decrypt_only": ("Opens only", "info"),
    "retiring": ("Opens only", "info"),
    "destroyed": ("Destroyed", "neutral"),
}
ROTATION_BADGES = {"done": ("Done", "good"), "stopped": ("Stopped", "bad")}
PLACE_TEXTS = {
    "audit_entries": "Audit record",
    "blobs": "Files, by the key of each",
    "browsers": "Recognised browsers",
    "confirmations": "Codes to confirm a sign-in",
    "credentials": "Passwords",
    "custodians": "Custodians of data",
    "data_import_files": "Uploaded files, by name",
    "data_import_findings": "Findings of imports of data",
    "data_imports": "Imports of data",
    "holds": "Legal holds",
    "ip_range_drafts": "Lists of IP ranges being edited",
    "ip_range_lifts": "Requests to lift IP ranges",
    "ip_refusals": "Refused addresses",
    "ip_sightings": "Addresses seen",
    "item_contents": "E-mail and documents, small ones",
    "items": "E-mail and documents, what lists show",
    "jobs": "Work in the background",
    "key_rotations": "Replacements of the key",
    "labels": "Labels",
    "mail_messages": "Mail to be sent",
    "networks": "Recognised networks",
    "one_time_links": "Invitations and links",
    "opening_reasons": "Reasons to open data",
    "passkeys": "Passkeys",
    "policy_versions": "Security settings and their history",
    "search_buckets": "Search index",
    "sessions": "Sessions",
    "tenants": "Names of Customers",
    "totp_factors": "Authenticator apps",
    "user_import_chunks": "Imports of people, by rows",
    "user_imports": "Imports of people",
    "users": "People",
}
"""Other places read as their table is called."""


@blueprint.get("/keys")
@requires(Permission.SECURITY_KEYS_READ)
def show_keys() -> ResponseReturnValue:
    """Every version with what lies under it; how far a replacement is; and those so far."""
    return _page()


@blueprint.post("/keys/replace")
@requires(Permission.SECURITY_KEYS_REPLACE, fresh=True)
def replace_key() -> ResponseReturnValue:
    """A worker replaces the key; one that had stopped goes on. **Raises:** Conflict while one is under way."""
    reason = request.form.get("reason", "")
    try:
        start_rotation(reason, by=actor())
    except Invalid as problem:
        db.session.rollback()
        return _page(reason=reason, problem=problem.fields["reason"], status=422)
    flash("The key is being replaced. Everybody can go on working.", "success")
    return redirect(url_for("security.show_keys"), 303)


@blueprint.get("/keys/progress")
@requires(Permission.SECURITY_KEYS_READ)
def keys_progress() -> ResponseReturnValue:
    """How far the replacement is, for its progress bar; the newest one where none is under way."""
    visit().quiet = True
    found = under_way() or next(iter(rotations(limit=1)), None)
    none = Progress("none", 0, 0, None, None, "", finished=True)
    return jsonify(asdict(progress(found) if found else none))


def _page(*, reason: str = "", problem: str = "", status: int = 200) -> ResponseReturnValue:
    found = under_way()
    stored = keyring().store.stored_keys([bound_tenant()])
    counts = counts_by_version()
    page = render_template(
        "security/keys.html",
        versions=[(key, _named(counts.get(key.version, {}))) for key in reversed(stored)],
        state_badges=STATE_BADGES,
        found=found,
        stopped=found is not None and (found.state == "stopped" or given_up(found)),
        progress=progress(found) if found else None,
        left=_named(found.remaining) if found else [],
        unreadable=[(place_text(name), row_id) for name, row_id in found.unreadable] if found else [],
        history=[_line(one) for one in rotations(limit=RECENT)],
        may_replace=may(actor().role, Permission.SECURITY_KEYS_REPLACE),
        reason=reason,
        problem=problem,
        most=REASON_CHARACTERS,
    )
    return page, status


def place_text(name: str) -> str:
    """A place as people read it."""
    table, _dot, _column = name.partition(".")
    return PLACE_TEXTS.get(table, table.replace("_", " ").capitalize())


def _named(counts: dict[str, int]) -> list[tuple[str, int]]:
    """Kinds and how many of each, the most first; those of which there are none are left out."""
    some = [(place_text(name), rows) for name, rows in counts.items() if rows]
    return sorted(some, key=lambda item: (-item[1], item[0]))


def _line(one: KeyRotation) -> dict[str, Any]:
    kinds = len(one.remaining)
    return {
        "version": one.version,
        "badge": ROTATION_BADGES.get(one.state, ("Under way", "info")),
        "words": one.words,
        "created_at": one.created_at,
        "finished_at": one.finished_at,
        "moved": one.done_rows,
        "proof": f"0 left in all {kinds} kinds" if one.finished_at else "",
        "remaining": sorted((place_text(name), rows) for name, rows in one.remaining.items()),
        "counted_at": one.counted_at,
    }
