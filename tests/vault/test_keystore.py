"""The key store is a file of its own that is made on demand only and can be read by its owner alone."""

import sqlite3
from dataclasses import replace

import pytest
import sqlalchemy as sa

from console.core.errors import Conflict, Misconfigured
from console.core.ids import new_id
from console.vault import schema, store_engine
from console.vault.keystore import KeyStore


def test_reading_a_store_that_is_not_there_is_refused_and_makes_none(place):
    store = KeyStore(place.store_url)
    for read in (store.installation, store.stored_keys, lambda: store.destroy(new_id(), 1)):
        with pytest.raises(Misconfigured, match="safekeep init"):
            read()
    assert store.has_installation() is False
    assert not place.store.exists()


def test_a_store_is_private_and_durable(place):
    KeyStore(place.store_url).create()
    assert place.store.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in place.store.parent.iterdir()] == [place.store.name]
    connection = store_engine._connect(place.store)
    pragmas = {name: connection.execute(f"pragma {name}").fetchone()[0] for name in
               ("journal_mode", "synchronous", "secure_delete", "foreign_keys")}  # fmt: skip
    connection.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}


@pytest.mark.parametrize("remains", [b"", b"remains of keys"])
def test_making_a_store_over_a_file_leaves_the_file(place, remains):
    place.store.write_bytes(remains)
    store_engine.make_sqlite_file(place.store, schema.metadata)
    assert place.files() == {str(place.store): remains}


def test_the_files_beside_an_open_store_are_private_too(place, keyring):
    connection = sqlite3.connect(place.store)
    connection.execute("select * from roots").fetchall()
    for path in place.store.parent.glob("keys.sqlite*"):
        assert path.stat().st_mode & 0o777 == 0o600
    connection.close()


def test_an_empty_store_belongs_to_no_installation(place):
    store = KeyStore(place.store_url)
    store.create()
    store.create()
    assert store.has_installation() is False
    with pytest.raises(Misconfigured, match="belongs to no installation"):
        store.installation()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?uri=true", "mysql://h/d"])
def test_a_store_that_would_not_last_or_is_not_known_is_refused(url):
    with pytest.raises(Misconfigured, match="SAFEKEEP_KEYSTORE_URL must"):
        KeyStore(url)


def test_a_path_with_special_characters_is_taken_literally(tmp_path):
    path = tmp_path / "a b?c#d%41"
    path.mkdir()
    store = KeyStore(sa.URL.create("sqlite", database=str(path / "keys.sqlite")).render_as_string())
    store.create()
    assert (path / "keys.sqlite").exists()


def test_a_tenant_never_has_two_primaries_nor_a_version_twice(keyring, tenant_id):
    (key,) = keyring.store.stored_keys([tenant_id])
    with pytest.raises(Conflict):
        keyring.store.add_key(key, keyring.provider.fingerprint())
    keyring.store.add_key(replace(key, version=2), keyring.provider.fingerprint())
    states = [key.state for key in keyring.store.stored_keys([tenant_id])]
    assert states == ["decrypt_only", "primary"]


@pytest.mark.parametrize(
    "change",
    ["state = 'lost'", "state = 'destroyed'", "wrapped = null", "destroyed_at = '2026-01-01'", "root_version = 99"],
)
def test_the_database_itself_refuses_a_state_that_cannot_be(place, keyring, tenant_id, change):
    connection = store_engine._connect(place.store)
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(f"update tenant_keys set {change}")
    connection.close()


def test_a_rewrap_that_was_overtaken_changes_nothing(keyring, tenant_id):
    (key,) = keyring.store.stored_keys([tenant_id])
    first, second = keyring.rewrap(key), keyring.rewrap(key)
    root = keyring.provider.fingerprint()
    assert keyring.store.replace_wrapping(key, first, root) is True
    assert keyring.store.replace_wrapping(key, second, root) is False
    assert keyring.store.stored_keys([tenant_id])[0].wrapped == first.wrapped
