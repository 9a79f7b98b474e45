"""What is read of an item once it may be opened: the message in its bytes, a message attached to it, a document's text."""

from base64 import b64encode
from dataclasses import dataclass

from console.core.errors import Conflict, NotFound
from console.customer_data.contents import Content, open_content
from console.customer_data.models import Item, Kind
from console.formats.charsets import to_text
from console.formats.documents import document_text, preview_type
from console.formats.html import safe_html
from console.formats.message import Message, NoSuchPart, Part, part_bytes, read_message

OPENED_BYTES = 64 * 1024 * 1024
"""A larger message is not taken apart for a page; its source can be downloaded."""
PICTURE_BYTES = 20 * 1024 * 1024
INLINE_PICTURES_BYTES = 8 * 1024 * 1024
"""Pictures of one HTML mail are shown up to this much in all."""
TEXT_CHARACTERS = 200_000
SOURCE_BYTES = 256 * 1024
CHECKED_BYTES = 64 * 1024 * 1024
"""Up to this size all bytes are compared with their SHA-256 before the first is sent; beyond it each piece is proven."""
DEEPEST = 10
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_SNIFFED_BYTES = 4096


class TooLargeToOpen(Conflict):
    """Raised when something is too large to be taken apart for a page."""


@dataclass(frozen=True)
class Shown:
    """Something that is not a message, as a page shows it: a picture, a text, or only a download."""

    size_bytes: int
    content_type: str | None
    """What its bytes are, where a page may show that."""
    text: str | None = None
    note: str = ""

    @property
    def picture(self) -> bool:
        """Whether a page shows it as a picture."""
        return self.content_type in PICTURES and self.size_bytes <= PICTURE_BYTES


def whole(item: Item) -> bytes:
    """All bytes of an item that is opened on a page, proven. **Raises:** DamagedItem; TooLargeToOpen."""
    if item.size_bytes > OPENED_BYTES:
        raise TooLargeToOpen(
            f"This is larger than {OPENED_BYTES // 2**20} MiB, so it is not opened on a page. Download it instead."
        )
    return open_content(item).whole()


def proven(item: Item) -> Content:
    """The item's bytes for a download, proven as far as its size allows. **Raises:** DamagedItem."""
    content = open_content(item)
    if content.size <= CHECKED_BYTES:
        content.check()
    return content


def bytes_of(raw: bytes, chain: str) -> bytes:
    """The bytes of the part that the chain leads to: "2" is a part, "2-1.3" one of a message attached as part 2.

    **Raises:** NotFound.
    """
    steps = chain.split("-") if chain else []
    if len(steps) > DEEPEST:
        raise NotFound
    try:
        for step in steps:
            raw = part_bytes(raw, step)
    except NoSuchPart:
        raise NotFound from None
    return raw


def part_of(raw: bytes, chain: str) -> tuple[Part, bytes]:
    """The attachment at the end of the chain, and its bytes. **Raises:** NotFound."""
    outer, _dash, last = chain.rpartition("-")
    around = bytes_of(raw, outer)
    found = next((part for part in read_message(around).attachments if part.path == last), None)
    if found is None:
        raise NotFound
    return found, bytes_of(around, last)


def is_message(part: Part, name: str) -> bool:
    """Whether an attachment is opened as a message."""
    return part.content_type == "message/rfc822" or name.lower().endswith(".eml")


def shown(data: bytes) -> Shown:
    """A document or attachment for its page. Decided by its bytes, whatever its name and sender say."""
    kind = preview_type(data)
    if kind in PICTURES:
        return Shown(len(data), kind)
    if kind == "text/plain" and _plain(data):
        text, _flags = to_text(data[: 4 * TEXT_CHARACTERS], None)
        return Shown(len(data), kind, text[:TEXT_CHARACTERS], _cut(len(data) > len(text[:TEXT_CHARACTERS].encode())))
    found = document_text(data)
    if found.text:
        reason = found.reason or _cut(len(found.text) > TEXT_CHARACTERS)
        return Shown(len(data), kind, found.text[:TEXT_CHARACTERS], reason)
    return Shown(len(data), kind, None, found.reason)


def picture_type(data: bytes) -> str:
    """The type under which the bytes are shown as a picture. **Raises:** NotFound where they are none."""
    kind = preview_type(data[:_SNIFFED_BYTES])
    if kind not in PICTURES or len(data) > PICTURE_BYTES:
        raise NotFound
    return kind


def inline_pictures(raw: bytes, message: Message) -> dict[str, tuple[str, bytes]]:
    """The pictures that the message's HTML may show, by Content-ID: their sniffed type and bytes."""
    room, found = INLINE_PICTURES_BYTES, {}
    for part in message.attachments:
        if not part.content_id or part.size_bytes > room or part.content_id in found:
            continue
        data = part_bytes(raw, part.path)
        kind = preview_type(data)
        if kind in PICTURES:
            found[part.content_id] = (kind, data)
            room -= len(data)
    return found


def safe_body(raw: bytes, message: Message) -> str:
    """The message's HTML, cleaned; its own pictures stand in it as data, and nothing is loaded. **Raises:** NotFound."""
    if message.html is None:
        raise NotFound
    pictures = inline_pictures(raw, message)

    def picture(content_id: str) -> str | None:
        if content_id not in pictures:
            return None
        kind, data = pictures[content_id]
        return f"data:{kind};base64,{b64encode(data).decode()}"

    return safe_html(message.html, picture)


def source_text(raw: bytes) -> tuple[str, bool]:
    """The beginning of the source as text, and whether there is more."""
    head = raw[:SOURCE_BYTES]
    text = head.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").replace("\0", "␀")
    return text, len(raw) > SOURCE_BYTES


def opened_message(item: Item, raw: bytes, chain: str) -> Message | None:
    """The message in the item, or attached at the end of the chain; None where that is none. **Raises:** NotFound."""
    if not chain:
        return read_message(raw) if item.kind == Kind.MESSAGE else None
    part, data = part_of(raw, chain)
    return read_message(data) if is_message(part, part.name) else None


def _plain(data: bytes) -> bool:
    return not data[:1024].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def _cut(more: bool) -> str:
    return f"Only the first {TEXT_CHARACTERS:,} characters are shown. Download it to see the rest." if more else ""
