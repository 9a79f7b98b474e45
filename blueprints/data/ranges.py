"""Byte ranges of a download: what part a browser asks for, and whether that is one part of what there is."""

import re

_ONE = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*$", re.IGNORECASE)


class NotSatisfiable(Exception):
    """Raised where no byte of what there is was asked for, or several parts at once."""


def wanted_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, length) of the one range asked for, or None for everything.

    Several ranges in one request are refused: nobody needs them, and their answers can be made very large. What is no
    range at all counts as not asked for. **Raises:** NotSatisfiable. **Source:** RFC 9110, section 14.
    """
    if not header or not header.strip().lower().startswith("bytes"):
        return None
    if "," in header:
        raise NotSatisfiable
    match = _ONE.match(header.strip())
    if not match or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        if length == 0:
            raise NotSatisfiable
        return size - length, length
    start = int(match[1])
    if match[2] and int(match[2]) < start:
        return None
    if start >= size:
        raise NotSatisfiable
    end = min(int(match[2]), size - 1) if match[2] else size - 1
    return start, end - start + 1
