"""This was not me: the link in a mail with a code ends the sign-in that asked for it. Opening the link does nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import bind_tenant, db, settings
from console.core.errors import NotFound
from console.core.lookups import digest_of, find_lookup
from console.core.permissions import ADMINISTRATOR_ROLES, StaffRole
from console.identity.actions import acting_as
from console.identity.browsers import drop_all
from console.identity.confirmation_models import Confirmation
from console.mail.actions import Recipient, post_many
from console.sessions.actions import end_session_of_somebody, end_sessions_of
from console.users.models import State, User, spoken_time, user

WHY = "denied"
ALERTED = [*ADMINISTRATOR_ROLES, StaffRole.PLATFORM_ADMINISTRATOR]


@dataclass(frozen=True)
class SignIn:
    """The sign-in that a mail was about."""

    at: datetime
    facts: dict[str, Any]
    completed: bool
    """Whether somebody typed the code."""
    denied: bool
    person: User


def sign_in_of(token: str) -> SignIn:
    """The sign-in that the link is about; this unit of work is bound to its tenant. **Raises:** NotFound."""
    return _shown(_row(token))


def deny_sign_in(token: str, *, by: Actor) -> SignIn:
    """That sign-in is over, and administrators know that somebody has the person's password. Doing it twice is one act.

    Where the code was typed already, the stranger may have come further: then all sessions of the person are over and
    no browser of the person is known any more.
    **Raises:** NotFound. **Records:** identity:confirmation:denied, sessions:session:ended.
    """
    row = _row(token, lock=True)
    shown = _shown(row)
    if row.denied_at is not None:
        return shown
    by = acting_as(shown.person, by)
    row.denied_at = clock.now()
    row.closed_at = row.closed_at or row.denied_at
    _end(row, by, completed=shown.completed)
    _alert(shown)
    db.session.flush()
    record(
        Tag.CONFIRMATION_DENIED, by=by, subject=("user", row.user_id), completed=shown.completed, **_where(shown.facts)
    )
    return shown


def _end(row: Confirmation, by: Actor, *, completed: bool) -> None:
    if completed:
        end_sessions_of([row.user_id], by=by, why=WHY)
        drop_all([row.user_id])
        return
    try:
        if row.session_id is not None:
            end_session_of_somebody(row.session_id, by=by, why=WHY)
    except NotFound:
        return  # it was left already


def _alert(shown: SignIn) -> None:
    query = select(User).where(User.role.in_(ALERTED), User.state == State.ACTIVE, User.id != shown.person.id)
    facts = {name: str(value) for name, value in _where(shown.facts).items()}
    recipients = [
        Recipient(
            each.details.name,
            each.details.email,
            {
                "person": shown.person.name,
                "at": spoken_time(shown.at, each.details.time_zone),
                "link": f"{settings().base_url}/users/{shown.person.id}",
                **facts,
            },
        )
        for each in db.session.execute(query).scalars()
    ]
    post_many("sign_in_denied", recipients)


def _where(facts: dict[str, Any]) -> dict[str, Any]:
    return {"from_browser": facts.get("browser") or "unknown", "from_network": facts.get("network") or "unknown"}


def _row(token: str, *, lock: bool = False) -> Confirmation:
    found = find_lookup("denial", digest_of(token))
    if found is None:
        raise NotFound("This link is not known. Check that the whole address was copied.")
    bind_tenant(found[0])
    query = select(Confirmation).where(Confirmation.id == found[1])
    row = db.session.execute(query.with_for_update() if lock else query).scalar_one_or_none()
    if row is None:
        raise NotFound("This link is not known. Check that the whole address was copied.")
    return row


def _shown(row: Confirmation) -> SignIn:
    return SignIn(
        at=row.created_at,
        facts=row.facts,
        completed=row.used_at is not None,
        denied=row.denied_at is not None,
        person=user(row.user_id),
    )
