"""A large file read once from front to back, with a sliding piece of it in memory."""

from typing import Protocol

BLOCK_BYTES = 2**20
_KEPT_BYTES = 8


class Readable(Protocol):
    """Anything with `read`."""

    def read(self, size: int, /) -> bytes:
        """At most that many bytes, and none at the end."""


class Window:
    """The piece in memory, addressed by offsets that count from where reading began."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self.base = 0
        """The offset of the first byte in `data`."""
        self.data = bytearray()
        self.end = 0
        self.ended = False
        """True once the file has nothing more to give."""

    def upto(self, offset: int) -> None:
        """The piece reaches that offset, or the end of the file."""
        while self.end < offset and not self.ended:
            block = self._file.read(BLOCK_BYTES)
            self.data += block
            self.end += len(block)
            self.ended = not block

    def drop(self, offset: int) -> None:
        """What stands before that offset may be let go."""
        if offset - self.base >= BLOCK_BYTES:
            del self.data[: offset - self.base]
            self.base = offset

    def find(self, wanted: bytes, start: int) -> int:
        """The offset of the next such bytes, or -1. What was searched in vain is let go, but for a few bytes."""
        while True:
            at = self.data.find(wanted, start - self.base)
            if at >= 0:
                return self.base + at
            if self.ended:
                return -1
            start = max(start, self.end - len(wanted) + 1)
            self.drop(start - _KEPT_BYTES)
            self.upto(self.end + 1)

    def part(self, start: int, end: int) -> bytes:
        """The bytes between two offsets, as far as they are in memory."""
        return bytes(self.data[max(start - self.base, 0) : max(end - self.base, 0)])


class Quotes:
    """Passes reads on, and notes whether quoted From_ lines went by."""

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._tail = b""
        self.once = self.twice = False

    def read(self, size: int, /) -> bytes:
        """The file's next bytes."""
        block = self._file.read(size)
        seen = self._tail + block[:16]
        for data in (seen, block):
            if not self.twice and b">From " in data:
                self.once = self.once or b"\n>From " in data
                self.twice = b"\n>>From " in data
        self._tail = block[-16:]
        return block
