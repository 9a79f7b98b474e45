"""The one door: who is it, from where, may they? Every endpoint declares what it needs, or the application won't start.

It also opens and closes the unit of work: a page that answers commits, a page that raises rolls back.
"""

import base64
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Flask, Response, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import UnsupportedMediaType

from blueprints.address_gate import admit, note_reported
from blueprints.binding import check_network
from blueprints.browser import browser_name
from blueprints.client_address import client_address
from blueprints.cookies import session_token
from blueprints.next_page import here
from blueprints.uploads import file_bytes
from blueprints.visit import Visit, visit
from console.audit.actions import record
from console.audit.tags import Tag
from console.core import budgets, clock
from console.core.actor import Actor
from console.core.db import bind_tenant, db, settings, unit_of_work, writing
from console.core.errors import Forbidden, Misconfigured
from console.core.ids import PLATFORM_TENANT_ID
from console.core.permissions import Permission, may
from console.identity.stages import Stage
from console.ip_ranges.sightings import note_sighting
from console.sessions.actions import touch_session
from console.sessions.models import Live, live_session
from console.sessions.rules import absolute_end, touch_seconds
from console.vault.access import tenant_keys

if TYPE_CHECKING:
    from uuid import UUID

log = logging.getLogger(__name__)

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
STAGE_PAGES = {
    "confirm": "confirm.form",
    "factor": "sign_in_factor.show",
    "renew": "renew.form",
    "enrol": "sign_in_factor.show",
    "full": "overview.show",
}
"""Where a session of each stage is sent that asks for a page of another stage."""
FRESH = timedelta(minutes=10)
"""For so long after somebody proved who it is, a risky act asks for nothing more."""
Fresh = bool | Callable[[], bool]
"""Whether an endpoint asks who it is again: always, never, or by what the request is about to do."""
V = TypeVar("V", bound=Callable[..., Any])


@dataclass(frozen=True)
class Access:
    """What an endpoint needs. Without any of `stages` it is open to all."""

    permission: Permission | None = None
    stages: frozenset[str] = frozenset()
    fresh: Fresh = False


class SignedIn(UserMixin):  # type: ignore[misc]
    """The person of the present session, as Flask-Login and the templates see them."""

    def __init__(self, actor: Actor, live: Live) -> None:
        self.actor = actor
        self.user_id: UUID = live.person.id
        self.tenant_id: UUID = live.tenant.id
        self.session_id: UUID = live.session.id
        self.stage = live.session.stage
        self.time_zone = live.person.details.time_zone
        self.tenant_name = live.tenant.name
        self.last_seen_at = live.session.last_seen_at
        self.seen_address = live.session.seen.get("address")
        self.policies = live.policies
        self.choices = live.choices
        self.ends_at = absolute_end(live.session.started_at, live.session.expires_at, self.choices)

    def get_id(self) -> str:
        """The person's id."""
        return str(self.user_id)


def requires(permission: Permission, *, fresh: Fresh = False) -> Callable[[V], V]:
    """The endpoint is for signed-in people whose role has `permission`.

    With `fresh` they must have proved who they are within the last ten minutes, or do so now (blueprints/step_up.py).
    """
    return _declare(Access(permission, frozenset({"full"}), fresh))


def half_signed_in(*stages: Stage) -> Callable[[V], V]:
    """The endpoint is for people who have shown their password, and whose sign-in stands at one of `stages`."""
    return _declare(Access(None, frozenset(stages)))


def public(view: V) -> V:
    """The endpoint is open to everybody."""
    return _declare(Access())(view)


def _declare(access: Access) -> Callable[[V], V]:
    def mark(view: V) -> V:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


def install(app: Flask) -> None:
    """Put the gate before, and the end of the unit of work after every page."""
    manager = LoginManager()
    manager.session_protection = None  # sessions are server-side; binding is decided by the Customer's own rules
    manager.init_app(app, add_context_processor=False)
    manager.request_loader(_load_signed_in)
    app.config["TRUSTED_HOSTS"] = _hosts()
    app.before_request(_enter)
    app.after_request(_leave)


def _hosts() -> list[str]:
    name = settings().host.split(":")[0]
    return [name] if settings().profile == "production" else [name, "localhost", "127.0.0.1", "[::1]"]


def seal(app: Flask) -> None:
    """Close the door. **Raises:** Misconfigured if an endpoint does not declare what it needs."""
    public(app.view_functions["static"])
    missing = sorted(name for name, view in app.view_functions.items() if not hasattr(view, "access"))
    if missing:
        raise Misconfigured(f"These endpoints declare no permission: {', '.join(missing)}.")


def _enter() -> ResponseReturnValue | None:
    reference = base64.b32encode(os.urandom(5)).decode()
    address = client_address(
        request.remote_addr, request.headers.getlist("X-Forwarded-For"), settings().trusted_proxies
    )
    request.visit = Visit(reference, address, _anonymous(reference, address))  # type: ignore[attr-defined]
    if request.endpoint == "static":
        return None
    if request.method not in SAFE_METHODS and request.content_length and file_bytes() is None:
        request.get_data(
            parse_form_data=True
        )  # all of it, before it is looked at who sends it: who waits is judged last
    access = _access()
    if access is None and request.endpoint is not None:
        raise Misconfigured(f"The endpoint {request.endpoint} was added after the door was closed.")
    try:
        if request.is_json:
            # Forms only: what reads the form to decide, and what acts on it, must be looking at the same thing.
            raise UnsupportedMediaType
        if request.method not in SAFE_METHODS and request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise Forbidden("This form was sent from another site, so nothing was done.")
        person = cast("SignedIn | None", current_user._get_current_object())  # noqa: SLF001
        if person is not None and person.is_authenticated:
            _recognise(person, acts=request.method in SAFE_METHODS or access is None or bool(access.stages))
            if access is None or access.stages:
                admit(person)
            return check_network(person) or _check(access, person)
        return redirect(url_for("sign_in.form", next=here()), 303) if access and access.stages else None
    finally:
        _end_reading(bound=access is not None and bool(access.stages))


def _access() -> Access | None:
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "access", None)


def _anonymous(reference: str, address: str) -> Actor:
    browser = browser_name(request.user_agent.string)
    return Actor(kind="anonymous", address=address, browser=browser, reference=reference)


def _load_signed_in(_request: Any) -> SignedIn | None:
    token = session_token()
    live = live_session(token) if token else None
    if live is None:
        return None
    staff = live.tenant.id == PLATFORM_TENANT_ID
    by = Actor(
        kind="staff" if staff else "person",
        tenant_id=live.tenant.id,
        user_id=live.person.id,
        role=live.person.role,
        label=live.person.details.name,
        address=visit().address,
        browser=browser_name(request.user_agent.string),
        authenticated_at=live.session.authenticated_at,
        session_id=live.session.id,
        reference=visit().reference,
        on_behalf_of=live.tenant.name if staff else None,
    )
    return SignedIn(by, live)


def _recognise(person: SignedIn, *, acts: bool) -> None:
    """Who it is. The session is no authority for public forms: a password or link given there may be somebody else's."""
    seen = visit()
    seen.person, seen.time_zone = person, person.time_zone
    if person.stage == "full" and acts:
        seen.actor = person.actor


def _check(access: Access | None, person: SignedIn) -> ResponseReturnValue | None:
    if access is None or not access.stages:
        return None
    if person.stage not in access.stages:
        return redirect(url_for(STAGE_PAGES[person.stage]), 303)
    if access.permission and not may(person.actor.role, access.permission):
        raise Forbidden("Your role does not allow this. An owner or administrator of your company can change roles.")
    visit().must_confirm = not is_fresh(person.actor) and (access.fresh() if callable(access.fresh) else access.fresh)
    return None


def is_fresh(by: Actor) -> bool:
    """Whether that person proved who it is lately."""
    return by.authenticated_at is not None and clock.now() - by.authenticated_at <= FRESH


def _end_reading(*, bound: bool) -> None:
    """The gate's own reads are over; the page starts its unit of work afresh, as a writer if the method is unsafe.

    It is bound to the person's tenant where the page demands a session. A public page learns the tenant from what was
    given to it, a username or a link, and that may be another one than the tenant of whoever is signed in.
    """
    tenant_id = db.session().info.get("tenant_id")
    db.session.remove()
    if bound and tenant_id is not None and visit().person is not None:
        bind_tenant(tenant_id)
    if request.method not in SAFE_METHODS:
        writing()


def _leave(response: Response) -> Response:
    if request.endpoint == "static":
        return response
    if not hasattr(request, "visit") or visit().failed:
        db.session.rollback()
        return response
    db.session.commit()
    _touch()
    return response


def _touch() -> None:
    """The session was used, its address was seen, and what would have been refused is counted."""
    person = visit().person
    try:
        if person is not None and not visit().quiet and _due(person):
            with unit_of_work(person.actor.tenant_id):
                touch_session(person.session_id)
                if person.stage == "full":
                    note_sighting(person.user_id, visit().address, sign_in=False)
        note_reported()
    except OperationalError as error:
        # The page is done and its work is kept. The next page tries again.
        log.warning("[%s] a session was not touched: %s", visit().reference, error.orig)


def _due(person: SignedIn) -> bool:
    return (clock.now() - person.last_seen_at).total_seconds() >= touch_seconds(person.choices)


def record_refusal(reason: str) -> None:
    """The refusal is in the person's audit record, in a unit of its own, since the page's was rolled back.

    Once a window for each person, page and address; the next entry says how many were not listed.
    """
    person = visit().person
    if person is None:
        return
    by = person.actor
    with unit_of_work(by.tenant_id):
        what = f"{person.user_id}|{request.method}|{request.endpoint}|{by.address}"
        key = tenant_keys().index("refused", what.encode())
        held = budgets.one_a_window(key, window_seconds=settings().sign_in_window_seconds)
        if held is not None:
            record(
                Tag.ACCESS_REFUSED,
                by=by,
                reason=reason,
                page=request.path[:200],
                method=request.method,
                earlier_tries_not_listed=held or None,
            )
