"""An archive for tests of the search: real messages, sealed and indexed by the product's own functions, without an import."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from uuid import UUID

from sqlalchemy import insert, select

from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db
from console.core.ids import new_id
from console.customer_data.contents import seal_inline
from console.customer_data.imports import DataImport
from console.customer_data.index import add_segment
from console.customer_data.models import Custodian, DataTotal, Item, ItemContent, Summary, fingerprint, totals
from console.customer_data.terms import terms_of_document, terms_of_message
from console.formats.documents import document_text
from console.formats.message import read_message
from console.vault.access import tenant_keys

START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Letter:
    """A message or document to be held."""

    subject: str = ""
    body: str = ""
    sender: str = "Ada Lovelace <ada@sender.example>"
    to: str = "Bob <bob@receiver.example>"
    attachments: tuple[str, ...] = ()
    days: int = 0
    document: bool = False
    quarantined_for: str | None = None

    def raw(self) -> bytes:
        if self.document:
            return self.body.encode()
        mail = EmailMessage()
        mail["Subject"], mail["From"], mail["To"] = self.subject, self.sender, self.to
        mail["Date"] = self.dated_at
        mail.set_content(self.body)
        for name in self.attachments:
            mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename=name)
        return mail.as_bytes()

    @property
    def dated_at(self) -> datetime:
        return START + timedelta(days=self.days)


def custodian(address: str = "box@acme.example", user_id: UUID | None = None) -> UUID:
    """A custodian of the bound tenant, made where there is none."""
    made = Custodian(id=new_id(), user_id=user_id, created_at=clock.now())
    made.set_details(address=address, name="")
    known = db.session.execute(select(Custodian).where(Custodian.address_digest == made.address_digest)).scalar()
    if known is None:
        db.session.add(made)
        db.session.flush()
    return (known or made).id


def hold(letters: Sequence[Letter], custodian_id: UUID | None = None) -> list[UUID]:
    """The bound tenant holds these items, and the search knows them. In the present transaction."""
    custodian_id = custodian_id or custodian()
    import_id = _import(custodian_id)
    total = totals(lock=True)
    if total is None:
        total = DataTotal(id=bound_tenant(), last_number=0, items=0, size_bytes=0, damaged=0)
        db.session.add(total)
    first, ids, segment = total.last_number + 1, [], []
    for number, letter in enumerate(letters, first):
        raw = letter.raw()  # once: the boundary between its parts is drawn anew each time
        ids.append(_hold(letter, raw, number, custodian_id, import_id))
        if letter.quarantined_for is None:
            segment.append((number, terms_of(letter, raw)))
    total.last_number += len(letters)
    total.items += len(letters)
    db.session.flush()
    add_segment(segment)
    return ids


def summary_of(letter: Letter, raw: bytes) -> Summary:
    kind = "text/plain" if letter.document else "message/rfc822"
    return Summary(sha256=hashlib.sha256(raw).hexdigest(), title=letter.subject, content_type=kind)


def terms_of(letter: Letter, raw: bytes) -> frozenset[str]:
    if letter.document:
        return terms_of_document(letter.subject, document_text(raw).text, "text/plain")
    return terms_of_message(read_message(raw), summary_of(letter, raw))


def _hold(letter: Letter, raw: bytes, number: int, custodian_id: UUID, import_id: UUID) -> UUID:
    item_id, summary = new_id(), summary_of(letter, raw)
    values = {
        "tenant_id": bound_tenant(),
        "id": item_id,
        "number": number,
        "custodian_id": custodian_id,
        "import_id": import_id,
        "kind": "document" if letter.document else "message",
        "media": "text" if letter.document else "mail",
        "dated_at": letter.dated_at,
        "received_at": clock.now(),
        "size_bytes": len(raw),
        "attachments": len(letter.attachments),
        "fingerprint": fingerprint(custodian_id, str(number), hashlib.sha256(raw).digest()),
        "quarantined_for": letter.quarantined_for,
        "sealed": tenant_keys().seal(Item.__tablename__, item_id, summary.as_dict()),
        "integrity": "sound",
    }
    db.session.execute(insert(Item), [values])
    content = {"tenant_id": bound_tenant(), "id": item_id, "sealed": seal_inline(item_id, raw)}
    db.session.execute(insert(ItemContent), [content])
    return item_id


def _import(custodian_id: UUID) -> UUID:
    now = clock.now()
    made = DataImport(
        id=new_id(),
        state="done",
        source="command",
        custodian_id=custodian_id,
        created_at=now,
        started_at=now,
        finished_at=now,
    )
    made.set_facts({"label": "test"})
    db.session.add(made)
    db.session.flush()
    return made.id


def actor(person) -> Actor:
    """That person of the cast, as the door would hand it down."""
    return Actor(kind="person", tenant_id=person.tenant_id, user_id=person.id, role=person.role, label=person.name)
