"""A worker that is killed at any point of a replacement loses nothing, doubles nothing, and needs nobody's help."""

import subprocess
import sys
from contextlib import contextmanager

from sqlalchemy import func, make_url, select

from console.audit.models import AuditEntry
from console.audit.tags import Tag
from console.audit.verify import verify
from console.core.db import db
from console.core.jobs import LEASE_SECONDS
from console.keys.models import State
from console.keys.places import every_place, places
from console.vault.access import keyring, tenant_keys
from console.vault.rotation import SETTLING
from tests import databases
from tests.commands.processes import ROOT, environment
from tests.keys.test_rotation import states

POINTS = (
    *("1", "2", "3", "before-add_key", "after-add_key", "4", "5", "after-commit"),
    *("6", "7", "9", "10", "12", "15", "16"),
)
"""Where one worker after the other dies, until the wait for other processes; each begins where the last one ended."""
LAST_POINTS = ("3", "6", "11", "16", "before-destroy", "after-destroy", "4")
"""The same after the wait, up to the destruction of the old key and behind it."""


@contextmanager
def workers(house):
    """Answers a function that lets a worker run until it dies or finds nothing to do, and says which."""
    url = make_url(house.settings.database_url)
    env = environment(house.settings.instance, url.database if databases.POSTGRESQL else None)
    command = [sys.executable, "-m", "tests.keys.killed"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:

        def run(seconds, point):
            process.stdin.write(f"{seconds} {point}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield run
        process.stdin.close()
        assert process.wait(timeout=60) == 0


def opened(house, tenant_id):
    """How many rows of each place there are, after every one of them was opened."""
    found = {}
    with house.inside(tenant_id, write=False):
        keys = tenant_keys()
        for place in places(tenant_id):
            rows = db.session.execute(place._rows(place.table.c.id, place.column)).all()
            for row_id, sealed in rows:
                keys.open(place.table.name, row_id, sealed)
            found[place.name] = len(rows)
    return found


def recorded(house, tenant_id, tag):
    with house.inside(tenant_id, write=False):
        query = select(func.count()).select_from(AuditEntry).where(AuditEntry.tag == tag)
        return db.session.execute(query).scalar_one()


def let_die(house, run, tenant_id, before):
    """One worker after the other dies; after each death everything is there and opens. Answers where they died."""
    seconds, died = 0.0, []
    for points, wait in ((POINTS, 0), (LAST_POINTS, SETTLING.total_seconds())):
        seconds += wait
        for point in points:
            seconds += LEASE_SECONDS + 5
            ended = run(seconds, point)
            assert ended in ("killed", "ended"), point
            died += [point] if ended == "killed" else []
            assert {**opened(house, tenant_id), "audit_entries": 0} == {**before, "audit_entries": 0}, point
    assert run(seconds + LEASE_SECONDS + SETTLING.total_seconds() + 5, "never") == "ended"
    return died


def test_killed_at_many_points_everything_stays_readable_and_the_work_ends_by_itself(house, replacing):
    tenant_id = house["owner"].tenant_id
    house.work()
    rotation_id = replacing.start(tenant_id)
    before = opened(house, tenant_id)
    with workers(house) as run:
        died = let_die(house, run, tenant_id, before)
    done = replacing.at(tenant_id, rotation_id)
    assert len(died) >= 18, died
    assert {"before-add_key", "after-add_key", "before-destroy", "after-destroy"} <= set(died)
    assert (done.state, done.unreadable) == (State.DONE, [])
    assert set(done.remaining.values()) == {0}
    assert len(done.remaining) == len([place for place in every_place() if place.of_tenants])
    assert states(house, tenant_id) == {1: "destroyed", 2: "primary"}
    with house.app.app_context():
        keyring().drop(tenant_id)
    after = opened(house, tenant_id)
    assert after.pop("audit_entries") == before.pop("audit_entries") + 1
    assert after == before
    assert recorded(house, tenant_id, Tag.KEY_REPLACED) == recorded(house, tenant_id, Tag.KEY_REPLACEMENT_STARTED) == 1
    with house.inside(tenant_id, write=False):
        assert verify().sound
