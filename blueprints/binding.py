"""A session that goes on from another network, where the Customer chose to have that written down or ended."""

from typing import TYPE_CHECKING

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue

from blueprints.visit import visit
from console.core.db import unit_of_work
from console.sessions.actions import end_session, note_move
from console.sessions.rules import moved

if TYPE_CHECKING:
    from blueprints.gate import SignedIn


def check_network(person: "SignedIn") -> ResponseReturnValue | None:
    """Nothing, while the session is where it began or its Customer does not mind; the sign-in form where it does.

    **Records:** sessions:session:moved, or sessions:session:ended. **Source:** P08.
    """
    chosen = person.choices.session_binding
    if chosen == "off" or not moved(person.seen_address, visit().address):
        return None
    with unit_of_work(person.tenant_id):
        if chosen == "log":
            note_move(person.session_id, by=person.actor)
            return None
        end_session(person.session_id, why="network changed", by=person.actor)
    visit().person = None
    flash("You were signed out because your network changed. Your company binds sessions to a network.", "info")
    return redirect(url_for("sign_in.form"), 303)
