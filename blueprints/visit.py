"""What is known of the present request: its reference number, the client's address, and who is acting.

It is kept on the request, not in Flask's `g`: units of work of their own push another application context, and `g`
belongs to that.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import request

from console.core.actor import Actor

if TYPE_CHECKING:
    from blueprints.address_gate import Outside
    from blueprints.gate import SignedIn
    from console.ip_ranges.models import Standing


@dataclass
class Visit:
    """One request, as the gate sees it."""

    reference: str
    address: str
    actor: Actor
    person: "SignedIn | None" = None
    time_zone: str = "UTC"
    failed: bool = False
    standing: "Standing | None" = None
    """Where the person of the session stands under the IP ranges."""
    report: "Outside | None" = None
    """Somebody who would have been refused, if the ranges were enforced."""
    quiet: bool = False
    """Whether a script asked by itself: that does not count as using the session."""


def visit() -> Visit:
    """The present request's visit."""
    return cast("Visit", request.visit)  # type: ignore[attr-defined]


def signed_in() -> "SignedIn":
    """The person of the present session; for endpoints that need one."""
    person = visit().person
    assert person is not None  # noqa: S101 (the gate lets nobody else in)
    return person


def actor() -> Actor:
    """Who is acting in this request; an anonymous visitor if nobody is signed in."""
    return visit().actor
