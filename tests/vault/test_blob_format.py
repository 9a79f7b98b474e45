"""One blob: what the library seals our reader reads at any place, and nothing that was touched opens anywhere."""

import random
from collections.abc import Iterator

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from hypothesis import given, settings
from hypothesis import strategies as st

from console.vault.blob_format import (
    CHUNK_BYTES,
    HEADER_BYTES,
    SEALED_CHUNK_BYTES,
    SealedReader,
    open_stream,
    seal,
    sealed_size,
)
from console.vault.errors import Unreadable

from .stored import KEY, SIZES, content, cut, fetch_from

CONTEXT = b"here"
TOUCHED = 10_000


def sealed_of(data: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    return b"".join(seal(key, context, cut(data)))


def reader(sealed: bytes, key: bytes = KEY, context: bytes = CONTEXT, size: int | None = None) -> SealedReader:
    return SealedReader(key, context, len(sealed) if size is None else size, fetch_from(sealed))


@pytest.mark.parametrize("size", SIZES)
def test_what_we_seal_the_library_opens_and_what_the_library_seals_we_open(size):
    data = content(size)
    library = Cobblestone256Decryptor(KEY, CONTEXT)
    assert library.update(sealed_of(data)) + library.finalize() == data
    encryptor = Cobblestone256Encryptor(KEY, CONTEXT)
    theirs = encryptor.update(data) + encryptor.finalize()
    assert len(theirs) == sealed_size(size) == len(sealed_of(data))
    assert reader(theirs).size == size
    assert reader(theirs).read(0, size) == data
    assert b"".join(open_stream(KEY, CONTEXT, cut(theirs, 2))) == data


@pytest.mark.parametrize("size", SIZES)
def test_every_range_is_the_same_bytes_that_the_library_opens(size):
    data, opened = content(size), reader(sealed_of(content(size)))
    edges = {0, 1, size // 2, size - 1, size, size + 1}
    edges |= {at + shift for at in range(0, size + 1, CHUNK_BYTES) for shift in (-1, 0, 1)}
    for start in sorted(edge for edge in edges if edge >= 0):
        for length in (0, 1, 2, 15, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, size + 10):
            assert opened.read(start, length) == data[start : start + length], (start, length)


@given(size=st.integers(0, 70_000), start=st.integers(0, 80_000), length=st.integers(0, 80_000))
@settings(deadline=None, max_examples=100)
def test_a_range_is_a_slice_of_the_content(size, start, length):
    data = content(size)
    assert reader(sealed_of(data)).read(start, length) == data[start : start + length]


def test_a_range_before_the_beginning_is_refused():
    opened = reader(sealed_of(b"abc"))
    for start, length in ((-1, 1), (0, -1)):
        with pytest.raises(ValueError, match="before the blob"):
            opened.read(start, length)


def test_the_same_content_sealed_twice_has_nothing_in_common():
    first, second = sealed_of(content(100)), sealed_of(content(100))
    assert first[:24] != second[:24]
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 10


def test_one_huge_piece_is_sealed_bit_by_bit():
    huge = content(2_000_000)
    parts = list(seal(KEY, CONTEXT, [huge]))
    assert max(map(len, parts)) < 300_000
    assert reader(b"".join(parts)).read(0, len(huge)) == huge


def faults(sealed: bytes, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Endless ways to touch a sealed blob: (what was done, what became of it)."""
    chunks = [sealed[at : at + SEALED_CHUNK_BYTES] for at in range(HEADER_BYTES, len(sealed), SEALED_CHUNK_BYTES)]
    header, other = sealed[:HEADER_BYTES], sealed_of(content(len(sealed) // 2, 9), key=KEY[::-1])
    while True:
        at = chance.randrange(len(sealed))
        yield (
            f"bit of byte {at} flipped",
            sealed[:at] + bytes((sealed[at] ^ 1 << chance.randrange(8),)) + sealed[at + 1 :],
        )
        yield f"cut at {at}", sealed[:at]
        yield f"byte {at} left out", sealed[:at] + sealed[at + 1 :]
        yield f"byte put in at {at}", sealed[:at] + b"\0" + sealed[at:]
        length = chance.randrange(1, 40)
        yield f"{length} bytes at {at} zeroed", sealed[:at] + bytes(length) + sealed[at + length :]
        yield f"{length} bytes appended", sealed + chance.randbytes(length)
        one, two = chance.sample(range(len(chunks)), 2)
        moved = [*chunks]
        moved[one], moved[two] = moved[two], moved[one]
        yield f"chunks {one} and {two} exchanged", header + b"".join(moved)
        yield f"chunk {one} left out", header + b"".join(chunks[:one] + chunks[one + 1 :])
        yield f"chunk {one} in place of {two}", header + b"".join([*chunks[:two], chunks[one], *chunks[two + 1 :]])
        yield f"from {at} on another blob's", sealed[:at] + other[at:]
        yield f"another blob's up to {at}", other[:at] + sealed[at:]


def nothing_of(sealed: bytes, data: bytes, *, key: bytes = KEY, context: bytes = CONTEXT) -> int:
    """How many bytes came out of reading it whole, after seeing that it fails in every way of reading."""
    out = 0
    with pytest.raises(Unreadable):
        out += len(reader(sealed, key, context).read(0, len(data)))
    # The stream may give authentic pieces that lie before the fault, never one byte of another content.
    streamed = b""
    with pytest.raises(Unreadable):
        for piece in open_stream(key, context, cut(sealed, 3)):
            streamed += piece
    assert data.startswith(streamed)
    return out


def test_ten_thousand_touched_blobs_give_an_error_and_not_one_byte():
    data = content(3 * CHUNK_BYTES + 500)
    sealed, done, out = sealed_of(data), 0, 0
    for what, touched in faults(sealed, random.Random(7)):
        if touched == sealed:  # zeros over zeros, or the same bytes by chance
            continue
        try:
            out += nothing_of(touched, data)
        except pytest.fail.Exception as failed:
            raise AssertionError(f"{what}: it opened") from failed
        done += 1
        if done == TOUCHED:
            break
    assert (done, out) == (TOUCHED, 0)


def test_a_blob_that_tells_another_length_than_it_has_does_not_open():
    sealed = sealed_of(content(2 * CHUNK_BYTES))
    for size in (
        0,
        1,
        HEADER_BYTES,
        HEADER_BYTES + 15,
        len(sealed) - 1,
        len(sealed) + 1,
        len(sealed) + SEALED_CHUNK_BYTES,
    ):
        with pytest.raises(Unreadable):
            reader(sealed, size=size)


def test_cut_at_a_chunk_it_does_not_open_though_every_chunk_left_is_authentic():
    sealed = sealed_of(content(3 * CHUNK_BYTES + 5))
    for chunks in range(4):
        with pytest.raises(Unreadable):
            reader(sealed[: HEADER_BYTES + chunks * SEALED_CHUNK_BYTES])


@pytest.mark.parametrize(("key", "context"), [(bytes(32), CONTEXT), (KEY, b"elsewhere"), (KEY, b"")])
def test_with_another_key_or_in_another_place_it_does_not_open(key, context):
    data = content(40_000)
    assert nothing_of(sealed_of(data), data, key=key, context=context) == 0


def test_control_an_untouched_blob_opens():
    data = content(3 * CHUNK_BYTES + 500)
    assert reader(sealed_of(data)).read(0, len(data)) == data
    with pytest.raises(pytest.fail.Exception):
        nothing_of(sealed_of(data), data)


def test_a_blob_from_when_the_format_was_chosen_opens_with_both_readers():
    sealed = bytes.fromhex(
        "251fdc4e5eb8758ed0aee28f3b3a525010ec7d302edc66b0349e031e7d25f54486ec5d9e39d87d1dad556d9d43f88844"
        "fd491e1a4f78d489cc412a72ae062b797e28f383642db65ede0ae77c8ffbf45d7bf3709e743442"
    )
    assert reader(sealed, context=b"safekeep").read(0, 99) == b"A known answer."
    assert b"".join(open_stream(KEY, b"safekeep", [sealed])) == b"A known answer."
