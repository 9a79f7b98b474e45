"""Blobs with their rows: stored before the row, removed after it, readable in their place alone, looked after for good."""

import hashlib
import os
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import delete, func, select, update

from console.core import clock
from console.core.db import db
from console.core.errors import Conflict, NotFound
from console.core.ids import new_id
from console.core.jobs import Job
from console.vault import rotation
from console.vault.blob_care import KEPT, SWEEP_JOB, Finding, check_blobs, foreign_folders
from console.vault.blob_store import blob_name, tenant_prefix
from console.vault.blobs import (
    WHOLE_BYTES,
    Blob,
    blob_store,
    blobs_under,
    delete_blob,
    find_blob,
    open_blob,
    rewrap_blob_keys,
    store_blob,
)
from console.vault.errors import BlobMissing, KeyUnavailable, Unreadable

from .stored import content, cut

LARGE = WHOLE_BYTES + 100_000


class Rolled(Exception):
    """Ends a unit of work without a commit."""


def keep(house, key, data):
    """The id of a new blob of that person's Customer."""
    with house.inside(house[key].tenant_id):
        return store_blob(cut(data)).blob.id


def names_of(house, key):
    with house.app.app_context():
        return set(blob_store().names(tenant_prefix(house[key].tenant_id)))


def path_of(house, key, blob_id):
    return house.settings.instance / "blobs" / blob_name(house[key].tenant_id, blob_id)


def findings(house, key):
    with house.app.app_context():
        return list(check_blobs(house[key].tenant_id))


def age(path, hours):
    then = (clock.now() - timedelta(hours=hours)).timestamp()
    os.utime(path, (then, then))


def sweep(house):
    with house.inside():
        db.session.execute(update(Job).where(Job.kind == SWEEP_JOB).values(run_after_at=clock.now(), state="queued"))
    house.work()


@pytest.mark.parametrize("size", [0, 1, 16_384, 100_000, WHOLE_BYTES, LARGE])
def test_what_is_stored_is_read_back_whole_and_in_ranges(house, size):
    data = content(size)
    with house.inside(house["admin"].tenant_id):
        stored = store_blob(cut(data))
        blob_id = stored.blob.id
        assert stored.sha256 == hashlib.sha256(data).digest()
    with house.inside(house["admin"].tenant_id, write=False):
        blob = find_blob(blob_id)
        opened = open_blob(blob)
        assert opened.size == blob.plaintext_bytes == size
        assert b"".join(opened.stream()) == data
        assert opened.read(size // 2, 1000) == data[size // 2 : size // 2 + 1000]
        opened.verify()
        stored_bytes = path_of(house, "admin", blob_id).read_bytes()
        assert (blob.stored_bytes, blob.stored_sha256) == (len(stored_bytes), hashlib.sha256(stored_bytes).digest())


def test_nothing_of_the_content_and_no_name_of_the_customer_lies_in_the_store(house):
    data = b"Dear Ada, the secret of this letter is plain. " * 500
    blob_id = keep(house, "admin", data)
    root = house.settings.instance / "blobs"
    for path in root.rglob("*"):
        assert "cedar" not in str(path.relative_to(root)).lower()
        assert path.is_dir() or b"secret of this letter" not in path.read_bytes()
    assert path_of(house, "admin", blob_id).is_file()


def test_without_a_commit_there_is_no_row_and_what_was_stored_waits_for_the_sweep(house):
    with pytest.raises(Rolled), house.inside(house["admin"].tenant_id):
        blob_id = store_blob([b"x"]).blob.id
        raise Rolled
    assert names_of(house, "admin") == {blob_name(house["admin"].tenant_id, blob_id)}
    with house.inside(house["admin"].tenant_id), pytest.raises(NotFound):
        find_blob(blob_id)
    sweep(house)
    assert names_of(house, "admin"), "its transaction might still be going on"
    age(path_of(house, "admin", blob_id), hours=25)
    sweep(house)
    assert not names_of(house, "admin")


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


def test_a_deleted_blob_goes_after_the_commit_and_not_before(house):
    blob_id = keep(house, "admin", content(10))
    with pytest.raises(Rolled), house.inside(house["admin"].tenant_id):
        delete_blob(find_blob(blob_id))
        db.session.flush()
        raise Rolled
    house.work()
    assert path_of(house, "admin", blob_id).exists()
    with house.inside(house["admin"].tenant_id):
        delete_blob(find_blob(blob_id))
    assert path_of(house, "admin", blob_id).exists()
    age(path_of(house, "admin", blob_id), hours=2)
    assert findings(house, "admin") == []
    house.work()
    assert not path_of(house, "admin", blob_id).exists()


def test_an_id_serves_once(house):
    blob_id = keep(house, "admin", b"first")
    with pytest.raises(Conflict), house.inside(house["admin"].tenant_id):
        store_blob([b"second"], blob_id=blob_id)
    with house.inside(house["admin"].tenant_id, write=False):
        assert open_blob(find_blob(blob_id)).read(0, 99) == b"first"


def test_another_customers_blob_is_not_found(house):
    blob_id = keep(house, "birch_admin", b"theirs")
    with house.inside(house["admin"].tenant_id, write=False), pytest.raises(NotFound):
        find_blob(blob_id)


def give(house, key, blob_id, **columns):
    with house.inside(house[key].tenant_id):
        db.session.execute(update(Blob).where(Blob.id == blob_id).values(**columns))


def columns_of(house, key, blob_id):
    with house.inside(house[key].tenant_id, write=False):
        blob = find_blob(blob_id)
        names = ("wrapped_key", "key_version", "plaintext_bytes", "stored_bytes", "stored_sha256")
        return {name: getattr(blob, name) for name in names}


def fails(house, key, blob_id, error=Unreadable):
    """Opening or reading fails with that error, and no byte comes out. Row and stored blob are as the test left them."""
    came = b""
    with house.inside(house[key].tenant_id, write=False):
        with pytest.raises(error):
            came += open_blob(find_blob(blob_id)).read(0, 10)
        with pytest.raises(error):
            for piece in open_blob(find_blob(blob_id)).stream():
                came += piece
    assert came == b""


@pytest.mark.promise("P14")
@pytest.mark.parametrize("size", [100, 40_000, LARGE])
@pytest.mark.parametrize("from_whom", ["admin", "birch_admin"], ids=["own", "another customer's"])
@pytest.mark.parametrize("what", ["stored", "key", "stored and row"])
def test_a_blob_exchanged_with_another_does_not_open(house, size, from_whom, what):
    """Not what is stored, nor the wrapped key, nor both and everything the row says."""
    ours, theirs = keep(house, "admin", content(size, 1)), keep(house, from_whom, content(size, 2))
    if what != "key":
        path_of(house, "admin", ours).write_bytes(path_of(house, from_whom, theirs).read_bytes())
    if what != "stored":
        changed = columns_of(house, from_whom, theirs)
        give(house, "admin", ours, **(changed if what == "stored and row" else {"wrapped_key": changed["wrapped_key"]}))
    fails(house, "admin", ours)


@pytest.mark.parametrize("size", [100, 40_000, LARGE])
def test_a_blob_cut_lengthened_or_with_its_last_byte_flipped_does_not_open(house, size):
    blob_id = keep(house, "admin", content(size))
    path = path_of(house, "admin", blob_id)
    whole = path.read_bytes()
    for changed in (
        b"",
        whole[:-1],
        whole[:30],
        whole[:-20],
        whole + b"\0",
        whole + whole[-16:],
        bytes((whole[0] ^ 1,)) + whole[1:],
    ):
        path.write_bytes(changed)
        fails(house, "admin", blob_id)
    path.write_bytes(whole[:-1] + bytes((whole[-1] ^ 1,)))
    fails(house, "admin", blob_id)
    give(house, "admin", blob_id, plaintext_bytes=size - 1)
    path.write_bytes(whole)
    fails(house, "admin", blob_id)
    path.unlink()
    fails(house, "admin", blob_id, BlobMissing)


def test_damage_in_the_middle_of_a_large_blob_is_found_before_a_byte_of_it_comes_out(house):
    data = content(LARGE)
    blob_id = keep(house, "admin", data)
    path = path_of(house, "admin", blob_id)
    damaged = bytearray(path.read_bytes())
    damaged[700_000] ^= 1
    path.write_bytes(damaged)
    with house.inside(house["admin"].tenant_id, write=False):
        opened, came = open_blob(find_blob(blob_id)), b""
        with pytest.raises(Unreadable):
            for piece in opened.stream():
                came += piece
        assert len(came) < 700_000
        assert data.startswith(came), "only what is authentic"
        with pytest.raises(Unreadable):
            opened.verify()
        with pytest.raises(Unreadable):
            opened.read(690_000, 20_000)
        assert opened.read(0, 1000) == data[:1000]


def test_without_the_tenants_key_it_does_not_open(house):
    blob_id, tenant_id = keep(house, "admin", b"x"), house["admin"].tenant_id
    keyring = house.app.extensions["safekeep.keyring"]
    keyring.store.destroy(tenant_id, 1)
    keyring.drop(tenant_id)
    with house.inside(tenant_id, write=False), pytest.raises(KeyUnavailable):
        open_blob(find_blob(blob_id))
    assert findings(house, "admin") == [], "damage is looked for without keys"


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


def test_storing_does_not_open_the_transaction_before_its_row_is_written(house):
    """So that an import seals and forces to the disk without holding the database's write lock."""
    with house.inside(house["admin"].tenant_id):
        store_blob([content(1000)])
        assert db.session().new
        with house.inside(house["birch_admin"].tenant_id):  # would wait for SQLite's lock, and fail
            store_blob([content(1000)])
            db.session.flush()
    with house.inside(house["admin"].tenant_id, write=False):
        assert db.session.execute(select(func.count()).select_from(Blob)).scalar_one() == 1


def test_control_a_row_deleted_past_the_rules_leaves_an_orphan_that_is_found(house):
    blob_id = keep(house, "admin", b"x")
    with house.inside(house["admin"].tenant_id):
        db.session.execute(delete(Blob).where(Blob.id == blob_id))
    age(path_of(house, "admin", blob_id), hours=2)
    assert [(one.kind, one.blob_id) for one in findings(house, "admin")] == [("foreign", blob_id)]
