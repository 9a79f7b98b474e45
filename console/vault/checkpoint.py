"""Signatures of the installation: over the audit record's checkpoints, receipts and certificates."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from console.vault.tenant_keys import TenantKeys

_PURPOSE = "checkpoint signature, Ed25519, key 1"
"""Names the signing key's version: another number makes another key pair. Old signatures keep the old one."""


def signing_key(platform_keys: TenantKeys) -> Ed25519PrivateKey:
    """The installation's signing key: stored nowhere, the same in every process and after a key rotation.

    Any 32 uniformly random bytes are an Ed25519 private key. **Source:** RFC 8032, section 5.1.5.
    """
    return Ed25519PrivateKey.from_private_bytes(platform_keys.derive(_PURPOSE))


def public_key_hex(platform_keys: TenantKeys) -> str:
    """The public key, to be noted outside this installation. **Shape:** 64 hexadecimal digits."""
    return signing_key(platform_keys).public_key().public_bytes_raw().hex()


def sign(platform_keys: TenantKeys, payload: bytes) -> bytes:
    """The signature over the payload. **Shape:** 64 bytes."""
    return signing_key(platform_keys).sign(payload)


def verify(public_key_bytes: bytes, payload: bytes, signature: bytes) -> bool:
    """Whether the signature over the payload is of this public key; False too for bytes that are no key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key_bytes).verify(signature, payload)
    except (InvalidSignature, ValueError):
        return False
    return True
