"""What an import makes of what it meets: which messages are quarantined, what kind a document is. Values in, value out."""

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass

from console.formats.documents import preview_type
from console.formats.entries import Refusal
from console.formats.headers import HEADER_BYTES, HEADERS_CUT, NO_HEADERS
from console.formats.message import MOST_PARTS, NESTING, Message
from console.formats.mime import TOO_DEEP, TOO_MANY_PARTS

MEMORY_BYTES = 32 * 2**20
"""Larger items are sealed as they are read, and are not opened for their words."""
ITEM_BYTES = 4 * 2**30
"""A larger item is refused."""
TOO_LARGE_TO_SEARCH = "too_large_to_search"
"""Noted on an item of which only the headers, or nothing, is searched."""
HEAD_BYTES = 2**20
"""Of a large item: what is read of it for its headers and its kind."""
NAME_CHARACTERS = 500
FOLDER_CHARACTERS = 1000
LISTED = 50
"""So many recipients and attachment names of a message stand in its summary; all of them are in the message."""

_QUARANTINED: Mapping[str, str] = {
    NO_HEADERS: "It has the name or the place of a message, but no header line.",
    HEADERS_CUT: f"Its headers go on for more than {HEADER_BYTES // 2**20} MiB, which is the most that is read.",
    TOO_DEEP: f"It holds parts within parts more than {NESTING} deep, which is the limit.",
    TOO_MANY_PARTS: f"It has more than {MOST_PARTS:,} parts, which is the limit.",
}
PARSER_FAILED = Refusal("not_understood", "It could not be read as what it says it is.")

_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\xd0\xcf\x11\xe0", "office"),
    (b"{\\rtf", "office"),
    (b"\x1f\x8b", "archive"),
    (b"7z\xbc\xaf", "archive"),
    (b"Rar!", "archive"),
    (b"BZh", "archive"),
    (b"\xfd7zXZ", "archive"),
)
_OFFICE = (".docx", ".xlsx", ".pptx", ".docm", ".xlsm", ".pptm", ".odt", ".ods", ".odp", ".doc", ".xls", ".ppt", ".rtf")


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """What a document is: the coarse kind that people filter by, and a content type. Never a reason to run it."""

    media: str
    content_type: str


def quarantine(message: Message) -> Refusal | None:
    """Why a message is held and neither listed nor searched until somebody has looked; None for an ordinary one."""
    found = next((code for code in _QUARANTINED if code in message.defects), None)
    return Refusal(found, _QUARANTINED[found]) if found else None


def document_kind(name: str, head: bytes) -> DocumentKind:
    """The kind of a document by its first bytes, and where these do not tell, by its name."""
    shown = preview_type(head)
    guessed = mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"
    if shown and shown.startswith("image/"):
        return DocumentKind("image", shown)
    media = next((media for magic, media in _MAGIC if head.startswith(magic)), "")
    if head.startswith(b"PK\x03\x04"):
        media = "office" if name.lower().endswith(_OFFICE) else "archive"
    if media == "pdf":
        return DocumentKind("pdf", "application/pdf")
    if media:
        return DocumentKind(media, guessed)
    if shown == "text/plain":
        return DocumentKind("text", guessed if guessed.startswith("text/") else "text/plain")
    return DocumentKind("other", guessed)


def is_address(text: str) -> bool:
    """Whether a name is an e-mail address, as export tools like to name folders and files."""
    mailbox, at, domain = text.rpartition("@")
    plain = text.isprintable() and not any(letter in " /\\<>\"'(),:;" for letter in text)
    return bool(mailbox and at and "." in domain.strip(".") and plain and "@" not in mailbox)
