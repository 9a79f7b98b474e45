"""The keyring hands out each tenant's keys, keeps them a few minutes, and knows which are gone."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from console.core.errors import Conflict
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.vault.errors import KeyUnavailable, Unreadable
from console.vault.keyring import CACHED_SECONDS, CACHED_TENANTS, Keyring
from console.vault.keystore import KeyStore
from console.vault.providers import FileProvider

from .conftest import ROW

ROOT = Path(__file__).parents[2]


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def hand(keyring, place):
    """A clock moved by hand, and a second keyring over the same vault that lives by it."""
    clock = Clock()
    return clock, Keyring.open(FileProvider(place.keys), KeyStore(place.store_url), monotonic=clock)


def test_each_tenant_has_its_own_keys(keyring, tenant_id):
    other_id = new_id()
    keyring.create_tenant_key(other_id)
    ours, theirs = keyring.keys(tenant_id), keyring.keys(other_id)
    assert (ours.tenant_id, theirs.tenant_id) == (tenant_id, other_id)
    assert ours.index("a", b"v") != theirs.index("a", b"v")
    assert ours._secrets[1] != theirs._secrets[1]
    with pytest.raises(Unreadable):
        theirs.open("users", ROW, ours.seal("users", ROW, {}))


def test_the_platform_has_keys_from_the_start(keyring):
    assert keyring.platform().tenant_id == PLATFORM_TENANT_ID
    assert keyring.platform() is keyring.keys(PLATFORM_TENANT_ID)


def test_a_tenant_gets_a_key_once(keyring, tenant_id):
    before = keyring.status()
    for again in (tenant_id, PLATFORM_TENANT_ID):
        with pytest.raises(Conflict, match="exists already"):
            keyring.create_tenant_key(again)
    assert keyring.status() == before


def test_a_tenant_without_a_key_is_gone_not_broken(keyring):
    with pytest.raises(KeyUnavailable, match="There is no key"):
        keyring.keys(new_id())


def test_a_destroyed_tenant_is_gone_for_good_and_gets_no_new_key(keyring, tenant_id):
    keyring.store.destroy(tenant_id, 1)
    first = keyring.store.stored_keys([tenant_id])
    keyring.store.destroy(tenant_id, 1)
    assert keyring.store.stored_keys([tenant_id]) == first
    keyring.drop(tenant_id)
    with pytest.raises(KeyUnavailable, match="was destroyed"):
        keyring.keys(tenant_id)
    with pytest.raises(Conflict):
        keyring.create_tenant_key(tenant_id)
    assert [row["state"] for row in keyring.status() if row["tenant_id"] == tenant_id] == ["destroyed"]


def test_a_destroyed_key_leaves_no_bytes_in_the_file_or_its_log(place, keyring, tenant_id):
    (stored,) = keyring.store.stored_keys([tenant_id])
    held = sqlite3.connect(place.store)  # keeps the write-ahead log from being removed with the last user
    held.execute("select * from roots").fetchall()
    assert any(stored.wrapped in content for content in place.files().values())
    keyring.store.destroy(tenant_id, 1)
    assert not any(stored.wrapped in content for content in place.files().values())
    held.close()


def test_status_tells_of_every_key_and_shows_none(keyring, tenant_id):
    platform, tenant = keyring.status()
    assert list(tenant) == ["tenant_id", "version", "state", "fingerprint", "root_version", "created_at"]
    assert (platform["tenant_id"], tenant["tenant_id"]) == (PLATFORM_TENANT_ID, tenant_id)
    assert (tenant["version"], tenant["state"], tenant["root_version"]) == (1, "primary", 1)
    assert tenant["created_at"].utcoffset().total_seconds() == 0
    assert tenant["fingerprint"] == keyring.keys(tenant_id)._secrets[1].fingerprint


def test_check_names_the_tenants_whose_key_is_missing_or_does_not_unwrap(place, keyring, tenant_id):
    damaged, moved, absent = new_id(), new_id(), new_id()
    for other_id in (damaged, moved):
        keyring.create_tenant_key(other_id)
        keyring.keys(other_id)
    connection = sqlite3.connect(place.store)
    with connection:
        set_key = "update tenant_keys set wrapped = {} where tenant_id = ?"
        connection.execute(set_key.format("randomblob(93)"), [damaged.hex])
        connection.execute(
            set_key.format(f"(select wrapped from tenant_keys where tenant_id = '{tenant_id.hex}')"), [moved.hex]
        )
    connection.close()
    assert keyring.check([tenant_id, damaged, moved, absent]) == [damaged, moved, absent]


def test_opened_keys_are_kept_for_five_minutes_and_no_longer(hand, tenant_id):
    clock, keyring = hand
    first = keyring.keys(tenant_id)
    clock.seconds = CACHED_SECONDS - 1
    assert keyring.keys(tenant_id) is first
    clock.seconds = CACHED_SECONDS
    assert keyring.keys(tenant_id) is not first


def test_use_does_not_prolong_the_five_minutes(hand, keyring, tenant_id):
    clock, other = hand
    other.keys(tenant_id)
    keyring.store.destroy(tenant_id, 1)
    for clock.seconds in range(0, int(CACHED_SECONDS), 20):
        other.keys(tenant_id)
    clock.seconds = CACHED_SECONDS
    with pytest.raises(KeyUnavailable):
        other.keys(tenant_id)


def test_the_least_recently_used_keys_go_first(keyring, tenant_id):
    cache = keyring._opened
    first, second = keyring.keys(tenant_id), keyring.platform()
    fillers = [new_id() for _ in range(CACHED_TENANTS - 1)]
    for filler in fillers[:-1]:
        cache.get(filler, lambda: second)
    assert keyring.keys(tenant_id) is first
    cache.get(fillers[-1], lambda: second)
    assert keyring.keys(tenant_id) is first
    assert keyring.platform() is not second
    assert len(cache._kept) == CACHED_TENANTS


def test_a_drop_takes_effect_at_once_and_for_one_tenant_only(keyring, tenant_id):
    first, platform = keyring.keys(tenant_id), keyring.platform()
    keyring.drop(tenant_id)
    keyring.drop(new_id())
    assert keyring.keys(tenant_id) is not first
    assert keyring.platform() is platform


def test_keys_that_were_being_read_while_they_were_dropped_are_not_kept(keyring, tenant_id):
    keys = keyring.keys(tenant_id)
    keyring.drop(tenant_id)

    def slow():
        keyring.drop(tenant_id)
        return keys

    assert keyring._opened.get(tenant_id, slow) is keys
    assert keyring.keys(tenant_id) is not keys


def test_a_failure_to_read_is_not_kept(keyring):
    tenant_id = new_id()
    with pytest.raises(KeyUnavailable):
        keyring.keys(tenant_id)
    keyring.create_tenant_key(tenant_id)
    assert keyring.keys(tenant_id).version == 1


def test_threads_that_make_keys_at_once_wait_for_each_other(keyring):
    tenants, failures = [new_id() for _ in range(40)], []

    def work(mine):
        try:
            for tenant_id in mine:
                keyring.create_tenant_key(tenant_id)
        except Exception as failure:  # noqa: BLE001
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(tenants[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert keyring.check(tenants) == []


def test_threads_that_want_the_same_tenant_read_it_once(keyring, tenant_id):
    ready, found = threading.Barrier(8), []

    def work():
        ready.wait()
        found.append(keyring.keys(tenant_id))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(keys) for keys in found}) == 1


FORKING = """
import os, sys, uuid
from console.vault.setup import open_vault
keyring, tenant_id = open_vault(sys.argv[1], sys.argv[2]), uuid.UUID(sys.argv[3])
keys = keyring.keys(tenant_id)
sealed = [keys.seal("users", tenant_id, {})]
for _ in range(2):
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            assert keyring.check([tenant_id]) == []
            os.write(writer, keys.seal("users", tenant_id, keys.open("users", tenant_id, sealed[0])))
        finally:
            os._exit(0)
    os.close(writer)
    os.wait()
    sealed.append(os.read(reader, 1000))
sealed.append(keys.seal("users", tenant_id, {}))
print(*(record.hex() for record in sealed))
"""


def test_forked_processes_use_the_keys_with_nonces_of_their_own(place, keyring, tenant_id):
    command = [sys.executable, "-c", FORKING, place.root_url, place.store_url, str(tenant_id)]
    output = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    records = [bytes.fromhex(record) for record in output.split()]
    items = [(tenant_id, record) for record in records]
    assert keyring.keys(tenant_id).open_many("users", items) == [{}] * 4
    assert len({record[5:17] for record in records}) == 4
