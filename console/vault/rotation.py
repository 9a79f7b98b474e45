"""Replacing keys while everything goes on: a new tenant key version, and a new root under all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from console.core import clock
from console.core.errors import Conflict
from console.vault import schema
from console.vault.errors import KeyUnavailable
from console.vault.keyring import CACHED_SECONDS, Keyring

SETTLING = timedelta(seconds=CACHED_SECONDS + 60)
"""How long after a new version others may seal under the old one: their cache, and one unit of work."""


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many keys were wrapped anew, and how many still stand under another root version."""

    done: int
    remaining: int


def add_version(keyring: Keyring, tenant_id: UUID) -> int:
    """The number of the tenant's new key version, which seals from now on; the older ones only open.

    Blind indexes and derived keys stay as they are. Records are sealed anew by whoever owns their tables.
    **Raises:** KeyUnavailable without a key to follow; Conflict when two add one at once.
    """
    stored = keyring.store.stored_keys([tenant_id])
    primary = next((key for key in stored if key.state == schema.PRIMARY), None)
    if primary is None:
        raise KeyUnavailable("There is no key to follow: it was never made, or it was destroyed.", tenant_id=tenant_id)
    version = max(key.version for key in stored) + 1
    keyring.store_secret(tenant_id, version, keyring.unwrap(primary).successor())
    return version


def next_version(keyring: Keyring, tenant_id: UUID) -> int:
    """The number that the tenant's next key version will have. **Raises:** KeyUnavailable where no key is left."""
    stored = keyring.store.stored_keys([tenant_id])
    if not any(key.state == schema.PRIMARY for key in stored):
        raise KeyUnavailable("There is no key to follow: it was never made, or it was destroyed.", tenant_id=tenant_id)
    return max(key.version for key in stored) + 1


def ensure_version(keyring: Keyring, tenant_id: UUID, version: int) -> None:
    """That version exists; made now if it is the next one. Repeated after a kill, it makes no second one.

    **Raises:** KeyUnavailable; Conflict where another version would be the next one.
    """
    if any(key.version == version for key in keyring.store.stored_keys([tenant_id])):
        keyring.drop(tenant_id)
        return
    if next_version(keyring, tenant_id) != version:
        raise Conflict(f"Key version {version} is not the next one. Somebody else made another meanwhile.")
    add_version(keyring, tenant_id)


def settled_at(keyring: Keyring, tenant_id: UUID) -> datetime:
    """From when on no process seals under an older version than the newest."""
    return max(key.created_at for key in keyring.store.stored_keys([tenant_id])) + SETTLING


def rewrap(keyring: Keyring, *, told: Callable[[int, int], None] = lambda _done, _total: None) -> Rewrapped:
    """Every tenant key, and the canary, is wrapped under the provider's current root version.

    Each key is done by itself and nothing is remembered between them, so a run that was interrupted is
    simply run again. Only with `remaining` 0 may the old root version be retired. A key that does not unwrap
    counts as remaining and does not hold up the others. `told` hears after each key how many of how many.
    **Raises:** Conflict when a newer root is in use.
    """
    current = keyring.provider.current_version
    root = keyring.provider.fingerprint(current)
    keyring.rewrap_canary()
    done = 0
    waiting = [key for key in keyring.store.stored_keys() if key.usable and key.root_version != current]
    for number, key in enumerate(waiting, start=1):
        try:
            wrapped = keyring.rewrap(key)
        except KeyUnavailable:
            continue
        done += keyring.store.replace_wrapping(key, wrapped, root)
        told(number, len(waiting))
    remaining = sum(key.usable and key.root_version != current for key in keyring.store.stored_keys())
    return Rewrapped(done, remaining)


def retire_version(keyring: Keyring, tenant_id: UUID, version: int) -> None:
    """The key version is destroyed. Call it only after every table and blob list was seen to hold none of it.

    Take that count after `SETTLING` has passed since the newest version was made: until then another process
    may still be sealing under an older one, and what it seals would be lost.
    **Raises:** Conflict for the primary, for an unknown version, and before `SETTLING` has passed.
    """
    stored = keyring.store.stored_keys([tenant_id])
    key = next((key for key in stored if key.version == version), None)
    if key is None or key.state == schema.PRIMARY:
        raise Conflict(f"Key version {version} is in use or does not exist, so it cannot be retired.")
    settled = max(other.created_at for other in stored) + SETTLING
    if clock.now() < settled:
        raise Conflict(f"Other processes may still use key version {version} until {settled:%H:%M:%S} UTC.")
    keyring.store.destroy(tenant_id, version)
    keyring.drop(tenant_id)
