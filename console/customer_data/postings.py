"""One bucket of the search index as bytes: keys of terms, each with the items that hold it. No key, no database.

A term's key is 61 bits of its word's HMAC and 3 bits for the field, so that all fields of a word stand side by side and
lie in one bucket. Items stand as offsets from the segment's first number. Short lists are one column of numbers, long
ones are roaring bitmaps: a bitmap of a hundred thousand items is read in microseconds.
"""

import struct
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, chain

from pyroaring import BitMap

FORMAT = 1
"""Of buckets and terms together: raised when either changes, so that an older index is made anew."""
FIELD_BITS = 3
KEY_BITS = 64
LONG = 192
"""From so many items on, a list is kept as a bitmap."""
_HEADER = struct.Struct("<BIIII")
_LEVEL = 1
"""Of the compression. Higher ones cost five times as much for two bytes in a hundred."""

Postings = Sequence[int]


class DamagedBucket(ValueError):
    """Raised when bytes are no bucket of this format."""


def pack_bucket(entries: Iterable[tuple[int, Postings]]) -> bytes:
    """The entries, which come in the order of their keys, as bytes. Offsets ascend.

    **Shape:** format(1) | entries(4) | offsets(4) | bitmaps(4) | bytes that follow the keys(4) | keys(8 each) | compressed:
    sizes of short lists (0 where a bitmap stands), offsets, places of the entries with bitmaps, their lengths (each split
    into planes of bytes), bitmaps. Little-endian.
    """
    listed = list(entries)
    keys = array("Q", [key for key, _postings in listed])
    sizes = array("I", [len(some) if len(some) < LONG else 0 for _key, some in listed])
    flat = array("I", chain.from_iterable(some for _key, some in listed if len(some) < LONG))
    long = array("I", [place for place, size in enumerate(sizes) if size == 0])
    bitmaps = [_bitmap(listed[place][1]) for place in long]
    lengths = array("I", map(len, bitmaps))
    columns = b"".join(_planes(column) for column in (sizes, flat, long, lengths))
    rest = zlib.compress(columns + b"".join(bitmaps), _LEVEL)
    return _HEADER.pack(FORMAT, len(keys), len(flat), len(long), len(rest)) + keys.tobytes() + rest


def padded(data: bytes) -> bytes:
    """The data filled up with zeros to one of few lengths, at most 12 % more: lengths tell little of what is in it.

    **Source:** the Padmé function; Nikitin and others, Reducing Metadata Leakage from Encrypted Files, PETS 2019.
    """
    exponent = max(len(data), 2).bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return data + bytes(((len(data) + mask) & ~mask) - len(data))


class Bucket:
    """A bucket opened for reading. **Raises:** DamagedBucket when made from anything else."""

    def __init__(self, data: bytes) -> None:
        try:
            format_, entries, offsets, bitmaps, length = _HEADER.unpack_from(data)
            if format_ != FORMAT:
                raise DamagedBucket("this bucket has another format")
            at = _HEADER.size + 8 * entries
            self.keys = array("Q", data[_HEADER.size : at])
            rest = memoryview(zlib.decompress(data[at : at + length]))
        except (struct.error, zlib.error, ValueError) as error:
            raise DamagedBucket(str(error)) from error
        columns, start = [], 0
        for count in (entries, offsets, bitmaps, bitmaps):
            columns.append(_numbers(rest[start : start + 4 * count]))
            start += 4 * count
        self._sizes, self._flat, self._long, lengths = columns
        self._bitmaps = rest[start:]
        self._ends = array("I", accumulate(lengths))

    def fields(self, word: int) -> Iterator[tuple[int, BitMap]]:
        """The fields in which the word with that key (field 0) stands, each with its items' offsets."""
        low = bisect_left(self.keys, word)
        high = bisect_left(self.keys, word + (1 << FIELD_BITS), low)
        at = sum(self._sizes[:low]) if low < high else 0
        for place in range(low, high):
            size = self._sizes[place]
            yield self.keys[place] - word, BitMap(self._flat[at : at + size]) if size else self._bitmap(place)
            at += size

    def _bitmap(self, place: int) -> BitMap:
        number = bisect_left(self._long, place)
        start = self._ends[number - 1] if number else 0
        return BitMap.deserialize(bytes(self._bitmaps[start : self._ends[number]]))

    def entries(self, shift: int) -> Iterator[tuple[int, "array[int]"]]:
        """Every entry in the order of keys, its offsets raised by `shift`."""
        flat = array("I", [offset + shift for offset in self._flat]) if shift else self._flat
        for place, (key, size, end) in enumerate(zip(self.keys, self._sizes, accumulate(self._sizes), strict=True)):
            yield key, flat[end - size : end] if size else self._bitmap(place).shift(shift).to_array()


def merge_buckets(sources: Iterable[tuple[int, Bucket]]) -> list[tuple[int, Postings]]:
    """The entries of several buckets as one, in the order of keys; each bucket comes with what its offsets lack."""
    merged: dict[int, array[int]] = {}
    mixed: set[int] = set()
    for shift, bucket in sources:
        for key, postings in bucket.entries(shift):
            known = merged.get(key)
            if known is None:
                merged[key] = postings
                continue
            if known[-1] >= postings[0]:
                mixed.add(key)
            known.extend(postings)
    for key in mixed:
        merged[key] = array("I", sorted(set(merged[key])))
    return sorted(merged.items())


def _bitmap(postings: Postings) -> bytes:
    bitmap = BitMap(postings)
    bitmap.run_optimize()
    return bytes(bitmap.serialize())


def _planes(numbers: "array[int]") -> bytes:
    """The lowest bytes of all numbers, then the next, …: columns that compress where the numbers do not."""
    data = numbers.tobytes()
    return b"".join(data[place :: numbers.itemsize] for place in range(numbers.itemsize))


def _numbers(planes: memoryview) -> "array[int]":
    numbers = array("I")
    size, count = numbers.itemsize, len(planes) // numbers.itemsize
    data = bytearray(len(planes))
    for place in range(size):
        data[place::size] = planes[place * count : (place + 1) * count]
    numbers.frombytes(data)
    return numbers
