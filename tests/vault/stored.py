"""Blobs for tests: keys of known bytes, pieces of known content, and what an installation holds of them."""

import os
import random
from datetime import timedelta

from sqlalchemy import update

from console.core import clock
from console.core.db import db
from console.core.jobs import Job
from console.vault.blob_care import SWEEP_JOB, check_blobs
from console.vault.blob_store import blob_name, tenant_prefix
from console.vault.blobs import Blob, blob_store, find_blob, store_blob

KEY = bytes(range(32))
SIZES = (0, 1, 55, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, 5 * 16_384, 5 * 16_384 + 7, 300_000)


def content(size: int, seed: int = 1) -> bytes:
    """The same bytes each time, unlike any other seed's."""
    return random.Random(seed).randbytes(size)


def cut(data: bytes, seed: int = 1) -> list[bytes]:
    """The data in pieces of uneven sizes, empty ones among them."""
    chance, pieces, start = random.Random(seed), [], 0
    while start < len(data):
        length = chance.choice((0, 1, 15, 16_384, 16_400, 70_000))
        pieces.append(data[start : start + length])
        start += length
    return pieces


def fetch_from(sealed: bytes):
    """What a store that holds exactly these bytes would answer."""
    return lambda start, length: sealed[start : start + length]


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


def give(house, key, blob_id, **columns):
    with house.inside(house[key].tenant_id):
        db.session.execute(update(Blob).where(Blob.id == blob_id).values(**columns))


def columns_of(house, key, blob_id):
    with house.inside(house[key].tenant_id, write=False):
        blob = find_blob(blob_id)
        names = ("wrapped_key", "key_version", "plaintext_bytes", "stored_bytes", "stored_sha256")
        return {name: getattr(blob, name) for name in names}


def sweep(house):
    with house.inside():
        db.session.execute(update(Job).where(Job.kind == SWEEP_JOB).values(run_after_at=clock.now(), state="queued"))
    house.work()
