"""What recognises a colleague: forget browsers and networks, give a one-time code on the telephone."""

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.users import blueprint
from blueprints.users.lifecycle import typed_reason
from blueprints.visit import actor
from console.core.db import db
from console.core.errors import ConsoleError, Invalid
from console.core.permissions import Permission, may
from console.identity.browsers import forget_all, forget_browser, forget_network, shown_browsers
from console.identity.confirmation_telephone import MINUTES, check_may_give, give_telephone_code
from console.identity.networks import networks_of
from console.identity.rules import may_reset_proofs
from console.users.models import User, user

P = Permission


def recognised(person: User) -> dict[str, Any] | None:
    """What the person's page shows of browsers and networks, to those who may see from where people sign in or help."""
    forgettable = may_reset_proofs(actor().role, person.role)
    if not forgettable and not may(actor().role, P.SECURITY_SESSIONS_READ):
        return None
    return {
        "browsers": shown_browsers(person.id),
        "networks": networks_of(person.id),
        "forgettable": forgettable,
        "code": _may_give(person),
    }


def _may_give(person: User) -> bool:
    try:
        check_may_give(person, by=actor())
    except ConsoleError:
        return False
    return True


@blueprint.post("/<uuid:user_id>/browsers/<uuid:browser_id>/forget")
@requires(P.USERS_PROOFS_RESET)
def forget_browser_of(user_id: UUID, browser_id: UUID) -> ResponseReturnValue:
    """That browser of the person is new to us again."""
    forget_browser(browser_id, user_id, by=actor())
    flash("The browser was forgotten. It is asked for a code at its next sign-in.", "success")
    return redirect(url_for("users.show_user", user_id=user_id), 303)


@blueprint.post("/<uuid:user_id>/networks/<uuid:network_id>/forget")
@requires(P.USERS_PROOFS_RESET)
def forget_network_of(user_id: UUID, network_id: UUID) -> ResponseReturnValue:
    """That network of the person is new to us again."""
    forget_network(network_id, user_id, by=actor())
    flash("The network was forgotten.", "success")
    return redirect(url_for("users.show_user", user_id=user_id), 303)


@blueprint.post("/<uuid:user_id>/browsers/forget-all")
@requires(P.USERS_PROOFS_RESET)
def forget_all_of(user_id: UUID) -> ResponseReturnValue:
    """All browsers and networks of the person are new to us again."""
    forget_all(user_id, by=actor())
    flash("All browsers and networks were forgotten. Each is asked for a code at its next sign-in.", "success")
    return redirect(url_for("users.show_user", user_id=user_id), 303)


@blueprint.get("/<uuid:user_id>/one-time-code")
@requires(P.USERS_PROOFS_RESET)
def confirm_one_time_code(user_id: UUID) -> ResponseReturnValue:
    """What giving a code means."""
    return _confirm_page(user(user_id))


@blueprint.post("/<uuid:user_id>/one-time-code")
@requires(P.USERS_PROOFS_RESET)
def give_one_time_code(user_id: UUID) -> ResponseReturnValue:
    """The code, shown this once. It is the answer to the form and stands at no address."""
    reason, problem = typed_reason()
    if problem:
        return _confirm_page(user(user_id), problem)
    try:
        given = give_telephone_code(user_id, reason=reason, by=actor())
    except Invalid as refused:
        db.session.rollback()
        return _confirm_page(user(user_id), refused.message)
    return render_template(
        "users/one_time_code.html", person=given.person, code=given.code, expires_at=given.expires_at, minutes=MINUTES
    )


def _confirm_page(person: User, problem: str = "") -> ResponseReturnValue:
    check_may_give(person, by=actor())
    page = render_template(
        "users/give_code.html",
        person=person,
        minutes=MINUTES,
        reason=" ".join(request.form.get("reason", "").split()),
        problem=problem,
    )
    return page, 422 if problem else 200
