"""One thing that an import meets: a message, a document, or something refused with its reason."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import BinaryIO

from console.core.errors import Invalid
from console.formats.charsets import printable
from console.formats.mbox import Cut, Dialect, pieces_of, split, survey

HEAD_BYTES = 4096
"""What `detect` wants to see of a file."""
READ_BYTES = 2**20


class Kind(StrEnum):
    """What a file is."""

    MESSAGE = "message"
    MBOX = "mbox"
    MAILDIR = "maildir"
    """One message, as a Maildir names it."""
    ZIP = "zip"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where an entry stands: the number of its file in the order of the walk, and the offset in an mbox file."""

    file: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an entry is not taken in: a code for the record, a sentence that names the limit for people."""

    code: str
    sentence: str


class Unreadable(Invalid):
    """Raised when the bytes of an entry cannot be had. `code` is for the record, the message for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to take in, or a refusal. Entries are read one at a time, fastest in the order of the walk."""

    name: str
    """Printable; bytes of a name that are no UTF-8 stand as `\\xNN`."""
    folder: tuple[str, ...]
    kind: Kind
    position: Position
    size_bytes: int | None = None
    flags: frozenset[str] = frozenset()
    """Of a Maildir file: seen, replied, flagged, draft, trashed, passed."""
    modified_at: datetime | None = None
    """When the file was last changed, where that is told."""
    refusal: Refusal | None = None
    cut: Cut | None = None
    """Of a message in an mbox file: where it lies there, and whether that is in doubt."""
    dialect: Dialect | None = None
    source: Callable[[], Iterator[bytes]] | None = field(default=None, repr=False, compare=False)

    def chunks(self, cap_bytes: int) -> Iterator[bytes]:
        """The bytes in pieces. **Raises:** Unreadable, also when there are more than `cap_bytes`."""
        if self.refusal or self.source is None:
            refusal = self.refusal or Refusal("no_bytes", "This entry has no bytes.")
            raise Unreadable(refusal.code, refusal.sentence)
        total = 0
        for piece in self.source():
            total += len(piece)
            if total > cap_bytes:
                raise Unreadable(
                    "too_large", f"It has more than {cap_bytes:,} bytes, which is the most that is taken in."
                )
            yield piece

    def read(self, cap_bytes: int) -> bytes:
        """All bytes. **Raises:** Unreadable."""
        return b"".join(self.chunks(cap_bytes))


_FROM_AND_HEADER = re.compile(
    rb"(?:\xef\xbb\xbf)?[\r\n]{0,4}From [^\r\n]*(?:\r\n|\n|\r)(?:>?From [^\r\n]*(?:\r\n|\n|\r))?[!-9;-~]{1,100}:"
)
_FROM_TIMED = re.compile(rb"From \S* ?[^\r\n]*[0-9]:[0-9]{2}[^\r\n]*[\r\n]")
_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]{0,4}([!-9;-~]{1,100})[ \t]{0,8}:")
_MAIL_HEADERS = frozenset(
    b"return-path received from to subject date message-id mime-version delivered-to x-mozilla-status envelope-to reply-to"
    b" x-envelope-from dkim-signature sender cc bcc content-type x-account-key x-uidl status x-gm-thrid arc-seal"
    b" authentication-results x-originating-ip in-reply-to references received-spf x-received".split()
)
_MAILDIR_NAME = re.compile(r"\d{6,}\.[^/]*?(?:[:;!]2,([A-Za-z]*))?$")
_FLAGS = {"S": "seen", "R": "replied", "F": "flagged", "D": "draft", "T": "trashed", "P": "passed"}
_PACKED_DOCUMENTS = (
    ".docx",
    ".xlsx",
    ".pptx",
    ".docm",
    ".xlsm",
    ".pptm",
    ".odt",
    ".ods",
    ".odp",
    ".epub",
    ".jar",
    ".kmz",
)
_TEXTS = (".txt", ".md", ".csv", ".yaml", ".yml", ".log")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


def detect(name: str, head: bytes) -> Kind:
    """What a file is by its first bytes (`HEAD_BYTES`), and where these do not tell, by its name."""
    lower = name.lower()
    if head.startswith(_ZIP):
        packed = lower.endswith(_PACKED_DOCUMENTS) or b"[Content_Types].xml" in head[:200] or head[30:38] == b"mimetype"
        return Kind.DOCUMENT if packed else Kind.ZIP
    if lower.endswith(".eml"):
        return Kind.MESSAGE
    if _FROM_AND_HEADER.match(head) or _FROM_TIMED.match(head) or lower.endswith((".mbox", ".mbx")):
        return Kind.MBOX
    header = _HEADER.match(head)
    if header and _MAILDIR_NAME.match(name):
        return Kind.MAILDIR
    mail = header and header[1].lower() in _MAIL_HEADERS and not lower.endswith(_TEXTS)
    return Kind.MESSAGE if mail else Kind.DOCUMENT


def maildir_flags(name: str) -> frozenset[str]:
    """The flags in the name of a Maildir file; `;` and `!` stand for `:` where a file system refused it."""
    match = _MAILDIR_NAME.match(name)
    return frozenset(_FLAGS[letter] for letter in (match[1] or "") if letter in _FLAGS) if match else frozenset()


class _Reader:
    """An mbox file that stays open between messages while its walk goes on: going back means opening it anew."""

    def __init__(self, opener: Callable[[], BinaryIO], dialect: Dialect, failures: tuple[type[Exception], ...]) -> None:
        self._opener = opener
        self._failures = failures
        self._dialect: Dialect = dialect
        self._file: BinaryIO | None = None
        self.walking = True

    def pieces(self, cut: Cut) -> Iterator[bytes]:
        """The bytes of the message there. **Raises:** Unreadable."""
        try:
            yield from self._pieces(cut)
        except self._failures as error:
            raise Unreadable("damaged", f"It cannot be read: {printable(str(error))[:200]}.") from error

    def _pieces(self, cut: Cut) -> Iterator[bytes]:
        if not self.walking:
            with closing(self._opener()) as file:
                yield from pieces_of(file, cut, self._dialect)
            return
        if self._file is None or self._file.tell() > cut.from_line_end:
            self.close()
            self._file = self._opener()
        yield from pieces_of(self._file, cut, self._dialect)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def mbox_entries(
    opener: Callable[[], BinaryIO],
    *,
    name: str,
    folder: tuple[str, ...],
    number: int,
    after: Position | None,
    failures: tuple[type[Exception], ...],
) -> Iterator[Entry]:
    """One entry for each message of an mbox file. The file is read twice to find them, and once more as they are read.

    Where reading it fails with one of `failures`, the last entry is a refusal that stands where the rest should be.
    """
    inner = (*folder, name.removesuffix(".mbox").removesuffix(".mbx") or name)
    rest = Position(number)
    reader: _Reader | None = None
    try:
        with closing(opener()) as file:
            dialect = survey(file).dialect
        reader = _Reader(opener, dialect, failures)
        with closing(opener()) as file:
            for cut in split(file):
                position, rest = Position(number, cut.offset), Position(number, cut.offset + cut.length)
                if after is None or position > after:
                    source = partial(reader.pieces, cut)
                    size = cut.message_bytes
                    yield Entry(name, inner, Kind.MESSAGE, position, size, cut=cut, dialect=dialect, source=source)
    except failures as error:
        reason = printable(str(error))[:200] or type(error).__name__
        refusal = Refusal("damaged", f"From offset {rest.offset} on the mbox file cannot be read: {reason}.")
        if after is None or rest > after:
            yield Entry(name, inner, Kind.MBOX, rest, refusal=refusal)
    finally:
        if reader:
            reader.walking = False
            reader.close()
