"""A worker that is killed at any point of a replacement loses nothing, doubles nothing, and needs nobody's help."""

import signal
import subprocess
import sys

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
    *("1", "2", "3", "before add_key", "after add_key", "4", "5", "after commit"),
    *("7", "12", "15", "19", "25", "30"),
)
"""Where one worker after the other dies, until the wait for other processes; each begins where the last one ended."""
LAST_POINTS = ("3", "6", "12", "before destroy", "after destroy", "4")
"""The same after the wait, up to the destruction of the old key and behind it."""


def die(house, seconds, point):
    """A worker of its own runs until it dies or finds nothing to do. Answers whether it died."""
    url = make_url(house.settings.database_url)
    env = environment(house.settings.instance, url.database if databases.POSTGRESQL else None)
    arguments = [sys.executable, "-m", "tests.keys.killed", str(seconds), point]
    done = subprocess.run(arguments, env=env, cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


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


def test_killed_at_many_points_everything_stays_readable_and_the_work_ends_by_itself(house, replacing):
    tenant_id = house["owner"].tenant_id
    house.work()
    rotation_id = replacing.start(tenant_id)
    before = opened(house, tenant_id)
    seconds, died = 0.0, 0
    for points, wait in ((POINTS, 0), (LAST_POINTS, SETTLING.total_seconds())):
        seconds += wait
        for point in points:
            seconds += LEASE_SECONDS + 5
            died += die(house, seconds, point)
            assert {**opened(house, tenant_id), "audit_entries": 0} == {**before, "audit_entries": 0}, point
    seconds += LEASE_SECONDS + SETTLING.total_seconds() + 5
    assert not die(house, seconds, "never")

    done = replacing.at(tenant_id, rotation_id)
    assert died >= 15, died
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
