"""Row ids: UUID version 7, made before insert because a sealed record is bound to its row's id."""

import os
import time
from uuid import UUID

PLATFORM_TENANT_ID = UUID(int=0)
"""The host itself: service staff and platform keys live under this pseudo-tenant."""


def new_id() -> UUID:
    """A UUIDv7: 48 bits of milliseconds, then 74 random bits. **Source:** RFC 9562, section 5.7."""
    milliseconds = time.time_ns() // 1_000_000
    random_bits = int.from_bytes(os.urandom(10))
    value = (milliseconds << 80) | random_bits
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)
