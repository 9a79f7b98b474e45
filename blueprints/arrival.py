"""From a right password to a session, stage by stage: each stage that is passed leads to the next, the last one in.

A half signed-in session reaches nothing but the pages of its own stage and the way out.
"""

from typing import Literal

from flask import Response, make_response, redirect, session, url_for

from blueprints import cookies
from blueprints.gate import STAGE_PAGES
from blueprints.next_page import next_page
from blueprints.visit import actor, signed_in
from console.core.actor import Actor
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.identity.actions import acting_as, password_expired
from console.identity.browsers import remember_browser
from console.identity.confirmation import ask_confirmation, shown_mailbox, why_confirm
from console.identity.factors import factor_required, has_factor
from console.identity.stages import Stage, next_stage
from console.ip_ranges.sightings import note_sighting
from console.sessions.actions import move_session, renew_token, start_session
from console.users.models import User

ASKER = "asker"
"""In the form session: by what this browser is known that waits for a code. It proves nothing."""
MAILBOX = "mailbox"
"""In the form session: the secret of a link that was followed from a mail."""
SHOWN = "shown"
"""In the form session: this sign-in has shown more than a password."""
UNREMEMBERED = "unremembered"
"""In the form session: whoever signs in here does not want this browser remembered."""


def arrive(person: User, *, trusted: bool = False) -> Response:
    """The password was right: a session begins, at the stage that the person and the Customer's choices ask for.

    `trusted`: the address lies in a range that the Customer trusts.
    """
    by = acting_as(person, actor())
    # Who has just followed an invitation or a reset link has shown the mailbox, in this very browser: another code
    # would show the same thing again. It never stands in for a second factor.
    shown = shown_mailbox(person, session.get(MAILBOX), by=by)
    reason = None if shown else why_confirm(person, cookies.browser_tokens(), trusted=trusted, by=by)
    stage = _next(person, "password", confirmation_needed=reason is not None)
    asker, session_id, first = session.get(ASKER), new_id(), person.last_sign_in_at is None
    token = start_session(person, stage=stage, by=by, session_id=session_id)
    session.clear()
    if stage == "confirm" and reason is not None:
        asked = ask_confirmation(
            person, session_id=session_id, reason=reason, asker=asker, tokens=cookies.browser_tokens(), by=by
        )
        asker = asked.asker
    if asker:
        session[ASKER] = asker
    if shown:
        session[SHOWN] = True
    return _response(person, stage, token, confirmed=shown, first=first)


def ask_again(person: User) -> int:
    """Another code for the present sign-in, unless it is too soon; answers the seconds to wait then."""
    by, tokens = acting_as(person, actor()), cookies.browser_tokens()
    reason = why_confirm(person, tokens, trusted=False, by=by) or "new_browser"
    asked = ask_confirmation(
        person, session_id=signed_in().session_id, reason=reason, asker=session.get(ASKER), tokens=tokens, by=by
    )
    session[ASKER] = asked.asker
    return asked.wait_seconds


def go_on(person: User, passed: Stage, *, show: str | None = None) -> Response:
    """The session has passed a stage: it goes on under a new token, at the next one.

    `show` is a page to stop at on the way, which the person goes on from (recovery codes, shown once).
    """
    by = acting_as(person, actor())
    stage, first = _next(person, passed), person.last_sign_in_at is None
    if stage == "full":
        token = renew_token(signed_in().session_id, by=by, person=person)
    else:
        token = move_session(signed_in().session_id, stage=stage, person=person)
    return _response(person, stage, token, confirmed=_shown_here(passed), first=first, show=show)


def go_on_with_new_session(person: User, passed: Stage) -> Response:
    """Like `go_on`, after an act that ended every session of the person, the present one included."""
    stage = _next(person, passed)
    token = start_session(person, stage=stage, by=acting_as(person, actor()))
    return _response(person, stage, token, confirmed=_shown_here(passed), first=False)


def _shown_here(passed: Stage) -> bool:
    """Whether this sign-in has shown, in this stage or an earlier one, more than the password."""
    session[SHOWN] = shown = passed != "renew" or bool(session.get(SHOWN))
    return shown


def _next(person: User, passed: Stage | Literal["password"], *, confirmation_needed: bool = False) -> Stage:
    return next_stage(
        passed,
        has_factor=has_factor(person.id),
        factor_required=factor_required(person),
        confirmation_needed=confirmation_needed,
        password_expired=password_expired(person.id),
    )


def landing(person: User) -> str:
    """The page that the person wanted, or the first one of its kind of people."""
    target = next_page()
    staff = person.tenant_id == PLATFORM_TENANT_ID
    return url_for("support.list_tenants") if staff and target == url_for("overview.show") else target


def _response(
    person: User, stage: Stage, token: str, *, confirmed: bool, first: bool, show: str | None = None
) -> Response:
    if stage == "full":
        response = make_response(show if show is not None else redirect(landing(person), 303))
        _remember(person, response, acting_as(person, actor()), confirmed=confirmed, first=first)
        note_sighting(person.id, actor().address, sign_in=True)
    else:
        response = make_response(redirect(url_for(STAGE_PAGES[stage], next=next_page()), 303))
    cookies.set_session(response, token)
    return response


def _remember(person: User, response: Response, by: Actor, *, confirmed: bool, first: bool) -> None:
    keep = not session.pop(UNREMEMBERED, False)
    session.pop(SHOWN, None)
    before = cookies.browser_tokens()
    after = remember_browser(person, before, by=by, confirmed=confirmed, keep=keep, first=first)
    if after or before:
        cookies.set_browser(response, after)
