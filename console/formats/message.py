"""A message opened for reading: its headers, a safe text, its HTML, its attachments."""

import re
from dataclasses import dataclass, field

from console.formats.charsets import to_text
from console.formats.headers import Headers, headers_of, raw_headers
from console.formats.html import html_text
from console.formats.mime import MOST_PARTS, NESTING, Leaf, content, leaves

TEXT_CHARACTERS = 2_000_000
"""More text, or HTML, of one message is not shown and not searched."""
TEXT_CUT = "text_cut"
NO_SUCH_PART = "There is no such part in this message."

__all__ = ["MOST_PARTS", "NESTING", "TEXT_CHARACTERS", "Message", "NoSuchPart", "Part", "part_bytes", "read_message"]

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_:.-]{1,40})", re.IGNORECASE)
_META_BYTES = 2048


class NoSuchPart(LookupError):
    """Raised when a message has no part of that path."""


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment: by its path `part_bytes` finds it again."""

    path: str
    name: str
    """As its sender wrote it, on one line; empty where there is none. Never a path to write to."""
    content_type: str
    """As its sender wrote it. Never a reason to show it: see `documents.preview_type`."""
    size_bytes: int
    inline: bool
    content_id: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """What is in a message. `text` is there for every message that has a readable body, be it from its HTML."""

    headers: Headers
    text: str = ""
    html: str | None = None
    attachments: tuple[Part, ...] = ()
    flags: frozenset[str] = field(default_factory=frozenset)
    defects: frozenset[str] = field(default_factory=frozenset)


def read_message(raw: bytes) -> Message:
    """The message in those bytes. Past a limit it holds what was found so far, and a defect says which limit.

    **Source:** RFC 2045, 2046; nesting, parts and text have the limits named in `mime` and here.
    """
    top = raw_headers(raw)
    headers = headers_of(top)
    defects: set[str] = set()
    flags: set[str] = set()
    bodies: list[tuple[Leaf, str]] = []
    attachments: list[Part] = []
    for leaf in leaves(raw, top, defects):
        data, odd = content(raw, leaf)
        defects |= odd
        if _is_body(leaf, alone=leaf.end - leaf.start == len(raw) - top.body_at):
            text, found = to_text(data, _charset(leaf, data))
            flags |= found
            bodies.append((leaf, text))
        else:
            inline = leaf.disposition == "inline" or (leaf.content_id is not None and leaf.disposition != "attachment")
            attachments.append(Part(leaf.path, leaf.filename, leaf.content_type, len(data), inline, leaf.content_id))
    text, html = _cut(_text(bodies), defects), _html(bodies)
    return Message(
        headers=headers,
        text=text,
        html=html if html is None else _cut(html, defects),
        attachments=tuple(attachments),
        flags=headers.flags | flags,
        defects=headers.defects | defects,
    )


def part_bytes(raw: bytes, path: str) -> bytes:
    """The decoded content of the part at that path; of an attached message, the message. **Raises:** NoSuchPart."""
    for leaf in leaves(raw, raw_headers(raw), set()):
        if leaf.path == path:
            return content(raw, leaf)[0]
    raise NoSuchPart(NO_SUCH_PART)


def _is_body(leaf: Leaf, *, alone: bool) -> bool:
    """A text that is neither sent as a file nor named like one; the only part of a message may have a name."""
    if leaf.content_type not in ("text/plain", "text/html") or leaf.disposition == "attachment":
        return False
    return alone or not leaf.filename


def _charset(leaf: Leaf, data: bytes) -> str | None:
    label = leaf.parameters.get("charset")
    if not label and leaf.content_type == "text/html":
        match = _META_CHARSET.search(data, 0, _META_BYTES)
        label = match[1].decode("ascii") if match else None
    return label or None


def _text(bodies: list[tuple[Leaf, str]]) -> str:
    """The plain parts; HTML ones where no plain part says the same."""
    told = {leaf.alternative for leaf, text in bodies if leaf.content_type == "text/plain" and text.strip()} - {None}
    pieces = []
    for leaf, text in bodies:
        if leaf.content_type == "text/plain":
            pieces.append(text)
        elif leaf.alternative not in told:
            pieces.append(html_text(text[:TEXT_CHARACTERS]))
    return "\n".join(piece for piece in pieces if piece).replace("\r\n", "\n").replace("\r", "\n")


def _html(bodies: list[tuple[Leaf, str]]) -> str | None:
    found = [text for leaf, text in bodies if leaf.content_type == "text/html"]
    return "\n".join(found) if found else None


def _cut(text: str, defects: set[str]) -> str:
    if len(text) <= TEXT_CHARACTERS:
        return text
    defects.add(TEXT_CUT)
    return text[:TEXT_CHARACTERS]
