"""Root keys held in this process: what the folder and the environment provider have in common."""

import base64
import binascii
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from console.core.errors import Misconfigured
from console.vault.derivation import KEY_BYTES, derive, fingerprint
from console.vault.errors import KeyUnavailable
from console.vault.packing import pack_context
from console.vault.wrapping import Health, WrappedKey

NONCE_BYTES = 12
"""The size for which GCM was designed (NIST SP 800-38D, section 5.2.1.1).

Random is safe here: one root key wraps one key per tenant and version, thousands, where 2^32 is the limit
for random nonces (section 8.3).
"""

_WRAP_FORMAT = b"\x01"
"""First byte of every wrapped key: AES-256-GCM as below. Another way of wrapping gets another number."""

LARGEST_VERSION = 999_999
"""A root key rotated weekly reaches this after 19,000 years; a longer number is a typing error."""


class RootKey:
    """One version of a root key. Keeps the cipher and the fingerprint, not the bytes."""

    def __init__(self, version: int, key: bytes) -> None:
        self.version = version
        self.fingerprint = fingerprint(key)
        self._cipher = AESGCM(derive(key, b"wrap"))

    def wrap(self, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """**Shape:** format(1) | nonce(12) | ciphertext | tag(16)."""
        nonce = os.urandom(NONCE_BYTES)
        return _WRAP_FORMAT + nonce + self._cipher.encrypt(nonce, plaintext, self._associated(context))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """What was wrapped. **Raises:** KeyUnavailable for any difference in key, context or bytes."""
        start = len(_WRAP_FORMAT)
        nonce, sealed = wrapped[start : start + NONCE_BYTES], wrapped[start + NONCE_BYTES :]
        refusal = KeyUnavailable(
            f"A stored key does not open under root key version {self.version}.", context=dict(context)
        )
        if not wrapped.startswith(_WRAP_FORMAT):
            raise refusal
        try:
            return self._cipher.decrypt(nonce, sealed, self._associated(context))
        except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
            raise refusal from None

    def _associated(self, context: Mapping[str, str]) -> bytes:
        return pack_context(f"root wrap, version {self.version}", context)


class LocalProvider:
    """Root keys in memory. The kinds interchange: the same root may move from a folder to the environment."""

    name = "local"

    def __init__(self, roots: Mapping[int, RootKey]) -> None:
        self._roots = dict(roots)

    def _refresh(self) -> None:
        """Looks again for root keys that another process made; nothing to do where they cannot appear."""

    @property
    def current_version(self) -> int:
        """The highest root version there is at this moment."""
        self._refresh()
        return max(self._roots)

    def wrap(self, plaintext: bytes, context: Mapping[str, str]) -> WrappedKey:
        """The plaintext under the current root version, bound to the context."""
        version = self.current_version
        return WrappedKey(self.name, version, self._roots[version].wrap(plaintext, context))

    def unwrap(self, key: WrappedKey, context: Mapping[str, str]) -> bytes:
        """What was wrapped. **Raises:** KeyUnavailable when root, context or bytes differ."""
        return self._root(key.root_version).unwrap(key.wrapped, context)

    def rewrap(self, key: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """The same plaintext under the current root version. **Raises:** KeyUnavailable, as `unwrap`."""
        return self.wrap(self.unwrap(key, context), context)

    def fingerprint(self, version: int | None = None) -> str:
        """The public name of a root version. **Raises:** KeyUnavailable when it is not here."""
        return self._root(self.current_version if version is None else version).fingerprint

    def versions(self) -> list[int]:
        """The root versions present, oldest first."""
        self._refresh()
        return sorted(self._roots)

    def health(self) -> Health:
        """Whether the root keys are still in order where they came from."""
        try:
            return Health(ready=True, detail=f"Root key version {self.current_version} is ready.")
        except Misconfigured as problem:
            return Health(ready=False, detail=str(problem))

    def _root(self, version: int) -> RootKey:
        if version not in self._roots:
            self._refresh()
        if version not in self._roots:
            raise KeyUnavailable(f"Root key version {version} is not available here.")
        return self._roots[version]


def decode_root_key(text: str, *, where: str, remedy: str) -> bytes:
    """The 32 bytes that `text` writes in base64.

    **Raises:** Misconfigured, naming `where` and the remedy and never the text, when it is anything else.
    """
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Misconfigured(f"{where} does not hold a base64 key. {remedy}") from None
    if len(key) != KEY_BYTES:
        raise Misconfigured(f"{where} holds {len(key)} bytes where a root key has {KEY_BYTES}. {remedy}")
    if len(set(key)) == 1:  # 32 equal bytes are somebody's placeholder; chance makes them once in 2^248
        raise Misconfigured(f"{where} holds a placeholder, not a random key. {remedy}")
    return key
