"""What cannot be moved keeps the old key alive, is named, and holds up nothing else."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from console.audit.models import EntryFilter, entries
from console.audit.tags import Tag
from console.core import clock
from console.core.db import db
from console.core.errors import Conflict
from console.keys.models import State
from console.keys.places import Moved, Place, counts_by_version, every_place
from console.tenants.models import Tenant
from console.users.models import User
from console.vault import rotation as versions
from console.vault.access import keyring, tenant_keys
from console.vault.errors import KeyUnavailable
from tests.keys.test_rotation import states
from tests.security.at_once import all_at_once


def plant_damage(house, person):
    """That person's row holds something that says version 1 and does not open."""
    with house.inside(person.tenant_id):
        sealed = db.session.execute(select(User.sealed).where(User.id == person.id)).scalar_one()
        broken = sealed[:-1] + bytes([sealed[-1] ^ 1])
        db.session.execute(update(User).where(User.id == person.id).values(sealed=broken))
    return sealed


def mend(house, person, sealed):
    with house.inside(person.tenant_id):
        db.session.execute(update(User).where(User.id == person.id).values(sealed=sealed))


def test_a_row_that_does_not_open_is_named_and_the_old_key_stays(house, replacing):
    tenant_id = house["owner"].tenant_id
    sealed = plant_damage(house, house["member"])
    rotation_id = replacing.start(tenant_id)
    stopped = replacing.finish(tenant_id, rotation_id)
    assert stopped.state == State.STOPPED
    assert stopped.unreadable == [["users", str(house["member"].id)]]
    assert {name: rows for name, rows in stopped.remaining.items() if rows} == {"users": 1}
    assert states(house, tenant_id) == {1: "decrypt_only", 2: "primary"}
    with house.inside(tenant_id, write=False):
        newest = entries(EntryFilter(tags=(Tag.KEY_REPLACEMENT_STOPPED,)), limit=1)[0]
        assert str(house["member"].id) in newest.details["facts"]["unreadable"]

    mend(house, house["member"], sealed)
    assert replacing.start(tenant_id, "Mended") == rotation_id, "it goes on, and no second one begins"
    with time_machine.travel(clock.now() + versions.SETTLING + timedelta(seconds=5), tick=True):
        house.work()
    done = replacing.at(tenant_id, rotation_id)
    assert (done.state, done.unreadable) == (State.DONE, [])
    assert states(house, tenant_id) == {1: "destroyed", 2: "primary"}
    with house.inside(tenant_id, write=False):
        assert db.session.get(User, (tenant_id, house["member"].id)).details.given_name == "Mika"


def test_control_a_place_that_is_passed_over_keeps_the_old_key(house, replacing, monkeypatch):
    """Were one table's rows not moved, the count would say so: nothing is taken on trust."""
    whole = Place.move

    def lazy(self, version, **facts):
        if self.name == "credentials":
            return Moved(0, (), None)
        return whole(self, version, **facts)

    monkeypatch.setattr(Place, "move", lazy)
    tenant_id = house["owner"].tenant_id
    stopped = replacing.whole(tenant_id)
    assert stopped.state == State.STOPPED
    assert [name for name, rows in stopped.remaining.items() if rows] == ["credentials"]
    assert states(house, tenant_id) == {1: "decrypt_only", 2: "primary"}


def test_what_another_process_sealed_under_the_old_key_meanwhile_is_moved_by_the_second_walk(house, replacing):
    tenant_id, person = house["owner"].tenant_id, house["member"]
    with house.inside(tenant_id, write=False):
        slow = tenant_keys()  # as a process holds it that has not heard of the new version
    rotation_id = replacing.start(tenant_id)
    house.work()
    with house.inside(tenant_id):
        row = db.session.get(User, (tenant_id, person.id))
        late = slow.seal("users", person.id, {**row.details.as_dict(), "title": "Late"})
        row.sealed = late
    with house.inside(tenant_id, write=False):
        assert counts_by_version()[1] == {"users": 1}
    done = replacing.finish(tenant_id, rotation_id)
    assert done.state == State.DONE
    with house.inside(tenant_id, write=False):
        assert db.session.get(User, (tenant_id, person.id)).details.title == "Late"


def test_an_edit_at_the_same_moment_wins(house):
    """The batch has read the row when somebody else writes it: what that person wrote stays."""

    tenant_id, person = house["owner"].tenant_id, house["member"]
    place = next(place for place in every_place() if place.name == "users")
    with house.app.app_context():
        versions.add_version(keyring(), tenant_id)
    with house.inside(tenant_id):
        edited = tenant_keys().seal("users", person.id, {"given_name": "Mia"})
        write = Place._write

        def later(self, changes):
            db.session.execute(update(User).where(User.id == person.id).values(sealed=edited))
            return write(self, changes)

        Place._write = later
        try:
            moved = place.move(2, older=[1], after=None, limit=100)
        finally:
            Place._write = write
        count = db.session.execute(select(func.count()).select_from(User)).scalar_one()
        assert moved.rows == count - 1
        assert db.session.execute(select(User.sealed).where(User.id == person.id)).scalar_one() == edited


def test_a_suspended_customer_gets_a_new_key_too(house, replacing):
    tenant_id = house["owner"].tenant_id
    with house.inside():
        db.session.get(Tenant, tenant_id).state = "suspended"
    assert replacing.whole(tenant_id).state == State.DONE


def test_a_customer_whose_key_was_destroyed_gets_none(house, replacing):
    tenant_id = house["owner"].tenant_id
    with house.app.app_context():
        keyring().store.destroy(tenant_id, 1)
        keyring().drop(tenant_id)
    with pytest.raises(KeyUnavailable):
        replacing.start(tenant_id)


def test_of_two_who_start_at_once_one_is_told_to_wait(house, replacing):
    tenant_id = house["owner"].tenant_id

    def begin():
        try:
            return replacing.start(tenant_id)
        except Conflict as refused:
            return str(refused)

    answers = all_at_once(begin, begin)
    assert sum("already" in str(answer) for answer in answers) == 1, answers
