"""The terms under which an item is found: each a letter for the field, a colon and a folded word."""

import re
from collections.abc import Iterable
from itertools import islice

from console.customer_data.models import Summary
from console.formats.message import Message
from console.formats.words import words

MOST_TERMS = 20_000
"""Different words of one field of one item. What comes after them is not found."""
_EXTENSION = re.compile(r"\.(\w{1,12})$")

SUBJECT, BODY, FROM, TO, ATTACHMENT, TYPE = ("s:", "b:", "f:", "t:", "a:", "y:")


def terms_of_message(message: Message, summary: Summary) -> frozenset[str]:
    """The terms of a message: subject, text, sender, recipients, names and types of attachments.

    `summary` says under which name and type it is held. Words are those of `formats.words`.
    """
    headers = message.headers
    found = _terms(SUBJECT, [headers.subject])
    found |= _terms(BODY, [message.text])
    found |= _terms(FROM, (f"{one.name} {one.address}" for one in (headers.sender,) if one))
    found |= _terms(TO, (f"{one.name} {one.address}" for one in (*headers.to, *headers.cc, *headers.bcc)))
    names = [part.name for part in message.attachments]
    found |= _terms(ATTACHMENT, names)
    types = [part.content_type for part in message.attachments]
    found |= _terms(TYPE, ("message mail", summary.content_type, *types, *map(_extension, names)))
    return frozenset(found)


def terms_of_document(name: str, text: str, content_type: str) -> frozenset[str]:
    """The terms of a document: its name is its subject and counts as a file's name, too."""
    found = _terms(SUBJECT, [name]) | _terms(ATTACHMENT, [name]) | _terms(BODY, [text])
    return frozenset(found | _terms(TYPE, ("document", content_type, _extension(name))))


def _terms(field: str, texts: Iterable[str]) -> set[str]:
    found: dict[str, None] = {}
    for text in texts:
        found.update(dict.fromkeys(words(text)))
        if len(found) > MOST_TERMS:
            break
    return {field + word for word in islice(found, MOST_TERMS)}


def _extension(name: str) -> str:
    match = _EXTENSION.search(name)
    return match[1] if match else ""
