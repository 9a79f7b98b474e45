"""Whose each entry of an import is: the one custodian that was named, or whoever the names on its way say."""

from pathlib import PurePath
from uuid import UUID

from console.core.actor import Actor
from console.core.db import unit_of_work
from console.customer_data.custodians import ADDRESS_CHARACTERS, custodian_of
from console.customer_data.import_rules import is_address
from console.formats.entries import Entry


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
