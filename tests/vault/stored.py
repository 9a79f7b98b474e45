"""Blobs for tests: keys of known bytes, pieces of known content, stores that keep their promises or break them."""

import random

KEY = bytes(range(32))
SIZES = (0, 1, 55, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 5 * 16_384, 5 * 16_384 + 7, 300_000)


def content(size: int, seed: int = 1) -> bytes:
    """The same bytes each time, unlike any other seed's."""
    return random.Random(seed).randbytes(size)


def cut(data: bytes, seed: int = 1) -> list[bytes]:
    """The data in pieces of uneven sizes, empty ones among them."""
    chance, pieces, start = random.Random(seed), [], 0
    while start < len(data):
        length = chance.choice((0, 1, 15, 16_384, 16_400, 70_000))
        pieces.append(data[start : start + length])
        start += length
    return pieces


def fetch_from(sealed: bytes):
    """What a store that holds exactly these bytes would answer."""
    return lambda start, length: sealed[start : start + length]
