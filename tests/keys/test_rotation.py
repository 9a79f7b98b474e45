"""A key is replaced: everything is sealed under the new version, and the old one goes only when nothing needs it."""

import pytest
from sqlalchemy import select

from console.audit.verify import verify
from console.core.db import db
from console.core.errors import Conflict, Invalid
from console.core.ids import PLATFORM_TENANT_ID
from console.keys.places import counts_by_version
from console.users.models import User
from console.vault.access import keyring
from tests.doors import Ledger


def states(house, tenant_id):
    with house.app.app_context():
        return {row["version"]: row["state"] for row in keyring().status() if row["tenant_id"] == tenant_id}


def names(house, tenant_id):
    with house.inside(tenant_id, write=False):
        return sorted(user.name for user in db.session.execute(select(User)).scalars())


def old_seals(house, tenant_id, version):
    """Everything in the whole database of that tenant that looks sealed under that version, whatever its column."""
    header = version.to_bytes(4)
    return [
        (table, name)
        for table, rows in Ledger(house).rows().items()
        for row in rows.values()
        if row.get("tenant_id", tenant_id) == tenant_id
        for name, value in row.items()
        if isinstance(value, bytes) and len(value) >= 61 and value[0] in (1, 2) and value[1:5] == header
    ]


def test_everything_is_sealed_anew_and_the_old_version_is_destroyed(house, replacing):
    tenant_id = house["owner"].tenant_id
    before = names(house, tenant_id)
    with house.inside(tenant_id, write=False):
        counted = counts_by_version()[1]
    done = replacing.whole(tenant_id)
    assert done.state == "done", (done.state, done.remaining, done.unreadable)
    assert set(done.remaining.values()) == {0}
    assert states(house, tenant_id) == {1: "destroyed", 2: "primary"}
    assert names(house, tenant_id) == before
    assert done.moved["users"] == counted["users"] == 9
    assert done.moved["audit_entries"] >= counted["audit_entries"]
    assert [found for found in old_seals(house, tenant_id, 1) if found[0] not in ("tenants", "jobs")] == []
    with house.inside(tenant_id, write=False):
        assert set(counts_by_version()) == {2}
        assert verify().sound
        assert verify().details_checked


def test_another_customers_data_is_left_alone(house, replacing):
    birch = house["birch_owner"].tenant_id
    before = old_seals(house, birch, 1)
    replacing.whole(house["owner"].tenant_id)
    assert states(house, birch) == {1: "primary"}
    assert [found for found in old_seals(house, birch, 1) if found[0] != "jobs"] == [
        found for found in before if found[0] != "jobs"
    ]


def test_the_hosts_own_key_is_replaced_with_customers_names_under_it(house, replacing):
    done = replacing.whole(PLATFORM_TENANT_ID)
    assert done.state == "done", (done.remaining, done.unreadable)
    assert done.moved["tenants.sealed_name"] == 3
    assert states(house, PLATFORM_TENANT_ID) == {1: "destroyed", 2: "primary"}
    assert old_seals(house, PLATFORM_TENANT_ID, 1) == []
    assert "Acme Corporation" in house.signed_in("agent").get("/support/tenants").text


def test_a_second_replacement_waits_for_the_first(house, replacing):
    tenant_id = house["owner"].tenant_id
    first = replacing.start(tenant_id)
    with pytest.raises(Conflict, match="being replaced already"):
        replacing.start(tenant_id)
    assert replacing.finish(tenant_id, first).state == "done"
    assert replacing.whole(tenant_id).version == 3
    assert states(house, tenant_id) == {1: "destroyed", 2: "destroyed", 3: "primary"}


def test_a_reason_is_needed(house, replacing):
    with pytest.raises(Invalid):
        replacing.start(house["owner"].tenant_id, "  ")
