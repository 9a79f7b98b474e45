"""What the page of a message or a document shows, worked out before the template."""

from typing import Any

from blueprints.data.words import address_lines, oddities
from console.customer_data.models import Item
from console.customer_data.reading import TEXT_CHARACTERS, Shown, is_message, source_text
from console.formats.message import Message

_PICTURE = ("png", "jpg", "jpeg", "gif", "webp")


def message_context(message: Message, raw: bytes, view: str, html_url: str, way: str = "") -> dict[str, Any]:
    """A message in one of its views. `way` leads to it where it is attached to another."""
    if view == "html" and message.html is None:
        view = "text"
    headers = message.headers
    source, cut = source_text(raw) if view == "source" else ("", False)
    return {
        "view": view,
        "message": message,
        "headers": headers,
        "people": [
            (label, address_lines(found))
            for label, found in (
                ("From", (headers.sender,) if headers.sender else ()),
                ("To", headers.to),
                ("Cc", headers.cc),
                ("Bcc", headers.bcc),
            )
            if found
        ],
        "text": message.text[:TEXT_CHARACTERS],
        "text_cut": len(message.text) > TEXT_CHARACTERS,
        "source": source,
        "source_cut": cut,
        "html_url": html_url,
        "attachments": [_attachment(part, way) for part in message.attachments],
        "odd": oddities(message.flags | message.defects),
        "shown": None,
        "note": "",
        "proven": True,
    }


def _attachment(part: Any, way: str) -> dict[str, Any]:
    message = is_message(part, part.name)
    ending = part.name.lower().rpartition(".")[2]
    picture = part.content_type.startswith("image/") or ending in _PICTURE
    return {
        "path": f"{way}-{part.path}" if way else part.path,
        "name": part.name or ("Attached message" if message else "Without a name"),
        "icon": "mail" if message else "eye" if picture else "file",
        "content_type": part.content_type,
        "size_bytes": part.size_bytes,
        "inline": part.inline,
        "opens": "Read" if message else "Open",
    }


def document_context(item: Item, found: Shown, picture_url: str) -> dict[str, Any]:
    """A document or attachment: a picture, a text, or what is said instead."""
    return {
        "view": "",
        "message": None,
        "shown": found,
        "picture_url": picture_url if found.picture else None,
        "text": found.text,
        "note": found.note,
        "odd": oddities(item.summary.notes),
        "attachments": [],
        "proven": True,
    }
