"""From a right password to a session, stage by stage: each stage that is passed leads to the next, the last one in.

A half signed-in session reaches nothing but the pages of its own stage and the way out.
"""

from typing import Literal

from flask import Response, make_response, redirect, session, url_for

from blueprints import cookies
from blueprints.gate import STAGE_PAGES
from blueprints.next_page import next_page
from blueprints.visit import actor, signed_in
from console.core.ids import PLATFORM_TENANT_ID
from console.identity.actions import acting_as, remember_browser
from console.identity.factors import factor_required, has_factor
from console.identity.stages import Stage, next_stage
from console.sessions.actions import move_session, renew_token, start_session
from console.users.models import User


def arrive(person: User) -> Response:
    """The password was right: a session begins, at the stage that the person and the Customer's choices ask for."""
    by = acting_as(person, actor())
    stage = _next(person, "password")
    token = start_session(person, stage=stage, by=by)
    session.clear()
    return _response(person, stage, token)


def go_on(person: User, passed: Stage, *, show: str | None = None) -> Response:
    """The session has passed a stage: it goes on under a new token, at the next one.

    `show` is a page to stop at on the way, which the person goes on from (recovery codes, shown once).
    """
    by = acting_as(person, actor())
    stage = _next(person, passed)
    if stage == "full":
        token = renew_token(signed_in().session_id, by=by, person=person)
    else:
        token = move_session(signed_in().session_id, stage=stage, person=person)
    return _response(person, stage, token, show=show)


def _next(person: User, passed: Stage | Literal["password"]) -> Stage:
    return next_stage(
        passed, has_factor=has_factor(person.id), factor_required=factor_required(person), confirmation_needed=False
    )


def landing(person: User) -> str:
    """The page that the person wanted, or the first one of its kind of people."""
    target = next_page()
    staff = person.tenant_id == PLATFORM_TENANT_ID
    return url_for("support.list_tenants") if staff and target == url_for("overview.show") else target


def _response(person: User, stage: Stage, token: str, *, show: str | None = None) -> Response:
    if stage == "full":
        response = make_response(show if show is not None else redirect(landing(person), 303))
        tokens = remember_browser(person, cookies.browser_tokens(), by=acting_as(person, actor()))
        cookies.set_browser(response, tokens)
    else:
        response = make_response(redirect(url_for(STAGE_PAGES[stage], next=next_page()), 303))
    cookies.set_session(response, token)
    return response
