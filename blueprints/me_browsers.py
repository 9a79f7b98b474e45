"""The browsers and networks that recognise oneself: see them, forget one or all."""

from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints import cookies
from blueprints.gate import requires
from blueprints.visit import actor, signed_in
from console.core.permissions import Permission
from console.identity.browsers import forget_all, forget_browser, forget_network, shown_browsers
from console.identity.models import recognised_browser
from console.identity.networks import networks_of
from console.identity.rules import mode_for

blueprint = Blueprint("me_browsers", __name__, url_prefix="/me/browsers")
P = Permission


@blueprint.get("")
@requires(P.ME_PROFILE_READ)
def show() -> ResponseReturnValue:
    """One's own browsers and networks, with first and last use."""
    user_id, chosen = signed_in().user_id, signed_in().choices
    present = recognised_browser(user_id, cookies.browser_tokens() or [""])
    return render_template(
        "me/browsers.html",
        browsers=shown_browsers(user_id),
        networks=networks_of(user_id),
        present=present.id if present else None,
        mode=mode_for(chosen, actor().role or ""),
    )


@blueprint.post("/<uuid:browser_id>/forget")
@requires(P.ME_PROFILE_WRITE)
def forget_one(browser_id: UUID) -> ResponseReturnValue:
    """That browser is new to us again."""
    forget_browser(browser_id, signed_in().user_id, by=actor())
    flash("The browser was forgotten. It is asked for a code at its next sign-in.", "success")
    return redirect(url_for("me_browsers.show"), 303)


@blueprint.post("/networks/<uuid:network_id>/forget")
@requires(P.ME_PROFILE_WRITE)
def forget_one_network(network_id: UUID) -> ResponseReturnValue:
    """That network is new to us again."""
    forget_network(network_id, signed_in().user_id, by=actor())
    flash("The network was forgotten.", "success")
    return redirect(url_for("me_browsers.show"), 303)


@blueprint.post("/forget-all")
@requires(P.ME_PROFILE_WRITE)
def forget_everything() -> ResponseReturnValue:
    """All browsers and networks are new to us again, this one too."""
    forget_all(signed_in().user_id, by=actor())
    flash("All browsers and networks were forgotten. Each is asked for a code at its next sign-in.", "success")
    return redirect(url_for("me_browsers.show"), 303)
