"""What lies in a folder: Maildir folders, mbox files, messages, documents, zip files. Links are refused, never followed."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import BinaryIO

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
from console.formats.zips import walk_zip_counting

FOLDERS_DEEP = 100
"""Folders within folders. What lies deeper is refused."""

_LINK = Refusal("link", "It is a link. Links are not followed; import what it leads to itself.")
_NO_FILE = Refusal("not_a_file", "It is neither a file nor a folder.")
_TOO_DEEP = Refusal("folders_deep", f"It lies more than {FOLDERS_DEEP} folders deep, which is the most that is read.")


@dataclass(frozen=True, slots=True)
class _Place:
    path: bytes
    folder: tuple[str, ...]
    depth: int
    maildir: str = ""
    """`cur`, `new` or `tmp` of a Maildir."""


def walk_folder(path: Path, after: Position | None = None) -> Iterator[Entry]:
    """Every file below the folder, in the order of names as bytes; those up to `after` are passed over.

    A file that cannot be read is an entry with a refusal. Positions are the same in every walk of an unchanged folder.
    """
    numbers = count()
    stack = [_Place(os.fsencode(path), (), 0)]
    while stack:
        place = stack.pop()
        try:
            names = sorted(os.listdir(place.path))  # noqa: PTH208 (names as bytes)
        except OSError as error:
            yield _refused(place, b"", next(numbers), _unreadable(error))
            continue
        inner: list[_Place] = []
        is_maildir = _is_maildir(place.path, names)
        for name in names:
            found = _look(place, name, numbers, after, is_maildir=is_maildir)
            if isinstance(found, _Place):
                inner.append(found)
            else:
                yield from found
        stack.extend(reversed(inner))


def walk_file(path: Path, after: Position | None = None) -> Iterator[Entry]:
    """The same for one file: a message, a document, an mbox file or a zip file."""
    place = _Place(os.fsencode(path.parent), (), 0)
    yield from _file(place, os.fsencode(path.name), count(), after)


def _is_maildir(path: bytes, names: list[bytes]) -> bool:
    return all(name in names and stat.S_ISDIR(_mode(path, name)) for name in (b"cur", b"new"))


def _mode(path: bytes, name: bytes) -> int:
    try:
        return os.lstat(os.path.join(path, name)).st_mode  # noqa: PTH118 (names as bytes, which Path does not take)
    except OSError:
        return 0


def _look(
    place: _Place, name: bytes, numbers: Iterator[int], after: Position | None, *, is_maildir: bool
) -> _Place | Iterator[Entry]:
    mode = _mode(place.path, name)
    if not stat.S_ISDIR(mode):
        return _file(place, name, numbers, after)
    path, shown = os.path.join(place.path, name), printable_name(name)  # noqa: PTH118
    if place.depth >= FOLDERS_DEEP:
        return iter((_refused(place, name, next(numbers), _TOO_DEEP),))
    if is_maildir and name in (b"cur", b"new", b"tmp"):
        return _Place(path, place.folder, place.depth + 1, shown)
    return _Place(path, (*place.folder, *maildir_folder(shown, within=is_maildir)), place.depth + 1)


def _file(place: _Place, name: bytes, numbers: Iterator[int], after: Position | None) -> Iterator[Entry]:
    number = next(numbers)
    path = os.path.join(place.path, name)  # noqa: PTH118
    mode, shown = _mode(place.path, name), printable_name(name)
    refusal = _LINK if stat.S_ISLNK(mode) else None if stat.S_ISREG(mode) else _NO_FILE
    if place.maildir == "tmp":
        refusal = refusal or UNFINISHED
    elif BOOKKEEPING.fullmatch(shown):
        refusal = refusal or NOTES
    if refusal:
        yield from _unless_passed(_refused(place, name, number, refusal), after)
        return
    try:
        with _open(path) as file:
            kind = Kind.MAILDIR if place.maildir else detect(shown, file.read(HEAD_BYTES))
            told = os.fstat(file.fileno())
        if kind is Kind.MBOX:
            yield from mbox_entries(
                partial(_open, path), name=shown, folder=place.folder, number=number, after=after, failures=(OSError,)
            )
        elif kind is Kind.ZIP:
            with _open(path) as file:
                yield from walk_zip_counting(file, shown, (*place.folder, shown), numbers, number, after)
        else:
            flags = maildir_flags(shown) if kind is Kind.MAILDIR else frozenset()
            changed = datetime.fromtimestamp(told.st_mtime, UTC)
            position = Position(number)
            entry = Entry(
                shown, place.folder, kind, position, told.st_size, flags, changed, source=partial(_pieces, path)
            )
            yield from _unless_passed(entry, after)
    except OSError as error:
        yield _refused(place, name, number, _unreadable(error))


def _unless_passed(entry: Entry, after: Position | None) -> Iterator[Entry]:
    if after is None or entry.position > after:
        yield entry


def _refused(place: _Place, name: bytes, number: int, refusal: Refusal) -> Entry:
    return Entry(printable_name(name), place.folder, Kind.DOCUMENT, Position(number), refusal=refusal)


def _unreadable(error: OSError) -> Refusal:
    return Refusal("unreadable", f"The system does not let it be read: {error.strerror or type(error).__name__}.")


def printable_name(name: bytes) -> str:
    r"""The name of a file for people and records: bytes that are no UTF-8 stand as `\\xNN`, so that none is lost."""
    text = name.decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def _open(path: bytes) -> BinaryIO:
    """The file, unless it has become a link or a device since it was looked at. **Raises:** OSError."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(0, "it is no file any more")
    return os.fdopen(number, "rb")


def _pieces(path: bytes) -> Iterator[bytes]:
    try:
        with _open(path) as file:
            while piece := file.read(READ_BYTES):
                yield piece
    except OSError as error:
        refusal = _unreadable(error)
        raise Unreadable(refusal.code, refusal.sentence) from error
