"""Blobs: what is too large for a row, sealed under a key of its own and kept in the blob store.

The row holds the key, wrapped by the tenant's; the store holds the rest. A blob is stored before its row is added and
removed after its row is gone, so that no committed row ever lacks its blob; what a crash leaves in the store has no row,
and `console/vault/blob_care.py` sweeps it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock, jobs
from console.core.db import Base, TenantOwned, bound_tenant, db, service, unit_of_work
from console.core.errors import NotFound
from console.core.ids import new_id
from console.vault.access import tenant_keys
from console.vault.blob_format import BLOB_FORMAT, KEY_BYTES, SealedReader, open_stream, seal
from console.vault.blob_store import BlobStore, blob_name
from console.vault.errors import Unreadable

DELETE_JOB = "blob-delete"
WHOLE_BYTES = 1024 * 1024
"""Up to this size a blob is fetched in one go and opened whole before the first byte is handed out."""
_REWRAP_BATCH = 500


class Blob(TenantOwned, Base):
    """One sealed blob. Sizes and the hash of what is stored are in clear; the key is wrapped."""

    __tablename__ = "blobs"
    __table_args__ = (
        CheckConstraint("plaintext_bytes >= 0 AND stored_bytes > plaintext_bytes", name="sizes"),
        CheckConstraint("length(stored_sha256) = 32", name="hash"),
        Index("ix_blobs_key_version", "tenant_id", "key_version"),
        {"info": {"rewrap": lambda version, limit: rewrap_blob_keys(version, limit)}},  # noqa: PLW0108 (defined below)
    )

    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    key_version: Mapped[int]
    """The version of the tenant's key that wraps it: a version is given up only when no row names it."""
    plaintext_bytes: Mapped[int] = mapped_column(BigInteger)
    stored_bytes: Mapped[int] = mapped_column(BigInteger)
    stored_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    """Of the sealed blob, so that damage is found without keys."""
    created_at: Mapped[datetime]

    @property
    def name(self) -> str:
        """Its name in the store."""
        return blob_name(self.tenant_id, self.id)


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob that was just stored, and the SHA-256 of its plaintext, computed in the same pass."""

    blob: Blob
    sha256: bytes


class BlobReader:
    """An open blob. Made only after header, length and last chunk proved authentic."""

    def __init__(self, blob: Blob) -> None:
        keys, store = tenant_keys(), blob_store()
        self._name, self._stored_bytes, self._store = blob.name, blob.stored_bytes, store
        self._context = keys.context("blob", blob.id, BLOB_FORMAT)
        self._key = keys.unwrap_key(Blob.__tablename__, blob.id, blob.wrapped_key)
        # One byte more than there should be, so that something appended shows.
        self._whole = store.read(self._name, 0, self._stored_bytes + 1) if self._stored_bytes <= WHOLE_BYTES else None
        self._reader = SealedReader(self._key, self._context, self._stored_bytes, self._fetch)
        if self._reader.size != blob.plaintext_bytes:
            raise Unreadable

    @property
    def size(self) -> int:
        """How many bytes the plaintext has; authenticated."""
        return self._reader.size

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`, fewer at the end; nothing unless all of them are authentic. Held in memory.

        **Raises:** Unreadable; BlobMissing; StoreUnavailable.
        """
        return self._reader.read(start, length)

    def stream(self) -> Iterator[bytes]:
        """The whole plaintext in pieces, each authentic and in its place. Memory does not grow with the blob.

        Up to `WHOLE_BYTES` stored, nothing is handed out unless all of it is authentic. Beyond that, damage in the middle
        shows when it is reached, after authentic pieces; whoever must know before the first byte calls `verify`.
        **Raises:** Unreadable; BlobMissing; StoreUnavailable.
        """
        if self._whole is not None:
            yield self._reader.read(0, self.size)
            return
        yield from open_stream(self._key, self._context, self._store.stream(self._name))

    def verify(self) -> None:
        """Nothing happens if every byte is authentic; reads the whole blob. **Raises:** as `stream`."""
        for _piece in self.stream():
            pass

    def _fetch(self, start: int, length: int) -> bytes:
        if self._whole is not None:
            return self._whole[start : start + length]
        return self._store.read(self._name, start, length)


class _Tally:
    """Counts and hashes what passes through."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._sha256 = hashlib.sha256()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self._sha256.update(piece)
            self.size += len(piece)
            yield piece

    @property
    def sha256(self) -> bytes:
        return self._sha256.digest()


def blob_store() -> BlobStore:
    """The blob store of the running application."""
    return cast("BlobStore", service("blobs"))


def store_blob(pieces: Iterable[bytes], *, blob_id: UUID | None = None) -> StoredBlob:
    """The pieces are sealed and stored, and their row is added in the caller's transaction.

    If that transaction is not committed, the blob has no row and is swept a day later. A `blob_id` is for one attempt:
    after a failed one take another, because what was stored under it stays and is not replaced.
    **Raises:** StoreFull; StoreUnavailable; Conflict when that id was used; whatever `pieces` raises.
    """
    blob_id, tenant_id, keys = blob_id or new_id(), bound_tenant(), tenant_keys()
    key = os.urandom(KEY_BYTES)
    plaintext = _Tally(pieces)
    stored = _Tally(seal(key, keys.context("blob", blob_id, BLOB_FORMAT), plaintext))
    blob_store().put(blob_name(tenant_id, blob_id), stored)
    blob = Blob(
        tenant_id=tenant_id,
        id=blob_id,
        wrapped_key=keys.wrap_key(Blob.__tablename__, blob_id, key),
        key_version=keys.version,
        plaintext_bytes=plaintext.size,
        stored_bytes=stored.size,
        stored_sha256=stored.sha256,
        created_at=clock.now(),
    )
    db.session.add(blob)
    return StoredBlob(blob, plaintext.sha256)


def find_blob(blob_id: UUID) -> Blob:
    """The tenant's blob of that id. **Raises:** NotFound."""
    found = db.session.get(Blob, (bound_tenant(), blob_id))
    if found is None:
        raise NotFound
    return found


def open_blob(blob: Blob) -> BlobReader:
    """The blob, to be read. **Raises:** Unreadable; BlobMissing; KeyUnavailable; StoreUnavailable."""
    return BlobReader(blob)


def delete_blob(blob: Blob) -> None:
    """The row is gone with the caller's transaction; a job removes what is stored once that is committed."""
    db.session.delete(blob)
    jobs.enqueue(DELETE_JOB, tenant_id=blob.tenant_id, target_id=blob.id)


def remove_deleted(run: jobs.Run) -> None:
    """What a deleted row left in the store is gone. The handler of `DELETE_JOB`."""
    tenant_id, blob_id = run.tenant_id, run.target_id
    if tenant_id is None or blob_id is None:
        raise ValueError("a blob is removed for a tenant and by its id")
    store = blob_store()
    with unit_of_work(tenant_id, write=False):
        wanted = db.session.get(Blob, (tenant_id, blob_id)) is not None
    if not wanted:
        store.delete(blob_name(tenant_id, blob_id))


def blobs_under(version: int) -> int:
    """How many of the tenant's blobs have their key under that version; 0 before it may be retired."""
    return db.session.execute(select(func.count()).select_from(Blob).where(Blob.key_version == version)).scalar_one()


def rewrap_blob_keys(version: int, limit: int) -> int:
    """Keys of at most `limit` blobs under `version` are now under the tenant's newest version. Answers how many.

    Blobs themselves are not touched. Each key is replaced only if it is still the one that was read. One that does not
    open stays where it is and holds up no other, so `blobs_under` tells the end, not an answer of 0 alone.
    """
    keys, moved, after = tenant_keys(), 0, None
    while version != keys.version and moved < limit:
        query = select(Blob.id, Blob.wrapped_key).where(Blob.key_version == version).order_by(Blob.id)
        query = query.limit(min(limit - moved, _REWRAP_BATCH))
        rows = db.session.execute(query if after is None else query.where(Blob.id > after)).all()
        if not rows:
            break
        after = rows[-1].id
        moved += sum(_rewrap(blob_id, wrapped) for blob_id, wrapped in rows)
    return moved


def _rewrap(blob_id: UUID, wrapped: bytes) -> int:
    keys = tenant_keys()
    try:
        key = keys.unwrap_key(Blob.__tablename__, blob_id, wrapped)
    except Unreadable:
        return 0
    done = db.session.execute(
        update(Blob)
        .where(Blob.id == blob_id, Blob.wrapped_key == wrapped)
        .values(wrapped_key=keys.wrap_key(Blob.__tablename__, blob_id, key), key_version=keys.version)
        .execution_options(synchronize_session="fetch")
    )
    return cast("int", done.rowcount)  # type: ignore[attr-defined]
