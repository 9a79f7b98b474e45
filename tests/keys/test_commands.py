"""`safekeep keys` as an operator or a program runs it."""

import base64
import os

import pytest

from console.core.db import db
from console.keys.models import State, under_way
from console.vault import rotation as versions
from tests import databases
from tests.commands.processes import answer_of, environment, here, refused
from tests.keys.test_rotation import names, states


@pytest.fixture
def env(house):
    with house.app.app_context():
        database = db.engine.url.database if databases.POSTGRESQL else None
    return environment(house.settings.instance, database)


def answer(env, *arguments):
    import json

    done = here(env, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_state_of_a_key_says_what_lies_under_it(house, env):
    rows = answer(env, "keys", "status", "Acme")
    assert [(row["version"], row["state"], row["replacement"]) for row in rows] == [(1, "primary", None)]
    assert rows[0]["seals_by_kind"]["users"] == 9
    assert rows[0]["seals"] == sum(rows[0]["seals_by_kind"].values())
    hosts = answer(env, "keys", "status", "platform")
    assert hosts[0]["seals_by_kind"]["tenants.sealed_name"] == 3


def test_a_key_is_replaced_and_the_count_is_the_proof(house, env, monkeypatch):
    from datetime import timedelta

    monkeypatch.setattr(versions, "SETTLING", timedelta(seconds=1))
    tenant_id, before = house["owner"].tenant_id, names(house, house["owner"].tenant_id)
    done = answer(env, "keys", "rotate", "Acme", "--reason", "A laptop was lost")
    assert (done["state"], done["version"], done["unreadable"]) == ("done", 2, [])
    assert set(done["remaining"].values()) == {0}
    assert done["moved"]["users"] == 9
    assert states(house, tenant_id) == {1: "destroyed", 2: "primary"}
    assert names(house, tenant_id) == before
    rows = answer(env, "keys", "status", "Acme")
    assert [(row["version"], row["state"], row["seals"] > 0) for row in rows] == [
        (1, "destroyed", False),
        (2, "primary", True),
    ]


def test_detached_it_is_left_to_the_worker_and_a_second_call_joins(house, env):
    tenant_id = house["owner"].tenant_id
    first = answer_of(env, "keys", "rotate", "Acme", "--detach")
    assert first["state"] == State.QUEUED
    assert answer(env, "keys", "rotate", "Acme", "--detach")["id"] == first["id"]
    assert "Waiting for its turn" in here(env, "keys", "status", "Acme").stdout
    house.work()
    with house.inside(tenant_id, write=False):
        assert under_way().state == State.SETTLING


def test_a_new_root_is_made_and_the_old_one_goes_when_nothing_needs_it(house, env):
    folder = house.settings.instance / "keys"
    done = answer_of(env, "keys", "rewrap")
    assert (done["rewrapped"], done["remaining"]) == (3, 0)
    assert [(root["version"], root["state"], root["wraps"]) for root in done["roots"]] == [
        (2, "current", 4),
        (1, "unused", 0),
    ]
    made = folder / "root-2.key"
    assert made.stat().st_mode & 0o777 == 0o600
    assert house.signed_in("owner").get("/users").status_code == 200, "a running server finds it by itself"
    assert answer(env, "keys", "rewrap", "--retire")["retired"] == [1]
    assert sorted(path.name for path in folder.iterdir()) == ["root-2.key"]
    assert house.signed_in("admin").get("/users").status_code == 200
    assert [root["state"] for root in answer(env, "keys", "roots")] == ["current", "gone"]
    assert answer(env, "keys", "rewrap", "--retire")["retired"] == []


def test_a_root_that_still_wraps_a_key_is_not_retired(house, env):
    with house.app.app_context():
        from console.vault.access import keyring

        keyring().provider.rotate()
    refused(here(env, "keys", "rewrap", "--retire"), "still wrapped under an old root: version 1 (4)")
    assert (house.settings.instance / "keys" / "root-1.key").exists()
    done = answer(env, "keys", "rewrap")
    assert (done["rewrapped"], done["remaining"]) == (3, 0), "the root that was made is used; no third one is made"
    assert {root["version"] for root in done["roots"]} == {1, 2}


def test_with_the_root_in_a_variable_the_operator_puts_the_new_one_in_front(house, env):
    folder = house.settings.instance / "keys"
    old = (folder / "root-1.key").read_text().splitlines()[1]
    new = base64.b64encode(os.urandom(32)).decode()
    env = {**env, "SAFEKEEP_ROOT_KEY": "env:SAFEKEEP_TEST_ROOTS", "SAFEKEEP_TEST_ROOTS": f"1:{old}"}
    refused(here(env, "keys", "rewrap"), "Put `2:<new key>` first")
    env["SAFEKEEP_TEST_ROOTS"] = f"2:{new},1:{old}"
    assert answer(env, "keys", "rewrap")["rewrapped"] == 3
    refused(here(env, "keys", "rewrap", "--retire"), "Remove `1:…`")
    env["SAFEKEEP_TEST_ROOTS"] = f"2:{new}"
    assert [root["state"] for root in answer(env, "keys", "roots")] == ["current", "gone"]
    assert here(env, "doctor").returncode == 0
