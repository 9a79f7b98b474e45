"""The store is looked after: orphans are swept, damage is found, and keys move to a new version."""

import os
from datetime import timedelta

import time_machine
from sqlalchemy import delete, select

from console.core import clock
from console.core.db import db
from console.core.ids import new_id
from console.vault import rotation
from console.vault.blob_care import KEPT, Finding, foreign_folders
from console.vault.blob_store import blob_name
from console.vault.blobs import Blob, blobs_under, find_blob, open_blob, rewrap_blob_keys

from .stored import age, columns_of, content, findings, give, keep, names_of, path_of, sweep


def test_the_sweep_takes_nothing_that_has_a_row_nor_what_is_not_a_blob_of_ours(house):
    kept = [keep(house, "admin", content(10)) for _ in range(3)]
    orphan = path_of(house, "admin", new_id())
    strange = orphan.parent.parent / "notes.txt"
    half, stranger = orphan.parents[2] / ".new" / "half", orphan.parents[2] / new_id().hex / "00" / new_id().hex
    for path in (orphan, strange, half, stranger):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
    for path in (orphan, strange, half, stranger, *(path_of(house, "admin", blob_id) for blob_id in kept)):
        age(path, hours=25)
    sweep(house)
    assert [path.exists() for path in (orphan, strange, half, stranger)] == [False, True, False, True]
    assert len(names_of(house, "admin")) == 4
    assert {finding.kind for finding in findings(house, "admin")} == {"foreign"}


def test_the_sweep_runs_by_itself(house):
    house.work()
    orphan = path_of(house, "admin", new_id())
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"left")
    with time_machine.travel(clock.now() + KEPT + timedelta(hours=1), tick=True):
        house.work()
    assert not orphan.exists()


def test_the_check_finds_what_is_damaged_missing_or_foreign_and_nothing_else(house):
    sound, damaged, missing, shortened = (keep(house, "admin", content(40_000, seed)) for seed in range(4))
    elsewhere = keep(house, "birch_admin", b"theirs")
    assert findings(house, "admin") == []
    path = path_of(house, "admin", damaged)
    touched = bytearray(path.read_bytes())
    touched[20_000] ^= 4
    path.write_bytes(touched)
    path_of(house, "admin", missing).unlink()
    os.truncate(path_of(house, "admin", shortened), 20_000)
    foreign = path_of(house, "admin", elsewhere)
    strange = foreign.parent.parent / "notes.txt"
    foreign.parent.mkdir(exist_ok=True)
    for planted in (foreign, strange):
        planted.write_bytes(b"planted")
        age(planted, hours=2)
    found = findings(house, "admin")
    assert {(one.kind, one.blob_id) for one in found} == {
        ("damaged", damaged),
        ("missing", missing),
        ("damaged", shortened),
        ("foreign", elsewhere),
        ("foreign", None),
    }
    assert not any(str(sound) in str(one) for one in found)
    assert findings(house, "birch_admin") == []


def test_what_lies_under_no_customer_is_found(house):
    stray = new_id(), new_id()
    path = house.settings.instance / "blobs" / blob_name(*stray)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    keep(house, "admin", b"x")
    known = [house["admin"].tenant_id, house["birch_admin"].tenant_id]
    with house.app.app_context():
        assert list(foreign_folders(known)) == [Finding("foreign", stray[1], blob_name(*stray))]


def test_the_check_looks_through_more_blobs_than_fit_in_one_batch(house, monkeypatch):
    monkeypatch.setattr("console.vault.blob_care._BATCH", 3)
    ids = [keep(house, "admin", b"x") for _ in range(8)]
    path_of(house, "admin", ids[-1]).unlink()
    path_of(house, "admin", ids[3]).write_bytes(b"")
    assert {one.blob_id for one in findings(house, "admin")} == {ids[-1], ids[3]}


def test_a_new_key_version_takes_over_the_keys_of_blobs_and_not_the_blobs(house):
    tenant_id, data = house["admin"].tenant_id, content(50_000)
    ids = [keep(house, "admin", data) for _ in range(5)]
    theirs = keep(house, "birch_admin", data)
    stored = [path_of(house, "admin", blob_id).read_bytes() for blob_id in ids]
    keyring = house.app.extensions["safekeep.keyring"]
    rotation.add_version(keyring, tenant_id)
    with house.inside(tenant_id):
        assert (blobs_under(1), blobs_under(2)) == (5, 0)
        assert rewrap_blob_keys(1, 2) == 2
    with house.inside(tenant_id):
        assert (blobs_under(1), blobs_under(2)) == (3, 2)
        assert rewrap_blob_keys(2, 100) == 0, "the newest is where they belong"
        assert rewrap_blob_keys(1, 100) == 3
        assert rewrap_blob_keys(1, 100) == 0
        assert blobs_under(1) == 0
    with time_machine.travel(clock.now() + rotation.SETTLING):
        rotation.retire_version(keyring, tenant_id, 1)
    with house.inside(tenant_id, write=False):
        assert all(open_blob(find_blob(blob_id)).read(0, 50_000) == data for blob_id in ids)
    assert [path_of(house, "admin", blob_id).read_bytes() for blob_id in ids] == stored
    with house.inside(house["birch_admin"].tenant_id, write=False):
        assert blobs_under(1) == 1
        assert open_blob(find_blob(theirs)).size == 50_000


def test_a_key_that_does_not_open_stays_and_holds_up_no_other(house, monkeypatch):
    monkeypatch.setattr("console.vault.blobs._REWRAP_BATCH", 2)
    ids = [keep(house, "admin", b"x") for _ in range(7)]
    for broken in ids[:4]:
        give(house, "admin", broken, wrapped_key=bytes(65))
    rotation.add_version(house.app.extensions["safekeep.keyring"], house["admin"].tenant_id)
    with house.inside(house["admin"].tenant_id):
        assert rewrap_blob_keys(1, 3) == 3
        assert blobs_under(1) == 4


def test_a_key_that_another_replaced_meanwhile_is_left_to_the_other(house):
    """What was read is compared when it is replaced, so that nothing newer is overwritten."""
    from console.vault.blobs import _rewrap

    tenant_id, blob_id = house["admin"].tenant_id, keep(house, "admin", b"x")
    before = columns_of(house, "admin", blob_id)["wrapped_key"]
    rotation.add_version(house.app.extensions["safekeep.keyring"], tenant_id)
    with house.inside(tenant_id):
        assert _rewrap(blob_id, before) == 1
        newer = db.session.execute(select(Blob.wrapped_key).where(Blob.id == blob_id)).scalar_one()
        assert _rewrap(blob_id, before) == 0
        assert db.session.execute(select(Blob.wrapped_key).where(Blob.id == blob_id)).scalar_one() == newer
    with house.inside(tenant_id, write=False):
        assert open_blob(find_blob(blob_id)).read(0, 1) == b"x"


def test_control_a_row_deleted_past_the_rules_leaves_an_orphan_that_is_found(house):
    blob_id = keep(house, "admin", b"x")
    with house.inside(house["admin"].tenant_id):
        db.session.execute(delete(Blob).where(Blob.id == blob_id))
    age(path_of(house, "admin", blob_id), hours=2)
    assert [(one.kind, one.blob_id) for one in findings(house, "admin")] == [("foreign", blob_id)]
