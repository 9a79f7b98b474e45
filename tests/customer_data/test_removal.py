"""Items leave through one door, which asks the holds. Who comes to that door is listed here, and each is walked."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

import console
from console.audit.models import AuditEntry
from console.audit.tags import Tag
from console.core import clock, jobs
from console.core.actor import Actor, system
from console.core.db import db
from console.core.errors import Invalid
from console.core.permissions import Role
from console.customer_data import rebuilding, retention
from console.customer_data.holds import ask_to_lift, lift_hold, place_hold
from console.customer_data.models import Custodian, Item, ItemContent, MonthCount, totals
from console.customer_data.releasing import release
from console.customer_data.removal import Cause, remove_items
from console.customer_data.retention import Rules, save_rules
from console.registry import HANDLERS
from console.vault.blobs import Blob
from tests.customer_data.held import blob_path, hold
from tests.customer_data.mails import bring, letter

RAWS = [b"one", b"two" * 10, b"three" * 100]
OLD_DAYS = 400

PATHS = {Cause.DELETED: "blueprints/data/removal.py", Cause.RETENTION: "console/customer_data/retention.py"}
"""Every file that removes items, by the cause that it gives."""

DELETES_ITEMS = {"console/customer_data/removal.py"}
DELETES_BLOBS = {"console/customer_data/removal.py"}
DELETES_FROM_THE_STORE = {
    "console/customer_data/import_sweep.py": "slices of an upload that is over",
    "console/customer_data/taking.py": "an entry that turned out to be held already, or refused",
    "console/customer_data/uploads.py": "a slice that was not taken",
    "console/vault/blobs.py": "the job of delete_blob",
}


@pytest.fixture
def acme(house):
    return house["owner"].tenant_id


def person(house, key):
    one = house[key]
    return Actor("person", tenant_id=one.tenant_id, user_id=one.id, role=Role.OWNER, label=one.name)


def held_numbers(house, tenant_id):
    with house.inside(tenant_id, write=False):
        return list(db.session.execute(select(Item.number).order_by(Item.number)).scalars())


def remove(house, tenant_id, ids, cause=Cause.DELETED):
    with house.inside(tenant_id):
        return remove_items(ids, cause=cause, by=system("test", tenant_id), reason="as the test wants")


def place(house, tenant_id, scope, ids):
    """A hold of that scope over the first item."""
    with house.inside(tenant_id):
        owner = db.session.execute(select(Item.custodian_id).where(Item.id == ids[0])).scalar_one()
        made = place_hold(
            scope,
            name="Case 1",
            reason="An investigation began",
            custodian_id=owner if scope == "custodian" else None,
            item_ids=ids[:1] if scope == "items" else (),
            by=person(house, "owner"),
        )
        return made.id


def lift(house, tenant_id, hold_id):
    with house.inside(tenant_id):
        ask_to_lift(hold_id, reason="The investigation is over", by=person(house, "owner"))
    with house.inside(tenant_id):
        lift_hold(hold_id, by=person(house, "admin"))


def sources():
    root = Path(console.__file__).parents[1]
    for folder in ("console", "blueprints"):
        for path in sorted((root / folder).rglob("*.py")):
            yield str(path.relative_to(root)), ast.parse(path.read_text())


def calls(tree, name):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called == name:
                yield node


def test_nothing_else_in_the_product_deletes_items_or_their_bytes():
    """`delete(Item)`, `delete(ItemContent)` and `delete_blob` stand in the files listed above, and nowhere else."""
    items, blobs = set(), set()
    for name, tree in sources():
        if any(
            isinstance(c.args[0], ast.Name) and c.args[0].id in ("Item", "ItemContent")
            for c in calls(tree, "delete")
            if c.args
        ):
            items.add(name)
        if any(calls(tree, "delete_blob")):
            blobs.add(name)
    assert items == DELETES_ITEMS
    assert blobs == DELETES_BLOBS


def test_what_is_taken_out_of_the_blob_store_directly_was_no_item():
    found = {name for name, tree in sources() for call in calls(tree, "delete") if names_a_blob(call)}
    assert found == set(DELETES_FROM_THE_STORE)


def names_a_blob(call):
    """Whether something is deleted by the name of a blob: `….delete(blob.name)`, `….delete(blob_name(…))`."""
    given = call.args[0] if call.args else None
    attribute = isinstance(given, ast.Attribute) and given.attr == "name"
    made = isinstance(given, ast.Call) and getattr(given.func, "id", "") == "blob_name"
    return isinstance(call.func, ast.Attribute) and (attribute or made)


def test_who_removes_items_is_listed_with_the_cause_it_gives():
    found = {name for name, tree in sources() if any(calls(tree, "remove_items"))}
    assert found == set(PATHS.values())
    assert set(PATHS) == set(Cause)


def test_control_a_planted_path_is_seen():
    tree = ast.parse("def sneak(): db.session.execute(delete(Item))\nremove_items(ids)")
    assert any(calls(tree, "remove_items"))
    assert [c.args[0].id for c in calls(tree, "delete")] == ["Item"]


@pytest.mark.parametrize("as_blobs", [False, True], ids=["in rows", "in blobs"])
def test_what_is_removed_is_gone_with_its_bytes_and_counts_no_more(house, acme, as_blobs):
    ids = hold(house, acme, *RAWS, as_blobs=as_blobs)
    paths = [blob_path(house, acme, one) for one in ids] if as_blobs else []
    done = remove(house, acme, ids[:2])
    assert (done.items, done.size_bytes, done.kept) == (2, len(RAWS[0]) + len(RAWS[1]), 0)
    house.work()
    assert [path.exists() for path in paths] == ([False, False, True] if as_blobs else [])
    with house.inside(acme, write=False):
        assert list(db.session.execute(select(Item.id)).scalars()) == ids[2:]
        kept_in_rows = db.session.execute(select(func.count()).select_from(ItemContent)).scalar_one()
        kept_in_blobs = db.session.execute(select(func.count()).select_from(Blob)).scalar_one()
        assert (kept_in_rows, kept_in_blobs) == ((0, 1) if as_blobs else (1, 0))
        assert (totals().items, totals().size_bytes, totals().last_number) == (1, len(RAWS[2]), 3)
        owner = db.session.execute(select(Custodian)).scalar_one()
        month = db.session.execute(select(MonthCount)).scalar_one()
        assert (owner.items, owner.size_bytes) == (month.items, month.size_bytes) == (1, len(RAWS[2]))


def figures(house, tenant_id):
    """The Customer's, its custodians' and its months' figures."""
    with house.inside(tenant_id, write=False):
        owners, months = (db.session.execute(select(kind)).scalars().all() for kind in (Custodian, MonthCount))
        one = totals()
        return [(each.items, each.size_bytes) for each in (one, *owners, *months)]


def test_a_quarantined_item_was_never_counted_and_counts_no_less_when_it_is_removed(house, acme):
    ids = bring(house, "owner", [letter("An ordinary one"), letter("Held", quarantined_for="no_headers")])
    before = figures(house, acme)
    assert [items for items, _size in before] == [1, 1, 1]
    assert remove(house, acme, ids[1:]).items == 1
    assert figures(house, acme) == before
    assert remove(house, acme, ids[:1]).items == 1
    assert figures(house, acme) == [(0, 0)] * 3


def test_an_item_that_was_released_later_counts_in_the_month_in_which_it_came(house, acme):
    (item_id,) = bring(house, "owner", [letter("Held", quarantined_for="no_headers")])
    with house.inside(acme, write=False):
        import_id = db.session.execute(select(Item.import_id)).scalar_one()
    with time_machine.travel(clock.now() + timedelta(days=40), tick=True), house.inside(acme):
        release(import_id, item_id, by=person(house, "owner"))
    assert [items for items, _size in figures(house, acme)] == [1, 1, 1]
    assert remove(house, acme, [item_id]).items == 1
    assert figures(house, acme) == [(0, 0)] * 3


def test_a_removal_that_is_repeated_does_nothing_more(house, acme):
    ids = hold(house, acme, *RAWS)
    assert remove(house, acme, ids).items == 3
    assert remove(house, acme, ids).items == 0


def test_another_customers_items_are_as_unknown_as_any(house, acme):
    ids = hold(house, house["birch_owner"].tenant_id, *RAWS)
    assert remove(house, acme, ids).items == 0
    assert held_numbers(house, house["birch_owner"].tenant_id) == [1, 2, 3]


def test_the_record_keeps_id_and_sha256_of_what_was_removed(house, acme):
    ids = hold(house, acme, b"abc")
    remove(house, acme, ids)
    with house.inside(acme, write=False):
        entry = db.session.execute(select(AuditEntry).where(AuditEntry.tag == Tag.DATA_ITEMS_REMOVED)).scalar_one()
        text = str(entry.details)
    assert str(ids[0]) in text
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" in text


def test_too_many_at_once_are_refused(house, acme):
    with house.inside(acme), pytest.raises(Invalid):
        remove_items([jobs.new_id() for _one in range(501)], cause=Cause.DELETED, by=system("test"))


@pytest.mark.parametrize("cause", list(Cause), ids=str)
@pytest.mark.parametrize("scope", ["everything", "custodian", "items"])
def test_no_path_removes_what_a_hold_covers_and_each_does_once_it_is_lifted(house, acme, scope, cause):
    ids = hold(house, acme, *RAWS)
    hold_id = place(house, acme, scope, ids)
    walk(house, acme, cause, ids)
    assert 1 in held_numbers(house, acme)
    assert held_numbers(house, acme) == ([1] if scope == "items" else [1, 2, 3])
    lift(house, acme, hold_id)
    walk(house, acme, cause, ids)
    assert held_numbers(house, acme) == []


def walk(house, tenant_id, cause, ids):
    """Let that path do its worst."""
    if cause == Cause.DELETED:
        remove(house, tenant_id, ids)
        return
    make_old(house, tenant_id, ids)
    sweep(house)


def make_old(house, tenant_id, ids):
    with house.inside(tenant_id):
        for one in db.session.execute(select(Item).where(Item.id.in_(ids))).scalars():
            one.dated_at = clock.now() - timedelta(days=OLD_DAYS)
        if retention.present_rules() == Rules():
            by = system("test", tenant_id)
            save_rules(Rules(365), based_on=0, reason="The company keeps mail for a year", by=by)


def sweep(house):
    with time_machine.travel(clock.now() + timedelta(days=retention.GRACE_DAYS, minutes=1), tick=True):
        with house.inside():
            jobs.enqueue(retention.SWEEP_JOB)
        with house.app.app_context():
            assert jobs.work_once({retention.SWEEP_JOB: HANDLERS[retention.SWEEP_JOB]})
        with house.inside(write=False):
            problems = db.session.execute(select(jobs.Job.reason).where(jobs.Job.kind == retention.SWEEP_JOB))
            assert set(problems.scalars()) == {None}


@pytest.mark.parametrize("kind", [retention.SWEEP_JOB, rebuilding.SWEEP_JOB])
def test_a_customer_whose_key_is_gone_keeps_no_sweep_from_the_others(house, acme, kind):
    make_old(house, acme, hold(house, acme, b"one"))
    keyring = house.app.extensions["safekeep.keyring"]
    for key in keyring.store.stored_keys([acme]):
        keyring.store.destroy(acme, key.version)
    keyring.drop(acme)
    with time_machine.travel(clock.now() + timedelta(days=retention.GRACE_DAYS, minutes=1), tick=True):
        with house.inside():
            jobs.enqueue(kind)
        with house.app.app_context():
            assert jobs.work_once({kind: HANDLERS[kind]})
    with house.inside(write=False):
        assert set(db.session.execute(select(jobs.Job.reason).where(jobs.Job.kind == kind)).scalars()) == {None}


def test_the_database_itself_keeps_an_item_that_a_hold_names(house, acme):
    ids = hold(house, acme, *RAWS)
    place(house, acme, "items", ids)
    with pytest.raises(IntegrityError), house.inside(acme):
        db.session.execute(delete(ItemContent).where(ItemContent.id == ids[0]))
        db.session.execute(delete(Item).where(Item.id == ids[0]))
    assert held_numbers(house, acme) == [1, 2, 3]


def test_a_hold_that_is_placed_while_items_are_being_removed_comes_before_or_after_never_between(house, acme):
    """The removal has looked at the holds and waits; whoever places one waits for it to end, and then finds less."""
    import threading

    ids = hold(house, acme, *RAWS)
    placed = threading.Event()

    def placing():
        place_everything(house, acme)
        placed.set()

    thread = threading.Thread(target=placing)
    with house.inside(acme):
        remove_items(ids[:1], cause=Cause.DELETED, by=system("test", acme))
        thread.start()
        assert not placed.wait(0.3)
    thread.join(30)
    assert placed.is_set()
    assert held_numbers(house, acme) == [2, 3]
    assert remove(house, acme, ids).kept == 2


def place_everything(house, tenant_id):
    with house.inside(tenant_id):
        place_hold("everything", name="Case", reason="An investigation began", by=person(house, "owner"))
