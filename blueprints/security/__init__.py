"""What a Customer configures about its own security: health, settings, sessions, and the pages beside them."""

from flask import Blueprint

blueprint = Blueprint("security", __name__, url_prefix="/security")

from blueprints.security import (  # noqa: E402 (they add their pages to the blueprint)
    health,
    history,
    identity_confirmation,
    keys,
    sessions,
    settings,
)

__all__ = ["blueprint", "health", "history", "identity_confirmation", "keys", "sessions", "settings"]
