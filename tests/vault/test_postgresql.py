"""The key store on PostgreSQL, in a database of its own. Runs where the gate brought up a server."""

import os
import threading
from uuid import uuid4

import pytest
import sqlalchemy as sa

from console.core.errors import Conflict, Misconfigured
from console.core.ids import new_id
from console.vault import rotation
from console.vault.keyring import Keyring
from console.vault.keystore import KeyStore
from console.vault.providers import FileProvider

from .conftest import ROW

OWNER_URL = os.environ.get("SAFEKEEP_TEST_OWNER_URL")
pytestmark = pytest.mark.skipif(not OWNER_URL, reason="no PostgreSQL was brought up")


@pytest.fixture
def url():
    """An empty database for one test."""
    owner = sa.make_url(OWNER_URL).set(drivername="postgresql+psycopg")
    name = f"vault_{uuid4().hex}"
    engine = sa.create_engine(owner, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(f"create database {name}"))
    yield owner.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as connection:
        connection.execute(sa.text(f"drop database {name} with (force)"))
    engine.dispose()


@pytest.fixture
def provider(tmp_path):
    return FileProvider(tmp_path / "keys", create=True)


def test_a_vault_lives_there_from_creation_to_the_end_of_a_root_key(url, provider):
    store = KeyStore(url)
    assert store.has_installation() is False
    keyring = Keyring.create(provider, store)
    assert store.has_installation() is True
    tenant_id = new_id()
    keyring.create_tenant_key(tenant_id)
    with pytest.raises(Conflict):
        keyring.create_tenant_key(tenant_id)
    sealed = keyring.keys(tenant_id).seal("users", ROW, {"a": 1})
    rotation.add_version(keyring, tenant_id)
    provider.rotate()
    assert rotation.rewrap(keyring).remaining == 0
    provider.retire(1)
    again = Keyring.open(provider, KeyStore(url))
    assert again.keys(tenant_id).open("users", ROW, sealed) == {"a": 1}
    assert again.status()[0]["created_at"].utcoffset().total_seconds() == 0
    keyring.store.destroy(tenant_id, 1)
    keyring.store.destroy(tenant_id, 2)
    assert again.check([tenant_id]) == [tenant_id]


def test_of_several_that_create_at_once_one_wins(url, provider):
    ready, answers = threading.Barrier(4), []

    def work():
        ready.wait()
        try:
            answers.append(Keyring.create(provider, KeyStore(url)).installation_id)
        except Conflict:
            answers.append("refused")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers)[1:] == ["refused"] * 3
    assert Keyring.open(provider, KeyStore(url)).installation_id == min(answers)


def test_a_store_that_is_empty_or_out_of_reach_is_named_without_its_password(url, provider):
    with pytest.raises(Misconfigured, match="cannot be used"):
        Keyring.open(provider, KeyStore(url))
    away = sa.make_url(url).set(port=1)
    with pytest.raises(Misconfigured, match="cannot be used") as refusal:
        KeyStore(away.render_as_string(hide_password=False)).has_installation()
    assert away.password not in str(refusal.value)
