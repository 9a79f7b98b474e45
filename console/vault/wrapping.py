"""What a key provider is. A provider holds root keys and lends their use; a root key never leaves it.

The shape is the smallest that a folder, an environment variable, AWS KMS and Vault transit can all keep:
KMS re-encrypts without showing the plaintext (`rewrap`), deletes only days after it was asked (`Retirement`),
and answers over a network that may be down (`health`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key encrypted under version `root_version` of a provider's root key. Safe to store and to back up."""

    provider: str
    root_version: int
    wrapped: bytes


@dataclass(frozen=True, slots=True)
class Retirement:
    """Evidence that a root key version was given up. `effective_at` is later than `asked_at` at a KMS."""

    provider: str
    version: int
    fingerprint: str
    asked_at: datetime
    effective_at: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a provider can be used now, and in words why not."""

    ready: bool
    detail: str


class KeyProvider(Protocol):
    """Wraps and unwraps keys under a root key. The context is authenticated: equal, or it does not open."""

    @property
    def name(self) -> str:
        """The kind of provider, as stored beside each wrapped key."""

    @property
    def current_version(self) -> int:
        """The root version under which `wrap` wraps now."""

    def wrap(self, plaintext: bytes, context: Mapping[str, str]) -> WrappedKey:
        """The plaintext encrypted under the current root version, bound to the context."""

    def unwrap(self, key: WrappedKey, context: Mapping[str, str]) -> bytes:
        """The plaintext. **Raises:** KeyUnavailable when root, context or bytes are not those of `wrap`."""

    def rewrap(self, key: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """The same plaintext under the current root version. **Raises:** KeyUnavailable, as `unwrap`."""

    def fingerprint(self, version: int | None = None) -> str:
        """The public name of a root version, the current one by default. **Raises:** KeyUnavailable."""

    def versions(self) -> list[int]:
        """The root versions that can unwrap, oldest first."""

    def rotate(self) -> int:
        """The number of a new root version, which is now current. **Raises:** Conflict when it cannot."""

    def retire(self, version: int) -> Retirement:
        """Gives up an old root version for good. **Raises:** Conflict when current, unknown or not ours."""

    def health(self) -> Health:
        """Whether a wrap would succeed now. Never raises."""
