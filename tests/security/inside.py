"""What of the inside must never stand on a page: statements, exceptions, paths and names of source files."""

import re

from tests.house import said

WORDS = (
    "SELECT",
    "INSERT",
    "Traceback",
    "RuntimeError",
    "IntegrityError",
    "ZeroDivision",
    "sqlalchemy",
    "psycopg",
    "sqlite3",
    "/tmp",
    "/srv/",
    "File ",
)
SOURCE = re.compile(r"\w\.py(?![\w-])")
"""The name of a source file, which ends there; `.py` within something longer names none."""


def visible(page: str) -> str:
    """A page without the addresses of scripts and styles."""
    return re.sub(r"<(?:script|link)[^>]*>", "", page)


def traces(page: str, *more: str) -> list[str]:
    """What the page tells of the inside; nothing on a page as it should be."""
    text = said(visible(page))
    return [word for word in (*more, *WORDS) if word in text] + SOURCE.findall(text)
