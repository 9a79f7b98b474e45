"""What one tenant's keys can do: seal and open records, look up by blind index, derive further keys."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC

from console.core.errors import Invalid
from console.vault.derivation import KEY_BYTES, derive
from console.vault.errors import Unreadable
from console.vault.packing import LENGTH_BYTES, pack
from console.vault.tenant_secret import TenantSecret

RECORD_FORMAT = 1
"""AES-256-GCM over a JSON object in UTF-8, filled up with spaces."""

BYTES_FORMAT = 2
"""AES-256-GCM over any bytes, filled up with 0x80 and zeros."""

KEY_FORMAT = 3
"""AES-256-GCM over a 32-byte key, with nothing added: all keys are of one length."""

FORMAT_BYTES = 1
VERSION_BYTES = 4
HEADER_BYTES = FORMAT_BYTES + VERSION_BYTES
NONCE_BYTES = 12
"""The size for which GCM was designed, drawn at random for each seal and never kept in stock.

Random is safe up to 2^32 seals under one key: then two nonces are equal with a chance of 2^-32 (NIST SP
800-38D, section 8.3). A key serves one tenant, table and version; 100,000 rows changed every day reach 2^32
after 117 years. Each nonce comes from the system at the moment of use, because a stock of them would be
used twice by a process that forks.
"""

TAG_BYTES = 16
"""The whole GCM tag: a forger's chance is 2^-128 per attempt, and nothing is gained by shortening it."""

PADDING_STEP_BYTES = 32
"""Lengths are told in steps of 32 bytes only, so that a short name does not stand out from a long one."""

INDEX_BYTES = 16
"""Blind indexes keep 128 of HMAC's 256 bits: among 2^32 values two collide with a chance of 2^-65."""

_BATCH_ROWS = 1000
"""Rows opened before their JSON is read in one go: large enough to pay, small enough to stay in the cache."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().raw_decode  # stops behind the object, so the padding costs nothing


class _Box:
    """The cipher of one table under one key version, and all associated data except the row's id."""

    __slots__ = ("decrypt", "encrypt", "header", "prefix")

    def __init__(self, key: bytes, header: bytes, prefix: bytes) -> None:
        cipher = AESGCM(key)  # kept, because making one costs three times as much as using it
        self.encrypt: Callable[[bytes, bytes, bytes], bytes] = cipher.encrypt
        self.decrypt: Callable[[bytes, bytes, bytes], bytes] = cipher.decrypt
        self.header = header
        self.prefix = prefix


_Boxes = dict[bytes, _Box]
"""The boxes of one table and format by header: the version in a header selects one key, or none."""


class TenantKeys:
    """One tenant's keys: the primary version seals, every version that is left opens.

    Hold one for a unit of work, not longer: what it seals is sealed under the version that it knows. It opens what
    another process sealed under the next version meanwhile, because it asks the keyring (`learn`) for that one.
    Safe to share between threads: ciphers are never changed after they are made.
    Python cannot wipe memory, so keys live as long as the process may keep their pages; core dumps stay off.

    **Shape** of a sealed value: format(1) | key version(4) | nonce(12) | ciphertext | tag(16), big-endian.
    **Shape** of the associated data: `pack` of format, installation, tenant, table, key version, row id. A
    value moved to another place, or relabelled, does not open. **Source:** P14, P17, P18.
    """

    def __init__(
        self,
        installation_id: str,
        tenant_id: UUID,
        secrets: Mapping[int, TenantSecret],
        *,
        primary: int,
        learn: "Callable[[int], TenantKeys | None] | None" = None,
    ) -> None:
        self.tenant_id = tenant_id
        self.version = primary
        self._learn = learn
        self._installation = installation_id.encode()
        self._secrets = dict(secrets)
        self._lasting = secrets[primary].lasting
        self._records: dict[str, _Boxes] = {}
        self._byte_strings: dict[str, _Boxes] = {}
        self._wraps: dict[str, _Boxes] = {}
        self._indexes: dict[str, HMAC] = {}

    def seal(self, table: str, row_id: UUID, fields: Mapping[str, Any]) -> bytes:
        """The fields, readable only in this row. `table` is a constant of the code, never input.

        The JSON is filled up with spaces, which JSON ignores behind an object.
        **Raises:** Invalid when a text is not valid Unicode.
        """
        try:
            plaintext = _encode(fields if type(fields) is dict else dict(fields)).encode()
        except UnicodeEncodeError:
            raise Invalid("A value holds characters that are not valid text.") from None
        plaintext += b" " * (-len(plaintext) % PADDING_STEP_BYTES)
        boxes = self._records.get(table) or self._add_boxes(self._records, RECORD_FORMAT, table)
        return self._seal(boxes, RECORD_FORMAT, row_id, plaintext)

    def open(self, table: str, row_id: UUID, sealed: bytes) -> dict[str, Any]:
        """The fields that `seal` was given. **Raises:** Unreadable."""
        boxes = self._records.get(table) or self._add_boxes(self._records, RECORD_FORMAT, table)
        try:
            fields: dict[str, Any] = _decode(_open(boxes, row_id, sealed).decode())[0]
        except Unreadable:
            newer = self._newer(sealed)
            if newer is None:
                raise
            return newer.open(table, row_id, sealed)
        return fields

    def open_many(self, table: str, items: Iterable[tuple[UUID, bytes]]) -> list[dict[str, Any]]:
        """The fields of each (row id, sealed record), in order; faster than `open` for each row.

        One JSON array is read for many rows. That is safe because each text was authenticated by itself
        and `seal` writes exactly one object: nothing can reach over a comma into its neighbour.
        **Raises:** Unreadable when any of them is.
        """
        boxes = self._records.get(table) or self._add_boxes(self._records, RECORD_FORMAT, table)
        opened: list[dict[str, Any]] = []
        for batch in _batches(iter(items)):
            try:
                texts = _texts(boxes, batch)
            except (KeyError, InvalidTag, ValueError):
                newer = next((keys for _id, sealed in batch if (keys := self._newer(sealed))), None)
                if newer is None:
                    raise Unreadable from None
                opened += newer.open_many(table, batch)
                continue
            opened += _decode(f"[{b','.join(texts).decode()}]")[0]
        return opened

    def seal_bytes(self, table: str, row_id: UUID, data: bytes) -> bytes:
        """The bytes, readable only in this row; filled up with 0x80 and zeros (ISO/IEC 7816-4)."""
        plaintext = data + b"\x80"
        plaintext += bytes(-len(plaintext) % PADDING_STEP_BYTES)
        boxes = self._byte_strings.get(table) or self._add_boxes(self._byte_strings, BYTES_FORMAT, table)
        return self._seal(boxes, BYTES_FORMAT, row_id, plaintext)

    def open_bytes(self, table: str, row_id: UUID, sealed: bytes) -> bytes:
        """The bytes that `seal_bytes` was given. **Raises:** Unreadable."""
        boxes = self._byte_strings.get(table) or self._add_boxes(self._byte_strings, BYTES_FORMAT, table)
        try:
            return _open(boxes, row_id, sealed).rstrip(b"\0")[:-1]
        except Unreadable:
            newer = self._newer(sealed)
            if newer is None:
                raise
            return newer.open_bytes(table, row_id, sealed)

    def reseal(self, table: str, row_id: UUID, sealed: bytes) -> bytes:
        """The same content, sealed under the primary version, as long as before. **Raises:** Unreadable."""
        format_ = sealed[0] if sealed else 0
        if format_ not in {RECORD_FORMAT, BYTES_FORMAT}:
            raise Unreadable
        cache = self._records if format_ == RECORD_FORMAT else self._byte_strings
        boxes = cache.get(table) or self._add_boxes(cache, format_, table)
        return self._seal(boxes, format_, row_id, _open(boxes, row_id, sealed))

    def wrap_key(self, table: str, row_id: UUID, key: bytes) -> bytes:
        """A key that seals something outside the database, readable only in this row."""
        if len(key) != KEY_BYTES:
            raise ValueError("only whole keys are wrapped")
        boxes = self._wraps.get(table) or self._add_boxes(self._wraps, KEY_FORMAT, table)
        return self._seal(boxes, KEY_FORMAT, row_id, key)

    def unwrap_key(self, table: str, row_id: UUID, wrapped: bytes) -> bytes:
        """The key that `wrap_key` was given. **Raises:** Unreadable."""
        boxes = self._wraps.get(table) or self._add_boxes(self._wraps, KEY_FORMAT, table)
        return _open(boxes, row_id, wrapped)

    def context(self, kind: str, item_id: UUID, format_: int) -> bytes:
        """What something outside the database is bound to: this installation and tenant, its kind, id and format."""
        return pack(self._installation, self.tenant_id.bytes, kind.encode(), item_id.bytes, bytes((format_,)))

    def index(self, name: str, value: bytes) -> bytes:
        """A blind index: equal for equal values of one name and tenant, and telling nothing else.

        The caller brings the value into one form first (an address in lower case). Does not change when a
        key version is added. **Shape:** 16 bytes. **Source:** RFC 2104, RFC 4868 (truncation to half).
        """
        keyed = self._indexes.get(name)
        if keyed is None:
            key = self._derive(self._lasting, b"index", name.encode())
            keyed = self._indexes[name] = HMAC(key, hashes.SHA256())
        mac = keyed.copy()  # copying a keyed HMAC is a third of the cost of keying one
        mac.update(value)
        return mac.finalize()[:INDEX_BYTES]

    def derive(self, purpose: str, length: int = KEY_BYTES) -> bytes:
        """A key of this tenant for one purpose (cookies, signatures), the same in every key version.

        To replace such a key, put a number into its purpose and raise it.
        """
        return self._derive(self._lasting, b"purpose", purpose.encode(), length=length)

    def _newer(self, sealed: bytes) -> "TenantKeys | None":
        """The keys as they are now, if the value says that it was sealed under the version after the newest here.

        Versions are made one by one and live longer than any process keeps an object, so no other can be missing.
        """
        if self._learn is None or not isinstance(sealed, bytes):
            return None
        version = key_version(sealed)
        return self._learn(version) if version == max(self._secrets) + 1 else None

    def _derive(self, key: bytes, *purpose: bytes, length: int = KEY_BYTES) -> bytes:
        return derive(key, *purpose, self._installation, self.tenant_id.bytes, length=length)

    def _seal(self, boxes: _Boxes, format_: int, row_id: UUID, plaintext: bytes) -> bytes:
        box = boxes[_header(format_, self.version)]
        nonce = os.urandom(NONCE_BYTES)
        return box.header + nonce + box.encrypt(nonce, plaintext, box.prefix + row_id.bytes)

    def _add_boxes(self, cache: dict[str, _Boxes], format_: int, table: str) -> _Boxes:
        """The boxes of a table for every version. Two threads may both make them: they are equal."""
        boxes = {}
        for version, secret in self._secrets.items():
            header = _header(format_, version)
            key = self._derive(secret.sealing, b"record", header[:1], table.encode())
            boxes[header] = _Box(key, header, self._prefix(header, table))
        cache[table] = boxes
        return boxes

    def _prefix(self, header: bytes, table: str) -> bytes:
        """The associated data up to and including the length of the row id, which is always 16 bytes."""
        tenant, row_length = self.tenant_id.bytes, len(UUID(int=0).bytes).to_bytes(LENGTH_BYTES)
        return pack(header[:1], self._installation, tenant, table.encode(), header[1:]) + row_length


def key_version(sealed: bytes) -> int:
    """The key version that a sealed value names; nothing is checked."""
    return int.from_bytes(sealed[FORMAT_BYTES:HEADER_BYTES])


def _header(format_: int, version: int) -> bytes:
    return bytes((format_,)) + version.to_bytes(VERSION_BYTES)


def _open(boxes: _Boxes, row_id: UUID, sealed: bytes) -> bytes:
    try:
        box = boxes[sealed[:HEADER_BYTES]]
        nonce = sealed[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES]
        return box.decrypt(nonce, sealed[HEADER_BYTES + NONCE_BYTES :], box.prefix + row_id.bytes)
    except (KeyError, InvalidTag, ValueError):  # no such version; not authentic; too short for a nonce
        raise Unreadable from None


def _texts(boxes: _Boxes, batch: Iterable[tuple[UUID, bytes]]) -> list[bytes]:
    """The plaintexts of a batch, in one loop without calls: it is the hottest one there is."""
    return [
        (box := boxes[sealed[:HEADER_BYTES]]).decrypt(
            sealed[HEADER_BYTES : HEADER_BYTES + NONCE_BYTES],
            sealed[HEADER_BYTES + NONCE_BYTES :],
            box.prefix + row_id.bytes,
        )
        for row_id, sealed in batch
    ]


def _batches(items: Iterator[tuple[UUID, bytes]]) -> Iterator[list[tuple[UUID, bytes]]]:
    while batch := list(islice(items, _BATCH_ROWS)):
        yield batch
