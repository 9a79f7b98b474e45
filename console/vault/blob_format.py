"""One blob: Cobblestone-256 under a key of its own. Sealed as a stream, read whole or at any place.

The library seals and opens streams; it has no random access yet, so `SealedReader` reads ranges after the specification.
Both believe a blob's length only once its last chunk has proved authentic: that chunk is always the only short one.
**Source:** C2SP, chunked-encryption v1 (AES-256-GCM, SHA-512); P17, P18.
"""

from collections.abc import Callable, Iterable, Iterator

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import constant_time, hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from console.vault.errors import Unreadable

BLOB_FORMAT = 1
"""Cobblestone-256. Another scheme gets another number, never another meaning of this one. Part of every context."""

KEY_BYTES = 32
CHUNK_BYTES = 16_384
TAG_BYTES = 16
SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES
SALT_BYTES = 24
COMMITMENT_BYTES = 32
HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES
NONCE_BYTES = 12
PIECE_BYTES = 16 * CHUNK_BYTES
"""Sealed at a time: large enough to run at full speed, small enough to stay in the processor's cache."""

_PURPOSE = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0"


def sealed_size(plaintext_bytes: int) -> int:
    """How many bytes a blob of that many bytes takes."""
    return HEADER_BYTES + plaintext_bytes + TAG_BYTES * (plaintext_bytes // CHUNK_BYTES + 1)


def seal(key: bytes, context: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The sealed blob, piece by piece. `key` seals one blob, ever. Memory does not grow with the blob."""
    encryptor = Cobblestone256Encryptor(key, context)
    for piece in pieces:
        for start in range(0, len(piece), PIECE_BYTES):
            # A copy of what is larger than one piece, so that a caller's single huge piece is not doubled in memory.
            part = piece if len(piece) <= PIECE_BYTES else piece[start : start + PIECE_BYTES]
            if sealed := encryptor.update(part):
                yield sealed
    yield encryptor.finalize()


def open_stream(key: bytes, context: bytes, sealed: Iterable[bytes]) -> Iterator[bytes]:
    """The plaintext, piece by piece; each piece is authentic and in its place before it is handed out.

    That the end was reached shows only at the end: authenticate the last chunk first (`SealedReader`).
    **Raises:** Unreadable, having handed out nothing of the piece that is not authentic.
    """
    decryptor = Cobblestone256Decryptor(key, context)
    try:
        for piece in sealed:
            if opened := decryptor.update(piece):
                yield opened
        if opened := decryptor.finalize():
            yield opened
    except (InvalidTag, ValueError):
        raise Unreadable from None


class SealedReader:
    """A sealed blob of which any range can be read. Made only after header and last chunk proved authentic.

    `fetch(start, length)` answers those bytes of the sealed blob, fewer where it ends earlier.
    **Raises:** Unreadable, when made and when read.
    """

    def __init__(self, key: bytes, context: bytes, stored_bytes: int, fetch: Callable[[int, int], bytes]) -> None:
        full_chunks, last = divmod(stored_bytes - HEADER_BYTES, SEALED_CHUNK_BYTES)
        if stored_bytes < HEADER_BYTES + TAG_BYTES or last < TAG_BYTES:
            raise Unreadable
        self.size = full_chunks * CHUNK_BYTES + last - TAG_BYTES
        self._stored_bytes = stored_bytes
        self._fetch = fetch
        header = fetch(0, HEADER_BYTES)
        purpose = _PURPOSE + header[:SALT_BYTES] + context
        derived = HKDFExpand(hashes.SHA512(), KEY_BYTES + NONCE_BYTES + COMMITMENT_BYTES, purpose).derive(key)
        if not constant_time.bytes_eq(derived[KEY_BYTES + NONCE_BYTES :], header[SALT_BYTES:]):
            raise Unreadable
        self._cipher = AESGCM(derived[:KEY_BYTES])
        self._nonce = int.from_bytes(derived[KEY_BYTES : KEY_BYTES + NONCE_BYTES])
        self._open_chunks(full_chunks, full_chunks)

    def read(self, start: int, length: int) -> bytes:
        """`length` bytes from `start`, fewer at the end; nothing unless all of them are authentic."""
        if start < 0 or length < 0:
            raise ValueError("a range cannot begin or end before the blob")
        end = min(start + length, self.size)
        if start >= end:
            return b""
        first = start // CHUNK_BYTES
        opened = self._open_chunks(first, (end - 1) // CHUNK_BYTES)
        return opened[start - first * CHUNK_BYTES : end - first * CHUNK_BYTES]

    def _open_chunks(self, first: int, last: int) -> bytes:
        start = HEADER_BYTES + first * SEALED_CHUNK_BYTES
        wanted = (last - first + 1) * SEALED_CHUNK_BYTES
        sealed = self._fetch(start, wanted)  # of a short last chunk too much is asked for, so that a tail shows
        if len(sealed) != min(wanted, self._stored_bytes - start):
            raise Unreadable
        view = memoryview(sealed)
        try:
            return b"".join(
                self._cipher.decrypt(
                    (self._nonce ^ (first + number)).to_bytes(NONCE_BYTES),
                    view[number * SEALED_CHUNK_BYTES : (number + 1) * SEALED_CHUNK_BYTES],
                    None,
                )
                for number in range(last - first + 1)
            )
        except (InvalidTag, ValueError):
            raise Unreadable from None
