"""No room left on a disk: the import waits and says so, people go on signing in and reading, and it goes on by itself."""

import os
import random
import shutil
import subprocess
from contextlib import contextmanager
from datetime import timedelta

import pytest
import time_machine

from console.app import create_app
from console.core import clock
from console.core.db import db
from console.customer_data.importing import FULL
from tests import databases
from tests.customer_data.bring import report, upload
from tests.customer_data.test_import_items import balances, held, message
from tests.house import House

MIB = 2**20


@contextmanager
def small_disk(path, size_mib):
    """A file system of that size at `path`."""
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0700", "tmpfs", str(path)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(command, capture_output=True, check=False).returncode
    ):
        pytest.skip("mounting a small file system needs root with the right to mount")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextmanager
def moved_in(house, **overrides):
    """The same house with a part of it elsewhere."""
    database = db_name(house)
    settings = databases.settings_for(house.settings.instance, database, **overrides)
    app = create_app(settings)
    app.extensions["safekeep.blobs"].prepare()
    yield House(app, settings, house.people)
    with app.app_context():
        db.engine.dispose()


def db_name(house):
    from sqlalchemy import make_url

    return make_url(house.settings.database_url).database if databases.POSTGRESQL else None


def letters(count, size):
    rng = random.Random(7)
    return [(f"{number}.eml", message(number) + rng.randbytes(size)) for number in range(count)]


def fill(path, left):
    """A file that leaves only so much room."""
    filler = path / "filler"
    room = os.statvfs(path)
    filler.write_bytes(bytes(max(room.f_bavail * room.f_frsize - left, 0)))
    return filler


def test_blobs_without_room_wait_and_go_on(house, tmp_path):
    with small_disk(tmp_path / "disk", 24) as disk:
        (disk / "blobs").mkdir(mode=0o700)
        with moved_in(house, blobs=str(disk / "blobs")) as tight:
            owner = tight.signed_in("owner")
            import_id = upload(owner, letters(40, 100_000), "ada@x.example")  # 4 MiB, and as much again as items
            filler = fill(disk, MIB)
            tight.work()
            found = report(tight, "acme", import_id)
            assert (found.state, found.seen_items) == ("running", 0)
            told = owner.get(f"/data/import/{import_id}/progress").json
            assert (told["message"], told["finished"]) == (FULL, False)
            assert FULL in owner.get(f"/data/import/{import_id}").text
            assert tight.signed_in("auditor").get("/data/imports").status_code == 200
            filler.unlink()
            with time_machine.travel(clock.now() + timedelta(seconds=31)):
                tight.work()
            assert balances(report(tight, "acme", import_id)) == {
                "imported": 40, "duplicate": 0, "quarantined": 0, "refused": 0,
            }  # fmt: skip
            assert all(now == then for now, then, *_ in held(tight))


@pytest.mark.skipif(databases.POSTGRESQL, reason="the small disk is put under SQLite's file; PostgreSQL has its own")
def test_a_database_without_room_waits_and_goes_on(house, tmp_path):
    with small_disk(tmp_path / "disk", 40) as disk:
        with house.app.app_context():
            db.engine.dispose()
        shutil.copy(house.settings.instance / "safekeep.sqlite", disk / "safekeep.sqlite")
        with moved_in(house, database_url=f"sqlite:///{disk}/safekeep.sqlite") as tight:
            owner = tight.signed_in("owner")
            import_id = upload(owner, letters(300, 40_000), "ada@x.example")  # 12 MiB in rows
            filler = fill(disk, 2 * MIB)
            tight.work()
            found = report(tight, "acme", import_id)
            assert (found.state, found.seen_items) == ("running", 0)
            assert owner.get(f"/data/import/{import_id}/progress").json["message"] == FULL
            assert tight.signed_in("auditor").get("/data/imports").status_code == 200
            filler.unlink()
            with time_machine.travel(clock.now() + timedelta(seconds=31)):
                tight.work()
            assert balances(report(tight, "acme", import_id))["imported"] == 300
            assert all(now == then for now, then, *_ in held(tight))
