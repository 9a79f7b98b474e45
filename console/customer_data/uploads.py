"""Files on their way in from a browser: announced, received slice by slice, each sealed at once, until the import starts.

A file grows at its end only. A slice that is here already is answered as the first time; one that would leave a gap,
overlap or reach beyond the file is refused with where to go on. Nothing of a slice is ever in clear on a disk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import func, select

from console.core.actor import Actor
from console.core.db import bound_tenant, db, settings, unit_of_work
from console.core.errors import Conflict, Invalid, NotFound
from console.core.ids import new_id
from console.customer_data.custodians import address_to_import_for, custodian_of
from console.customer_data.importing import start_import, whereabouts
from console.customer_data.imports import OPEN, DataImport, ImportFile, ImportSlice, ImportState, data_import
from console.formats.charsets import printable
from console.vault.access import tenant_keys
from console.vault.blobs import Blob, blob_store, store_blob

SLICE_BYTES = 4 * 2**20
"""What the browser sends at a time, and the most that one slice may have."""
MOST_FILES = 50_000
ANNOUNCED_AT_ONCE = 1000
NAME_CHARACTERS = 1000
_MIB = 2**20


@dataclass(frozen=True)
class Announced:
    """A file as the browser describes it before it sends any of it."""

    name: str
    size_bytes: int
    modified_at: datetime | None = None


def open_import(custodian: str, *, by: Actor, label: str = "") -> DataImport:
    """A new import to which files may come, for the custodian of that address. **Raises:** Invalid."""
    keeper = custodian_of(address_to_import_for(custodian), by=by)
    facts = {"label": label, "custodian": keeper.details["address"], **whereabouts(by)}
    found = DataImport.new("upload", ImportState.RECEIVING, facts, custodian_id=keeper.id, created_by=by.user_id)
    db.session.add(found)
    db.session.flush()
    return found


def announce(import_id: UUID, first: int, files: Sequence[Announced]) -> list[ImportFile]:
    """Files from place `first` on will come. Those that were announced already must be the same, and stay.

    **Raises:** NotFound; Conflict when it takes no more files, or another file has that place; Invalid past a limit.
    """
    found = receiving(import_id)
    if not 0 < len(files) <= ANNOUNCED_AT_ONCE:
        raise Invalid(f"Announce between 1 and {ANNOUNCED_AT_ONCE:,} files at a time.")
    if first + len(files) > MOST_FILES:
        raise Invalid(
            f"One import takes up to {MOST_FILES:,} files. Put them into a zip file, or import them in parts."
        )
    query = select(ImportFile).where(ImportFile.import_id == import_id, ImportFile.place >= first)
    query = query.where(ImportFile.place < first + len(files)).order_by(ImportFile.place)
    known = {file.place: file for file in db.session.execute(query).scalars()}
    if first > _file_count(import_id):
        raise Invalid("Files are announced in their order, without gaps.")
    for place, told in enumerate(files, start=first):
        if place not in known:
            known[place] = _new_file(found, place, told)
        elif (known[place].name, known[place].size_bytes) != (_shown(told.name), told.size_bytes):
            raise Conflict("Another file was announced in this place. Start a new import.")
    _check_size(found)
    if not found.facts.get("label"):
        found.set_facts({**found.facts, "label": known[first].name.rsplit("/", 1)[-1]})
    return [known[place] for place in sorted(known)]


def _new_file(found: DataImport, place: int, told: Announced) -> ImportFile:
    most = settings().import_file_mib
    if not 0 <= told.size_bytes <= most * _MIB:
        raise Invalid(f"{_shown(told.name)} is larger than {most:,} MiB, which is the most that one file may have.")
    file_id = new_id()
    file = ImportFile(
        id=file_id,
        tenant_id=found.tenant_id,
        import_id=found.id,
        place=place,
        sealed=tenant_keys().seal(ImportFile.__tablename__, file_id, {"name": _shown(told.name)}),
        size_bytes=told.size_bytes,
        received_bytes=0,
        modified_at=told.modified_at,
    )
    found.total_bytes += told.size_bytes
    db.session.add(file)
    return file


def _check_size(found: DataImport) -> None:
    most, waiting = settings().import_mib, settings().import_waiting_mib
    if found.total_bytes > most * _MIB:
        raise Invalid(f"These files have more than {most:,} MiB together, which is the most that one import may have.")
    db.session.flush()
    query = select(func.sum(DataImport.total_bytes)).where(DataImport.state.in_(OPEN), DataImport.source == "upload")
    if (db.session.execute(query).scalar_one() or 0) > waiting * _MIB:
        raise Invalid(
            f"Imports that are not finished have more than {waiting:,} MiB together, which is the limit."
            " Wait until one is finished, or cancel one."
        )


def _file_count(import_id: UUID) -> int:
    query = select(func.max(ImportFile.place)).where(ImportFile.import_id == import_id)
    last = db.session.execute(query).scalar_one()
    return 0 if last is None else last + 1


def _shown(name: str) -> str:
    text = printable(name)[:NAME_CHARACTERS].encode("utf-8", "replace").decode().strip().strip("/")
    return text or "Unnamed file"


def receiving(import_id: UUID) -> DataImport:
    """That import, locked, if files may come to it. **Raises:** NotFound, Conflict."""
    found = data_import(import_id, lock=True)
    if found.state != ImportState.RECEIVING:
        raise Conflict(f"This import is {found.state}, so it takes no more files. Start a new one.")
    return found


def receive(import_id: UUID, place: int, start: int, data: bytes) -> ImportFile:
    """The slice that begins at `start` of that file is here, sealed. Sent again, nothing more happens.

    **Raises:** NotFound; Conflict where the slice does not fit to what is here; Invalid; StoreFull, StoreUnavailable.
    """
    if not 0 < len(data) <= SLICE_BYTES:
        raise Invalid(f"A slice has between 1 byte and {SLICE_BYTES // _MIB} MiB.")
    with unit_of_work(bound_tenant(), write=False):  # before anything is stored, and before a transaction begins
        fits = _fits(import_id, place, start, len(data))
    if not fits:
        return file_at(import_id, place)
    blob = store_blob((data,)).blob
    try:
        file = _append(import_id, place, start, blob)
    except Exception:
        blob_store().delete(blob.name)
        raise
    return file


def _append(import_id: UUID, place: int, start: int, blob: Blob) -> ImportFile:
    with db.session.no_autoflush:
        if not _fits(import_id, place, start, blob.plaintext_bytes, lock=True):  # it came by another way meanwhile
            db.session.expunge(blob)
            blob_store().delete(blob.name)
            return file_at(import_id, place)
        file = file_at(import_id, place)
    db.session.flush()
    size = blob.plaintext_bytes
    db.session.add(
        ImportSlice(
            id=new_id(), tenant_id=file.tenant_id, file_id=file.id, start=start, size_bytes=size, blob_id=blob.id
        )
    )
    file.received_bytes += size
    db.session.flush()
    return file


def _fits(import_id: UUID, place: int, start: int, size: int, *, lock: bool = False) -> bool:
    """Whether the slice is the next one of its file; False where it is here already. **Raises:** NotFound, Conflict."""
    found = data_import(import_id, lock=lock)
    file = file_at(import_id, place)
    if found.state != ImportState.RECEIVING:
        raise Conflict(f"This import is {found.state}, so it takes no more files. Start a new one.")
    if start < file.received_bytes:
        query = select(ImportSlice.size_bytes).where(ImportSlice.file_id == file.id, ImportSlice.start == start)
        if db.session.execute(query).scalar_one_or_none() == size:
            return False
    if start != file.received_bytes:
        raise Conflict(f"This file is here up to byte {file.received_bytes}. Go on from there.")
    if start + size > file.size_bytes:
        raise Conflict(f"This file was announced with {file.size_bytes} bytes, and this would be more.")
    return True


def file_at(import_id: UUID, place: int) -> ImportFile:
    """The import's file at that place. **Raises:** NotFound."""
    if not 0 <= place < MOST_FILES:
        raise NotFound
    query = select(ImportFile).where(ImportFile.import_id == import_id, ImportFile.place == place)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def missing_files(import_id: UUID, *, limit: int) -> list[ImportFile]:
    """Files of which not all is here, in their order."""
    query = select(ImportFile).where(
        ImportFile.import_id == import_id, ImportFile.received_bytes < ImportFile.size_bytes
    )
    return list(db.session.execute(query.order_by(ImportFile.place).limit(limit)).scalars())


def start_upload(import_id: UUID, *, by: Actor) -> DataImport:
    """Everything is here, and a worker takes the import up. Asked again, nothing more happens.

    **Raises:** NotFound; Conflict while files are missing, or where it is over. **Records:** customer_data:import:started.
    """
    found = data_import(import_id, lock=True)
    if found.state in {ImportState.RUNNING, ImportState.DONE}:
        return found
    receiving(import_id)
    missing = missing_files(import_id, limit=1)
    if missing:
        raise Conflict(f"{missing[0].name} is not here as a whole yet. Send the rest of it first.")
    if not _file_count(import_id):
        raise Conflict("No file has come to this import yet.")
    start_import(found, by=by)
    return found


def take_whole(custodian: str, files: Iterable[tuple[Announced, list[Blob]]], *, by: Actor) -> DataImport:
    """An import of files that came with one form, each in sealed blobs already, is started. **Raises:** Invalid."""
    given = list(files)
    if not given:
        raise Invalid("Choose at least one file.", {"files": "Choose at least one file."})
    with db.session.no_autoflush:
        found = open_import(custodian, by=by)
        for first in range(0, len(given), ANNOUNCED_AT_ONCE):
            part = given[first : first + ANNOUNCED_AT_ONCE]
            for file, (_told, blobs) in zip(announce(found.id, first, [told for told, _ in part]), part, strict=True):
                _attach(file, blobs)
    db.session.flush()
    return start_upload(found.id, by=by)


def _attach(file: ImportFile, blobs: list[Blob]) -> None:
    for blob in blobs:
        size = blob.plaintext_bytes
        slice_ = ImportSlice(id=new_id(), tenant_id=file.tenant_id, file_id=file.id, start=file.received_bytes)
        slice_.size_bytes, slice_.blob_id = size, blob.id
        db.session.add(slice_)
        file.received_bytes += size


def moment_of(milliseconds: str) -> datetime | None:
    """When a file was last changed, as browsers tell it; None where that is no sensible time."""
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
