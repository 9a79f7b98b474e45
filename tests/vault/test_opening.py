"""A vault opens with the keys that belong to it, says exactly why when it does not, and is made only once (P17)."""

import base64
import os
import re
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.core.errors import Conflict, Misconfigured
from console.core.ids import new_id
from console.vault.keyring import Keyring
from console.vault.keystore import KeyStore
from console.vault.providers import EnvProvider, FileProvider
from console.vault.selftest import check_known_answers
from console.vault.setup import create_vault, open_vault

from .conftest import ROW


def test_the_algorithms_compute_their_published_vectors():
    check_known_answers()


def test_a_vault_opens_again_and_reads_what_it_sealed(place, keyring, tenant_id):
    sealed = keyring.keys(tenant_id).seal("users", ROW, {"a": 1})
    again = open_vault(place.root_url, place.store_url)
    assert again.installation_id == keyring.installation_id
    assert again.keys(tenant_id).open("users", ROW, sealed) == {"a": 1}
    assert again.platform().derive("x") == keyring.platform().derive("x")


def test_a_second_installation_in_the_same_store_is_refused(place, keyring):
    before = keyring.status()
    with pytest.raises(Conflict, match="already"):
        create_vault(place.root_url, place.store_url)
    with pytest.raises(Conflict, match="already belongs to an installation"):
        Keyring.create(FileProvider(place.keys), KeyStore(place.store_url))
    assert open_vault(place.root_url, place.store_url).status() == before


def wrong_key(place):
    for path in place.keys.iterdir():
        path.unlink()
    FileProvider(place.keys, create=True)


def wrong_version(place):
    wrong_key(place)
    FileProvider(place.keys).rotate()
    (place.keys / "root-1.key").unlink()


def damaged_canary(place):
    connection = sqlite3.connect(place.store)
    with connection:
        connection.execute("update installation set canary = ?", [b"\x01" + os.urandom(60)])
    connection.close()


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (wrong_key, "expected fingerprint {name}, found [0-9a-f]{{32}}"),
        (wrong_version, r"Expected version 1 with fingerprint {name}, found only version 2 \([0-9a-f]{{32}}\)"),
        (lambda place: (place.keys / "root-1.key").unlink(), "There is no root key in"),
        (lambda place: (place.keys / "root-1.key").write_bytes(b""), "is empty"),
        (lambda place: os.truncate(place.keys / "root-1.key", 60), "root-1.key"),
        (lambda place: (place.keys / "root-1.key").chmod(0o644), "chmod 600"),
        (lambda place: place.store.unlink(), "The key store .* cannot be opened"),
        (lambda place: place.store.write_bytes(b""), "The key store .* cannot be used"),
        (lambda place: place.store.write_bytes(b"x" * 5000), "The key store .* cannot be used"),
        (lambda place: place.store.chmod(0o644), "The key store .* is open to other accounts"),
        (damaged_canary, "test text does not open under root key version 1 .fingerprint {name}"),
    ],
)
def test_a_vault_that_does_not_fit_is_named_in_seconds_and_nothing_is_made_over_it(place, keyring, damage, cause):
    name = keyring.provider.fingerprint()
    damage(place)
    before = place.files()
    started = time.monotonic()
    with pytest.raises(Misconfigured, match=cause.format(name=name)):
        open_vault(place.root_url, place.store_url)
    assert time.monotonic() - started < 5
    assert place.files() == before


@pytest.mark.parametrize("remains", [b"", b"x" * 5000])
def test_creating_over_the_remains_of_a_store_is_refused_and_changes_nothing(place, keyring, remains):
    place.store.write_bytes(remains)
    before = place.files()
    with pytest.raises(Misconfigured, match="cannot be used"):
        create_vault(place.root_url, place.store_url)
    assert place.files() == before


def test_creating_with_a_lost_root_key_makes_no_new_one(place, keyring):
    (place.keys / "root-1.key").unlink()
    with pytest.raises(Conflict, match="already has its keys"):
        create_vault(place.root_url, place.store_url)
    assert list(place.keys.iterdir()) == []


def test_a_store_of_a_later_format_is_refused(place, keyring):
    connection = sqlite3.connect(place.store)
    with connection:
        connection.execute("update installation set format = 2")
    connection.close()
    with pytest.raises(Misconfigured, match="has format 2"):
        open_vault(place.root_url, place.store_url)


def test_of_two_processes_that_create_a_vault_one_wins_and_its_keys_are_whole(place):
    program = (
        "import sys; from console.vault.setup import create_vault; from console.core.errors import Conflict\n"
        "sys.stdin.readline()\n"
        "try: print(create_vault(sys.argv[1], sys.argv[2]).installation_id)\n"
        "except Conflict: print('refused')"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, place.root_url, place.store_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(4)
    ]
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = sorted(process.communicate()[0].strip() for process in processes)
    assert answers[1:] == ["refused"] * 3
    assert open_vault(place.root_url, place.store_url).installation_id == answers[0]
    assert re.fullmatch("[0-9a-f-]{36}", answers[0])


def test_the_root_key_may_move_to_the_environment(place, keyring, tenant_id):
    sealed = keyring.keys(tenant_id).seal("users", ROW, {"a": 1})
    line = (place.keys / "root-1.key").read_text().splitlines()[1]
    moved = Keyring.open(EnvProvider("ROOT", {"ROOT": f"1:{line}"}), KeyStore(place.store_url))
    assert moved.keys(tenant_id).open("users", ROW, sealed) == {"a": 1}


def test_an_old_root_key_in_a_restarted_process_cannot_store_keys_behind_a_rotation(place, keyring):
    line = (place.keys / "root-1.key").read_text().splitlines()[1]
    stale = Keyring.open(EnvProvider("ROOT", {"ROOT": f"1:{line}"}), KeyStore(place.store_url))
    keyring.provider.rotate()
    keyring.rewrap_canary()
    tenant_id = new_id()
    with pytest.raises(Conflict, match="Root key version 2 is in use, but this process has 1"):
        stale.create_tenant_key(tenant_id)
    assert keyring.check([tenant_id]) == [tenant_id]


def test_another_key_under_the_number_of_the_root_key_in_use_cannot_store_keys(place, keyring):
    other = base64.b64encode(os.urandom(32)).decode()
    keyring.provider = EnvProvider("ROOT", {"ROOT": f"1:{other}"})
    with pytest.raises(Misconfigured, match="has the fingerprint"):
        keyring.create_tenant_key(new_id())
