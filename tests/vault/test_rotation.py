"""Keys are replaced while everything goes on, and given up only when nothing can need them."""

import sqlite3

import pytest
import time_machine

from console.core import clock
from console.core.errors import Conflict, Misconfigured
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.vault import checkpoint, rotation
from console.vault.errors import KeyUnavailable, Unreadable
from console.vault.setup import open_vault

from .conftest import ROW


def states(keyring, tenant_id):
    return {row["version"]: row["state"] for row in keyring.status() if row["tenant_id"] == tenant_id}


def test_a_new_version_seals_and_the_old_one_still_opens(keyring, tenant_id):
    old = keyring.keys(tenant_id).seal("users", ROW, {"n": 1})
    assert rotation.add_version(keyring, tenant_id) == 2
    keys = keyring.keys(tenant_id)
    new = keys.seal("users", ROW, {"n": 2})
    assert new[1:5] == b"\0\0\0\x02"
    assert keys.open_many("users", [(ROW, old), (ROW, new)]) == [{"n": 1}, {"n": 2}]
    assert states(keyring, tenant_id) == {1: "decrypt_only", 2: "primary"}
    assert len({row["fingerprint"] for row in keyring.status()}) == 3


def test_a_new_version_leaves_indexes_derived_keys_and_signatures_as_they_are(keyring):
    before = keyring.platform()
    signature, public = checkpoint.sign(before, b"payload"), checkpoint.public_key_hex(before)
    rotation.add_version(keyring, PLATFORM_TENANT_ID)
    after = keyring.platform()
    assert after.version == 2
    assert after.index("username", b"v") == before.index("username", b"v")
    assert after.derive("cookies") == before.derive("cookies")
    assert checkpoint.public_key_hex(after) == public
    assert checkpoint.verify(bytes.fromhex(public), b"payload", signature)


def test_a_tenant_without_keys_gets_no_new_version(keyring, tenant_id):
    keyring.store.destroy(tenant_id, 1)
    for gone in (tenant_id, new_id()):
        with pytest.raises(KeyUnavailable):
            rotation.add_version(keyring, gone)


def test_a_version_is_retired_only_after_others_stopped_using_it(keyring, tenant_id):
    sealed = keyring.keys(tenant_id).seal("users", ROW, {})
    rotation.add_version(keyring, tenant_id)
    with pytest.raises(Conflict, match="may still use key version 1"):
        rotation.retire_version(keyring, tenant_id, 1)
    with time_machine.travel(clock.now() + rotation.SETTLING):
        rotation.retire_version(keyring, tenant_id, 1)
    assert states(keyring, tenant_id) == {1: "destroyed", 2: "primary"}
    with pytest.raises(Unreadable):
        keyring.keys(tenant_id).open("users", ROW, sealed)


def test_the_primary_and_an_unknown_version_are_not_retired(keyring, tenant_id):
    with time_machine.travel(clock.now() + rotation.SETTLING):
        for version in (1, 2):
            with pytest.raises(Conflict, match="cannot be retired"):
                rotation.retire_version(keyring, tenant_id, version)
    assert states(keyring, tenant_id) == {1: "primary"}


def test_rewrap_moves_every_key_to_the_new_root_which_can_then_stand_alone(place, keyring, tenant_id):
    sealed = keyring.keys(tenant_id).seal("users", ROW, {"n": 1})
    rotation.add_version(keyring, tenant_id)
    keyring.provider.rotate()
    assert rotation.rewrap(keyring) == rotation.Rewrapped(done=3, remaining=0)
    assert rotation.rewrap(keyring) == rotation.Rewrapped(done=0, remaining=0)
    keyring.provider.retire(1)
    again = open_vault(place.root_url, place.store_url)
    assert again.keys(tenant_id).open("users", ROW, sealed) == {"n": 1}
    assert {row["root_version"] for row in again.status()} == {2}


def test_rewrap_goes_on_where_it_was_interrupted(place, keyring, tenant_id):
    first = keyring.store.stored_keys()[0]
    keyring.provider.rotate()
    keyring.store.replace_wrapping(first, keyring.rewrap(first), keyring.provider.fingerprint())
    again = open_vault(place.root_url, place.store_url)
    assert rotation.rewrap(again) == rotation.Rewrapped(done=1, remaining=0)


def test_a_key_that_does_not_unwrap_counts_as_remaining_and_holds_up_no_other(place, keyring, tenant_id):
    damaged = new_id()
    keyring.create_tenant_key(damaged)
    connection = sqlite3.connect(place.store)
    with connection:
        connection.execute("update tenant_keys set wrapped = randomblob(93) where tenant_id = ?", [damaged.hex])
    connection.close()
    keyring.provider.rotate()
    assert rotation.rewrap(keyring) == rotation.Rewrapped(done=2, remaining=1)


def test_destroyed_keys_need_no_root(place, keyring, tenant_id):
    keyring.store.destroy(tenant_id, 1)
    keyring.provider.rotate()
    assert rotation.rewrap(keyring).remaining == 0
    keyring.provider.retire(1)
    open_vault(place.root_url, place.store_url)


def test_a_key_store_backup_from_before_opens_nothing_once_its_root_is_retired(place, keyring, tenant_id):
    backup = place.store.read_bytes()
    keyring.store.destroy(tenant_id, 1)
    keyring.provider.rotate()
    rotation.rewrap(keyring)
    keyring.provider.retire(1)
    place.store.write_bytes(backup)
    with pytest.raises(Misconfigured, match=r"The root key is missing\. Expected version 1"):
        open_vault(place.root_url, place.store_url)
    assert keyring.check([tenant_id]) == [tenant_id]


def test_keys_in_hand_open_what_another_process_sealed_under_the_next_version(place, keyring, tenant_id):
    """Two web servers: one has opened the keys, the other makes a new version and seals with it."""
    slow = open_vault(place.root_url, place.store_url)
    in_hand = slow.keys(tenant_id)
    old = in_hand.seal("users", ROW, {"n": 1})
    rotation.add_version(keyring, tenant_id)
    new = keyring.keys(tenant_id)
    sealed, in_bytes = new.seal("users", ROW, {"n": 2}), new.seal_bytes("files", ROW, b"two")
    assert in_hand.open("users", ROW, sealed) == {"n": 2}
    assert in_hand.open_many("users", [(ROW, old), (ROW, sealed), (ROW, old)]) == [{"n": 1}, {"n": 2}, {"n": 1}]
    assert in_hand.open_bytes("files", ROW, in_bytes) == b"two"
    assert slow.keys(tenant_id).version == 2, "from then on the process seals with it, too"


def test_a_version_that_nobody_made_does_not_open(keyring, tenant_id):
    keys = keyring.keys(tenant_id)
    sealed = keys.seal("users", ROW, {})
    for version in (2, 3, 2**32 - 1):
        planted = sealed[:1] + version.to_bytes(4) + sealed[5:]
        for opening in (
            keys.open,
            keys.open_bytes,
            keys.reseal,
            lambda table, row, value: keys.open_many(table, [(row, value)]),
        ):
            with pytest.raises(Unreadable):
                opening("users", ROW, planted)


def test_sealing_anew_keeps_content_format_and_length(keyring, tenant_id):
    keys = keyring.keys(tenant_id)
    record, data = keys.seal("users", ROW, {"name": "Zoë"}), keys.seal_bytes("files", ROW, b"\0\x80 bytes")
    rotation.add_version(keyring, tenant_id)
    keys = keyring.keys(tenant_id)
    moved, moved_data = keys.reseal("users", ROW, record), keys.reseal("files", ROW, data)
    assert (moved[:5], len(moved)) == (b"\1\0\0\0\2", len(record))
    assert (moved_data[:5], len(moved_data)) == (b"\2\0\0\0\2", len(data))
    assert keys.open("users", ROW, moved) == {"name": "Zoë"}
    assert keys.open_bytes("files", ROW, moved_data) == b"\0\x80 bytes"
    with pytest.raises(Unreadable):
        keys.reseal("sessions", ROW, record)


def test_a_version_is_made_once_however_often_it_is_asked_for(keyring, tenant_id):
    assert rotation.next_version(keyring, tenant_id) == 2
    for _again in range(2):
        rotation.ensure_version(keyring, tenant_id, 2)
    assert states(keyring, tenant_id) == {1: "decrypt_only", 2: "primary"}
    with pytest.raises(Conflict, match="not the next one"):
        rotation.ensure_version(keyring, tenant_id, 4)


def test_a_key_that_meets_a_new_root_on_its_way_into_the_store_is_wrapped_again(place, keyring, monkeypatch):
    """Another process makes a root and wraps everything under it, between this one's wrapping and storing."""
    other, add = open_vault(place.root_url, place.store_url), type(keyring.store).add_key
    raced = []

    def late(self, key, root):
        if not raced:
            raced.append(key.root_version)
            other.provider.rotate()
            rotation.rewrap(other)
        return add(self, key, root)

    monkeypatch.setattr(type(keyring.store), "add_key", late)
    tenant_id = new_id()
    keyring.create_tenant_key(tenant_id)
    assert raced == [1]
    assert {row["root_version"] for row in keyring.status()} == {2}
    assert keyring.keys(tenant_id).version == 1
