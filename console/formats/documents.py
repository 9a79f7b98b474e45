"""The words of a document, and whether its bytes may be shown."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from console.formats.charsets import to_text
from console.formats.html import html_text
from console.formats.office import Broken, office_text
from console.formats.pdf import pdf_text

TEXT_CHARACTERS = 2_000_000
"""More text of one document is not searched."""
_SNIFFED_BYTES = 4096
_PICTURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_MARKUP = re.compile(
    rb"\s*(?:<!--.{0,2000}?-->\s*)*<(?:!doctype html|html|head|body|script|table|div|p|meta)\b",
    re.IGNORECASE | re.DOTALL,
)
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


@dataclass(frozen=True, slots=True)
class DocumentText:
    """The text for the search, empty where there is none; `reason` says why it is empty or cut, else it is empty."""

    text: str
    reason: str = ""


def document_text(data: bytes) -> DocumentText:
    """The text of a document by what its bytes are: plain text, CSV, HTML, Word, Excel, PowerPoint, OpenDocument, PDF.

    Its name and its sender's label play no part. Nothing here raises; PDF files are read by a process of their own, with
    limits of time and memory.
    """
    reader = _reader(data)
    if reader is None:
        return DocumentText("", "This kind of file is not searched inside.")
    try:
        text, reason = reader(data)
    except Broken as error:
        return DocumentText("", str(error))
    if len(text) > TEXT_CHARACTERS:
        return DocumentText(text[:TEXT_CHARACTERS], f"Only the first {TEXT_CHARACTERS:,} characters are searched.")
    return DocumentText(text, reason)


def _reader(data: bytes) -> Callable[[bytes], tuple[str, str]] | None:
    if data.startswith(b"PK\x03\x04"):
        return office_text
    if b"%PDF-" in data[:1024]:
        return pdf_text
    if not _is_text(data):
        return None
    return _html if _MARKUP.match(data[:_SNIFFED_BYTES]) else _plain


def _plain(data: bytes) -> tuple[str, str]:
    label = next((codec for mark, codec in _BOMS.items() if data.startswith(mark)), None)
    return to_text(data[: 4 * TEXT_CHARACTERS], label)[0], ""


def _html(data: bytes) -> tuple[str, str]:
    return html_text(_plain(data)[0]), ""


def _is_text(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return len(data) % 2 == 0
    return not _BINARY.search(data[:_SNIFFED_BYTES])


def preview_type(data: bytes) -> str | None:
    """The content type under which a page may show the bytes, or None. Decided by the bytes alone; never one that runs.

    One of image/png, image/jpeg, image/gif, image/webp, application/pdf, text/plain (then in UTF-8, or labelled by
    nobody). HTML, SVG and XML are at most text.
    """
    for magic, kind in _PICTURES:
        if data.startswith(magic):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    if not data or _BINARY.search(data):
        return None
    return "text/plain"
