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
_LONG_MARK = 1 << 31
_HEADER = struct.Struct("<BIII")
_LEVEL = 1
"""Of the compression. Higher ones cost five times as much for two bytes in a hundred."""

Postings = Sequence[int]


class DamagedBucket(ValueError):
    """Raised when bytes are no bucket of this format."""


def pack_bucket(entries: Iterable[tuple[int, Postings]]) -> bytes:
    """The entries, which come in the order of their keys, as bytes. Offsets ascend.

    **Shape:** format(1) | entries(4) | offsets(4) | bytes that follow the keys(4) | keys(8 each) | compressed: sizes and
    offsets (each split into planes of bytes) and bitmaps. Little-endian.
    """
    listed = list(entries)
    keys = array("Q", [key for key, _postings in listed])
    long = [_bitmap(postings) for _key, postings in listed if len(postings) >= LONG]
    lengths = iter(_LONG_MARK | len(packed) for packed in long)
    sizes = array("I", [len(some) if len(some) < LONG else next(lengths) for _key, some in listed])
    flat = array("I", chain.from_iterable(postings for _key, postings in listed if len(postings) < LONG))
    rest = zlib.compress(_planes(sizes) + _planes(flat) + b"".join(long), _LEVEL)
    return _HEADER.pack(FORMAT, len(keys), len(flat), len(rest)) + keys.tobytes() + rest


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
            format_, entries, offsets, length = _HEADER.unpack_from(data)
            if format_ != FORMAT:
                raise DamagedBucket("this bucket has another format")
            at = _HEADER.size + 8 * entries
            self.keys = array("Q", data[_HEADER.size : at])
            rest = zlib.decompress(data[at : at + length])
        except (struct.error, zlib.error, ValueError) as error:
            raise DamagedBucket(str(error)) from error
        self._sizes = _numbers(rest[: 4 * entries])
        self._flat = _numbers(rest[4 * entries : 4 * (entries + offsets)])
        self._bitmaps = rest[4 * (entries + offsets) :]

    def fields(self, word: int) -> Iterator[tuple[int, BitMap]]:
        """The fields in which the word with that key (field 0) stands, each with its items' offsets."""
        low = bisect_left(self.keys, word)
        high = bisect_left(self.keys, word + (1 << FIELD_BITS), low)
        if low == high:
            return
        flat = sum(size for size in self._sizes[:low] if size < _LONG_MARK)
        packed = sum(size - _LONG_MARK for size in self._sizes[:low] if size >= _LONG_MARK)
        for place in range(low, high):
            size = self._sizes[place]
            if size < _LONG_MARK:
                postings = BitMap(self._flat[flat : flat + size])
                flat += size
            else:
                size -= _LONG_MARK
                postings = BitMap.deserialize(self._bitmaps[packed : packed + size])
                packed += size
            yield self.keys[place] - word, postings

    def entries(self, shift: int) -> Iterator[tuple[int, "array[int]"]]:
        """Every entry in the order of keys, its offsets raised by `shift`."""
        flat = array("I", [offset + shift for offset in self._flat]) if shift else self._flat
        ends = accumulate(size if size < _LONG_MARK else 0 for size in self._sizes)
        packed = 0
        for key, size, end in zip(self.keys, self._sizes, ends, strict=True):
            if size < _LONG_MARK:
                yield key, flat[end - size : end]
            else:
                start, packed = packed, packed + size - _LONG_MARK
                yield key, BitMap.deserialize(self._bitmaps[start:packed]).shift(shift).to_array()


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


def _numbers(planes: bytes) -> "array[int]":
    numbers = array("I")
    size, count = numbers.itemsize, len(planes) // numbers.itemsize
    data = bytearray(len(planes))
    for place in range(size):
        data[place::size] = planes[place * count : (place + 1) * count]
    numbers.frombytes(data)
    return numbers
