"""Whose data something is: the custodian of an address, matched with the user who has it."""

from pathlib import PurePath
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db, unit_of_work
from console.core.errors import Invalid
from console.core.ids import new_id
from console.customer_data.import_rules import is_address
from console.customer_data.models import Custodian, custodian_digest
from console.formats.entries import Entry
from console.users.models import user_by_email

ADDRESS_CHARACTERS = 254


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


def checked_address(text: str) -> str:
    """The address as typed, without spaces around it. **Raises:** Invalid where it is none."""
    address = text.strip()
    if not is_address(address) or len(address) > ADDRESS_CHARACTERS:
        raise Invalid("Say whose data it is.", {"custodian": "Give an e-mail address, such as ada@company.com."})
    return address


def _by_digest(digest: bytes) -> Custodian | None:
    query = select(Custodian).where(Custodian.address_digest == digest)
    return db.session.execute(query).scalar_one_or_none()


class Custody:
    """Tells whose each entry is: the one custodian of the import, or whoever the names on its way say."""

    def __init__(self, tenant_id: UUID, fixed: UUID | None, path: str, by: Actor) -> None:
        self._tenant_id, self._fixed, self._by = tenant_id, fixed, by
        self._path = PurePath(path)
        self._known: dict[str, UUID] = {}

    def of(self, entry: Entry) -> UUID:
        """The custodian of that entry; one that is met for the first time is added in a unit of its own."""
        if self._fixed is not None:
            return self._fixed
        address = self._address(entry)
        if address not in self._known:
            with unit_of_work(self._tenant_id):
                self._known[address] = custodian_of(address, by=self._by).id
        return self._known[address]

    def _address(self, entry: Entry) -> str:
        """The innermost folder or file that is named like an address, else the name of what was handed in."""
        name = self._path.name or str(self._path)
        stem = name.removesuffix(".mbox").removesuffix(".mbx").removesuffix(".zip")
        for part in (*reversed(entry.folder), stem):
            if is_address(part.removesuffix(".zip")):
                return part.removesuffix(".zip")
        return stem[:ADDRESS_CHARACTERS]
