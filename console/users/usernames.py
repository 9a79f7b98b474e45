"""Usernames: each is one person's in the whole service, and nobody's is changed behind that person's back.

Somebody else may ask for another address of a person; it counts once the new mailbox has confirmed, and for some days the
old one can take it back (P03). Until then the old username is kept for the person.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import budgets, clock, jobs
from console.core.actor import Actor
from console.core.db import bound_tenant, db, unit_of_work
from console.core.errors import Conflict, Throttled
from console.core.lookups import AlreadyTaken, add_lookup, add_lookups, find_lookup, forget_lookups, remove_lookup
from console.mail.actions import post
from console.tenants.models import lock_people
from console.users.links import OneTimeLink, give_link, open_links, revoke_links
from console.users.models import State, User, spoken_time, user, username_digest
from console.users.rules import check_may_manage, plain_spelling
from console.vault.access import platform_keys, tenant_keys

CONFIRM_HOURS = 24
VETO_HOURS = 72
CHANGES_AN_HOUR = 5
TOLD_AN_HOUR = 20
"""How many answers an hour may tell one Customer that an address is used elsewhere in the service."""
HOUR_SECONDS = 3600
RELEASE_JOB = "username-release"


class UsernameTaken(AlreadyTaken):
    """Raised when the e-mail address is, or until recently was, somebody's username. `elsewhere`: at another Customer."""

    def __init__(self, message: str, *, elsewhere: bool = False, **facts: object) -> None:
        super().__init__(message, **facts)
        self.elsewhere = elsewhere


@dataclass(frozen=True)
class Pending:
    """A change of username that waits for a mailbox to confirm it."""

    email: str
    asked_at: datetime
    until: datetime
    asked_by: str
    """The name of whoever asked; empty where the person did."""


def claim_username(email: str, user_id: UUID) -> None:
    """The address is that person's username, and nobody else's in the whole service. **Raises:** UsernameTaken."""
    _refuse_alike(email, user_id)
    digest = username_digest(email)
    try:
        add_lookup("username", digest, bound_tenant(), user_id)
    except AlreadyTaken as error:
        raise _taken(email) from error
    # Looked at after the claim: whoever gave the name up a moment ago has committed that it is kept.
    if kept_for_another(digest, user_id):
        remove_lookup("username", digest)
        raise _kept(email, digest)


def check_username_free(email: str, user_id: UUID) -> None:
    """Nothing happens if that person could have that username now. **Raises:** UsernameTaken."""
    _refuse_alike(email, user_id)
    digest = username_digest(email)
    found = find_lookup("username", digest)
    if found is not None and found != (bound_tenant(), user_id):
        raise _taken(email)
    if kept_for_another(digest, user_id):
        raise _kept(email, digest)


def kept_for_another(digest: bytes, user_id: UUID) -> bool:
    """Whether the username was somebody else's until recently, who may still take it back."""
    kept = find_lookup("kept_username", digest)
    return kept is not None and kept != (bound_tenant(), user_id)


def _taken(email: str) -> UsernameTaken:
    found = find_lookup("username", username_digest(email))
    if found and found[0] == bound_tenant():
        holder = user(found[1])
        if holder.state == State.DELETED:
            text = f"{email} belongs to {holder.name}, who was deleted. Restore that person instead."
            return UsernameTaken(text, holder_id=holder.id)
        return UsernameTaken(f"{email} is the username of {holder.name} already.", holder_id=holder.id)
    return UsernameTaken(f"{email} cannot be used as a username here. Choose another address.", elsewhere=True)


def _kept(email: str, digest: bytes) -> UsernameTaken:
    kept = find_lookup("kept_username", digest)
    if kept and kept[0] == bound_tenant():
        return UsernameTaken(
            f"{email} was the username of {user(kept[1]).name} until recently, who can take it back for"
            f" {VETO_HOURS} hours. Choose another address, or wait until then."
        )
    return UsernameTaken(f"{email} cannot be used as a username here. Choose another address.", elsewhere=True)


def _refuse_alike(email: str, user_id: UUID) -> None:
    """Accents and dotless letters must not make an address that reads like a colleague's. **Raises:** UsernameTaken."""
    plain = plain_spelling(email)
    found = find_lookup("username", username_digest(plain)) if plain else None
    if found and found[0] == bound_tenant() and found[1] != user_id:
        raise UsernameTaken(
            f"{email} reads like {plain}, which is the username of {user(found[1]).name}. Choose an address that"
            " nobody takes for theirs."
        )


def check_may_be_told(*, by: Actor) -> None:
    """Nothing happens while this Customer may learn whether an address is used elsewhere. **Raises:** Throttled.

    Called before the look-up: over the budget, a free address is refused like a taken one, or the refusal would tell.
    """
    wait = 0 if by.kind == "system" else told_wait()
    if wait:
        raise Throttled(
            "Too many of the addresses that your company tried are used elsewhere in this service, so no new address is"
            " taken for now. Nothing was changed.",
            retry_after_seconds=wait,
        )


def told_wait() -> int:
    """How long this Customer waits for the next answer that an address is used elsewhere; 0 for not at all."""
    return budgets.wait(_told_key(), limit=TOLD_AN_HOUR, window_seconds=HOUR_SECONDS)


def tell_elsewhere() -> int:
    """Count one answer that an address is used elsewhere. Answers the seconds to wait where it may not be given."""
    return budgets.spend(_told_key(), limit=TOLD_AN_HOUR, window_seconds=HOUR_SECONDS)


def _told_key() -> bytes:
    return platform_keys().index("told-elsewhere", bound_tenant().bytes)


def spend_change(person: User) -> None:
    """One more change of address is asked for this person. **Raises:** Throttled over the budget."""
    key = tenant_keys().index("tries-email-change", person.id.bytes)
    wait = budgets.spend(key, limit=CHANGES_AN_HOUR, window_seconds=HOUR_SECONDS)
    if wait:
        raise Throttled(
            f"Another address for {person.name} was asked for {CHANGES_AN_HOUR} times within an hour.",
            retry_after_seconds=wait,
        )


def pending_change(user_id: UUID) -> Pending | None:
    """The change of that person's username that waits for a mailbox."""
    found = open_links(user_id, "email_old", "email_new")
    if not found:
        return None
    link = found[-1]
    payload = link.payload
    return Pending(payload["email"], link.created_at, link.expires_at, payload.get("asked_by", ""))


def propose_username(person: User, email: str, *, by: Actor) -> None:
    """The new mailbox has a link to confirm, the old one a link to stop it; nothing changes before the first.

    An earlier change that waited is dropped. The caller holds the people lock and checked the rights.
    **Raises:** UsernameTaken, Throttled. **Records:** users:username_change:asked.
    """
    check_username_free(email, person.id)
    spend_change(person)
    drop_pending(person.id)
    old, asker = person.details, by.label or "An administrator"
    payload = {"email": email, "old": old.email, "asked_by": asker}
    confirm = give_link("email_new", person.id, valid_for=timedelta(hours=CONFIRM_HOURS), payload=payload)
    valid_for = timedelta(hours=CONFIRM_HOURS + VETO_HOURS)
    veto = give_link("email_veto", person.id, valid_for=valid_for, payload={**payload, "since": ""}, replaces=False)
    facts = {"by": asker, "name": old.name, "old_address": old.email, "new_address": email}
    until = spoken_time(confirm.expires_at, old.time_zone)
    post("email_confirm", to_name=old.name, to_address=email, facts={**facts, "link": confirm.url, "until": until})
    post("email_veto", to_name=old.name, to_address=old.email, facts={**facts, "link": veto.url})
    changes = {"email": (old.email, email)}
    record(Tag.USERNAME_CHANGE_ASKED, by=by, subject=("user", person.id), changes=changes)


def keep_for_veto(person: User, old_email: str, link: OneTimeLink) -> None:
    """The change behind `link` has just come into force: for 72 hours the old mailbox can take it back."""
    payload, now = link.payload, clock.now()
    until = now + timedelta(hours=VETO_HOURS)
    for veto in open_links(person.id, "email_veto"):
        if not veto.payload["since"]:
            veto.expires_at = until
            veto.set_payload({**veto.payload, "since": now.isoformat()})
    carried = {**payload, "old": old_email, "since": now.isoformat()}
    veto_link = give_link(
        "email_veto", person.id, valid_for=timedelta(hours=VETO_HOURS), payload=carried, replaces=False
    )
    add_lookups("kept_username", [(username_digest(old_email), person.id)], bound_tenant())
    jobs.enqueue(RELEASE_JOB, tenant_id=bound_tenant(), target_id=person.id, delay_seconds=VETO_HOURS * HOUR_SECONDS)
    zone = person.details.time_zone
    facts = {
        "at": spoken_time(now, zone),
        "by": payload["asked_by"],
        "new_address": person.details.email,
        "until": spoken_time(until, zone),
    }
    name = person.details.name
    post("username_moved", to_name=name, to_address=old_email, facts={**facts, "link": veto_link.url})
    post("username_changed", to_name=name, to_address=person.details.email, facts=facts)


def release_usernames(run: jobs.Run) -> None:
    """Usernames that this person had are free again, except those that a link can still take back."""
    if run.target_id is None:
        return
    with unit_of_work(run.tenant_id):
        vetoes = [veto.payload for veto in open_links(run.target_id, "email_veto")]
        forget_lookups("kept_username", [run.target_id])
        kept = {username_digest(veto["old"]) for veto in vetoes if veto["since"]}
        add_lookups("kept_username", [(digest, run.target_id) for digest in kept], bound_tenant())
        run.checkpoint(1, 1)


def withdraw_change(user_id: UUID, *, by: Actor) -> User:
    """The change of address that waited is off; its links are dead. By the person, or by who may manage that person.

    **Raises:** NotFound, Forbidden, Conflict. **Records:** users:username_change:cancelled.
    """
    lock_people()
    person = user(user_id, lock=True)
    if by.user_id != user_id:
        check_may_manage(by, person.role)
    pending = pending_change(user_id)
    if pending is None:
        raise Conflict(f"No change of address of {person.name} is waiting any more. Look at the present address first.")
    drop_pending(user_id)
    changes = {"email": (pending.email, None)}
    record(Tag.USERNAME_CHANGE_CANCELLED, by=by, subject=("user", user_id), changes=changes)
    return person


def drop_pending(user_id: UUID) -> None:
    """No change of that person's username waits any more. Links to take back one that is in force stay."""
    revoke_links(user_id, "email_old", "email_new")
    waiting = [veto.id for veto in open_links(user_id, "email_veto") if not veto.payload["since"]]
    if waiting:
        query = update(OneTimeLink).where(OneTimeLink.id.in_(waiting))
        db.session.execute(query.values(revoked_at=clock.now()).execution_options(synchronize_session=False))
