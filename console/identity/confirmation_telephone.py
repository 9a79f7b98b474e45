"""A one-time code that an administrator tells somebody on the telephone, for whom no mail arrives. Promise: P07."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import db
from console.core.errors import Conflict, Invalid
from console.identity.confirmation import DIGITS, spoken_code, telephone_row
from console.identity.confirmation_models import close_codes
from console.identity.models import totp_of
from console.identity.rules import check_may_reset
from console.mail.actions import post
from console.users.models import State, User, spoken_time, user

MINUTES = 15
REASON_CHARACTERS = 300


@dataclass(frozen=True)
class GivenCode:
    """A code just made: the only moment at which it is known."""

    code: str
    expires_at: datetime
    person: User


def check_may_give(person: User, *, by: Actor) -> None:
    """Nothing happens if `by` may give that person a code now. **Raises:** Forbidden, Conflict."""
    check_may_reset(by, person.role)
    if person.id == by.user_id:
        raise Conflict("You cannot give yourself a code. Ask another administrator.")
    if person.state != State.ACTIVE:
        raise Conflict(
            f"{person.name} is {person.state}. Only active people can sign in, so a code would be of no use."
        )
    factor = totp_of(person.id)
    if factor is not None and factor.confirmed_at is not None:
        raise Conflict(
            f"{person.name} signs in with a second factor, and a code does not take its place. If the factor is lost,"
            " it must be reset."
        )


def give_telephone_code(user_id: UUID, *, reason: str, by: Actor) -> GivenCode:
    """The person can confirm one sign-in with this code within 15 minutes; earlier such codes are dead.

    The person is told by mail that this was done, and by whom.
    **Raises:** NotFound, Forbidden, Conflict, Invalid. **Records:** identity:confirmation:code_given.
    """
    person = user(user_id, lock=True)
    check_may_give(person, by=by)
    if not reason:
        problem = "Say why: how you know that it is this person, for example."
        raise Invalid(problem, {"reason": problem})
    close_codes(person.id, "telephone")
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    row = telephone_row(person, code, timedelta(minutes=MINUTES))
    db.session.add(row)
    post(
        "telephone_code",
        to_name=person.details.name,
        to_address=person.details.email,
        facts={"by": by.label, "minutes": str(MINUTES), "at": spoken_time(clock.now(), person.details.time_zone)},
    )
    db.session.flush()
    record(Tag.CONFIRMATION_CODE_GIVEN, by=by, subject=("user", person.id), reason=reason)
    return GivenCode(spoken_code(code), row.expires_at, person)
