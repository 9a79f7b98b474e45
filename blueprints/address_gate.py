"""At the door: is this person inside the allowed ranges? Whoever is not gets one page, with the way out. Promise: P06.

It is asked once the person is known, and never before a password, session or link has shown who it is: a stranger must
not learn from it whether a name exists.
"""

import time
from dataclasses import dataclass
from threading import Lock
from typing import Any
from uuid import UUID

from flask import Flask, Response, jsonify, make_response, render_template, request

from blueprints.visit import actor, signed_in, visit
from console.core.actor import Actor
from console.core.db import db, unit_of_work
from console.core.errors import Forbidden
from console.core.ids import PLATFORM_TENANT_ID
from console.core.permissions import Permission, may
from console.identity.actions import acting_as
from console.ip_ranges.models import Standing, standing, standing_under
from console.ip_ranges.refusals import Attempt, note_refusal
from console.tenants.models import this_tenant
from console.users.models import User

REPORT_EVERY_SECONDS = 60
REMEMBERED = 10_000
TITLE = "Not from this network"


@dataclass(frozen=True)
class Outside:
    """Somebody who is known, at an address that is not allowed."""

    attempt: Attempt
    tenant_id: UUID
    tenant_name: str
    by: Actor


class OutsideRanges(Forbidden):
    """Raised when a person is outside the allowed ranges; the answer is a page of its own."""

    def __init__(self, outside: Outside) -> None:
        super().__init__("Your company does not allow access from this network.")
        self.outside = outside


def install(app: Flask) -> None:
    """Whoever is outside gets the refusal page; every page can show what the ranges are doing just now."""
    app.register_error_handler(OutsideRanges, _turned_away)
    app.context_processor(_context)


def admit(person: Any) -> None:
    """Nothing happens if the person of this session may go on. For the gate, on each request that needs a session.

    **Raises:** OutsideRanges.
    """
    by = person.actor
    if by.tenant_id == PLATFORM_TENANT_ID:
        return
    found = standing_under(person.policies["ip_ranges"], visit().address, by.role)
    visit().standing = found
    if found.every_request or person.stage != "full":
        _judge(found, by, person.tenant_name)


def admit_link(person: User) -> None:
    """Nothing happens if whoever followed that person's link may go on. In the unit that followed it.

    **Raises:** OutsideRanges.
    """
    if person.tenant_id != PLATFORM_TENANT_ID:
        _judge(standing(visit().address, person.role), acting_as(person, actor()), this_tenant().name)


def refused_sign_in(person: User) -> Response | None:
    """The refusal page for somebody whose password was right, recorded in the present unit; None if inside."""
    try:
        admit_link(person)
    except OutsideRanges as refused:
        return _page(refused.outside, note_refusal(refused.outside.attempt, by=refused.outside.by))
    return None


def is_trusted(person: User) -> bool:
    """Whether that person comes from a range that the Customer trusts: no confirmation is asked for then."""
    if person.tenant_id == PLATFORM_TENANT_ID:
        return False
    return standing(visit().address, person.role).decision.trusted


def _judge(found: Standing, by: Actor, tenant_name: str) -> None:
    if not found.decision.outside or by.user_id is None or by.tenant_id is None:
        return
    attempt = Attempt(by.user_id, visit().address, f"{request.method} {request.path}", found.mode, found.version)
    outside = Outside(attempt, by.tenant_id, tenant_name, by)
    if found.decision.refused:
        raise OutsideRanges(outside)
    visit().report = outside


def note_reported() -> None:
    """Somebody who would have been refused is in the log, at most once a minute; each request is counted.

    In a unit of its own, after the page is done.
    """
    outside = visit().report
    if outside is None:
        return
    times = _report.due(outside.attempt)
    if times:
        with unit_of_work(outside.tenant_id):
            note_refusal(outside.attempt, by=outside.by, times=times)


class _Counter:
    """Counts requests between two rows, so that report-only costs no write on each request."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: dict[tuple[UUID, str], tuple[float, int]] = {}

    def due(self, attempt: Attempt) -> int:
        """How many requests are to be written now; 0 while the last row is less than a minute old."""
        key, now = (attempt.user_id, attempt.address), time.monotonic()
        with self._lock:
            since, count = self._waiting.get(key, (now - REPORT_EVERY_SECONDS, 0))
            if now - since < REPORT_EVERY_SECONDS:
                self._waiting[key] = since, count + 1
                return 0
            if len(self._waiting) >= REMEMBERED:
                self._waiting.clear()  # the next request of each is written at once, with what it counts from there
            self._waiting[key] = now, 0
            return count + 1

    def forget(self) -> None:
        """Nothing is counted yet."""
        with self._lock:
            self._waiting.clear()


_report = _Counter()


def _turned_away(error: OutsideRanges) -> Response:
    """The page was rolled back; that somebody came is written in a unit of its own."""
    visit().failed = True
    db.session.rollback()
    outside = error.outside
    with unit_of_work(outside.tenant_id):
        reference = note_refusal(outside.attempt, by=outside.by)
    return _page(outside, reference)


def _page(outside: Outside, reference: str) -> Response:
    facts = {"address": outside.attempt.address, "reference": reference}
    if request.accept_mimetypes.best == "application/json":
        answer = jsonify({"status": 403, "title": TITLE, "message": "Outside the allowed IP ranges.", **facts})
        answer.status_code = 403
        return answer
    page = render_template(
        "security/ip_ranges/refused.html",
        title=TITLE,
        tenant_name=outside.tenant_name,
        signed_in=visit().person is not None,
        actor=None,
        **facts,
    )
    return make_response(page, 403)


def _context() -> dict[str, Any]:
    found = visit().standing if hasattr(request, "visit") else None
    role = visit().actor.role if found is not None else None
    if found is None or not may(role, Permission.SECURITY_IP_RANGES_READ):
        return {"ranges_trial": None, "ranges_lifted": None}
    policy = found.policy
    return {"ranges_trial": policy if policy.on_trial else None, "ranges_lifted": policy.lifted_until}


def present_standing() -> Standing:
    """Where the signed-in person stands, as the gate found it."""
    found = visit().standing
    return found if found is not None else standing(visit().address, signed_in().actor.role)
