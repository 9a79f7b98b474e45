"""The secret that one version of a tenant's key consists of, before wrapping and after."""

import os
from dataclasses import dataclass, field
from typing import Self

from console.vault.derivation import KEY_BYTES, fingerprint
from console.vault.errors import KeyUnavailable

SECRET_BYTES = 2 * KEY_BYTES


@dataclass(frozen=True, slots=True)
class TenantSecret:
    """Two independent keys, wrapped as one.

    `sealing` is new with every version; sealed records move from one to the next. `lasting` is carried
    from version to version: blind indexes and signatures are looked up and compared by value, so a
    rotation of the data key must not change them. Destroying all versions destroys both.

    **Shape:** sealing(32) | lasting(32). **Source:** NIST SP 800-57 part 1, section 5.2 (one key, one use).
    """

    sealing: bytes = field(repr=False)  # repr=False: keys must not appear in tracebacks and logs
    lasting: bytes = field(repr=False)

    @classmethod
    def new(cls) -> Self:
        """A secret for a first version."""
        return cls(os.urandom(KEY_BYTES), os.urandom(KEY_BYTES))

    def successor(self) -> "TenantSecret":
        """A secret for the next version: a new sealing key beside the same lasting one."""
        return TenantSecret(os.urandom(KEY_BYTES), self.lasting)

    @classmethod
    def from_bytes(cls, secret: bytes) -> Self:
        """The secret that `to_bytes` wrote. **Raises:** KeyUnavailable when the length is another."""
        if len(secret) != SECRET_BYTES:
            raise KeyUnavailable("A stored key opens, but is not a tenant key.")
        return cls(secret[:KEY_BYTES], secret[KEY_BYTES:])

    def to_bytes(self) -> bytes:
        """Both keys, to be wrapped."""
        return self.sealing + self.lasting

    @property
    def fingerprint(self) -> str:
        """The public name of this version, for lists and for the certificate of destruction."""
        return fingerprint(self.sealing)
