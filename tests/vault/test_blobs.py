"""Blobs with their rows: stored before the row, removed after it, readable in their place alone, looked after for good."""

import hashlib

import pytest
from sqlalchemy import func, select

from console.core.db import db
from console.core.errors import Conflict, NotFound
from console.vault.blob_store import blob_name
from console.vault.blobs import WHOLE_BYTES, Blob, delete_blob, find_blob, open_blob, store_blob
from console.vault.errors import BlobMissing, KeyUnavailable, Unreadable

from .stored import age, columns_of, content, cut, findings, give, keep, names_of, path_of, sweep

LARGE = WHOLE_BYTES + 100_000


class Rolled(Exception):
    """Ends a unit of work without a commit."""


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
