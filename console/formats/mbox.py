"""An mbox file cut into messages: streamed, so that memory stays flat, and every doubtful cut is named.

Pass one finds where each message lies (`split`, `survey`); pass two reads them (`raw_of`, `pieces_of`). The cuts lie end to
end: together they are the whole file. **Source:** RFC 4155, and what real files break of it: a From_ line begins a message
at the start of the file, or after a blank line when a header follows; then Content-Length, where it leads to such a place.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Literal

from console.formats.charsets import printable
from console.formats.dates import date_of
from console.formats.mbox_window import BLOCK_BYTES, Quotes, Window

Dialect = Literal["mboxo", "mboxrd", "mboxcl", "mboxcl2"]

START_BYTES = 8192
"""A From_ line and the first header have room in this."""
HEADER_BYTES = 2**18
"""Content-Length is looked for this far into a message."""
LOOK_AHEAD_BYTES = 64 * 2**20
"""A Content-Length that leads further is not followed."""
MOST_DOUBTS = 3
"""More of one cut are counted, not told one by one."""

_LINE = rb"From [^\r\n]{0,2000}(?:\r\n|\n|\r)"
_FROM_LINE = re.compile(_LINE)
_BEGINS = re.compile(_LINE + rb"(?:>?" + _LINE + rb"){0,2}[!-9;-~]{1,100}[ \t]{0,8}:(?!//)")
_TIMED = re.compile(rb"[0-9]:[0-9]{2}")
_LENGTH = re.compile(rb"[\r\n]content-length[ \t]{0,8}:[ \t]{0,8}([0-9]{1,12})[ \t]{0,8}[\r\n]", re.IGNORECASE)
_HEADERS_END = re.compile(rb"\n\r?\n|\r\r(?!\n)")
_LINE_ENDS = re.compile(rb"(?:\r\n|\n|\r){0,2}")
_QUOTED = re.compile(rb"(^|[\r\n])>(>*From )")


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one message lies. Offsets count from where the file was when the pass began."""

    offset: int
    length: int
    """With its From_ line and the blank line after it: the next cut begins at `offset + length`."""
    from_line_end: int
    """The offset of the message's own first byte."""
    message_bytes: int
    """Length of the message as it is stored: without From_ line and the blank line after it."""
    envelope: bytes = b""
    """The From_ line, without its line end."""
    ambiguous: str | None = None
    """Why it could be cut otherwise, with offsets; None where it could not."""
    by_length: bool = False
    """True where its Content-Length leads exactly to its end."""

    @property
    def sender(self) -> str:
        """The sender in the From_ line, or nothing (`From - ` of Mozilla)."""
        words = printable(self.envelope.decode("latin-1")).split()
        return words[1] if len(words) > 2 and words[1] != "-" and not words[2][:1].isdigit() else ""

    @property
    def date(self) -> datetime | None:
        """The date in the From_ line, in UTC."""
        words = printable(self.envelope.decode("latin-1")).split(maxsplit=2)
        return date_of(words[2]) if len(words) > 2 else None


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first pass over a file found."""

    dialect: Dialect
    messages: int
    ambiguous: int
    """How many cuts are."""


def split(file: BinaryIO) -> Iterator[Cut]:
    """The messages in order, in one pass from the file's present place on. It only reads, and never seeks.

    Memory is two blocks; a Content-Length makes it hold as much as it says, at most `LOOK_AHEAD_BYTES`. Every file has an
    answer: one without any From_ line is one message, an empty one none.
    """
    return _Splitter(Window(file)).cuts()


def survey(file: BinaryIO) -> Survey:
    """The dialect of a file, and how many messages it holds: one pass, like `split`."""
    quotes = Quotes(file)
    splitter = _Splitter(Window(quotes))
    messages = doubtful = measured = 0
    takeout = False
    for cut in splitter.cuts():
        messages += 1
        doubtful += cut.ambiguous is not None
        measured += cut.by_length
        takeout = takeout or b"@xxx " in cut.envelope
    dialect: Dialect = "mboxo"
    if measured * 2 > messages:
        dialect = "mboxcl" if quotes.once and not splitter.inside else "mboxcl2"
    elif quotes.twice or (takeout and quotes.once):
        dialect = "mboxrd"
    return Survey(dialect, messages, doubtful)


def raw_of(file: BinaryIO, cut: Cut, dialect: Dialect) -> bytes:
    """The message in that cut, byte for byte; for mboxrd with one `>` less before each quoted From_ line.

    The other dialects cannot be undone without guessing, so nothing is changed in them.
    """
    return b"".join(pieces_of(file, cut, dialect))


def pieces_of(file: BinaryIO, cut: Cut, dialect: Dialect, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """The same in pieces, for messages larger than memory should hold."""
    file.seek(cut.from_line_end)
    left, held = cut.message_bytes, b""
    while left and (block := file.read(min(block_bytes, left))):
        left -= len(block)
        if dialect != "mboxrd":
            yield block
            continue
        held += block
        whole = max(held.rfind(b"\n"), held.rfind(b"\r"))
        if whole > 0:
            yield _unquoted(held[:whole])
            held = held[whole:]
        elif len(held) > block_bytes and held.lstrip(b"\r\n>")[5:]:
            yield _unquoted(held[:-1])  # one long line, whose beginning is known by now
            held = held[-1:]
    if held:
        yield _unquoted(held)


def _unquoted(data: bytes) -> bytes:
    return _QUOTED.sub(rb"\1\2", data) if b">From " in data else data


class _Splitter:
    """One pass over one file."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self.inside = 0
        """From_ lines that a fitting Content-Length put into a message."""
        window.upto(START_BYTES)
        head = window.part(0, START_BYTES)
        self._from = b"\rFrom " if b"\r" in head and b"\n" not in head else b"\nFrom "
        self._blank = b"\r\n\r\n" if b"\r\n" in head else b"\n\n"

    def cuts(self) -> Iterator[Cut]:
        """Every message of the file."""
        window, start = self._window, 0
        while True:
            window.drop(start)
            window.upto(start + START_BYTES)
            if start >= window.end:
                return
            begin, envelope = self._envelope(start)
            doubts = self._doubts_of(start, envelope)
            measured = self._by_length(begin, doubts)
            if measured:
                message_end, following = measured
            else:
                following = self._search(begin, doubts)
                message_end = self._without_blank(begin, following) if envelope else following
            told = "; ".join(doubts[:MOST_DOUBTS]) if doubts else None
            if len(doubts) > MOST_DOUBTS:
                told = f"{told}; and {len(doubts) - MOST_DOUBTS} more"
            yield Cut(start, following - start, begin, message_end - begin, envelope, told, bool(measured))
            start = following

    def _envelope(self, start: int) -> tuple[int, bytes]:
        """Where the message begins behind its From_ line, and that line."""
        window = self._window
        match = _FROM_LINE.match(window.data, start - window.base)
        if not match or not (start or self._begins(start) or _TIMED.search(match[0])):
            return start, b""
        return window.base + match.end(), match[0].rstrip(b"\r\n")

    def _doubts_of(self, start: int, envelope: bytes) -> list[str]:
        if not envelope:
            return [f"offset {start}: the file does not begin with a From line"]
        if not _TIMED.search(envelope):
            return [f"offset {start}: this From line has no time, and may be text of the message before it"]
        return []

    def _begins(self, offset: int) -> bool:
        """A From_ line stands there, and a header follows it."""
        window = self._window
        window.upto(offset + START_BYTES)
        return _BEGINS.match(window.data, offset - window.base) is not None

    def _after_blank(self, at: int) -> bool:
        before = self._window.part(at - 2, at)
        return before.endswith((b"\n", b"\n\r")) or (before.endswith(b"\r") and self._from[:1] == b"\r")

    def _search(self, begin: int, doubts: list[str]) -> int:
        """The offset of the next From_ line that begins a message, or the end of the file."""
        window, place = self._window, begin
        while (at := window.find(self._from, place)) >= 0:
            offset = place = at + 1
            blank, header = self._after_blank(at), self._begins(offset)
            if blank and header:
                return offset
            if blank or header:
                line = _FROM_LINE.match(window.data, offset - window.base)
                if line and _TIMED.search(line[0]):
                    why = "no header follows it" if blank else "no blank line stands before it"
                    doubts.append(f"offset {offset}: a From line was kept as text because {why}")
        return window.end

    def _by_length(self, begin: int, doubts: list[str]) -> tuple[int, int] | None:
        """(end of the message, where the next begins) where Content-Length leads to a From_ line or the end."""
        target = self._target(begin)
        if target is None:
            return None
        window = self._window
        window.upto(target + START_BYTES)
        if target > window.end:
            return None
        ends = _LINE_ENDS.match(window.data, target - window.base)
        following = window.base + (ends.end() if ends else 0)
        if following < window.end and not (
            window.part(following - 1, following) in (b"\n", b"\r") and self._begins(following)
        ):
            return None
        within = window.data.count(self._from, begin - window.base, target - window.base)
        if within:
            self.inside += within
            at = window.base + window.data.find(self._from, begin - window.base) + 1
            doubts.append(
                f"offset {at}: a From line lies within the Content-Length of this message, and was kept in it"
            )
        return target, following

    def _target(self, begin: int) -> int | None:
        """The offset to which the Content-Length leads."""
        window = self._window
        data, first = window.data, begin - window.base
        blank = data.find(self._blank, first, first + HEADER_BYTES)
        if blank < 0:
            match = _HEADERS_END.search(data, first, first + HEADER_BYTES)
            if not match:
                return None
            blank, body = match.start(), match.end()
        else:
            body = blank + len(self._blank)
        if data.find(b"ength", first, blank) < 0 and data.find(b"ENGTH", first, blank) < 0:
            return None
        length = _LENGTH.search(data, max(first - 1, 0), blank + 1)
        if not length:
            return None
        size = int(length[1])
        return window.base + body + size if size <= LOOK_AHEAD_BYTES else None

    def _without_blank(self, begin: int, end: int) -> int:
        """The end of the message without the blank line that an mbox file puts after it."""
        last = self._window.part(max(begin, end - 4), end)
        if last.endswith((b"\n\r\n", b"\r\r\n")):
            return end - 2
        if last.endswith((b"\n\n", b"\r\r")) or last in (b"\n", b"\r"):
            return end - 1
        return end
