"""Items in the words that people read: sizes, oddities, lines of lists, addresses."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from blueprints.chrome import local_time
from console.customer_data.labels import Label
from console.customer_data.models import Custodian, Item, Kind
from console.formats.addresses import Address
from console.formats.queries import Query
from console.formats.snippets import snippet

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
MEDIA_WORDS = {
    "mail": "Message",
    "text": "Text",
    "pdf": "PDF",
    "image": "Picture",
    "office": "Office file",
    "archive": "Archive",
    "other": "File",
}
ODD = {
    "unknown_charset": "It names a character set that nobody knows, so it was read as well as it could be.",
    "wrong_charset": "Its text is not in the character set that it names.",
    "unlabelled_8bit": "It holds letters of no named character set; they were guessed.",
    "bad_base64": "A part was not encoded as it should be, and was read as far as possible.",
    "replaced_characters": "Some characters could not be read. They are shown as �.",
    "headers_cut": "Its headers are longer than is read.",
    "no_headers": "It has no headers.",
    "no_date": "It has no date. It is listed under the date of its arrival.",
    "bad_date": "Its date cannot be read. It is listed under the date of its arrival.",
    "no_blank_line": "No blank line stands between its headers and its text.",
    "leading_from_line": "It begins with a line of a mailbox file.",
    "mangled_from_line": "A header was changed by a mailbox file.",
    "long_line": "It has lines longer than mail allows.",
    "nul": "It holds NUL characters.",
    "repeated_header": "A header that may stand once stands more than once. The first is shown.",
    "too_many_headers": "It has more headers than are read.",
    "text_cut": "Its text is longer than is shown.",
    "too_deep": "Its parts are nested deeper than is opened. What lies deeper is one attachment.",
    "too_many_parts": "It has more parts than are opened.",
    "no_boundary": "Its parts are not told apart by a boundary.",
    "unclosed_multipart": "It ends before its last part does.",
}
ADDRESSES_SHOWN = 12
TITLE_CHARACTERS = 1_000


def size_text(size_bytes: int) -> str:
    """A size in a unit that people read: 812 bytes, 3.4 KiB, 12 MiB."""
    if size_bytes == 1:
        return "1 byte"
    size, unit = float(size_bytes), _UNITS[0]
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            break
        size /= 1024
    return f"{size:,.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"


def rows_of(
    items: Iterable[Item], custodians: dict[UUID, Custodian], labels: dict[UUID, list[Label]], query: Query
) -> list[Any]:
    """The lines of a list of items: so that the template's loop has nothing to work out."""
    rows = [_row(item, custodians.get(item.custodian_id), labels.get(item.id, [])) for item in items]
    for row in rows if query.wanted else ():
        row["pieces"] = snippet(row["title"], query, TITLE_CHARACTERS)
    return rows


def _row(item: Item, custodian: Custodian | None, labels: list[Label]) -> dict[str, Any]:
    summary, message = item.summary, item.kind == Kind.MESSAGE
    return {
        "id": str(item.id),
        "title": summary.title or ("No subject" if message else "No name"),
        "pieces": None,
        "untitled": not summary.title,
        "who": (short_sender(summary.sender) or "No sender") if message else MEDIA_WORDS.get(item.media, "File"),
        "message": message,
        "folder": summary.folder,
        "size": size_text(item.size_bytes),
        "attachments": item.attachments,
        "date": local_time(item.dated_at),
        "date_utc": f"{item.dated_at:%Y-%m-%dT%H:%M:%SZ}",
        "custodian": custodian.label if custodian else "",
        "labels": [label.name for label in labels],
        "damaged": item.integrity != "sound",
    }


def short_sender(sender: str) -> str:
    """The name of a sender, or the address where there is no name."""
    name, _bracket, address = sender.partition("<")
    return name.strip().strip('"') or address.rstrip("> ")


def address_lines(found: tuple[Address, ...]) -> dict[str, Any] | None:
    """The addresses of a header: some to be shown at once, and the rest."""
    if not found:
        return None
    return {"first": found[:ADDRESSES_SHOWN], "rest": found[ADDRESSES_SHOWN:]}


def oddities(codes: Iterable[str]) -> list[str]:
    """What was odd about an item, as sentences; codes that have none are left out."""
    return [ODD[code] for code in sorted(set(codes)) if code in ODD]
