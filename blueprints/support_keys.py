"""The root key under all Customers' keys: its versions and their state. Replaced on the server only, by a command."""

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.support import blueprint
from console.core.permissions import Permission
from console.keys.roots import roots
from console.vault.access import keyring

STATE_BADGES = {
    "current": ("Wraps what is new", "good"),
    "in use": ("Still needed", "warn"),
    "unused": ("Can be retired", "info"),
    "gone": ("Gone", "neutral"),
}


@blueprint.get("/keys")
@requires(Permission.SUPPORT_KEYS_READ)
def list_roots() -> ResponseReturnValue:
    """Root versions with fingerprint, state and how many keys each wraps."""
    provider = keyring().provider
    return render_template(
        "support/keys.html", roots=roots(), state_badges=STATE_BADGES, provider=provider.name, health=provider.health()
    )
