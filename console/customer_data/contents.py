"""An item's raw bytes: where they lie, how they are read, and the proof that they are those that came in."""

import hashlib
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import select

from console.core.db import db
from console.core.errors import Gone, NotFound
from console.customer_data.models import Item, ItemContent
from console.vault.access import tenant_keys
from console.vault.blobs import BlobReader, find_blob, open_blob
from console.vault.errors import BlobMissing, Unreadable

INLINE_BYTES = 64 * 1024
"""Up to this size the bytes lie sealed in a row of their own: one write with the item's, and no file to sync.

`tests/benchmarks/blobs.py` shows what either way costs.
"""
_PIECE_BYTES = 1024 * 1024
_DAMAGED, _NOTHING = "This item is damaged:", "Nothing of it is shown."


class DamagedItem(Gone):
    """Raised when an item's bytes are missing, or are not those that came in. Nothing of them is handed out."""


class MissingItem(DamagedItem):
    """Raised when there is nothing where an item's bytes should lie."""


class Content:
    """The raw bytes of one item. Made only where their seal proved authentic; `whole` also proves the SHA-256."""

    def __init__(self, item: Item) -> None:
        self._sha256 = item.summary.sha256
        self._inline: bytes | None = None
        self._reader: BlobReader | None = None
        try:
            if item.blob_id is None:
                self._inline = _inline(item.id)
            else:
                self._reader = open_blob(find_blob(item.blob_id))
        except (BlobMissing, NotFound) as error:
            raise MissingItem("This item's bytes are missing from the store: nothing of it can be shown.") from error
        except Unreadable as error:
            raise DamagedItem(f"{_DAMAGED} its seal does not fit its bytes. {_NOTHING}") from error
        if self.size != item.size_bytes:
            raise DamagedItem(f"{_DAMAGED} it is not as long as it was. {_NOTHING}")

    @property
    def size(self) -> int:
        """How many bytes there are."""
        if self._reader is not None:
            return self._reader.size
        return len(self._inline or b"")

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`, fewer at the end. **Raises:** DamagedItem."""
        if self._reader is None:
            return (self._inline or b"")[start : start + length]
        try:
            return self._reader.read(start, length)
        except (BlobMissing, Unreadable) as error:
            raise DamagedItem(f"{_DAMAGED} its seal does not fit its bytes. {_NOTHING}") from error

    def stream(self) -> Iterator[bytes]:
        """All of it, in pieces of at most a MiB. **Raises:** DamagedItem."""
        for start in range(0, self.size, _PIECE_BYTES):
            yield self.read(start, _PIECE_BYTES)

    def whole(self) -> bytes:
        """All of it, after its SHA-256 was compared with that of the day it came in. **Raises:** DamagedItem."""
        raw = b"".join(self.stream())
        if hashlib.sha256(raw).hexdigest() != self._sha256:
            raise DamagedItem(f"{_DAMAGED} its bytes are not those that came in. {_NOTHING}")
        return raw

    def check(self) -> None:
        """Nothing happens if all bytes are those that came in; memory stays flat. **Raises:** DamagedItem."""
        sum_ = hashlib.sha256()
        for piece in self.stream():
            sum_.update(piece)
        if sum_.hexdigest() != self._sha256:
            raise DamagedItem(f"{_DAMAGED} its bytes are not those that came in. {_NOTHING}")


def open_content(item: Item) -> Content:
    """The item's bytes, to be read. **Raises:** DamagedItem; KeyUnavailable; StoreUnavailable."""
    return Content(item)


def seal_inline(item_id: UUID, raw: bytes) -> bytes:
    """The bytes as `item_contents` holds them."""
    return tenant_keys().seal_bytes(ItemContent.__tablename__, item_id, raw)


def _inline(item_id: UUID) -> bytes:
    sealed = db.session.execute(select(ItemContent.sealed).where(ItemContent.id == item_id)).scalar_one_or_none()
    if sealed is None:
        raise NotFound
    return tenant_keys().open_bytes(ItemContent.__tablename__, item_id, sealed)
