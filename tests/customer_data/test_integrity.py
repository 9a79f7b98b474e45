"""All data is read through once a week, or when an operator asks: what is damaged, missing or foreign is named (P17)."""

import json
import shutil
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from console.audit.models import AuditEntry
from console.audit.tags import Tag
from console.core import clock, jobs
from console.core.actor import system
from console.core.db import db
from console.core.jobs import Job
from console.customer_data import integrity
from console.customer_data.contents import DamagedItem, open_content, seal_inline
from console.customer_data.damage import note_damage
from console.customer_data.integrity import SCRUB_JOB, Damage, check_items
from console.customer_data.models import Integrity, Item, ItemContent, item, totals
from console.customer_data.removal import Cause, remove_items
from console.registry import HANDLERS
from tests import databases
from tests.commands.processes import environment, here
from tests.customer_data.held import blob_path, flip_inline, hold

RAWS = [b"From: a@b.example\r\n\r\none", b"two", b"three" * 1000]


@pytest.fixture
def acme(house):
    return house["owner"].tenant_id


def checked(house, tenant_id):
    """(how many were read, what was wrong with which)."""
    with house.app.app_context():
        found = list(check_items(tenant_id))
    damage = {one.item_id: str(one.integrity) for part in found for one in part.damage}
    return sum(part.items for part in found), damage


def recorded(house, tenant_id):
    with house.inside(tenant_id, write=False):
        query = select(func.count()).select_from(AuditEntry).where(AuditEntry.tag == Tag.DATA_ITEM_DAMAGED)
        return db.session.execute(query).scalar_one()


def damaged_count(house, tenant_id):
    with house.inside(tenant_id, write=False):
        return totals().damaged


def doctor(house, *arguments):
    database = house.settings.database_url.rsplit("/", 1)[1] if databases.POSTGRESQL else None
    return here(environment(house.settings.instance, database), "doctor", "--data", *arguments)


@pytest.mark.promise("P17")
@pytest.mark.parametrize("as_blobs", [False, True], ids=["in rows", "in blobs"])
def test_sound_data_is_read_back_byte_for_byte_and_nothing_is_found(house, acme, as_blobs):
    ids = hold(house, acme, *RAWS, as_blobs=as_blobs)
    assert checked(house, acme) == (3, {})
    with house.inside(acme, write=False):
        assert [open_content(item(one)).whole() for one in ids] == RAWS
        assert all(item(one).checked_at for one in ids)


def test_a_damaged_item_is_named_once_and_holds_up_no_other(house, acme):
    ids = hold(house, acme, *RAWS)
    flip_inline(house, acme, ids[1])
    for _twice in range(2):
        assert checked(house, acme) == (3, {ids[1]: "damaged"})
    assert recorded(house, acme) == 1
    assert damaged_count(house, acme) == 1
    with house.inside(acme, write=False), pytest.raises(DamagedItem):
        open_content(item(ids[1])).whole()


def test_an_item_that_was_removed_while_it_was_read_is_no_damage(house, acme):
    """Whoever reads finds no bytes, because the item went meanwhile: it is neither counted, named nor a reason to stop."""
    ids = hold(house, acme, *RAWS)
    with house.inside(acme):
        remove_items(ids[:1], cause=Cause.DELETED, by=system("test", acme))
    with house.inside(acme):
        note_damage(ids[0], DamagedItem("gone"), by=system("test", acme))
    with house.inside(acme):
        gone = Damage(ids[0], 1, Integrity.MISSING, "gone")
        assert integrity._note(ids, [gone]) == []
    assert recorded(house, acme) == 0
    assert damaged_count(house, acme) == 0


def test_what_was_put_right_counts_as_sound_again(house, acme):
    ids = hold(house, acme, *RAWS)
    flip_inline(house, acme, ids[0])
    checked(house, acme)
    flip_inline(house, acme, ids[0])
    assert checked(house, acme) == (3, {})
    assert damaged_count(house, acme) == 0


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (lambda path, _other: path.unlink(), "missing"),
        (lambda path, _other: path.write_bytes(path.read_bytes()[:-1]), "damaged"),
        (lambda path, _other: path.write_bytes(path.read_bytes() + b"x"), "damaged"),
        (lambda path, other: shutil.copyfile(other, path), "damaged"),
    ],
    ids=["removed", "cut", "longer", "another item's"],
)
def test_damage_to_a_blob_is_found_whatever_it_is(house, acme, plant, found):
    ids = hold(house, acme, *RAWS, as_blobs=True)
    path, other = blob_path(house, acme, ids[0]), blob_path(house, acme, ids[2])
    path.chmod(0o600)
    plant(path, other)
    assert checked(house, acme) == (3, {ids[0]: found})


def test_bytes_whose_seal_is_right_but_which_are_not_those_that_came_in_are_found(house, acme):
    """Whoever has the keys and makes a mistake is found as well: the SHA-256 of the first day decides."""
    ids = hold(house, acme, b"abc", b"def")
    with house.inside(acme):
        content = db.session.execute(select(ItemContent).where(ItemContent.id == ids[0])).scalar_one()
        content.sealed = seal_inline(ids[0], b"abd")
    assert checked(house, acme) == (2, {ids[0]: "damaged"})


def test_an_interrupted_check_goes_on_where_it_stopped(house, acme, monkeypatch):
    monkeypatch.setattr(integrity, "_BATCH_ITEMS", 2)
    hold(house, acme, *RAWS, b"four", b"five")
    with house.inside(acme):
        job_id = jobs.enqueue(SCRUB_JOB, tenant_id=acme, target_id=acme)
    asked = iter([False, True])
    with house.app.app_context():
        assert jobs.work_once({SCRUB_JOB: HANDLERS[SCRUB_JOB]}, stopping=lambda: next(asked))
    with house.inside(write=False):
        stopped = db.session.get(Job, job_id)
        assert (stopped.state, stopped.done, stopped.attempts) == ("queued", 2, 0)
    with house.inside(acme):
        before = item_times(acme)
    house.work()
    with house.inside(acme, write=False):
        again = item_times(acme)
        assert [number for number in again if again[number] != before[number]] == [3, 4, 5]
        assert totals().checked_at is not None


def item_times(tenant_id):
    rows = db.session.execute(select(Item.number, Item.checked_at).order_by(Item.number))
    return {row.number: row.checked_at for row in rows}


def test_everything_is_read_once_a_week_without_anybody_asking(house, acme):
    hold(house, acme, *RAWS)
    run_due(house)
    house.work()
    first = last_check(house, acme)
    with time_machine.travel(clock.now() + timedelta(days=6), tick=True):
        run_due(house)
        house.work()
        assert last_check(house, acme) == first
    with time_machine.travel(clock.now() + timedelta(days=8), tick=True):
        run_due(house)
        run_due(house)  # no second one while the first waits
        house.work()
        assert last_check(house, acme) > first
    with house.inside(write=False):
        query = select(func.count()).select_from(Job).where(Job.kind == SCRUB_JOB)
        assert db.session.execute(query).scalar_one() == 2


def run_due(house):
    with house.inside():
        jobs.enqueue(integrity.DUE_JOB)
    with house.app.app_context():
        assert jobs.work_once({integrity.DUE_JOB: HANDLERS[integrity.DUE_JOB]})


def last_check(house, tenant_id):
    with house.inside(tenant_id, write=False):
        return totals().checked_at


def test_doctor_names_what_is_damaged_and_what_is_foreign_and_ends_with_1(house, acme):
    ids = hold(house, acme, *RAWS, as_blobs=True)
    clean = doctor(house, "--json")
    assert clean.returncode == 0
    assert {row["tenant"]: row["findings"] for row in json.loads(clean.stdout)}[str(acme)] == []
    path = blob_path(house, acme, ids[0])
    stray, misnamed = path.with_name(f"{'0' * 30}{path.name[-2:]}"), path.with_name("notes.txt")
    shutil.copyfile(path, stray)
    shutil.copyfile(path, misnamed)
    path.unlink()
    with time_machine.travel(clock.now() + timedelta(hours=2), tick=True):
        done = doctor(house, str(acme), "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)[0]["findings"]
    assert {row["kind"] for row in found} == {"missing", "foreign"}
    assert str(ids[0]) in done.stdout
    assert stray.name in done.stdout
    assert misnamed.name in done.stdout
    assert "3 of the things" in done.stderr


def test_one_customers_check_reads_nothing_of_another(house, acme):
    birch = house["birch_owner"].tenant_id
    ids = hold(house, birch, *RAWS)
    flip_inline(house, birch, ids[0])
    hold(house, acme, b"one")
    assert checked(house, acme) == (1, {})
    with house.inside(birch, write=False):
        assert not db.session.execute(select(Item.checked_at).where(Item.checked_at.is_not(None))).first()
