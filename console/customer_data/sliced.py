"""Files that came from a browser, as the import reads them: put together from their sealed slices, never on a disk."""

import io
import logging
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from typing import BinaryIO, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from console.core.db import db, unit_of_work
from console.customer_data.imports import ImportFile, ImportSlice
from console.formats.entries import (
    HEAD_BYTES,
    READ_BYTES,
    Entry,
    Kind,
    Position,
    Refusal,
    detect,
    maildir_flags,
    mbox_entries,
)
from console.formats.mailbox_names import BOOKKEEPING, NOTES, UNFINISHED, maildir_folder
from console.formats.zips import walk_zip_counting
from console.vault.blobs import find_blob, open_blob
from console.vault.errors import BlobMissing, StoreUnavailable, Unreadable

log = logging.getLogger(__name__)

_OFFSET_BITS = 40
"""A cursor holds the number of an entry within its file above these bits, and the offset in an mbox file below."""
_MOST_INNER = 2**22
_INCOMPLETE = Refusal("incomplete", "Not all of it was uploaded.")
_DAMAGED = Refusal("damaged_upload", "What was uploaded of it is damaged from here on. Upload it again.")
_NOT_TAKEN_APART = Refusal("not_taken_apart", "From here on it could not be taken apart into its items.")
_TOO_MANY = Refusal("count", f"The file holds more than {_MOST_INNER:,} entries, which is the limit. Split it.")


class SlicedFile(io.RawIOBase):
    """An uploaded file: readable and seekable, with one opened slice in memory. Each slice proves authentic as a whole."""

    def __init__(self, tenant_id: UUID, file_id: UUID, size: int) -> None:
        super().__init__()
        self._tenant_id, self._size, self._at = tenant_id, size, 0
        with unit_of_work(tenant_id, write=False):
            query = select(ImportSlice.start, ImportSlice.blob_id).where(ImportSlice.file_id == file_id)
            rows = db.session.execute(query.order_by(ImportSlice.start)).all()
        self._starts = [row.start for row in rows]
        self._blobs = [row.blob_id for row in rows]
        self._open: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there."""
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, fewer at the end only. **Raises:** Unreadable, BlobMissing, StoreUnavailable."""
        left = max(self._size - self._at, 0)
        left = left if size is None or size < 0 else min(size, left)
        pieces = []
        while left:
            place = bisect_right(self._starts, self._at) - 1
            opened = self._slice(place)
            piece = opened[self._at - self._starts[place] :][:left]
            if not piece:
                raise Unreadable
            pieces.append(piece)
            self._at += len(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """As `read`."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _slice(self, place: int) -> bytes:
        if place < 0:
            raise Unreadable
        if self._open[0] != place:
            with unit_of_work(self._tenant_id, write=False):
                reader = open_blob(find_blob(self._blobs[place]))
                self._open = (place, reader.read(0, reader.size))
        return self._open[1]


def uploaded_entries(tenant_id: UUID, import_id: UUID, after: Position | None) -> Iterator[Entry]:
    """Everything in the import's files, from behind `after` on. Files that are behind are not opened.

    A position is the file's place, and in it the number of the entry and the offset in an mbox file, in one number.
    """
    place = after.file if after else 0
    while True:
        with unit_of_work(tenant_id, write=False):
            query = select(ImportFile).where(ImportFile.import_id == import_id, ImportFile.place >= place)
            file = db.session.execute(query.order_by(ImportFile.place).limit(1)).scalar_one_or_none()
            if file is None:
                return
            found = _File(tenant_id, file)
            place = file.place
        inner = _inner(after.offset) if after and after.file == place else None
        yield from _placed(found, place, inner)
        place += 1


class _File:
    """One uploaded file, without a session."""

    def __init__(self, tenant_id: UUID, file: ImportFile) -> None:
        self.size, self.complete, self.modified_at = file.size_bytes, file.complete, file.modified_at
        *folders, self.name = [part for part in file.name.replace("\\", "/").split("/") if part] or [file.name]
        self.maildir = folders.pop() if folders and folders[-1] in ("cur", "new", "tmp") else ""
        within = bool(self.maildir)
        self.folder = tuple(inner for part in folders for inner in maildir_folder(part, within=within))
        self.open = cast("partial[BinaryIO]", partial(SlicedFile, tenant_id, file.id, file.size_bytes))

    def pieces(self) -> Iterator[bytes]:
        file = self.open()
        while piece := file.read(READ_BYTES):
            yield piece


def _placed(file: _File, place: int, after: Position | None) -> Iterator[Entry]:
    end = Position(_MOST_INNER)
    try:
        for entry in _entries(file, after) if after is None or after < end else ():
            if entry.position.file >= end.file:
                yield _refused(file, _outer(place, end), _TOO_MANY)
                return
            yield replace(entry, position=_outer(place, entry.position))
    except (Unreadable, BlobMissing):
        yield _refused(file, _outer(place, end), _DAMAGED)
    except (StoreUnavailable, SQLAlchemyError):
        raise
    except Exception as error:  # noqa: BLE001 (one file that cannot be taken apart must not stop the others)
        log.warning("an uploaded file could not be taken apart: %s", type(error).__name__)
        yield _refused(file, _outer(place, end), _NOT_TAKEN_APART)


def _entries(file: _File, after: Position | None) -> Iterator[Entry]:
    refusal = None if file.complete else _INCOMPLETE
    if BOOKKEEPING.fullmatch(file.name):
        refusal = NOTES
    elif file.maildir == "tmp":
        refusal = UNFINISHED
    found = iter((_refused(file, Position(0), refusal),)) if refusal else _read(file, after)
    for entry in found:
        if after is None or entry.position > after:
            yield entry


def _read(file: _File, after: Position | None) -> Iterator[Entry]:
    head = file.open().read(HEAD_BYTES)
    kind = Kind.MAILDIR if file.maildir else detect(file.name, head)
    if kind is Kind.MBOX:
        failures = (Unreadable, BlobMissing)
        yield from mbox_entries(file.open, name=file.name, folder=file.folder, number=0, after=after, failures=failures)
    elif kind is Kind.ZIP:
        numbers = count(1)
        opened = cast("BinaryIO", io.BufferedReader(cast("io.RawIOBase", file.open()), READ_BYTES))
        yield from walk_zip_counting(opened, file.name, (*file.folder, file.name), numbers, 0, after)
    else:
        flags = maildir_flags(file.name) if kind is Kind.MAILDIR else frozenset[str]()
        yield Entry(file.name, file.folder, kind, Position(0), file.size, flags, file.modified_at, source=file.pieces)


def _refused(file: _File, position: Position, refusal: Refusal) -> Entry:
    return Entry(file.name, file.folder, Kind.DOCUMENT, position, file.size, refusal=refusal)


def _outer(place: int, inner: Position) -> Position:
    return Position(place, inner.file << _OFFSET_BITS | inner.offset)


def _inner(number: int) -> Position:
    return Position(number >> _OFFSET_BITS, number & (2**_OFFSET_BITS - 1))
