"""Customer Data brought in through the real door, for tests of everything that is done with it afterwards."""

from collections.abc import Iterable
from urllib.parse import quote
from uuid import UUID, uuid4

from werkzeug.test import TestResponse

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
    answer = send_form(visitor, files, custodian)
    assert answer.status_code == 303, answer.text
    return UUID(answer.location.rsplit("/", 1)[1])


def send_form(visitor: Visitor, files: Iterable[File], custodian: str) -> TestResponse:
    """The plain form as a browser sends it. Put together in memory: Werkzeug's own client would use a temporary file."""
    mark = uuid4().hex
    fields = {"csrf_token": visitor.token("/data/import"), "custodian": custodian}
    parts = [f'name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    for name, data in files:
        told = quote(name, safe="/:,.!; =()[]{}@'&+$~")
        head = f'name="files"; filename="{told}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        parts.append(head.encode() + data)
    body = b"".join(b"--%b\r\nContent-Disposition: form-data; %b\r\n" % (mark.encode(), part) for part in parts)
    kind = f"multipart/form-data; boundary={mark}"
    return visitor.client.post("/data/import", data=body + b"--%b--\r\n" % mark.encode(), content_type=kind)


def report(house: House, tenant_key: str, import_id: UUID) -> DataImport:
    """The import as it stands."""
    with house.inside(house["owner" if tenant_key == "acme" else "birch_owner"].tenant_id, write=False):
        found = data_import(import_id)
        assert found.facts is not None  # opened while there is a session
        db.session.expunge(found)
        return found
