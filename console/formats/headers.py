"""The headers of a message, read from its header block alone."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.parser import BytesHeaderParser
from email.policy import compat32

from console.formats.addresses import Address, addresses
from console.formats.charsets import header_text
from console.formats.dates import date_of

HEADER_BYTES = 2**20
"""A header block that goes on for longer is cut here; the rest is body."""
MOST_HEADERS = 5_000
ID_CHARACTERS = 998

HEADERS_CUT = "headers_cut"
NO_HEADERS = "no_headers"
NO_DATE = "no_date"
BAD_DATE = "bad_date"
NO_BLANK_LINE = "no_blank_line"
LEADING_FROM = "leading_from_line"
MANGLED_FROM = "mangled_from_line"
LONG_LINE = "long_line"
NUL = "nul"
REPEATED = "repeated_header"
TOO_MANY_HEADERS = "too_many_headers"

_BLANK_LINE = re.compile(rb"\n\r{0,4}\n|\n\r(?![\r\n])|\r\r(?!\r{0,4}\n)")
_START = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]{0,8}(?=[!-9;-~]{1,100}:|From )")
_FROM_LINE = re.compile(rb"From [^\r\n]*(?:\r\n|\n|\r|$)")
_MANGLED = re.compile(rb"(?<![^\r\n])>From ")
_LINE_END = re.compile(rb"\r{0,4}\n|\r")
_LONG = re.compile(rb"[^\r\n]{999}")
_ID = re.compile(r"<([^<>]*)>")
_ONCE = frozenset({"from", "sender", "subject", "date", "message-id", "in-reply-to", "content-type"})
_parser = BytesHeaderParser(policy=compat32)


@dataclass(frozen=True, slots=True)
class Headers:
    """What a message says about itself. Texts are on one line, and hold neither NUL nor half surrogates."""

    subject: str = ""
    sender: Address | None = None
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    date: datetime | None = None
    """Aware, in UTC; None where there is none that can be believed."""
    message_id: str | None = None
    in_reply_to: str | None = None
    all: tuple[tuple[str, str], ...] = ()
    """Every header in order: name as written, value decoded."""
    flags: frozenset[str] = field(default_factory=frozenset)
    """What was odd about the encoding: see `charsets` (`unknown_charset`, `wrong_charset`, `unlabelled_8bit`, …)."""
    defects: frozenset[str] = field(default_factory=frozenset)
    """What was odd about the block: `no_headers`, `headers_cut`, `no_blank_line`, `bad_date`, …"""


@dataclass(frozen=True, slots=True)
class RawHeaders:
    """The header block as bytes: pairs in order, where the body begins, and what was odd."""

    pairs: tuple[tuple[str, bytes], ...]
    named: dict[str, list[bytes]]
    """The same values by lower-case name."""
    body_at: int
    defects: frozenset[str]

    def first(self, name: str) -> bytes:
        """The value of the first header of that (lower-case) name, or nothing."""
        values = self.named.get(name)
        return values[0] if values else b""

    def every(self, name: str) -> bytes:
        """The values of all headers of that name as one list."""
        return b", ".join(self.named.get(name, ()))


def read_headers(raw: bytes) -> Headers:
    """The headers of those bytes. Every input has an answer; a message without headers has empty ones.

    **Source:** RFC 5322, RFC 2047; what real mail breaks of them.
    """
    return headers_of(raw_headers(raw))


def headers_of(block: RawHeaders) -> Headers:
    """The same, of a block that was cut already."""
    flags: set[str] = set()
    decoded = []
    for name, value in block.pairs:
        text, found = header_text(value)
        decoded.append((name, text))
        flags |= found
    first: dict[str, str] = {}
    for name, text in decoded:
        first.setdefault(name.lower(), text)
    date = date_of(first.get("date", ""))
    defects = set(block.defects)
    if date is None:
        defects.add(BAD_DATE if first.get("date") else NO_DATE)
    return Headers(
        subject=first.get("subject", ""),
        sender=next(iter(addresses(block.every("from")) or addresses(block.first("sender"))), None),
        to=addresses(block.every("to")),
        cc=addresses(block.every("cc")),
        bcc=addresses(block.every("bcc")),
        date=date,
        message_id=_id(first.get("message-id", "")),
        in_reply_to=_id(first.get("in-reply-to", "")),
        all=tuple(decoded),
        flags=frozenset(flags),
        defects=frozenset(defects),
    )


def _id(text: str) -> str | None:
    match = _ID.search(text)
    return (match[1] if match else text).strip()[:ID_CHARACTERS] or None


def raw_headers(raw: bytes, start: int = 0, end: int | None = None) -> RawHeaders:
    """The header block that begins at `start`, cut at the first blank line. `body_at` counts from the start of `raw`."""
    end = len(raw) if end is None else end
    window = raw[start : min(end, start + HEADER_BYTES)]
    defects = {NUL} if b"\0" in window else set()
    first, block_end, body_at = _edges(window, defects, cut=start + len(window) < end)
    block = window[first:block_end]
    if b">From " in block:
        at = 0 if LEADING_FROM in defects else 1
        block = block[:at] + _MANGLED.sub(b">From:", block[at:])  # a header: no line is lost, no offset moves
    if b"\r\r\n" in block:
        block = block.replace(b"\r\r\n", b" \r\n")
    parsed = _parser.parsebytes(block)
    rest = len(str(parsed.get_payload()))
    pairs = tuple([(name, str(value).encode("ascii", "surrogateescape")) for name, value in parsed.raw_items()])
    named: dict[str, list[bytes]] = {}
    for name, value in pairs[:MOST_HEADERS]:
        named.setdefault(name.lower(), []).append(value)
    if rest:
        body_at = block_end - rest
    if len(pairs) > MOST_HEADERS:
        defects.add(TOO_MANY_HEADERS)
    if _LONG.search(window, 0, body_at):
        defects.add(LONG_LINE)
    defects |= _oddities(named, rest)
    return RawHeaders(pairs[:MOST_HEADERS], named, start + body_at, frozenset(defects))


def _edges(window: bytes, defects: set[str], *, cut: bool) -> tuple[int, int, int]:
    """Where the first header begins, where the last ends, and where the body begins."""
    begin = _START.match(window)
    first = begin.end() if begin else 0
    from_line = _FROM_LINE.match(window, first)
    if from_line:
        defects.add(LEADING_FROM)
        first = from_line.end()
    at_once = _LINE_END.match(window, first)
    if at_once:
        return first, first, at_once.end()
    blank = _BLANK_LINE.search(window, first)
    if blank:
        return first, blank.start() + 1, blank.end()
    if cut:
        defects.add(HEADERS_CUT)
    return first, len(window), len(window)


def _oddities(named: dict[str, list[bytes]], rest: int) -> set[str]:
    if not named:
        return {NO_HEADERS}
    found = {NO_BLANK_LINE} if rest else set()
    if any(len(named[name]) > 1 for name in _ONCE.intersection(named)):
        found.add(REPEATED)
    if ">from" in named:
        found.add(MANGLED_FROM)
    return found
