"""Lists of mailboxes as headers hold them: names, comments, groups, and what senders make of these."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from console.formats.charsets import header_text

MOST_ADDRESSES = 5_000
"""More of one header are not read."""
MOST_TOKENS = 50
"""Words and signs of one name or address."""

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"?|<[^>]*>?|[(),;:\\]|[^"<(),;:\\]+', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class Address(NamedTuple):
    """A name and an address; either may be empty, never both."""

    name: str
    address: str


def addresses(value: bytes) -> tuple[Address, ...]:
    """The mailboxes of a header's value, those of groups included, in order. Nothing here raises.

    **Source:** RFC 5322 section 3.4, read leniently: what is no address is kept as a name, so that a search finds it.
    """
    found: list[Address] = []
    for number, (words, angle, comment) in enumerate(_mailboxes(value)):
        if number >= MOST_ADDRESSES:
            break
        one = _address(words, angle, comment)
        if one:
            found.append(one)
    return tuple(found)


def _mailboxes(value: bytes) -> Iterator[tuple[list[bytes], bytes | None, list[bytes]]]:
    words: list[bytes] = []
    comment: list[bytes] = []
    angle: bytes | None = None
    depth = 0
    for match in _TOKEN.finditer(value):
        token = match[0]
        if token == b"(":
            depth += 1
        elif depth:
            depth -= token == b")"
            if depth and token != b")":
                comment.append(token)
        elif token in (b",", b";"):
            yield words[:MOST_TOKENS], angle, comment[:MOST_TOKENS]
            words, angle, comment = [], None, []
        elif token == b":" and not _is_address(words[:MOST_TOKENS]):
            words, comment = [], []  # what stood before was the name of a group
        elif token.startswith(b"<"):
            angle = token.strip(b"<>") if angle is None else angle
        else:
            words.append(token)
    yield words[:MOST_TOKENS], angle, comment[:MOST_TOKENS]


def _is_address(words: list[bytes]) -> bool:
    return any(b"@" in word and not word.startswith(b'"') for word in words)


def _address(words: list[bytes], angle: bytes | None, comment: list[bytes]) -> Address | None:
    if angle is None and _is_address(words):
        address = _plain(b"".join(words).replace(b" ", b""))
        return Address(_text(comment), address)
    name = _text(words) or _text(comment)
    address = _plain(angle or b"")
    return Address(name, address) if name or address else None


def _plain(data: bytes) -> str:
    return "".join(header_text(data)[0].split())


def _text(parts: list[bytes]) -> str:
    unquoted = [_ESCAPED.sub(rb"\1", part[1:].removesuffix(b'"')) if part.startswith(b'"') else part for part in parts]
    return " ".join(header_text(b"".join(unquoted))[0].split())
