"""Change an e-mail address, which is the username: mailboxes confirm it, the old one can stop it or take it back (P03)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select

from console.audit.actions import Event, record, record_many
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import db, settings
from console.core.errors import Conflict, Invalid
from console.core.permissions import ADMINISTRATOR_ROLES, StaffRole
from console.identity.actions import acting_as
from console.identity.models import Browser, Credential, TotpFactor, credential_of
from console.identity.networks import Network
from console.identity.reset import send_reset_link
from console.mail.actions import Recipient, post, post_many
from console.tenants.models import Tenant, lock_people
from console.users.actions import apply_change, touch, write_change
from console.users.links import LinkKind, OneTimeLink, follow_link, give_link, open_links, revoke_links, use_link
from console.users.models import State, User, spoken_time, user
from console.users.rules import clean_email
from console.users.usernames import (
    CONFIRM_HOURS,
    UsernameTaken,
    check_may_be_told,
    check_username_free,
    drop_pending,
    keep_for_veto,
    spend_change,
)

TOLD_ROLES = (*ADMINISTRATOR_ROLES, StaffRole.PLATFORM_ADMINISTRATOR)


@dataclass(frozen=True)
class Confirmation:
    """What a link to confirm an address will do, for the page that asks."""

    present: str
    new_email: str
    asked_by: str
    """Whoever else asked for it; empty where the person did, and both mailboxes confirm."""


def ask_email_change(user_id: UUID, new_email: str, *, by: Actor) -> str:
    """Both addresses have a link to confirm; nothing changes before both were followed (P03). Answers the new address.

    **Raises:** Invalid, UsernameTaken, Throttled. **Records:** users:username_change:asked.
    """
    try:
        new_email = clean_email(new_email.strip())
    except ValueError as error:
        raise Invalid(str(error), {"email": str(error)}) from error
    lock_people()
    person = user(user_id, lock=True)
    if new_email.casefold() == person.details.email.casefold():
        raise Invalid("This is your address already.", {"email": "This is your address already."})
    check_may_be_told(by=by)
    try:
        check_username_free(new_email, person.id)
    except UsernameTaken as error:  # whoever manages users may learn whose it is; others learn no name here
        message = f"{new_email} cannot be used as a username here. Choose another address."
        raise UsernameTaken(message, elsewhere=error.elsewhere) from error
    spend_change(person)
    drop_pending(person.id)
    links: tuple[tuple[LinkKind, str], ...] = (("email_old", person.details.email), ("email_new", new_email))
    for kind, address in links:
        link = give_link(kind, person.id, valid_for=timedelta(hours=CONFIRM_HOURS), payload={"email": new_email})
        post(
            f"email_change_{kind.removeprefix('email_')}",
            to_name=person.details.name,
            to_address=address,
            facts={
                "new_address": new_email,
                "link": link.url,
                "until": spoken_time(link.expires_at, person.details.time_zone),
            },
        )
    record(Tag.USERNAME_CHANGE_ASKED, by=by, subject=("user", person.id), changes={"email": (None, new_email)})
    return new_email


def look_at_confirmation(token: str) -> Confirmation:
    """What following the link will do; nothing is done. **Raises:** NotFound, Gone."""
    link = follow_link(token, "email_old", "email_new")
    payload = link.payload
    return Confirmation(user(link.user_id).details.email, payload["email"], payload.get("asked_by", ""))


def confirm_email_change(token: str, *, by: Actor) -> tuple[User, bool]:
    """An address confirmed. Answers the person, and whether the change is now in force; then all sessions are over.

    **Raises:** NotFound, Gone, Conflict, UsernameTaken, which names nobody. **Records:** users:user:changed.
    """
    link = follow_link(token, "email_old", "email_new")
    tenant = lock_people()
    person = user(link.user_id, lock=True)
    proposed = "asked_by" in link.payload
    if person.state != State.ACTIVE and not (proposed and person.state == State.SUSPENDED):
        raise Conflict("This account is not active. Ask your administrator.")
    use_link(link)
    db.session.flush()
    if proposed:
        _put_in_force(person, link, tenant, by)
        return person, True
    other = "email_new" if link.kind == "email_old" else "email_old"
    if not _confirmed(person.id, other, link):
        return person, False
    details = person.details.changed(email=link.payload["email"])
    apply_change(person, details, person.role, tenant=tenant, by=acting_as(person, by))
    return person, True


def _put_in_force(person: User, link: OneTimeLink, tenant: Tenant, by: Actor) -> None:
    """What somebody else asked for counts, since the new mailbox has confirmed; the old one can take it back."""
    old, payload = person.details, link.payload
    # Whoever holds the new mailbox has not shown to be the person.
    holder = Actor(
        kind="anonymous",
        tenant_id=person.tenant_id,
        label="Holder of the new mailbox",
        address=by.address,
        browser=by.browser,
        reference=by.reference,
    )
    changes = write_change(
        person, old.changed(email=payload["email"]), person.role, tenant=tenant, by=holder, tell=False
    )
    keep_for_veto(person, old.email, link)
    db.session.flush()
    reason = f"asked for by {payload['asked_by']}, confirmed from the new mailbox"
    record_many([Event(Tag.USER_CHANGED, ("user", person.id), changes, reason)], by=holder)


def _confirmed(user_id: UUID, kind: str, link: OneTimeLink) -> bool:
    """Whether the other address has confirmed the same change."""
    others = db.session.execute(
        select(OneTimeLink).where(
            OneTimeLink.user_id == user_id, OneTimeLink.kind == kind, OneTimeLink.used_at.is_not(None)
        )
    ).scalars()
    return any(
        other.payload == link.payload and abs(other.created_at - link.created_at) < timedelta(minutes=1)
        for other in others
    )


def look_at_veto(token: str) -> dict[str, str]:
    """What the link of the old mailbox will stop: old, email, asked_by, since (empty while not in force)."""
    return follow_link(token, "email_veto").payload


def stop_email_change(token: str, *, by: Actor) -> User:
    """The old mailbox said no: the old address is the username, all sessions and links are over, administrators know.

    What proved the person's identity since the change came into force may be a stranger's, and is gone.
    **Raises:** NotFound, Gone, UsernameTaken. **Records:** users:username_change:stopped, users:user:changed.
    """
    link = follow_link(token, "email_veto")
    tenant = lock_people()
    person = user(link.user_id, lock=True)
    payload, holder = link.payload, acting_as(person, by)
    use_link(link)
    drop_pending(person.id)
    _drop_later_vetoes(link)
    revoke_links(person.id)
    db.session.flush()
    lost = False
    if payload["since"]:
        lost = _forget_since(person.id, datetime.fromisoformat(payload["since"]))
        details = person.details.changed(email=payload["old"])
        apply_change(person, details, person.role, tenant=tenant, by=holder)
    person.sign_in_epoch += 1
    person.version += 1
    touch(person, tenant)
    if lost and person.state == State.ACTIVE:
        send_reset_link(person, by=by)
    _tell_administrators(person, payload)
    db.session.flush()
    reason = f"asked for by {payload['asked_by']}"
    changes = {"email": (payload["email"], payload["old"])}
    record(Tag.USERNAME_CHANGE_STOPPED, by=holder, subject=("user", person.id), changes=changes, reason=reason)
    return person


def _drop_later_vetoes(used: OneTimeLink) -> None:
    """Links that could undo what this one restored are dead; one of an earlier mailbox still goes before it."""
    old = used.payload["old"]
    for veto in open_links(used.user_id, "email_veto"):
        if veto.created_at >= used.created_at or veto.payload["old"] == old:
            veto.revoked_at = clock.now()


def _forget_since(user_id: UUID, moment: datetime) -> bool:
    """What came to prove that person's identity since then is gone. Answers whether the password is."""
    credential = credential_of(user_id)
    lost = credential is not None and credential.changed_at >= moment
    for kept, at in (
        (Credential, Credential.changed_at),
        (TotpFactor, TotpFactor.created_at),
        (Browser, Browser.first_seen_at),
        (Network, Network.first_seen_at),
    ):
        later = delete(kept).where(kept.user_id == user_id, at >= moment)
        db.session.execute(later.execution_options(synchronize_session="fetch"))
    return lost


def _tell_administrators(person: User, payload: dict[str, str]) -> None:
    """Everybody who administers this Customer learns that a change was stopped, whoever had asked for it."""
    query = select(User).where(User.role.in_(TOLD_ROLES), User.state == State.ACTIVE)
    facts = {
        "name": person.details.name,
        "by": payload["asked_by"],
        "old_address": payload["old"],
        "new_address": payload["email"],
        "link": f"{settings().base_url}/users/{person.id}",
    }
    now = clock.now()
    post_many(
        "username_change_stopped",
        [
            Recipient(one.details.name, one.details.email, {**facts, "at": spoken_time(now, one.details.time_zone)})
            for one in db.session.execute(query).scalars()
        ],
    )
