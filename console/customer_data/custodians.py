"""Custodians by hand: added before their data comes, renamed, matched with a user. An item keeps its custodian."""

from uuid import UUID

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db
from console.core.errors import Conflict, Invalid, NotFound
from console.core.ids import new_id
from console.customer_data.models import Custodian, custodian_digest
from console.users.models import State, user, user_by_email

ADDRESS_CHARACTERS = 254
NAME_CHARACTERS = 120


def locked_custodian(custodian_id: UUID) -> Custodian:
    """That custodian of this tenant, nobody else's to change until the end. **Raises:** NotFound."""
    query = select(Custodian).where(Custodian.id == custodian_id).with_for_update()
    found = db.session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def add_custodian(address: str, name: str, *, by: Actor) -> Custodian:
    """There is a custodian of that address; matched with the user who has it. **Raises:** Invalid; Conflict.

    **Records:** customer_data:custodian:added.
    """
    address, name = clean_address(address), clean_name(name)
    digest = custodian_digest(address)
    if db.session.execute(select(Custodian.id).where(Custodian.address_digest == digest)).first():
        raise Conflict(f"There is a custodian with the address {address} already.")
    person = user_by_email(address)
    made = Custodian(
        id=new_id(),
        tenant_id=bound_tenant(),
        user_id=person.id if person else None,
        items=0,
        size_bytes=0,
        created_at=clock.now(),
    )
    made.set_details(address=address, name=name or (person.name if person else ""))
    db.session.add(made)
    db.session.flush()
    record(Tag.DATA_CUSTODIAN_ADDED, by=by, subject=("custodian", made.id), address=address)
    return made


def change_custodian(custodian_id: UUID, *, name: str, username: str, by: Actor) -> Custodian:
    """The custodian has that name, and is the user of that username, or nobody's where that is empty.

    A user who is a custodian reads what the custodian has. **Raises:** NotFound; Invalid.
    **Records:** customer_data:custodian:changed.
    """
    found = locked_custodian(custodian_id)
    name, user_id = clean_name(name), _user_id(username)
    changes: dict[str, tuple[object, object]] = {}
    if name != found.details["name"]:
        changes["name"] = (found.details["name"], name)
        found.set_details(address=found.details["address"], name=name)
    if user_id != found.user_id:
        changes["custodian_is"] = (_spoken(found.user_id), _spoken(user_id))
        found.user_id = user_id
    if changes:
        db.session.flush()
        record(Tag.DATA_CUSTODIAN_CHANGED, by=by, subject=("custodian", found.id), changes=changes)
    return found


def clean_address(text: str) -> str:
    """The address as typed, without spaces around it. **Raises:** Invalid where it is none."""
    address = text.strip()
    mailbox, at, domain = address.rpartition("@")
    plain = address.isprintable() and not any(letter in " \\<>\"'(),:;" for letter in address)
    if not (mailbox and at and "." in domain.strip(".") and plain) or len(address) > ADDRESS_CHARACTERS:
        raise Invalid("The address needs a change.", {"address": "Give an e-mail address, such as ada@company.com."})
    return address


def clean_name(text: str) -> str:
    """The name on one line; it may be empty. **Raises:** Invalid."""
    name = " ".join(text.split())
    if len(name) > NAME_CHARACTERS or not (name.isprintable() or not name):
        raise Invalid("The name needs a change.", {"name": f"Use at most {NAME_CHARACTERS} ordinary characters."})
    return name


def _user_id(username: str) -> UUID | None:
    username = username.strip()
    if not username:
        return None
    person = user_by_email(username)
    if person is None or person.state == State.PURGED:
        raise Invalid(
            "Nobody has this address.",
            {"username": "No user of your company has this address. Look in the list of users."},
        )
    return person.id


def _spoken(user_id: UUID | None) -> str | None:
    return user(user_id).name if user_id else None
