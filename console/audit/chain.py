"""How entries hold on to each other: what is hashed, in which form, and how an entry's seal names its place.

Three things bind an entry. Its hash covers all that it says in clear, its details' hash and the entry
before it, so that anybody can check the chain without keys, even after the Customer's keys are destroyed.
Its details are covered by a salted hash. And its seal holds, beside the details, the hash itself: who owns
the database but not the keys can compute a chain anew, but cannot seal it. Cutting off the newest entries
stays invisible to all three; that is what checkpoints kept elsewhere are for (`verify`).
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

HASH_DOMAIN = b"safekeep audit entry 1\n"
"""Says what is hashed, so that no other hash of this product can be passed off as an entry's."""
START = bytes(32)
"""What the first entry follows."""
COVERED = (
    "tenant",
    "id",
    "number",
    "at",
    "tag",
    "actor_kind",
    "actor_id",
    "subject_kind",
    "subject_id",
    "reference",
    "details_hash",
    "previous_hash",
)
"""The fields that an entry's hash covers, under the names that the export gives them."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


def canonical(value: Mapping[str, Any]) -> bytes:
    """The one byte form of a JSON object: sorted keys, no spaces, UTF-8. **Source:** RFC 8785."""
    return _encode(value).encode()


def hash_details(details: Mapping[str, Any]) -> bytes:
    """SHA-256 of the details. They hold a random salt, so that short ones cannot be guessed from the hash."""
    return hashlib.sha256(canonical(details)).digest()


def hash_entry(entry: Any) -> bytes:
    """SHA-256 over all that an entry (or a row with its columns) says in clear, and the entry before it."""
    return hashlib.sha256(HASH_DOMAIN + canonical(clear_fields(entry))).digest()


def clear_fields(entry: Any) -> dict[str, Any]:
    """The fields that the hash covers, as text and numbers."""
    return {
        "tenant": str(entry.tenant_id),
        "id": str(entry.id),
        "number": entry.number,
        "at": entry.at.isoformat(),
        "tag": entry.tag,
        "actor_kind": entry.actor_kind,
        "actor_id": _text(entry.actor_id),
        "subject_kind": entry.subject_kind,
        "subject_id": _text(entry.subject_id),
        "reference": entry.reference,
        "details_hash": entry.details_hash.hex(),
        "previous_hash": entry.previous_hash.hex(),
    }


def _text(value: UUID | None) -> str | None:
    return str(value) if value else None


def sealed_fields(details: Mapping[str, Any], entry_hash: bytes) -> dict[str, Any]:
    """What an entry seals: its details, and the hash that says where in the chain it stands."""
    return {"details": details, "entry": entry_hash.hex()}
