"""Mails and documents that the tests of reading look at, and how they come in: as an import would leave them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

from sqlalchemy import insert

from console.core import clock
from console.core.db import bound_tenant, db
from console.core.ids import new_id
from console.customer_data.contents import INLINE_BYTES, seal_inline
from console.customer_data.imports import DataImport
from console.customer_data.index import add_segment
from console.customer_data.models import (
    Custodian,
    DataTotal,
    Item,
    ItemContent,
    MonthCount,
    Summary,
    custodian_digest,
    custodians,
    fingerprint,
    totals,
)
from console.customer_data.terms import terms_of_document, terms_of_message
from console.formats.documents import document_text, preview_type
from console.formats.message import read_message
from console.vault.access import tenant_keys
from console.vault.blobs import store_blob

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fccfc0500f0004850180"
    "84a98c210000000049454e44ae426082"
)
START = datetime(2025, 3, 1, 9, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Brought:
    """Raw bytes, and what an import knows besides."""

    raw: bytes
    name: str = "mail.eml"
    folder: str = "Inbox"
    document: bool = False
    dated_at: datetime = START
    quarantined_for: str | None = None


def letter(
    subject="A subject", body="A body.", *, days=0, html=None, attachments=(), inline=(), to=None, **kept
) -> Brought:
    """A message. `attachments` are (name, content type, bytes); `inline` pictures are (content id, bytes)."""
    mail = EmailMessage()
    mail["From"], mail["To"] = "Ada Lovelace <ada@sender.example>", to or "Bob <bob@receiver.example>"
    mail["Subject"], mail["Date"] = subject, START + timedelta(days=days)
    mail["Message-ID"] = f"<{hashlib.sha256(f'{subject}{body}{days}'.encode()).hexdigest()[:16]}@sender.example>"
    mail.set_content(body)
    if html is not None:
        mail.add_alternative(html, subtype="html")
        for content_id, data in inline:
            mail.get_payload()[1].add_related(data, "image", "png", cid=f"<{content_id}>")
    for name, kind, data in attachments:
        if isinstance(data, EmailMessage):
            mail.add_attachment(data, filename=name)
        else:
            mail.add_attachment(data, *kind.split("/"), filename=name)
    return Brought(mail.as_bytes(), dated_at=START + timedelta(days=days), **kept)


def document(data: bytes, name: str = "file.txt", *, days=0) -> Brought:
    return Brought(data, name, "Papers", document=True, dated_at=START + timedelta(days=days))


def bring(
    house, key: str, brought: Sequence[Brought], custodian: str | None = None, user: str | None = None
) -> list[UUID]:
    """These items are held by the tenant of that person; by default the person is the custodian. Answers their ids."""
    person = house[key]
    with house.inside(person.tenant_id):
        return _hold(brought, custodian or person.email, house[user].id if user else None if custodian else person.id)


def owner_of(house, key: str, address: str) -> UUID:
    with house.inside(house[key].tenant_id, write=False):
        return next(each.id for each in custodians() if each.address_digest == custodian_digest(address))


def _hold(brought: Sequence[Brought], address: str, user_id: UUID | None) -> list[UUID]:
    owner = _custodian(address, user_id)
    import_id, total = _import(owner.id), totals(lock=True)
    if total is None:
        total = DataTotal(id=bound_tenant(), last_number=0, items=0, size_bytes=0, damaged=0)
        db.session.add(total)
    month = MonthCount(id=new_id(), custodian_id=owner.id, month=f"{clock.now():%Y-%m}", items=0, size_bytes=0)
    from sqlalchemy import select

    known = db.session.execute(
        select(MonthCount).where(MonthCount.custodian_id == owner.id, MonthCount.month == month.month)
    ).scalar_one_or_none()
    month = known or month
    db.session.add(month)
    ids, segment = [], []
    for number, one in enumerate(brought, total.last_number + 1):
        item_id, terms = _add(one, number, owner, import_id)
        ids.append(item_id)
        if one.quarantined_for is None:
            segment.append((number, terms))
            for counter in (owner, total, month):
                counter.items += 1
                counter.size_bytes += len(one.raw)
    total.last_number += len(brought)
    db.session.flush()
    add_segment(segment)
    return ids


def _add(one: Brought, number: int, owner: Custodian, import_id: UUID):
    sha256, item_id = hashlib.sha256(one.raw), new_id()
    if one.document:
        kind, media = "document", {"image/png": "image", "application/pdf": "pdf"}.get(preview_type(one.raw), "text")
        summary = Summary(
            sha256.hexdigest(), title=one.name, folder=one.folder, name=one.name, content_type="text/plain"
        )
        terms, attachments = terms_of_document(one.name, document_text(one.raw).text, "text/plain"), 0
    else:
        kind, media, message = "message", "mail", read_message(one.raw)
        sender, headers = message.headers.sender, message.headers
        summary = Summary(
            sha256.hexdigest(),
            title=headers.subject,
            sender=f"{sender.name} <{sender.address}>" if sender else "",
            recipients=", ".join(to.address for to in headers.to),
            folder=one.folder,
            name=one.name,
            content_type="message/rfc822",
            message_id=headers.message_id or "",
            attachments=[part.name for part in message.attachments],
        )
        terms, attachments = terms_of_message(message, summary), len(message.attachments)
    blob_id = store_blob([one.raw]).blob.id if len(one.raw) > INLINE_BYTES else None
    db.session.flush()
    row = {
        "tenant_id": bound_tenant(),
        "id": item_id,
        "number": number,
        "custodian_id": owner.id,
        "import_id": import_id,
        "kind": kind,
        "media": media,
        "dated_at": one.dated_at,
        "received_at": clock.now(),
        "size_bytes": len(one.raw),
        "attachments": attachments,
        "fingerprint": fingerprint(owner.id, f"{one.folder}{number}", sha256.digest()),
        "quarantined_for": one.quarantined_for,
        "blob_id": blob_id,
        "sealed": tenant_keys().seal(Item.__tablename__, item_id, summary.as_dict()),
        "integrity": "sound",
    }
    db.session.execute(insert(Item), [row])
    if blob_id is None:
        content = {"tenant_id": bound_tenant(), "id": item_id, "sealed": seal_inline(item_id, one.raw)}
        db.session.execute(insert(ItemContent), [content])
    return item_id, terms


def _custodian(address: str, user_id: UUID | None) -> Custodian:
    digest = custodian_digest(address)
    known = next((each for each in custodians() if each.address_digest == digest), None)
    if known is not None:
        return known
    made = Custodian(id=new_id(), user_id=user_id, created_at=clock.now(), items=0, size_bytes=0)
    made.set_details(address=address, name="")
    db.session.add(made)
    db.session.flush()
    return made


def _import(custodian_id: UUID) -> UUID:
    now = clock.now()
    made = DataImport(id=new_id(), state="done", source="command", custodian_id=custodian_id)
    made.created_at = made.started_at = made.finished_at = now
    made.set_facts({"label": "test"})
    db.session.add(made)
    db.session.flush()
    return made.id
