"""What a small item costs as a blob of its own or in a row, and how fast large blobs are. `python -m tests.benchmarks.blobs`.

Everything is forced to the disk as in production, PostgreSQL's log included. CPU is this process's alone.
"""

import argparse
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Column, LargeBinary, MetaData, Table, Uuid, create_engine, event, insert
from sqlalchemy.pool import NullPool

from console.app import bare_app
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.ids import new_id
from console.install import initialise
from console.tenants.actions import add_tenant
from console.vault.access import tenant_keys
from console.vault.blobs import find_blob, open_blob, store_blob
from tests import databases
from tests.gate import postgres

SIZES_KIB = (2, 8, 32, 128)
PER_COMMIT = 500
PIECE = 256 * 1024
RANGES = 10_000
TABLE = Table("bench_items", MetaData(), Column("id", Uuid, primary_key=True), Column("sealed", LargeBinary))
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def main() -> None:
    """Small items on both databases, then a large blob."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.blobs", description=__doc__)
    parser.add_argument("--items", type=int, default=1000, help="items a figure")
    parser.add_argument("--mib", type=int, default=512, help="size of the large blob")
    chosen = parser.parse_args()
    print(f"ms an item, {PER_COMMIT} a commit      wall    CPU (this process)", flush=True)
    _small("SQLite", chosen.items)
    postgres.SETTINGS.update(DURABLE)
    with postgres.throwaway_server() as server, patch.dict(os.environ, server.environment()):
        databases.POSTGRESQL = True
        _small("PostgreSQL", chosen.items)
    databases.POSTGRESQL = False
    with _installation() as (tenant_id, _url, _folder):
        _large(tenant_id, chosen.mib)


@contextmanager
def _installation():
    with tempfile.TemporaryDirectory() as folder, databases.new_database() as database:
        settings = databases.settings_for(Path(folder) / "instance", database)
        keyring, _new = initialise(settings)
        app = bare_app(settings, keyring)
        with app.app_context():
            tenant_id = new_id()
            with unit_of_work():
                add_tenant("Acme", tenant_id=tenant_id, by=system("benchmark"))
            yield tenant_id, settings.database_owner_url or settings.database_url, Path(folder)
            db.engine.dispose()


def _small(database: str, items: int) -> None:
    for kib in SIZES_KIB:
        data = [os.urandom(kib * 1024) for _ in range(PER_COMMIT)]
        with _installation() as (tenant_id, url, _folder):
            _print(f"{database} {kib:>4} KiB  file", _timed(lambda: _as_files(tenant_id, data, items), items))  # noqa: B023
            with patch("os.fsync", lambda _descriptor: None):
                unforced = _timed(lambda: _as_files(tenant_id, data, items), items)  # noqa: B023
            _print(f"{database} {kib:>4} KiB  file, not forced to the disk", unforced)
            column = _timed(lambda: _as_column(tenant_id, url, data, items), items)  # noqa: B023
            _print(f"{database} {kib:>4} KiB  column", column)


def _as_files(tenant_id, data: list[bytes], items: int) -> None:
    for start in range(0, items, PER_COMMIT):
        with unit_of_work(tenant_id):
            for number in range(start, min(start + PER_COMMIT, items)):
                store_blob([data[number % PER_COMMIT]])


def _as_column(tenant_id, url: str, data: list[bytes], items: int) -> None:
    """The same items sealed into a column, on a connection of its own, with the product's settings for durability."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _prepare(connection, _record) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
                connection.execute(f"PRAGMA {pragma}").close()

    with unit_of_work(tenant_id, write=False):
        keys = tenant_keys()
    TABLE.create(engine, checkfirst=True)
    with engine.connect() as connection:
        for start in range(0, items, PER_COMMIT):
            with connection.begin():
                rows = []
                for number in range(start, min(start + PER_COMMIT, items)):
                    item_id = new_id()
                    rows.append({"id": item_id, "sealed": keys.seal_bytes("bench", item_id, data[number % PER_COMMIT])})
                connection.execute(insert(TABLE), rows)
    engine.dispose()


def _timed(act: Callable[[], None], items: int) -> tuple[float, float]:
    """(wall ms, CPU ms) an item."""
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return (time.perf_counter() - wall) * 1000 / items, (time.process_time() - cpu) * 1000 / items


def _print(what: str, figures: tuple[float, float]) -> None:
    print(f"  {what:<48}{figures[0]:8.3f}{figures[1]:9.3f}", flush=True)


class _Large:
    """A large blob, and what can be done with it."""

    def __init__(self, tenant_id, mib: int) -> None:
        self.tenant_id, self.total, self.piece = tenant_id, mib * 2**20, os.urandom(PIECE)

    def pieces(self) -> Iterator[bytes]:
        for _ in range(self.total // PIECE):
            yield self.piece

    def store(self) -> None:
        with unit_of_work(self.tenant_id):
            self.blob_id = store_blob(self.pieces()).blob.id

    def read(self) -> None:
        with unit_of_work(self.tenant_id, write=False):
            for _part in open_blob(find_blob(self.blob_id)).stream():
                pass

    def ranges(self) -> None:
        with unit_of_work(self.tenant_id, write=False):
            opened = open_blob(find_blob(self.blob_id))
            for number in range(RANGES):
                opened.read((number * 7919 * 4096) % (self.total - 4096), 4096)

    def bare(self) -> None:
        cipher, buffer = AESGCM(bytes(32)), bytearray(PIECE + 16)
        for number in range(self.total // PIECE):
            cipher.encrypt_into(number.to_bytes(12), self.piece, None, buffer)

    def sha256(self) -> None:
        found = hashlib.sha256()
        for part in self.pieces():
            found.update(part)


def _large(tenant_id, mib: int) -> None:
    """MB/s, wall and CPU, of the product and of what bounds it, in one run."""
    large = _Large(tenant_id, mib)
    print(f"\nMB/s over {mib} MiB{'':34}wall      CPU", flush=True)
    for what, act in (
        ("store_blob (seal, two SHA-256, write, fsync, row)", large.store),
        ("open_blob().stream()", large.read),
        ("AES-256-GCM alone, 256 KiB pieces, one buffer", large.bare),
        ("SHA-256 alone", large.sha256),
    ):
        wall, cpu = _timed(act, 1)
        print(f"  {what:<50}{large.total / wall / 1000:8.0f}{large.total / cpu / 1000:9.0f}", flush=True)
    wall, cpu = _timed(large.ranges, RANGES)
    print(f"  {'a range of 4 KiB, µs':<50}{wall * 1000:8.1f}{cpu * 1000:9.1f}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
