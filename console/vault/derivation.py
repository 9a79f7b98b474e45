"""Keys from keys: HKDF-Expand with a packed, versioned purpose."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from console.vault.packing import pack

KEY_BYTES = 32
"""Every key in the vault: 256 bits, what Customers ask for and what AES-256 and HMAC-SHA-256 take."""

FINGERPRINT_BYTES = 16
"""Names a key without revealing it. 128 bits: two keys never share one by accident."""

_SCHEME = b"safekeep/1"
"""First part of every purpose. A different derivation gets a different scheme, never a reinterpretation."""


def derive(key: bytes, *purpose: bytes, length: int = KEY_BYTES) -> bytes:
    """A key for one purpose; different purposes give independent keys.

    Only the Expand half of HKDF is used: every input key here is 32 uniformly random bytes, for which
    the Extract half may be left out. **Source:** RFC 5869, sections 2.3 and 3.3; NIST SP 800-108.
    """
    return HKDFExpand(hashes.SHA256(), length, pack(_SCHEME, *purpose)).derive(key)


def fingerprint(key: bytes) -> str:
    """The public name of a key: 32 hexadecimal digits that say nothing about the key or its derived keys."""
    return derive(key, b"fingerprint", length=FINGERPRINT_BYTES).hex()
