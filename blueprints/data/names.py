"""File names for downloads: what a sender wrote, with nothing that a file system, a header or a person could trip over."""

import re
import unicodedata

from console.customer_data.models import Item, Kind

NAME_CHARACTERS = 120
_UNSAFE = re.compile(r'[\\/:*?"<>|;%]+')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)
_TURNS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\u200b-\u200d]")
"""Marks that turn or hide text, by which `exe.txt` can be made of `txt.exe`."""


def download_name(name: str, otherwise: str) -> str:
    """A safe form of the name: its last part, printable, not too long, never hidden, never reserved."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    name = "".join(letter for letter in _TURNS.sub("", name) if letter.isprintable())
    name = " ".join(_UNSAFE.sub("_", name).split()).strip(". ")
    if not name or _RESERVED.match(name):
        name = f"{otherwise}-{name}" if name else otherwise
    if len(name) > NAME_CHARACTERS:
        stem, dot, ending = name.rpartition(".")
        keeps = dot and len(ending) <= 10
        name = f"{stem[: NAME_CHARACTERS - len(ending) - 1]}.{ending}" if keeps else name[:NAME_CHARACTERS]
    return name


def item_file_name(item: Item) -> str:
    """Under which name an item is saved: a message under its subject, a document under its own name."""
    summary = item.summary
    if item.kind == Kind.MESSAGE:
        stem = download_name(summary.title, "message").removesuffix(".eml")
        return f"{stem[: NAME_CHARACTERS - 4]}.eml"
    return download_name(summary.title or summary.name, "document")
