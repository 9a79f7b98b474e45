"""The zip file of an export, made while it is sent: memory stays flat, and no item is sent before it proved sound."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import RawIOBase
from typing import Any
from uuid import UUID
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from sqlalchemy import select

from console.core import clock
from console.core.actor import Actor
from console.core.db import db, unit_of_work
from console.core.errors import ConsoleError
from console.customer_data.contents import Content, DamagedItem, open_content
from console.customer_data.damage import note_damage
from console.customer_data.exports import in_chunks, moment_text
from console.customer_data.models import Custodian, Item, Kind
from console.users.exports import MARK, csv_text

COLUMNS = ("item_id", "path", "custodian", "folder", "date", "subject", "original_name", "size_bytes", "sha256")
EXCEPTION_COLUMNS = ("item_id", "problem")
_FIRST_YEAR, _LAST_YEAR = 1980, 2107
"""What a zip file's dates can say."""
_LARGE_BYTES = 2**31 - 2**20
"""From here on an entry has room for sizes of more than 32 bits."""
_README = """Export of Customer Data from Safekeep, made {made}

{items} items lie here byte for byte as they came in:
  mail/<item id>.eml        messages
  documents/<item id>.bin   documents; their names stand in manifest.csv

manifest.csv          one line for each item: whose it is, folder, date, subject, name, size, SHA-256.
                      A cell that a spreadsheet would take for a formula has an apostrophe before it.
exceptions.csv        items that could not be exported, and why. {exceptions} of them.
manifest-sha256.txt   check everything with:  sha256sum -c manifest-sha256.txt
"""


class _Sink(RawIOBase):
    """What the zip file is written to: bytes wait here until they are sent. It cannot seek, like a socket."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any) -> int:
        """Keep the bytes until `taken`."""
        self._waiting.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last time."""
        waiting, self._waiting = self._waiting, []
        return b"".join(waiting)


@dataclass
class _Written:
    """What is in the file so far."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    exceptions: list[tuple[object, ...]] = field(default_factory=list)
    sums: list[tuple[str, str]] = field(default_factory=list)
    damaged: list[tuple[UUID, DamagedItem]] = field(default_factory=list)
    """Found damaged, and not noted yet."""


@dataclass(frozen=True)
class _Ready:
    """An item that is open, to be written."""

    item_id: UUID
    path: str
    dated_at: datetime
    content: Content
    sha256: str
    row: tuple[object, ...]


def zip_pieces(tenant_id: UUID, item_ids: Sequence[UUID], *, by: Actor) -> Iterator[bytes]:
    """The file, piece by piece. Items are read in units of their own, so that a slow reader holds no transaction.

    An item that is damaged, or was deleted meanwhile, stands in exceptions.csv and stops nothing.
    """
    sink, done = _Sink(), _Written()
    with ZipFile(sink, "w", ZIP_STORED, allowZip64=True) as archive:
        for chunk in in_chunks(item_ids):
            with unit_of_work(tenant_id, write=False):
                ready = list(_ready(chunk, done))
            for one in ready:
                try:
                    one.content.check()
                except DamagedItem as error:
                    done.damaged.append((one.item_id, error))
                    continue
                yield from _write(archive, sink, one)
                done.rows.append(one.row)
                done.sums.append((one.sha256, one.path))
            _note_damaged(tenant_id, done, by)
        yield from _papers(archive, sink, done)
    yield sink.taken()


def _ready(chunk: Sequence[UUID], done: _Written) -> Iterator[_Ready]:
    """The items of the chunk that can be opened; the others are exceptions."""
    found = {item.id: item for item in db.session.execute(select(Item).where(Item.id.in_(chunk))).scalars()}
    owners = {each.id: each for each in _custodians({item.custodian_id for item in found.values()})}
    for item_id in chunk:
        item = found.get(item_id)
        if item is None:
            done.exceptions.append((item_id, "It was deleted while the export was made."))
            continue
        path = f"mail/{item_id}.eml" if item.kind == Kind.MESSAGE else f"documents/{item_id}.bin"
        try:
            content = open_content(item)
            row = _row(item, path, owners[item.custodian_id])
        except DamagedItem as error:
            done.damaged.append((item_id, error))
        except ConsoleError as error:
            done.exceptions.append((item_id, error.message))
        else:
            yield _Ready(item_id, path, item.dated_at, content, item.summary.sha256, row)


def _write(archive: ZipFile, sink: _Sink, one: _Ready) -> Iterator[bytes]:
    size = one.content.size
    with archive.open(_entry(one.path, one.dated_at, size), "w", force_zip64=size >= _LARGE_BYTES) as entry:
        for piece in one.content.stream():
            entry.write(piece)
            yield sink.taken()
    yield sink.taken()


def _note_damaged(tenant_id: UUID, done: _Written, by: Actor) -> None:
    """The damaged ones are noted with the item and in the record, and stand among the exceptions."""
    for item_id, error in done.damaged:
        done.exceptions.append((item_id, error.message))
        with unit_of_work(tenant_id):
            note_damage(item_id, error, by=by)
    done.damaged.clear()


def _row(item: Item, path: str, owner: Custodian) -> tuple[object, ...]:
    summary = item.summary
    message = item.kind == Kind.MESSAGE
    return (
        item.id,
        path,
        owner.details["address"],
        summary.folder,
        moment_text(item.dated_at),
        summary.title if message else "",
        summary.name if message else summary.title or summary.name,
        item.size_bytes,
        summary.sha256,
    )


def _papers(archive: ZipFile, sink: _Sink, done: _Written) -> Iterator[bytes]:
    made = clock.now()
    facts = {"made": moment_text(made), "items": len(done.rows), "exceptions": len(done.exceptions)}
    papers = {
        "manifest.csv": MARK + csv_text([COLUMNS, *done.rows]),
        "exceptions.csv": MARK + csv_text([EXCEPTION_COLUMNS, *done.exceptions]),
        "README.txt": _README.format(**facts),
    }
    for name, text in papers.items():
        data = text.encode("utf-8", "replace")
        done.sums.append((hashlib.sha256(data).hexdigest(), name))
        archive.writestr(_entry(name, made, len(data)), data)
        yield sink.taken()
    sums = "".join(f"{digest}  {path}\n" for digest, path in done.sums).encode()
    archive.writestr(_entry("manifest-sha256.txt", made, len(sums)), sums)
    yield sink.taken()


def _entry(path: str, moment: datetime, size: int) -> ZipInfo:
    year = min(max(moment.year, _FIRST_YEAR), _LAST_YEAR)
    info = ZipInfo(path, (year, moment.month, moment.day, moment.hour, moment.minute, moment.second))
    info.external_attr = 0o600 << 16
    info.file_size = size
    return info


def _custodians(ids: set[UUID]) -> list[Custodian]:
    return list(db.session.execute(select(Custodian).where(Custodian.id.in_(ids))).scalars())
