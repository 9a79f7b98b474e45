"""What is in a zip file, streamed, with every limit checked before a byte is unpacked, and again while it is."""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import count
from typing import IO, BinaryIO, cast

from console.formats.charsets import printable
from console.formats.entries import (
    HEAD_BYTES,
    READ_BYTES,
    Entry,
    Kind,
    Position,
    Refusal,
    Unreadable,
    detect,
    maildir_flags,
    mbox_entries,
)
from console.formats.mailbox_names import BOOKKEEPING, NOTES, UNFINISHED, maildir_folder

MOST_ENTRIES = 200_000
LIST_BYTES = 64 * 2**20
"""Of the list of contents at a zip file's end."""
MOST_RATIO = 200
"""Unpacked bytes for each packed one. Mail is seldom above 20."""
RATIO_FREE_BYTES = 2**20
"""Smaller entries may be packed as tightly as they like."""
TOTAL_BYTES = 64 * 2**30
"""Of all entries together, unpacked."""
MOST_DEPTH = 1
"""Zip files within a zip file; none within those."""
NESTED_BYTES = 128 * 2**20
"""Of a zip file within a zip file, which memory has to hold."""
NAME_CHARACTERS = 1000

_DRIVE = re.compile(r"[A-Za-z]:")
_FAILURES = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x41
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"


@dataclass
class _Walk:
    numbers: Iterator[int]
    after: Position | None
    total: int = 0


def walk_zip(file: BinaryIO, after: Position | None = None) -> Iterator[Entry]:
    """Every file in the zip file, in the order of its list; those up to `after` are passed over.

    An entry that breaks a limit is a refusal that names the limit; a zip file that breaks one as a whole is one refusal.
    """
    numbers = count()
    yield from walk_zip_counting(file, "", (), numbers, next(numbers), after)


def walk_zip_counting(
    file: BinaryIO, name: str, folder: tuple[str, ...], numbers: Iterator[int], number: int, after: Position | None
) -> Iterator[Entry]:
    """The same as part of a longer walk: the zip file itself has `number`, its contents the numbers that follow."""
    yield from _walk(file, name, folder, _Walk(numbers, after), number, 0)


def _walk(file: BinaryIO, name: str, folder: tuple[str, ...], walk: _Walk, number: int, depth: int) -> Iterator[Entry]:
    whole = Entry(name, folder, Kind.ZIP, Position(number))
    try:
        refusal = _list_refusal(file)
        archive = None if refusal else zipfile.ZipFile(file)
    except _FAILURES as error:
        refusal, archive = Refusal("bad_zip", f"It is damaged, or no zip file: {printable(str(error))[:200]}."), None
    if refusal or archive is None:
        yield from _passed(_with(whole, refusal), walk)
        return
    with archive:
        infos = archive.infolist()
        overlapping, seen = _overlapping(infos), set[str]()
        for place, info in enumerate(infos):
            if info.filename.endswith("/") and not info.file_size:
                continue
            entry = Entry("", folder, Kind.DOCUMENT, Position(next(walk.numbers)), info.file_size)
            refusal = _refusal(info, walk, seen) or (_OVERLAPPING if place in overlapping else None)
            yield from _member(archive, info, entry, refusal, walk, depth)


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, entry: Entry, refusal: Refusal | None, walk: _Walk, depth: int
) -> Iterator[Entry]:
    *folders, name = _parts(info) or [""]
    placed, in_maildir = _folder(folders)
    shown = printable(name)[:NAME_CHARACTERS]
    folder = (*entry.folder, *placed)
    base = Entry(shown, folder, Kind.DOCUMENT, entry.position, info.file_size)
    if refusal is None and BOOKKEEPING.fullmatch(shown):
        refusal = NOTES
    if refusal is None and in_maildir == "tmp":
        refusal = UNFINISHED
    if refusal is None:
        try:
            with archive.open(info) as member:
                kind = Kind.MAILDIR if in_maildir else detect(shown, member.read(HEAD_BYTES))
            if kind is Kind.MBOX:
                opener = partial(_opened, archive, info)
                number = entry.position.file
                yield from mbox_entries(
                    opener, name=shown, folder=folder, number=number, after=walk.after, failures=_FAILURES
                )
                return
            if kind is Kind.ZIP:
                yield from _nested(archive, info, base, walk, depth)
                return
            flags = maildir_flags(shown) if kind is Kind.MAILDIR else frozenset[str]()
            yield from _passed(
                Entry(
                    shown, folder, kind, entry.position, info.file_size, flags, source=lambda: _pieces(archive, info)
                ),
                walk,
            )
            return
        except _FAILURES as error:
            refusal = _damaged(error)
    yield from _passed(_with(base, refusal), walk)


def _nested(archive: zipfile.ZipFile, info: zipfile.ZipInfo, base: Entry, walk: _Walk, depth: int) -> Iterator[Entry]:
    if depth >= MOST_DEPTH:
        refusal = Refusal(
            "zip_depth", f"It is a zip file more than {MOST_DEPTH} deep within a zip file, which is the limit."
        )
        yield from _passed(_with(base, refusal), walk)
        return
    if info.file_size > NESTED_BYTES:
        refusal = Refusal(
            "nested_size",
            f"A zip file within a zip file may have {NESTED_BYTES // 2**20} MiB; unpack it and import it itself.",
        )
        yield from _passed(_with(base, refusal), walk)
        return
    with archive.open(info) as member:
        data = BytesIO(member.read(NESTED_BYTES))
    yield from _walk(data, base.name, (*base.folder, base.name), walk, base.position.file, depth + 1)


def _passed(entry: Entry, walk: _Walk) -> Iterator[Entry]:
    if walk.after is None or entry.position > walk.after:
        yield entry


def _with(entry: Entry, refusal: Refusal | None) -> Entry:
    return Entry(entry.name, entry.folder, entry.kind, entry.position, entry.size_bytes, refusal=refusal)


def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    return cast("BinaryIO", archive.open(info))


def _pieces(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.open(info) as member:
            while piece := member.read(READ_BYTES):
                yield piece
    except _FAILURES as error:
        refusal = _damaged(error)
        raise Unreadable(refusal.code, refusal.sentence) from error


def _damaged(error: Exception) -> Refusal:
    return Refusal("damaged", f"It cannot be unpacked: {printable(str(error))[:200] or type(error).__name__}.")


def _parts(info: zipfile.ZipInfo) -> list[str]:
    return [part for part in _name(info).replace("\\", "/").split("/") if part]


def _name(info: zipfile.ZipInfo) -> str:
    """The name; many writers put UTF-8 there without saying so."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _folder(parts: list[str]) -> tuple[list[str], str]:
    """The folders of a path, and whether it ends in `cur`, `new` or `tmp` of a Maildir."""
    shown = [printable(part)[:NAME_CHARACTERS] for part in parts]
    maildir = shown.pop() if shown and shown[-1] in ("cur", "new", "tmp") else ""
    return [name for part in shown for name in maildir_folder(part, within=bool(maildir))], maildir


_OVERLAPPING = Refusal("overlapping", "Its bytes overlap those of another entry, as in a zip bomb.")


def _refusal(info: zipfile.ZipInfo, walk: _Walk, seen: set[str]) -> Refusal | None:
    """The first limit that an entry breaks."""
    name = _name(info)
    walk.total += info.file_size
    twice = name in seen
    seen.add(name)
    kind = stat.S_IFMT(info.external_attr >> 16)
    size, packed = info.file_size, max(info.compress_size, 1)
    checks = (
        ("\0" in info.orig_filename, "name_nul", "Its name holds a NUL character."),
        (name.startswith(("/", "\\")), "name_absolute", "Its name is an absolute path."),
        (_DRIVE.match(name), "name_absolute", "Its name begins with a drive."),
        (".." in _parts(info), "name_parent", "Its name leads out of the zip file by “..”."),
        (kind == stat.S_IFLNK, "link", "It is a link. Links are not followed."),
        (kind not in (0, stat.S_IFREG, stat.S_IFLNK), "not_a_file", "It is neither a file nor a folder."),
        (
            info.flag_bits & _ENCRYPTED,
            "encrypted",
            "It is encrypted. Unpack it with its password, and import what is in it.",
        ),
        (
            info.compress_type not in _METHODS,
            "compression",
            f"It is packed by method {info.compress_type}, which is not read.",
        ),
        (twice, "duplicate_name", "Another entry of the zip file has the same name."),
        (
            size > RATIO_FREE_BYTES and size > MOST_RATIO * packed,
            "ratio",
            f"It unpacks to more than {MOST_RATIO} times its packed size, which is the limit.",
        ),
        (
            walk.total > TOTAL_BYTES,
            "total_size",
            f"The zip file unpacks to more than {TOTAL_BYTES // 2**30} GiB, which is the limit.",
        ),
    )
    return next((Refusal(code, sentence) for broken, code, sentence in checks if broken), None)


def _overlapping(infos: list[zipfile.ZipInfo]) -> set[int]:
    """The entries whose bytes overlap those of another."""
    order = sorted(range(len(infos)), key=lambda place: infos[place].header_offset)
    found: set[int] = set()
    furthest, owner = -1, -1
    for place in order:
        info = infos[place]
        if info.header_offset < furthest:
            found.update((place, owner))
        end = info.header_offset + 30 + len(info.orig_filename) + info.compress_size
        if end > furthest:
            furthest, owner = end, place
    return found


def _list_refusal(file: IO[bytes]) -> Refusal | None:
    """A reason not even to read the list of contents. **Raises:** BadZipFile where none is found."""
    size = file.seek(0, 2)
    tail_at = max(0, size - 2**16 - 100)
    file.seek(tail_at)
    tail = file.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise zipfile.BadZipFile("it has no list of contents")
    entries, list_bytes = struct.unpack_from("<HL", tail, at + 10)
    locator = tail.rfind(_LOCATOR, 0, at)
    if locator >= 0 and len(tail) >= locator + 16:
        (end64,) = struct.unpack_from("<Q", tail, locator + 8)
        file.seek(min(end64, size))
        record = file.read(56)
        if record.startswith(_END64) and len(record) == 56:
            entries, list_bytes = struct.unpack_from("<QQ", record, 32)
    if entries > MOST_ENTRIES or list_bytes > LIST_BYTES or _listed(file, size, list_bytes) > MOST_ENTRIES:
        return Refusal("count", f"It holds more than {MOST_ENTRIES:,} entries, which is the limit. Split it.")
    return None


def _listed(file: IO[bytes], size: int, list_bytes: int) -> int:
    """How many entries the list may hold, whatever the count beside it says."""
    file.seek(max(0, size - list_bytes - 2**16 - 100))
    return file.read().count(b"PK\x01\x02")
