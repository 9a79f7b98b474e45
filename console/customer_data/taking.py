"""One entry of an import made ready: its bytes read once, hashed, understood and sealed. All of it before a transaction.

Raw bytes are hashed and sealed as they came; what is read out of them is a copy. Whatever goes wrong with one entry is the
outcome of that entry alone; only a store without room or without an answer stops the import, which goes on later.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from console.core import clock
from console.core.db import bound_tenant
from console.core.ids import new_id
from console.customer_data.contents import INLINE_BYTES, seal_inline
from console.customer_data.import_rules import (
    FOLDER_CHARACTERS,
    HEAD_BYTES,
    ITEM_BYTES,
    LISTED,
    MEMORY_BYTES,
    NAME_CHARACTERS,
    PARSER_FAILED,
    TOO_LARGE_TO_SEARCH,
    document_kind,
    quarantine,
)
from console.customer_data.imports import Outcome
from console.customer_data.models import Integrity, Item, Kind, Summary, fingerprint
from console.customer_data.terms import terms_of_document, terms_of_message
from console.formats import entries
from console.formats.addresses import Address
from console.formats.documents import document_text
from console.formats.entries import Entry, Refusal
from console.formats.message import Message, read_message
from console.vault.access import tenant_keys
from console.vault.blobs import Blob, blob_store, store_blob
from console.vault.errors import BlobMissing, Unreadable

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Taken:
    """One entry and what is known of it so far. `row` is set when it is ready to be written as an item."""

    entry: Entry
    size_bytes: int
    refusal: Refusal | None = None
    custodian_id: UUID | None = None
    fingerprint: bytes = b""
    sha256: bytes = b""
    raw: bytes = b""
    """All bytes, or of a large item the first ones."""
    blob: Blob | None = None
    row: dict[str, Any] | None = None
    content: dict[str, Any] | None = None
    terms: frozenset[str] = field(default_factory=frozenset)

    @property
    def outcome(self) -> Outcome:
        """What becomes of it, unless it is here already."""
        if self.row is None:
            return Outcome.REFUSED
        return Outcome.QUARANTINED if self.refusal else Outcome.IMPORTED

    def drop(self) -> None:
        """What was sealed for it is not kept; a large blob is gone from the store."""
        if self.blob is not None:
            blob_store().delete(self.blob.name)
        self.row = self.content = self.blob = None


def take(entry: Entry, custodian_of: Callable[[Entry], UUID]) -> Taken:
    """The entry's bytes are read and hashed; those of a large one are in the store.

    **Raises:** StoreFull, StoreUnavailable.
    """
    if entry.refusal:
        return Taken(entry, entry.size_bytes or 0, entry.refusal)
    try:
        taken = _read(entry)
    except entries.Unreadable as error:
        return Taken(entry, entry.size_bytes or 0, Refusal(error.code, error.message))
    except (Unreadable, BlobMissing):
        refusal = Refusal("damaged_upload", "What was uploaded of it is damaged. Upload it again.")
        return Taken(entry, entry.size_bytes or 0, refusal)
    except OSError as error:
        refusal = Refusal(
            "unreadable", f"The system does not let it be read: {error.strerror or type(error).__name__}."
        )
        return Taken(entry, entry.size_bytes or 0, refusal)
    taken.custodian_id = custodian_of(entry)
    taken.fingerprint = fingerprint(taken.custodian_id, folder_of(entry), taken.sha256)
    return taken


def _read(entry: Entry) -> Taken:
    pieces = entry.chunks(ITEM_BYTES)
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size > MEMORY_BYTES:
            return _stream(entry, chain(held, pieces))
    raw = b"".join(held)
    return Taken(entry, size, sha256=hashlib.sha256(raw).digest(), raw=raw)


def _stream(entry: Entry, pieces: Iterator[bytes]) -> Taken:
    head = _Head(pieces)
    stored = store_blob(head)
    return Taken(entry, stored.blob.plaintext_bytes, sha256=stored.sha256, raw=bytes(head.seen), blob=stored.blob)


class _Head:
    """Passes pieces on, and keeps the first bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.seen = bytearray()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if len(self.seen) < HEAD_BYTES:
                self.seen += piece[: HEAD_BYTES - len(self.seen)]
            yield piece


def prepare(taken: Taken, import_id: UUID) -> None:
    """The item is understood and sealed, and only a number is missing. **Raises:** StoreFull, StoreUnavailable."""
    entry, item_id = taken.entry, new_id()
    try:
        understood = _document(taken) if entry.kind is entries.Kind.DOCUMENT else _message(taken)
        sealed = _sealed(item_id, understood)
    except Exception as error:  # noqa: BLE001 (one item that breaks a parser must not stop the others)
        # The kind of the error and nothing more: its text, and a traceback, may hold what the item says.
        log.warning("an item of import %s could not be understood: %s", import_id, type(error).__name__)
        taken.refusal = PARSER_FAILED
        understood = Understood(Summary(sha256=taken.sha256.hex(), name=_text(entry.name)), "other")
        sealed = _sealed(item_id, understood)
    now = clock.now()
    taken.refusal = taken.refusal or understood.refusal
    taken.terms = frozenset() if taken.refusal else understood.terms
    if taken.blob is None and taken.size_bytes > INLINE_BYTES:
        taken.blob = store_blob((taken.raw,)).blob
    elif taken.blob is None:
        taken.content = {"tenant_id": bound_tenant(), "id": item_id, "sealed": seal_inline(item_id, taken.raw)}
    taken.row = {
        "tenant_id": bound_tenant(),
        "id": item_id,
        "custodian_id": taken.custodian_id,
        "import_id": import_id,
        "kind": Kind.DOCUMENT if entry.kind is entries.Kind.DOCUMENT else Kind.MESSAGE,
        "media": understood.media,
        "dated_at": understood.dated_at or entry.modified_at or now,
        "received_at": now,
        "size_bytes": taken.size_bytes,
        "attachments": understood.attachments,
        "fingerprint": taken.fingerprint,
        "blob_id": taken.blob.id if taken.blob else None,
        "quarantined_for": taken.refusal.code if taken.refusal else None,
        "sealed": sealed,
        "integrity": Integrity.SOUND,
        "checked_at": None,
    }
    taken.raw = b""


def _sealed(item_id: UUID, understood: "Understood") -> bytes:
    return tenant_keys().seal(Item.__tablename__, item_id, understood.summary.as_dict())


@dataclass(frozen=True, slots=True)
class Understood:
    """What was read out of an item's bytes."""

    summary: Summary
    media: str
    dated_at: datetime | None = None
    attachments: int = 0
    terms: frozenset[str] = frozenset()
    refusal: Refusal | None = None


def _message(taken: Taken) -> Understood:
    entry = taken.entry
    summary = Summary(
        sha256=taken.sha256.hex(),
        folder=folder_of(entry),
        flags=" ".join(sorted(entry.flags)),
        name=_text(entry.name),
        content_type="message/rfc822",
    )
    return understand_message(taken.raw, summary, whole=len(taken.raw) == taken.size_bytes, sent_at=_envelope(entry))


def understand_message(raw: bytes, base: Summary, *, whole: bool = True, sent_at: datetime | None = None) -> Understood:
    """A message's subject, people, date, attachments and words. `whole`: whether `raw` is all of it."""
    message = read_message(raw)
    summary = _told(message, base, whole=whole)
    return Understood(
        summary,
        "mail",
        message.headers.date or sent_at,
        len(message.attachments),
        terms_of_message(message, summary),
        quarantine(message),
    )


def _told(message: Message, base: Summary, *, whole: bool) -> Summary:
    headers = message.headers
    people = [*headers.to, *headers.cc, *headers.bcc]
    notes = sorted(message.flags | message.defects | (frozenset() if whole else {TOO_LARGE_TO_SEARCH}))
    return replace(
        base,
        title=_text(headers.subject),
        sender=_person(headers.sender) if headers.sender else "",
        recipients=", ".join(_person(person) for person in people[:LISTED]),
        message_id=_text(headers.message_id or ""),
        attachments=[_text(part.name) for part in message.attachments[:LISTED]],
        notes=notes,
    )


def _person(address: Address) -> str:
    return _text(f"{address.name} <{address.address}>" if address.name and address.address else "".join(address))


def _text(text: str) -> str:
    """Not too long, and valid Unicode."""
    return text[:NAME_CHARACTERS].encode("utf-8", "replace").decode()


def _document(taken: Taken) -> Understood:
    entry = taken.entry
    summary = Summary(
        sha256=taken.sha256.hex(), title=_text(entry.name), folder=folder_of(entry), name=_text(entry.name)
    )
    return understand_document(taken.raw, summary, whole=len(taken.raw) == taken.size_bytes)


def understand_document(raw: bytes, base: Summary, *, whole: bool = True) -> Understood:
    """A document's kind and words. `whole`: whether `raw` is all of it; of a part, only the name is searched."""
    kind = document_kind(base.name, raw[: 2**16])
    text = document_text(raw) if whole else None
    notes = [TOO_LARGE_TO_SEARCH] if text is None else [text.reason] if text.reason else []
    summary = replace(base, content_type=kind.content_type, notes=notes)
    return Understood(
        summary, kind.media, terms=terms_of_document(base.name, text.text if text else "", kind.content_type)
    )


def folder_of(entry: Entry) -> str:
    """The folder in which it lay, its parts joined by `/`."""
    return "/".join(entry.folder)[:FOLDER_CHARACTERS].encode("utf-8", "replace").decode()


def _envelope(entry: Entry) -> datetime | None:
    return entry.cut.date if entry.cut else None
