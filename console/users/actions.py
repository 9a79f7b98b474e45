"""Add and change people. Each act takes this Customer's people lock first and writes its audit entry last."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from console.audit.actions import Event, record, record_many
from console.audit.tags import Tag
from console.core import budgets, clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db, settings
from console.core.errors import Conflict, Invalid, Throttled
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.core.lookups import remove_lookup
from console.core.permissions import ADMINISTRATOR_ROLES, Role, role_label
from console.mail.actions import post
from console.tenants.models import Tenant, lock_people, this_tenant
from console.users.links import Link, give_link, open_invitation, revoke_links
from console.users.models import (
    Details,
    State,
    User,
    other_usable_administrator,
    other_usable_owner,
    spoken_time,
    user,
    username_digest,
)
from console.users.rules import check_may_manage, check_role, clean_details
from console.users.usernames import check_may_be_told, claim_username, propose_username, spend_change
from console.vault.access import tenant_keys

INVITATIONS_AN_HOUR = 5


class LastAdministrator(Conflict):
    """Raised when an act would leave the Customer without an active owner or administrator."""


class StaleEdit(Conflict):
    """Raised when somebody else changed the person since the form was opened; `facts` hold the current row."""


def add_user(details: Details, role: str, *, by: Actor, invite: bool = True) -> tuple[User, Link]:
    """The person exists as invited, and a mail with a link that works once is in the outbox (P02).

    **Raises:** Invalid, Forbidden, UsernameTaken. **Records:** users:user:added, users:invitation:sent.
    """
    check_role(role, staff=bound_tenant() == PLATFORM_TENANT_ID)
    check_may_manage(by, role)
    details = clean_details(details)
    tenant = lock_people()
    check_may_be_told(by=by)
    person = new_person(details, role, tenant=tenant, by=by)
    db.session.add(person)
    db.session.flush()
    claim_username(details.email, person.id)
    record(Tag.USER_ADDED, by=by, subject=("user", person.id), changes=added_values(details, role))
    return person, send_invitation(person, by=by, tag=Tag.INVITATION_SENT, mail=invite)


def new_person(details: Details, role: str, *, tenant: Tenant, by: Actor) -> User:
    """A person who is invited, numbered as the tenant's next change. The caller holds the people lock."""
    tenant.people_seq += 1
    tenant.people_invited += 1
    person = User(**first_values(new_id(), role, people_seq=tenant.people_seq, by=by))
    person.set_details(details)
    return person


def first_values(user_id: UUID, role: str, *, people_seq: int, by: Actor) -> dict[str, Any]:
    """What the row of a person starts with, besides the sealed details: invited just now."""
    now = clock.now()
    return {
        "id": user_id,
        "tenant_id": bound_tenant(),
        "role": role,
        "state": State.INVITED,
        "state_at": now,
        "state_by": by.user_id,
        "created_at": now,
        "created_by": by.user_id,
        "people_seq": people_seq,
        "version": 1,
        "sign_in_epoch": 0,
    }


def added_values(details: Details, role: str) -> dict[str, tuple[object, object]]:
    """The changes that adding a person records."""
    return {field: (None, value) for field, value in {**details.as_dict(), "role": role}.items() if value}


def send_invitation(person: User, *, by: Actor, tag: Tag, mail: bool = True) -> Link:
    """A new invitation; earlier links are dead. **Raises:** Conflict unless the person is still invited."""
    if person.state in (State.DELETED, State.PURGED):
        raise Conflict(f"{person.name} was deleted and cannot be invited. Restore the person first.")
    if person.state != State.INVITED:
        raise Conflict(f"{person.name} has accepted already, so there is nothing to invite to.")
    link = give_link("invitation", person.id, valid_for=timedelta(days=settings().invitation_days))
    if mail:
        post_invitation(person, link, by=by)
    record(tag, by=by, subject=("user", person.id), until=link.expires_at.isoformat())
    return link


def post_invitation(person: User, link: Link, *, by: Actor) -> None:
    """Put the invitation mail into the outbox."""
    post(
        "invitation",
        to_name=person.details.name,
        to_address=person.details.email,
        facts=invitation_facts(person.details, person.role, link, tenant_name=this_tenant().name, by=by),
    )


def invitation_facts(details: Details, role: str, link: Link, *, tenant_name: str, by: Actor) -> dict[str, str]:
    """What the invitation mail says about that person and link."""
    return {
        "tenant": tenant_name,
        "by": by.label or "Your administrator",
        "role": role_label(role),
        "link": link.url,
        "until": spoken_time(link.expires_at, details.time_zone),
    }


def resend_invitation(user_id: UUID, *, by: Actor) -> Link:
    """A fresh invitation is on its way, a few times an hour at most: it goes to a mailbox that may be a stranger's.

    **Raises:** NotFound, Forbidden, Conflict, Throttled. **Records:** users:invitation:resent.
    """
    lock_people()
    person = user(user_id, lock=True)
    check_may_manage(by, person.role)
    link = send_invitation(person, by=by, tag=Tag.INVITATION_RESENT)
    key = tenant_keys().index("tries-invitation", person.id.bytes)
    wait = budgets.spend(key, limit=INVITATIONS_AN_HOUR, window_seconds=3600)
    if wait:
        raise Throttled(
            f"{person.name} was sent {INVITATIONS_AN_HOUR} invitations within an hour, so no other was sent.",
            retry_after_seconds=wait,
        )
    return link


def revoke_invitation(user_id: UUID, *, by: Actor) -> User:
    """The open invitation does not work any more; the person stays listed as invited.

    **Raises:** NotFound, Forbidden, Conflict where none is open. **Records:** users:invitation:revoked.
    """
    lock_people()
    person = user(user_id, lock=True)
    check_may_manage(by, person.role)
    if open_invitation(user_id) is None:
        raise Conflict(f"{person.name} has no invitation that still works.")
    revoke_links(user_id, "invitation")
    record(Tag.INVITATION_REVOKED, by=by, subject=("user", person.id))
    return person


def change_user(user_id: UUID, details: Details, role: str, *, version: int, by: Actor) -> User:
    """The person has these details and this role (P03). `version` is the one that the editor saw.

    A new address is a new username at once for somebody who is still invited; for others it waits until the new mailbox
    has confirmed, and the old one can stop it. **Raises:** NotFound, Invalid, Forbidden, StaleEdit, UsernameTaken,
    LastAdministrator, Throttled. **Records:** users:user:changed with old and new values, users:username_change:asked.
    """
    check_role(role, staff=bound_tenant() == PLATFORM_TENANT_ID)
    details = clean_details(details)
    tenant = lock_people()
    person = user(user_id, lock=True)
    check_may_manage(by, person.role, role)
    if person.state not in (State.INVITED, State.ACTIVE, State.SUSPENDED):
        raise Conflict(f"{person.name} was deleted and cannot be changed. Restore the person first.")
    if person.version != version:
        raise StaleEdit(f"{person.name} was changed by somebody else since you opened the form.", current=person)
    if person.id == by.user_id and details.email.casefold() != person.details.email.casefold():
        problem = "Change your own address on My profile: it asks for your password and both mailboxes."
        raise Invalid(problem, {"email": problem})
    moves = details.email.casefold() != person.details.email.casefold()
    if moves:
        check_may_be_told(by=by)
    waits = moves and person.state != State.INVITED
    apply_change(person, details.changed(email=person.details.email) if waits else details, role, tenant=tenant, by=by)
    if waits:
        propose_username(person, details.email, by=by)
    return person


def apply_change(person: User, details: Details, role: str, *, tenant: Tenant, by: Actor) -> bool:
    """Write what differs, and record it. Answers whether anything did. The caller holds the locks and checked rights."""
    changes = write_change(person, details, role, tenant=tenant, by=by)
    if not changes:
        return False
    db.session.flush()
    record_many([Event(Tag.USER_CHANGED, ("user", person.id), changes)], by=by)
    return True


def write_change(
    person: User, details: Details, role: str, *, tenant: Tenant, by: Actor, tell: bool = True
) -> dict[str, tuple[object, object]]:
    """Write what differs into the row; answers it, for the caller to record. **Raises:** UsernameTaken.

    Both mailboxes are told of a new username, unless the caller does (`tell`).
    """
    changes = differences(person, details, role)
    if not changes:
        return {}
    if "role" in changes:
        _change_role(person, role)
    if "email" in changes:
        _change_username(person, person.details, details.email, by=by, tell=tell)
    person.set_details(details)
    touch(person, tenant)
    person.version += 1
    return changes


def differences(person: User, details: Details, role: str) -> dict[str, tuple[object, object]]:
    """What would change: field → old and new value."""
    old = {**person.details.as_dict(), "role": person.role}
    new = {**details.as_dict(), "role": role}
    return {field: (old[field], new[field]) for field in old if old[field] != new[field]}


def _change_role(person: User, role: str) -> None:
    if person.usable_administrator and role not in ADMINISTRATOR_ROLES:
        keep_usable_administrator({person.id})
    if person.role == Role.OWNER and person.state == State.ACTIVE and not other_usable_owner({person.id}):
        raise LastAdministrator(f"{person.name} is the only active owner. Make somebody else an owner first.")
    person.role = role
    person.sign_in_epoch += 1  # a new role starts with a new sign-in, so that no session keeps the old one


def keep_usable_administrator(leaving: set[UUID]) -> None:
    """The lock-out guard: somebody besides `leaving` can still administer. The caller holds the people lock.

    **Raises:** LastAdministrator.
    """
    if bound_tenant() != PLATFORM_TENANT_ID and not other_usable_administrator(leaving):
        raise LastAdministrator(
            "This would leave the account without an active owner or administrator who gets in under the IP ranges"
            " in force, and nobody could manage it. Make somebody else an administrator first, or allow their address."
        )


def _change_username(person: User, old: Details, new_email: str, *, by: Actor, tell: bool) -> None:
    if new_email.casefold() != old.email.casefold():
        claim_username(new_email, person.id)
        remove_lookup("username", username_digest(old.email))
        person.sign_in_epoch += 1  # who was signed in under the old name signs in again under the new one
    revoke_links(person.id, "password_reset", "email_old", "email_new")
    if person.state == State.INVITED:
        spend_change(person)
        person.set_details(old.changed(email=new_email))
        send_invitation(person, by=by, tag=Tag.INVITATION_RESENT)
        return
    if not tell:
        return
    facts = {
        "at": spoken_time(clock.now(), old.time_zone),
        "by": by.label or "your administrator",
        "new_address": new_email,
    }
    for address in dict.fromkeys((old.email, new_email)):
        post("username_changed", to_name=old.name, to_address=address, facts=facts)


def touch(person: User, tenant: Tenant) -> None:
    """Number the row as the tenant's latest change, so that directories pick it up."""
    tenant.people_seq += 1
    person.people_seq = tenant.people_seq
