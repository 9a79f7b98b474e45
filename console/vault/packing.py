"""One unambiguous way to turn several values into the bytes that a cipher authenticates."""

from collections.abc import Mapping

LENGTH_BYTES = 4
"""Size of each length prefix. Nothing authenticated here comes near 4 GiB, so four bytes always suffice."""


def pack(*parts: bytes) -> bytes:
    """The parts, each preceded by its length, so that no two different lists give the same bytes.

    Without the lengths, table `user` with row `s1` and table `users` with row `1` would authenticate the
    same bytes, and a record could be moved from one to the other.

    **Shape:** for each part, length (4, big-endian) | part.
    """
    return b"".join(len(part).to_bytes(LENGTH_BYTES) + part for part in parts)


def pack_context(label: str, context: Mapping[str, str]) -> bytes:
    """A label and a context, in one order whatever order the mapping had.

    **Shape:** `pack` of the label, then name and value of each entry, sorted by name, in UTF-8.
    """
    parts = [label.encode()]
    for name in sorted(context):
        parts += [name.encode(), context[name].encode()]
    return pack(*parts)
