"""Confirm a sign-in by a code: mailed to the person, or told by an administrator on the telephone. Promise: P07.

A code by mail shows that the mailbox is the person's. It is a check of the browser and never counts as a second factor.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import budgets, clock
from console.core.actor import Actor
from console.core.addresses import network_of
from console.core.db import bound_tenant, db, settings
from console.core.ids import new_id
from console.core.lookups import add_lookup, digest_of, new_token
from console.identity.confirmation_models import (
    TRIES,
    Confirmation,
    close_codes,
    code_digest,
    count_confirmation,
    counted_codes,
    open_codes,
    open_proofs,
)
from console.identity.models import recognised_browser
from console.identity.networks import network_seen_at
from console.identity.rules import REASON_TEXTS, KnownBrowser, Reason, confirmation_needed, mode_for
from console.mail.actions import post
from console.policies.choices import choices
from console.users.models import User, spoken_time
from console.vault.access import tenant_keys

DIGITS = 8
CODE_MINUTES = 10
MAIL_SECONDS = 60
"""A browser gets one mail in this time; another browser has a minute of its own."""
MAILS_AN_HOUR = 60
"""For all browsers together that the person never used, from one network: who knows a password cannot fill a mailbox."""
WRONG_AN_HOUR = 100
"""Wrong codes for one person in all browsers that are not known (NIST SP 800-63B, section 3.2.2); a known browser has a
number of its own, so that nobody can use it up for the person."""
LINK_MINUTES = 10
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}")


@dataclass(frozen=True)
class Asked:
    """What came of asking for a code. `asker` is the secret by which this browser is known until it is confirmed."""

    asker: str
    wait_seconds: int
    """0 if a mail is on its way, else how long it is until there can be one."""


@dataclass(frozen=True)
class Counted:
    """A try that was counted against every code that is open in a session, before any of them was compared."""

    codes: tuple[UUID, ...] = ()
    budget: bytes = b""
    wait_seconds: int = 0
    """0 if the code may be compared, else how long it is until one may."""


@dataclass(frozen=True)
class Proof:
    """What came of a code: right, or wrong with so many tries left."""

    right: bool
    tries_left: int = 0


def why_confirm(person: User, tokens: list[str], *, trusted: bool, by: Actor) -> Reason | None:
    """Why this sign-in of that person must be confirmed, if it must. `trusted`: the address is one of the Customer's."""
    chosen = choices()
    found = recognised_browser(person.id, tokens or [""])
    return confirmation_needed(
        mode_for(chosen, person.role),
        browser=KnownBrowser(found.confirmed_at, found.remembered_until) if found else None,
        network_seen_at=network_seen_at(person.id, by.address),
        trusted=trusted,
        chosen=chosen,
        now=clock.now(),
    )


def ask_confirmation(
    person: User, *, session_id: UUID, reason: Reason, asker: str | None, tokens: list[str], by: Actor
) -> Asked:
    """A code is in the outbox that works in that session alone; codes that this browser had before are dead.

    A browser gets one mail a minute: a second sign-in within that minute goes on with the code of the first.
    **Records:** identity:confirmation:asked.
    """
    known = recognised_browser(person.id, tokens or [""])
    asker = asker or new_token()
    mark = known.digest if known else digest_of(asker)
    minute = tenant_keys().index("confirmation-minute", person.id.bytes + mark)
    wait = budgets.spend(minute, limit=1, window_seconds=MAIL_SECONDS)
    if wait:
        _carry_over(person, mark, session_id)
        return Asked(asker, wait)
    wait = 0 if known else _spend_for_network(person, by)
    if wait:
        budgets.refund(minute)
        return Asked(asker, wait)
    close_codes(person.id, "mail", asker=mark)
    _send(person, session_id, reason, mark, by)
    return Asked(asker, 0)


def _spend_for_network(person: User, by: Actor) -> int:
    key = tenant_keys().index("confirmation-network", person.id.bytes + network_of(by.address).encode())
    return budgets.spend(key, limit=MAILS_AN_HOUR, window_seconds=3600)


def _carry_over(person: User, mark: bytes, session_id: UUID) -> None:
    """The code that this very browser asked for a moment ago goes on in its new session."""
    query = select(Confirmation).where(
        Confirmation.user_id == person.id, Confirmation.kind == "mail", Confirmation.asker == mark
    )
    for row in db.session.execute(query.with_for_update()).scalars():
        if row.open:
            row.session_id = session_id


def _send(person: User, session_id: UUID, reason: Reason, mark: bytes, by: Actor) -> None:
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    row = _new_row("mail", person, code, timedelta(minutes=CODE_MINUTES))
    row.session_id, row.asker = session_id, mark
    network, at = network_of(by.address), spoken_time(clock.now(), person.details.time_zone)
    row.facts = {"reason": reason, "browser": by.browser, "address": by.address, "network": network}
    db.session.add(row)
    db.session.flush()
    denial = new_token()
    add_lookup("denial", digest_of(denial), bound_tenant(), row.id)
    post(
        "confirmation",
        to_name=person.details.name,
        to_address=person.details.email,
        facts={
            "code": spoken_code(code),
            "minutes": str(CODE_MINUTES),
            "browser": by.browser or "an unknown browser",
            "network": network,
            "address": by.address or "an unknown address",
            "at": at,
            "link": f"{settings().base_url}/sign-in/not-me/{denial}",
        },
    )
    count_confirmation("asked")
    record(Tag.CONFIRMATION_ASKED, by=by, subject=("user", person.id), reason=REASON_TEXTS[reason], network=network)


def _new_row(kind: str, person: User, code: str, valid_for: timedelta) -> Confirmation:
    now, row_id = clock.now(), new_id()
    return Confirmation(
        id=row_id,
        tenant_id=bound_tenant(),
        kind=kind,
        user_id=person.id,
        digest=code_digest(row_id, code),
        tries=0,
        created_at=now,
        expires_at=now + valid_for,
    )


def telephone_row(person: User, code: str, valid_for: timedelta) -> Confirmation:
    """A new code that works in any session of that person."""
    return _new_row("telephone", person, code, valid_for)


def spoken_code(code: str) -> str:
    """A code in two groups, as people read it out."""
    return f"{code[: DIGITS // 2]} {code[DIGITS // 2 :]}"


def plain_code(typed: str) -> str | None:
    """The digits that were typed, with or without spaces and hyphens between them; None if it cannot be a code."""
    code = re.sub(r"[\s\-]", "", typed)
    return code if _CODE.fullmatch(code) else None


def count_try(user_id: UUID, *, session_id: UUID, tokens: list[str]) -> Counted:
    """A try counts against every code that is open there. Run it in a unit of its own, committed before `prove`."""
    known = recognised_browser(user_id, tokens or [""])
    budget = tenant_keys().index("confirmation-tries", user_id.bytes + (known.digest if known else b""))
    wait = budgets.spend(budget, limit=WRONG_AN_HOUR, window_seconds=3600)
    if wait:
        return Counted(wait_seconds=wait)
    rows = open_codes(user_id, session_id)
    for row in rows:
        row.tries += 1
    return Counted(tuple(row.id for row in rows), budget)


def prove(person: User, code: str, counted: Counted, *, by: Actor) -> Proof:
    """Compare a code with those that the try was counted against, and use it up if it is right. Then it cost no try.

    **Records:** identity:confirmation:confirmed or identity:confirmation:refused.
    """
    budgets.hold(
        counted.budget
    )  # before the codes, as `count_try` does: the other way round two would wait for each other
    rows = counted_codes(counted.codes)
    found = next((row for row in rows if hmac.compare_digest(row.digest, code_digest(row.id, code))), None)
    if found is None:
        count_confirmation("refused")
        reason = "wrong code" if rows else "no code that works"
        record(Tag.CONFIRMATION_REFUSED, by=by, subject=("user", person.id), reason=reason)
        return Proof(right=False, tries_left=max((TRIES - row.tries for row in rows), default=0))
    budgets.refund(counted.budget)
    found.tries -= 1
    _use(found)
    close_codes(person.id, "telephone")
    count_confirmation("confirmed")
    record(Tag.CONFIRMATION_PASSED, by=by, subject=("user", person.id), proof=f"code by {found.kind}")
    return Proof(right=True)


def _use(row: Confirmation) -> None:
    row.used_at = clock.now()
    db.session.flush()


def note_mailbox(user_id: UUID) -> str:
    """The person has just followed a link from the mailbox. Answers the secret that shows it, once, in that browser."""
    secret = new_token()
    now, row_id = clock.now(), new_id()
    digest, expires_at = code_digest(row_id, secret), now + timedelta(minutes=LINK_MINUTES)
    db.session.add(
        Confirmation(
            id=row_id,
            tenant_id=bound_tenant(),
            kind="link",
            user_id=user_id,
            digest=digest,
            created_at=now,
            expires_at=expires_at,
        )
    )
    return secret


def shown_mailbox(person: User, secret: str | None, *, by: Actor) -> bool:
    """Whether this browser has followed a link from that person's mailbox a moment ago; it counts once.

    **Records:** identity:confirmation:confirmed.
    """
    if not secret:
        return False
    for row in open_proofs(person.id):
        if hmac.compare_digest(row.digest, code_digest(row.id, secret)):
            _use(row)
            record(Tag.CONFIRMATION_PASSED, by=by, subject=("user", person.id), proof="link from a mail")
            return True
    return False
