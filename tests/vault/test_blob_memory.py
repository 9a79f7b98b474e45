"""A blob of one GiB is stored and read without memory for it."""

import subprocess
import sys

import pytest

from tests import databases
from tests.memory import PEAK

GIB = 1024**3
MOST_BYTES = 96 * 1024 * 1024
"""How much a child may grow. What it uses is a few MiB; a copy of even a tenth of the blob would exceed it."""

CHILD = (
    PEAK
    + """
import hashlib, sys
from pathlib import Path
from console.app import bare_app
from console.core.db import db, unit_of_work
from console.core.ids import new_id
from console.install import initialise
from console.tenants.actions import add_tenant
from console.core.actor import system
from console.vault.blobs import find_blob, open_blob, store_blob
from tests.databases import settings_for

size, held = int(sys.argv[2]), sys.argv[3] == "held"
settings = settings_for(Path(sys.argv[1]))
keyring, _new = initialise(settings)
app = bare_app(settings, keyring)
piece = bytes(range(256)) * 1024
def pieces():
    for _ in range(size // len(piece)):
        yield piece

with app.app_context():
    tenant_id = new_id()
    with unit_of_work():
        add_tenant("Acme", tenant_id=tenant_id, by=system("test"))
    with unit_of_work(tenant_id):
        store_blob([piece])
        before = peak()
    with unit_of_work(tenant_id):
        stored = store_blob([b"".join(pieces())] if held else pieces())
        blob_id, expected = stored.blob.id, stored.sha256
    with unit_of_work(tenant_id, write=False):
        found = hashlib.sha256()
        for part in open_blob(find_blob(blob_id)).stream():
            found.update(part)
        assert found.digest() == expected
    print(peak() - before)
    db.engine.dispose()
"""
)


def grown(folder, size: int, how: str = "streamed") -> int:
    """By how many bytes a process grows that stores and reads a blob of that size."""
    command = [sys.executable, "-c", CHILD, str(folder / how), str(size), how]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    for path in (folder / how / "blobs").rglob("*"):
        if path.is_file():
            path.unlink()
    return int(done.stdout)


@pytest.mark.skipif(databases.POSTGRESQL, reason="the database holds one small row of it; measured once, on SQLite")
def test_one_gib_is_stored_and_read_in_flat_memory(tmp_path):
    assert grown(tmp_path, GIB) < MOST_BYTES


@pytest.mark.skipif(databases.POSTGRESQL, reason="as above")
def test_control_a_blob_held_in_memory_is_noticed(tmp_path):
    assert grown(tmp_path, 2 * MOST_BYTES, "held") > MOST_BYTES
