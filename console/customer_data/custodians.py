"""Custodians: added by hand or when their first data comes, renamed, matched with a user. An item keeps its custodian."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db
from console.core.errors import Conflict, Invalid
from console.core.ids import new_id
from console.customer_data.import_rules import is_address
from console.customer_data.models import Custodian, custodian, custodian_digest
from console.users.models import State, user, user_by_email

ADDRESS_CHARACTERS = 254
NAME_CHARACTERS = 120


def add_custodian(address: str, name: str, *, by: Actor) -> Custodian:
    """There is a custodian of that address; matched with the user who has it. **Raises:** Invalid; Conflict.

    **Records:** customer_data:custodian:added.
    """
    address, name = clean_address(address), clean_name(name)
    if _by_digest(custodian_digest(address)) is not None:
        raise Conflict(f"There is a custodian with the address {address} already.")
    return custodian_of(address, by=by, name=name)


def custodian_of(address: str, *, by: Actor, name: str = "") -> Custodian:
    """The custodian of that address, or of that name where there is no address; added if there is none.

    Where a user of this Customer has the address, the custodian is that person. **Records:** customer_data:custodian:added.
    """
    found = _by_digest(custodian_digest(address))
    if found is not None:
        return found
    person = user_by_email(address) if is_address(address) else None
    made = Custodian(id=new_id(), tenant_id=bound_tenant(), user_id=person.id if person else None)
    made.set_details(address=address, name=name or (person.name if person else ""))
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    row = {
        "tenant_id": made.tenant_id,
        "id": made.id,
        "user_id": made.user_id,
        "address_digest": made.address_digest,
        "sealed": made.sealed,
        "items": 0,
        "size_bytes": 0,
        "created_at": clock.now(),
    }
    db.session.execute(insert(Custodian).on_conflict_do_nothing(), [row])
    kept = _by_digest(made.address_digest)
    if kept is None:
        raise RuntimeError("a custodian that was just added is not there")
    if kept.id == made.id:
        record(Tag.DATA_CUSTODIAN_ADDED, by=by, subject=("custodian", kept.id), address=address)
    return kept


def _by_digest(digest: bytes) -> Custodian | None:
    query = select(Custodian).where(Custodian.address_digest == digest)
    return db.session.execute(query).scalar_one_or_none()


def change_custodian(custodian_id: UUID, *, name: str, username: str, by: Actor) -> Custodian:
    """The custodian has that name, and is the user of that username, or nobody's where that is empty.

    A user who is a custodian reads what the custodian has. **Raises:** NotFound; Invalid.
    **Records:** customer_data:custodian:changed.
    """
    found = custodian(custodian_id, lock=True)
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


def clean_address(text: str, *, field: str = "address", problem: str = "The address needs a change.") -> str:
    """The address as typed, without spaces around it. **Raises:** Invalid, for that field, where it is none."""
    address = text.strip()
    if not is_address(address) or len(address) > ADDRESS_CHARACTERS:
        raise Invalid(problem, {field: "Give an e-mail address, such as ada@company.com."})
    return address


def address_to_import_for(text: str) -> str:
    """The address of the custodian that an import is for. **Raises:** Invalid."""
    return clean_address(text, field="custodian", problem="Say whose data it is.")


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
