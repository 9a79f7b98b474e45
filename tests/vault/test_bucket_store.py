"""Blobs in a bucket of a real S3 server, which refuses who has not its secret."""

import os
import re

import pytest

from console.core.errors import Misconfigured
from console.core.ids import new_id
from console.vault.blob_store import blob_store_from_url
from console.vault.errors import StoreUnavailable
from tests.gate.swift import VARIABLE, throwaway_s3

from .store_contract import StoreContract, a_name

pytestmark = pytest.mark.object_store


@pytest.fixture(scope="session")
def address():
    """The bucket's address: of the server that the gate brought up, else of one of our own."""
    given = os.environ.get(VARIABLE)
    if given:
        yield given
        return
    with throwaway_s3() as variables:
        yield variables[VARIABLE]


@pytest.fixture
def store(address):
    """A place of its own in the bucket."""
    return blob_store_from_url(address.replace("?", f"/{new_id().hex}?"))


class TestBucketStore(StoreContract):
    """The contract, and no less than the folder keeps."""


@pytest.mark.parametrize(
    ("change", "to"),
    [
        (r":[0-9a-f]{32}@", ":wrong@"),
        (r"tester", "somebody"),
        (r"@blobs", "@nowhere"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:9"),
    ],
    ids=["wrong secret", "unknown key", "no such bucket", "no server"],
)
def test_a_store_that_refuses_us_is_named_by_the_check_and_nothing_is_stored(address, change, to):
    refused = blob_store_from_url(re.sub(change, to, address))
    with pytest.raises(Misconfigured, match=r"cannot be used\. Check its name, endpoint") as told:
        refused.check()
    secret = re.search(r":([0-9a-f]{32})@", address).group(1)
    assert secret not in str(told.value)
    for use in (lambda: refused.put(a_name(), [b"x"]), lambda: list(refused.names()), lambda: list(refused.folders())):
        with pytest.raises(StoreUnavailable):
            use()


def test_two_places_in_one_bucket_do_not_see_each_other(address):
    one, two = (blob_store_from_url(address.replace("?", f"/{new_id().hex}?")) for _ in range(2))
    name = a_name()
    one.put(name, [b"one"])
    assert list(two.names()) == []
    two.put(name, [b"two"])
    assert (one.read(name, 0, 3), two.read(name, 0, 3)) == (b"one", b"two")


def test_the_installation_works_with_blobs_in_the_bucket(address, house, monkeypatch):
    from console.vault.blobs import find_blob, open_blob, store_blob

    house.app.extensions["safekeep.blobs"] = blob_store_from_url(address.replace("?", f"/{new_id().hex}?"))
    tenant_id, data = house["admin"].tenant_id, os.urandom(9_000_000)
    with house.inside(tenant_id):
        blob_id = store_blob([data]).blob.id
    with house.inside(tenant_id, write=False):
        opened = open_blob(find_blob(blob_id))
        assert opened.read(5_000_000, 100) == data[5_000_000:5_000_100]
        assert b"".join(opened.stream()) == data
