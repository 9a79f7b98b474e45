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
from console.identity.models import totp_of
from console.identity.stages import Stage, next_stage
from console.ip_ranges.sightings import note_sighting
from console.policies.choices import choices
from console.sessions.actions import move_session, renew_token, start_session
from console.users.models import User


def arrive(person: User) -> Response:
    """The password was right: a session begins, at the stage that the person and the Customer's choices ask for."""
    by = acting_as(person, actor())
    stage = _next(person, "password")
    token = start_session(person, stage=stage, by=by)
    session.clear()
    return _response(person, stage, token)


def go_on(person: User, passed: Stage) -> Response:
    """The session has passed a stage: it goes on under a new token, at the next one."""
    by = acting_as(person, actor())
    stage = _next(person, passed)
    if stage == "full":
        token = renew_token(signed_in().session_id, by=by, person=person)
    else:
        token = move_session(signed_in().session_id, stage=stage, person=person)
    return _response(person, stage, token)


def _next(person: User, passed: Stage | Literal["password"]) -> Stage:
    factor = totp_of(person.id)
    staff = person.tenant_id == PLATFORM_TENANT_ID
    return next_stage(
        passed,
        has_factor=factor is not None and factor.confirmed_at is not None,
        factor_required=staff or choices().requires_factor(person.role),
        confirmation_needed=False,
    )


def _response(person: User, stage: Stage, token: str) -> Response:
    target = next_page()
    if stage == "full":
        staff = person.tenant_id == PLATFORM_TENANT_ID
        home = staff and target == url_for("overview.show")
        response = make_response(redirect(url_for("support.list_tenants") if home else target, 303))
        tokens = remember_browser(person, cookies.browser_tokens(), by=acting_as(person, actor()))
        cookies.set_browser(response, tokens)
        note_sighting(person.id, actor().address, sign_in=True)
    else:
        response = make_response(redirect(url_for(STAGE_PAGES[stage], next=target), 303))
    cookies.set_session(response, token)
    return response
