"""Recognise, remember and forget browsers and networks. Promises: P07, P10.

A browser is *known* once a sign-in in it was completed; it is *remembered* until a time that the Customer chose, if the
person has confirmed who it is there. Being known gives it guesses of its own (nobody can lock it out) and no more.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.addresses import network_of
from console.core.db import bound_tenant, db, settings
from console.core.errors import NotFound
from console.core.ids import new_id
from console.core.lookups import digest_of, new_token
from console.identity.models import Browser, browsers_of, recognised_browser
from console.identity.networks import Network, note_network
from console.identity.rules import KnownBrowser, check_may_reset, remembered_end
from console.mail.actions import post
from console.policies.choices import choices
from console.users.models import User, spoken_time, user

KEPT_BROWSER_TOKENS = 5


def remember_browser(
    person: User, tokens: list[str], *, by: Actor, confirmed: bool = False, keep: bool = True, first: bool = False
) -> list[str]:
    """The browser is known next time. Answers the secrets for its cookie: one for each person who uses it.

    `confirmed`: the person has just shown who it is, so the Customer's period begins. `keep` False: the person does not
    want this browser remembered, and nothing of it is kept. `first`: the person's first sign-in ever. An unknown secret
    is never adopted, so that nobody can plant one. The person is told by mail of a browser that was not known.
    """
    note_network(person.id, by.address)
    found = recognised_browser(person.id, tokens or [""])
    if found is None and not first:
        _tell(person, by)
    if not keep:
        if found is None:
            return tokens
        db.session.delete(found)
        return [token for token in tokens if digest_of(token) != found.digest]
    if found is None:
        token = new_token()
        tokens = [*tokens, token]
        found = Browser(
            id=new_id(),
            tenant_id=bound_tenant(),
            user_id=person.id,
            digest=digest_of(token),
            epoch=person.sign_in_epoch,
            first_seen_at=clock.now(),
        )
        db.session.add(found)
    found.last_seen_at = clock.now()
    found.seen = {"browser": by.browser, "address": by.address}
    if confirmed:
        found.confirmed_at, found.remembered_until = clock.now(), _remembered_until()
    return tokens[-KEPT_BROWSER_TOKENS:]


def shown_browsers(user_id: UUID) -> list[tuple[Browser, datetime | None]]:
    """The browsers of that person, the latest first, each with the time until when it is not asked for a code."""
    days, now = choices().remember_browser_days, clock.now()
    return [
        (row, remembered_end(KnownBrowser(row.confirmed_at, row.remembered_until), days, now))
        for row in browsers_of(user_id)
    ]


def _remembered_until() -> datetime | None:
    days = choices().remember_browser_days
    return clock.now() + timedelta(days=days) if days else None


def _tell(person: User, by: Actor) -> None:
    post(
        "new_browser",
        to_name=person.details.name,
        to_address=person.details.email,
        facts={
            "at": spoken_time(clock.now(), person.details.time_zone),
            "browser": by.browser or "unknown",
            "network": network_of(by.address),
            "address": by.address or "unknown",
            "link": f"{settings().base_url}/password/forgot",
        },
    )


def forget_browser(browser_id: UUID, user_id: UUID, *, by: Actor) -> None:
    """That browser is new to us again, from the next request on.

    **Raises:** NotFound, Forbidden. **Records:** identity:browser:forgotten.
    """
    _check_may_forget(user_id, by)
    _forget_one(Browser, browser_id, user_id)
    record(Tag.BROWSER_FORGOTTEN, by=by, subject=("user", user_id))


def forget_network(network_id: UUID, user_id: UUID, *, by: Actor) -> None:
    """That network is new to us again.

    **Raises:** NotFound, Forbidden. **Records:** identity:network:forgotten.
    """
    _check_may_forget(user_id, by)
    _forget_one(Network, network_id, user_id)
    record(Tag.NETWORK_FORGOTTEN, by=by, subject=("user", user_id))


def forget_all(user_id: UUID, *, by: Actor, reason: str = "") -> int:
    """All browsers and networks of that person are new to us again. Answers how many browsers there were.

    **Raises:** NotFound, Forbidden. **Records:** identity:browser:forgotten.
    """
    _check_may_forget(user_id, by)
    count = drop_all([user_id])
    record(Tag.BROWSER_FORGOTTEN, by=by, subject=("user", user_id), reason=reason or None, browsers=count)
    return count


def drop_all(user_ids: list[UUID]) -> int:
    """Like `forget_all`, for acts that write their own entry: a new password, another factor, a purge."""
    kept: list[type[Browser | Network]] = [Network, Browser]
    for each in kept:
        gone = db.session.execute(
            delete(each).where(each.user_id.in_(user_ids)).execution_options(synchronize_session="fetch")
        )
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _check_may_forget(user_id: UUID, by: Actor) -> None:
    if by.user_id != user_id:
        check_may_reset(by, user(user_id).role)


def _forget_one(kind: type[Browser] | type[Network], row_id: UUID, user_id: UUID) -> None:
    query = select(kind).where(kind.id == row_id, kind.user_id == user_id)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound("This was forgotten already.")
    db.session.delete(found)
    db.session.flush()
