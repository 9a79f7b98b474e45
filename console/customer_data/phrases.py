"""Whether an item holds a phrase: the index knows words, not their order, so the item itself is read."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from console.core.db import db
from console.customer_data.contents import DamagedItem, open_content
from console.customer_data.models import Item, ItemContent, Kind
from console.formats.addresses import Address
from console.formats.documents import document_text
from console.formats.message import read_message
from console.formats.queries import Term
from console.formats.words import contains_phrase
from console.vault.access import tenant_keys
from console.vault.errors import BlobMissing, Unreadable

MOST_READ = 150
"""Items that are opened for one page, at most."""
MOST_BYTES = 48 * 1024 * 1024
LARGEST_BYTES = 24 * 1024 * 1024
"""A larger item is not opened for a phrase: it counts as a match for its words, and a note says so."""
UNVERIFIED = "Very large items are listed for their words alone; the phrase was not looked for in them."
UNREAD = "A damaged item that holds the words could not be read, and is not listed."


@dataclass
class Verifier:
    """Reads candidates until its allowance is spent."""

    checks: tuple[Term, ...]
    read_items: int = 0
    read_bytes: int = 0
    notes: set[str] = field(default_factory=set)
    _sealed: dict[UUID, bytes] = field(default_factory=dict)

    @property
    def spent(self) -> bool:
        """Whether no more items are opened for this page."""
        return self.read_items >= MOST_READ or self.read_bytes >= MOST_BYTES

    def read_ahead(self, items: Sequence[Item]) -> None:
        """The small ones of these items are fetched in one go."""
        ids = [item.id for item in items if item.blob_id is None]
        query = select(ItemContent.id, ItemContent.sealed).where(ItemContent.id.in_(ids))
        self._sealed = {item_id: sealed for item_id, sealed in db.session.execute(query)}  # noqa: C416

    def holds(self, item: Item, checks: Iterable[Term]) -> bool:
        """Whether the item holds every phrase wanted of it, and none that is excluded."""
        texts: dict[str, list[str]] = {}
        for term in checks:
            if term.field == "subject":
                told = [item.summary.title]
            else:
                if not texts:
                    if item.size_bytes > LARGEST_BYTES:
                        self.notes.add(UNVERIFIED)
                        continue
                    texts = self._texts(item)
                told = texts.get(term.field, []) if term.field else [one for every in texts.values() for one in every]
            if any(contains_phrase(text, term.text) for text in told) is term.exclude:
                return False
        return True

    def _texts(self, item: Item) -> dict[str, list[str]]:
        self.read_items += 1
        self.read_bytes += item.size_bytes
        try:
            raw = self._raw(item)
        except (DamagedItem, BlobMissing, Unreadable):
            self.notes.add(UNREAD)
            return {"damaged": []}
        return texts_of_message(raw) if item.kind == Kind.MESSAGE else texts_of_document(item.summary.title, raw)

    def _raw(self, item: Item) -> bytes:
        sealed = self._sealed.get(item.id)
        if sealed is None:
            return open_content(item).whole()
        raw = tenant_keys().open_bytes(ItemContent.__tablename__, item.id, sealed)
        if hashlib.sha256(raw).hexdigest() != item.summary.sha256:
            raise Unreadable
        return raw


def texts_of_message(raw: bytes) -> dict[str, list[str]]:
    """The texts of a message by field, as they are indexed."""
    message = read_message(raw)
    headers = message.headers
    return {
        "subject": [headers.subject],
        "body": [message.text],
        "from": list(_people([headers.sender] if headers.sender else [])),
        "to": list(_people([*headers.to, *headers.cc, *headers.bcc])),
        "attachment": [part.name for part in message.attachments],
    }


def texts_of_document(name: str, raw: bytes) -> dict[str, list[str]]:
    """The texts of a document by field, as they are indexed."""
    return {"subject": [name], "attachment": [name], "body": [document_text(raw).text]}


def _people(people: Iterable[Address]) -> Iterator[str]:
    return (f"{one.name} {one.address}" for one in people)
