"""The parts of a message as places in its bytes: found without recursion, without copying, and within limits."""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from console.formats.charsets import BAD_BASE64, base64_bytes, header_text
from console.formats.headers import RawHeaders, raw_headers
from console.formats.parameters import main_value, parameters

NESTING = 100
"""Multiparts within multiparts. What lies deeper stays closed: one part, whole."""
MOST_PARTS = 1_000
"""Parts of one message. Those after it are not looked at."""
BOUNDARY_BYTES = 1_000

TOO_DEEP = "too_deep"
TOO_MANY_PARTS = "too_many_parts"
NO_BOUNDARY = "no_boundary"
UNCLOSED = "unclosed_multipart"

_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,100}/[a-z0-9!#$&^_.+-]{1,100}")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that holds no others (or is not opened): where its content lies, and what its headers say."""

    path: str
    content_type: str
    parameters: dict[str, str]
    disposition: str
    filename: str
    encoding: str
    content_id: str | None
    start: int
    end: int
    alternative: str | None
    """The path of the nearest multipart/alternative around it."""


@dataclass(frozen=True, slots=True)
class _Node:
    path: tuple[int, ...]
    start: int
    end: int
    usual_type: str
    alternative: str | None


def leaves(raw: bytes, top: RawHeaders, defects: set[str]) -> Iterator[Leaf]:
    """The leaves in the order in which they stand. What was odd is added to `defects`; nothing raises."""
    stack = [(_Node((), 0, len(raw), "text/plain", None), top)]
    parts = 0
    while stack:
        node, block = stack.pop()
        leaf, boundary = _described(node, block)
        if leaf.content_type.startswith("multipart/") and node.path and len(node.path) >= NESTING:
            defects.add(TOO_DEEP)
        elif leaf.content_type.startswith("multipart/"):
            if not boundary:
                defects.add(NO_BOUNDARY)
            children = list(_children(raw, leaf, boundary, defects, MOST_PARTS - parts)) if boundary else []
            parts += len(children)
            inner = [_child(leaf, node, number, *place) for number, place in enumerate(children, 1)]
            stack.extend((child, raw_headers(raw, child.start, child.end)) for child in reversed(inner))
            if inner:
                continue
            leaf = replace(leaf, content_type="text/plain")  # no parts in it: what is there is read as text
        yield leaf


def _child(leaf: Leaf, parent: _Node, number: int, start: int, end: int) -> _Node:
    usual = "message/rfc822" if leaf.content_type == "multipart/digest" else "text/plain"
    around = leaf.path if leaf.content_type == "multipart/alternative" else parent.alternative
    return _Node((*parent.path, number), start, end, usual, around)


def _described(node: _Node, block: RawHeaders) -> tuple[Leaf, bytes]:
    kind, placing = block.first("content-type"), block.first("content-disposition")
    named = parameters(kind) if b";" in kind else {}
    content_type = main_value(kind) if kind else node.usual_type
    if not _TYPE.fullmatch(content_type):
        content_type = "text/plain" if content_type == "text" or not kind.strip() else "application/octet-stream"
    placed = parameters(placing) if b";" in placing else {}
    identity = header_text(block.first("content-id"))[0].strip("<> \t")
    leaf = Leaf(
        path=".".join(map(str, node.path)) or "1",
        content_type=content_type,
        parameters=named,
        disposition=main_value(placing),
        filename=placed.get("filename") or named.get("name") or "",
        encoding=main_value(block.first("content-transfer-encoding")),
        content_id=identity or None,
        start=min(block.body_at, node.end),
        end=node.end,
        alternative=node.alternative,
    )
    return leaf, _boundary(kind) if content_type.startswith("multipart/") else b""


_BOUNDARY = re.compile(rb';\s*boundary(?:\*0?\*?)?\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s]+)', re.IGNORECASE | re.DOTALL)


def _boundary(kind: bytes) -> bytes:
    match = _BOUNDARY.search(kind)
    if not match:
        return b""
    found = match[1]
    if found.startswith(b'"'):
        found = re.sub(rb"\\(.)", rb"\1", found[1:-1])
    return found.rstrip()[:BOUNDARY_BYTES]


def _children(raw: bytes, leaf: Leaf, boundary: bytes, defects: set[str], most: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each part between the boundaries; the line end before a boundary belongs to the boundary."""
    line = re.compile(re.escape(b"--" + boundary) + rb"(--)?[ \t]{0,80}(?:\r\n|\n|\r|$)")
    begin: int | None = None
    count = 0
    for match in line.finditer(raw, leaf.start, leaf.end):
        at = match.start()
        if at > leaf.start and raw[at - 1] not in b"\r\n":
            continue
        if begin is not None:
            yield begin, max(begin, _before_line_end(raw, at))
            count += 1
            if count >= most:
                defects.add(TOO_MANY_PARTS)
                return
        if match[1]:
            return
        begin = match.end()
    defects.add(UNCLOSED)
    if begin is not None:
        yield begin, leaf.end


def _before_line_end(raw: bytes, at: int) -> int:
    if raw[at - 2 : at] == b"\r\n":
        return at - 2
    return at - 1 if raw[at - 1 : at] in (b"\n", b"\r") else at


def content(raw: bytes, leaf: Leaf) -> tuple[bytes, frozenset[str]]:
    """The decoded bytes of a part, and what was odd. What cannot be decoded comes as far as it can be read."""
    data = raw[leaf.start : leaf.end]
    if leaf.encoding == "base64":
        decoded, whole = base64_bytes(data)
        return decoded, frozenset() if whole else frozenset({BAD_BASE64})
    if leaf.encoding == "quoted-printable":
        return binascii.a2b_qp(data), frozenset()
    if leaf.encoding in ("x-uuencode", "uuencode", "uue", "x-uue"):
        return _uu(data), frozenset()
    return data, frozenset()


def _uu(data: bytes) -> bytes:
    lines = data.splitlines()
    begin = next((at for at, line in enumerate(lines) if re.match(rb"begin [0-7]{3,4} ", line)), None)
    if begin is None:
        return data
    decoded = []
    for line in lines[begin + 1 :]:
        if line.strip() == b"end":
            break
        try:
            decoded.append(binascii.a2b_uu(line))
        except binascii.Error:  # the usual repair: cut to the length that the first character says
            size = (((line[0] - 32) & 63) * 4 + 5) // 3 if line else 0
            try:
                decoded.append(binascii.a2b_uu(line[:size]))
            except binascii.Error:
                return data
    return b"".join(decoded)
