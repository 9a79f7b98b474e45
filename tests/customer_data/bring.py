"""Customer Data brought in through the real door, for tests of everything that is done with it afterwards."""

import io
from collections.abc import Iterable
from uuid import UUID

from console.core.db import db
from console.customer_data.imports import DataImport, data_import
from tests.house import House, Visitor

File = tuple[str, bytes]


def bring(
    house: House, tenant_key: str, files: Iterable[File], custodian: str = "", *, visitor: Visitor | None = None
) -> UUID:
    """The files are imported through the form by that tenant's owner, and the worker has done its part: the import's id.

    `tenant_key`: acme or birch. `custodian`: an address; by default the tenant's member's, who can then read them.
    """
    owner = "owner" if tenant_key == "acme" else "birch_owner"
    member = "member" if tenant_key == "acme" else "birch_member"
    visitor = visitor or house.signed_in(owner)
    import_id = upload(visitor, files, custodian or house[member].email)
    house.work()
    return import_id


def upload(visitor: Visitor, files: Iterable[File], custodian: str) -> UUID:
    """The files are sent with the plain form; the worker has not looked at them yet."""
    fields = {"custodian": custodian, "files": [(io.BytesIO(data), name) for name, data in files]}
    answer = visitor.post("/data/import", fields, form="/data/import", content_type="multipart/form-data")
    assert answer.status_code == 303, answer.text
    return UUID(answer.location.rsplit("/", 1)[1])


def report(house: House, tenant_key: str, import_id: UUID) -> DataImport:
    """The import as it stands."""
    with house.inside(house["owner" if tenant_key == "acme" else "birch_owner"].tenant_id, write=False):
        found = data_import(import_id)
        assert found.facts is not None  # opened while there is a session
        db.session.expunge(found)
        return found
