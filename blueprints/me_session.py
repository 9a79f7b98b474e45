"""How long the present session lasts: asked by the pages' script, so that nobody is signed out without a warning."""

from datetime import datetime

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import generate_csrf

from blueprints.gate import requires
from blueprints.visit import signed_in, visit
from console.core import clock
from console.core.permissions import Permission
from console.sessions.rules import idle_end

blueprint = Blueprint("me_session", __name__, url_prefix="/me/session")


@blueprint.get("")
@requires(Permission.ME_PROFILE_READ)
def left() -> ResponseReturnValue:
    """Seconds until the session ends, and a form token for a page that outlived its own. Asking is not using."""
    visit().quiet = True
    return _left(idle_end(signed_in().last_seen_at, signed_in().choices))


@blueprint.post("")
@requires(Permission.ME_PROFILE_WRITE)
def stay() -> ResponseReturnValue:
    """The session was used just now. Its absolute end stays."""
    return _left(idle_end(clock.now(), signed_in().choices))


def _left(idle: datetime) -> ResponseReturnValue:
    now, ends_at = clock.now(), signed_in().ends_at
    until = min(idle, ends_at)
    return jsonify(
        seconds_left=max(0, round((until - now).total_seconds())), at_limit=until == ends_at, form_token=generate_csrf()
    )
