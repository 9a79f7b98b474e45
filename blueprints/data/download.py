"""What leaves an item as bytes: its source, its attachments, its pictures, its HTML. Never under a type that runs."""

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from flask import Response, request
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.frame import FRAME_POLICY, INERT_POLICY, frame_page
from blueprints.data.names import download_name, item_file_name
from blueprints.data.opening import noting_damage, on_record, opened_item
from blueprints.data.ranges import NotSatisfiable, wanted_range
from blueprints.gate import requires
from console.core.errors import NotFound
from console.core.permissions import Permission
from console.customer_data.models import Item, Kind
from console.customer_data.reading import (
    bytes_of,
    is_message,
    opened_message,
    part_of,
    picture_type,
    proven,
    safe_body,
    whole,
)

_PIECE_BYTES = 256 * 1024
_CHAIN = re.compile(r"[0-9.]{1,400}(?:-[0-9.]{1,400})*")
MAIL_TYPE, OTHER_TYPE = "text/plain", "application/octet-stream"
"""A message's source is text in no known character set; everything else is bytes. Browsers run neither."""


class Readable(Protocol):
    """Bytes that can be read piece by piece."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`."""


class _Held:
    """Bytes in memory, read as a content is."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self._data)

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`."""
        return self._data[start : start + length]


@blueprint.get("/<uuid:item_id>/raw")
@requires(Permission.DATA_OWN_READ)
def raw(item_id: UUID) -> ResponseReturnValue:
    """The item byte for byte as it came in, whole or a range of it."""
    item = opened_item(item_id)
    with noting_damage(item):
        content = proven(item)
    kind = MAIL_TYPE if item.kind == Kind.MESSAGE else OTHER_TYPE
    return _bytes(item, content, kind, item_file_name(item), item.summary.sha256, "raw")


@blueprint.get("/<uuid:item_id>/parts/<part>/download")
@requires(Permission.DATA_OWN_READ)
def download_part(item_id: UUID, part: str) -> ResponseReturnValue:
    """An attachment, decoded, to be saved under a safe form of its name."""
    item = opened_item(item_id)
    found, data = part_of(_message_bytes(item), chain(part))
    name = download_name(found.name or ("message.eml" if is_message(found, "") else ""), "attachment")
    return _bytes(item, _Held(data), OTHER_TYPE, name, sha256(data).hexdigest(), "attachment", found.name or part)


@blueprint.get("/<uuid:item_id>/picture")
@requires(Permission.DATA_OWN_READ)
def picture(item_id: UUID) -> ResponseReturnValue:
    """A document that is a picture, under the type that its bytes have. **Raises:** NotFound."""
    item = opened_item(item_id)
    if item.kind != Kind.DOCUMENT:
        raise NotFound
    with noting_damage(item):
        data = whole(item)
    return _picture(item, data, "picture")


@blueprint.get("/<uuid:item_id>/parts/<part>/picture")
@requires(Permission.DATA_OWN_READ)
def part_picture(item_id: UUID, part: str) -> ResponseReturnValue:
    """An attachment that is a picture. **Raises:** NotFound."""
    item = opened_item(item_id)
    found, data = part_of(_message_bytes(item), chain(part))
    return _picture(item, data, "attachment", found.name or part)


@blueprint.get("/<uuid:item_id>/html")
@requires(Permission.DATA_OWN_READ)
def html(item_id: UUID) -> ResponseReturnValue:
    """A message's HTML, cleaned, for the sandboxed frame. **Raises:** NotFound."""
    return _html(item_id, "")


@blueprint.get("/<uuid:item_id>/parts/<part>/html")
@requires(Permission.DATA_OWN_READ)
def part_html(item_id: UUID, part: str) -> ResponseReturnValue:
    """The HTML of an attached message, likewise. **Raises:** NotFound."""
    return _html(item_id, chain(part))


def chain(part: str) -> str:
    """The way to a part as the address spells it. **Raises:** NotFound where it can be none."""
    if not _CHAIN.fullmatch(part):
        raise NotFound
    return part


def _html(item_id: UUID, part: str) -> ResponseReturnValue:
    item = opened_item(item_id)
    data = _message_bytes(item)
    message = opened_message(item, data, part)
    if message is None or message.html is None:
        raise NotFound
    body = safe_body(bytes_of(data, part), message)
    on_record(item, "html", part)
    response = Response(frame_page(body), mimetype="text/html")
    response.headers["Content-Security-Policy"] = FRAME_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _message_bytes(item: Item) -> bytes:
    if item.kind != Kind.MESSAGE:
        raise NotFound
    with noting_damage(item):
        return whole(item)


def _picture(item: Item, data: bytes, what: str, name: str = "") -> Response:
    kind = picture_type(data)
    on_record(item, what, name)
    response = Response(data, mimetype=kind)
    response.headers.set("Content-Disposition", "inline")
    response.headers["Content-Security-Policy"] = INERT_POLICY
    return response


def _bytes(item: Item, content: Readable, kind: str, name: str, digest: str, what: str, opened: str = "") -> Response:
    """An attachment of those bytes: whole, a range, or the news that the browser has it already."""
    etag = digest[:32]
    response = Response(content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["Content-Security-Policy"] = INERT_POLICY
    response.headers["Accept-Ranges"] = "bytes"
    response.set_etag(etag)
    if request.if_none_match.contains(etag):
        response.status_code = 304
        return response
    try:
        part = wanted_range(_asked_range(etag), content.size)
    except NotSatisfiable:
        response.status_code = 416
        response.headers["Content-Range"] = f"bytes */{content.size}"
        return response
    start, length = part or (0, content.size)
    if part:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{content.size}"
    on_record(item, what, opened)
    response.response = _pieces(content, start, length) if request.method != "HEAD" else []
    response.headers["Content-Length"] = str(length)
    return response


def _asked_range(etag: str) -> str | None:
    """The range asked for; none where it is of another version of the bytes, or of no download."""
    condition = request.headers.get("If-Range")
    if request.method != "GET" or (condition is not None and condition.strip() != f'"{etag}"'):
        return None
    return request.headers.get("Range")


def _pieces(content: Readable, start: int, length: int) -> Iterator[bytes]:
    for place in range(start, start + length, _PIECE_BYTES):
        yield content.read(place, min(_PIECE_BYTES, start + length - place))
