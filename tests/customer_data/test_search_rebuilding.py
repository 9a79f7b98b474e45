"""The index is made anew from the items: searches go on, nothing is lost, and a kill anywhere costs only time."""

import pytest
from sqlalchemy import delete, func, select, update

from console.core.db import db, unit_of_work
from console.core.jobs import LostLease
from console.customer_data import rebuilding
from console.customer_data.finding import ItemQuery, find_items
from console.customer_data.models import ItemContent
from console.customer_data.rebuilding import damaged_buckets, enqueue_rebuild, rebuild_index
from console.customer_data.segments import SearchBucket, SearchSegment, SegmentState, segments
from tests.customer_data.archive import Letter, actor, hold

SUBJECTS = [f"letter number{place}" for place in range(12)]


@pytest.fixture
def held(house):
    for start in range(0, len(SUBJECTS), 3):
        with house.inside(house["owner"].tenant_id):
            hold([Letter(subject, "common words") for subject in SUBJECTS[start : start + 3]])
    return house


def titles(house, q):
    owner = actor(house["owner"])
    with house.inside(owner.tenant_id, write=False):
        page = find_items(ItemQuery(q=q), by=owner)
        return sorted(item.summary.title for item in page.items), page.notes


def generations(house):
    with house.inside(house["owner"].tenant_id, write=False):
        return {one.generation for one in segments(SegmentState.READY)}


def ask_for_rebuild(house):
    with house.inside(house["owner"].tenant_id):
        enqueue_rebuild()


class Dying:
    def __init__(self, tenant_id, at):
        self.tenant_id, self.left = tenant_id, at

    def checkpoint(self, _done, _total):
        self.left -= 1
        if self.left <= 0:
            raise LostLease


def test_an_index_made_anew_finds_the_same(held):
    ask_for_rebuild(held)
    held.work()
    assert titles(held, "common") == (sorted(SUBJECTS), [])
    assert titles(held, "number7") == ([SUBJECTS[7]], [])
    assert generations(held) == {2}
    with held.inside(held["owner"].tenant_id, write=False):
        assert db.session.execute(select(func.count()).select_from(SearchSegment)).scalar_one() == 1


def test_a_rebuild_killed_at_each_step_goes_on_there_and_searches_never_notice(held, monkeypatch):
    monkeypatch.setattr(rebuilding, "BATCH_ITEMS", 2)
    tenant_id, deaths = held["owner"].tenant_id, 0
    while True:
        with held.app.app_context():
            try:
                rebuild_index(Dying(tenant_id, 2))
                break
            except LostLease:
                deaths += 1
        assert titles(held, "common") == (sorted(SUBJECTS), [])
    assert deaths == 6
    assert generations(held) == {2}
    assert titles(held, "common") == (sorted(SUBJECTS), [])


def test_what_arrives_during_a_rebuild_is_found_before_and_after(held, monkeypatch):
    monkeypatch.setattr(rebuilding, "BATCH_ITEMS", 5)
    tenant_id = held["owner"].tenant_id
    with held.app.app_context():
        run = Dying(tenant_id, 100)
        assert rebuilding._step(run)
        with unit_of_work(tenant_id):
            hold([Letter("late", "common words")])
        assert "late" in titles(held, "common")[0]
        while rebuilding._step(run):
            assert "late" in titles(held, "common")[0]
    held.work()
    assert titles(held, "common") == (sorted([*SUBJECTS, "late"]), [])


def test_an_index_that_was_lost_altogether_comes_back(held):
    with held.inside(held["owner"].tenant_id):
        db.session.execute(delete(SearchBucket))
        db.session.execute(delete(SearchSegment))
    assert titles(held, "common")[0] == []
    ask_for_rebuild(held)
    held.work()
    assert titles(held, "common") == (sorted(SUBJECTS), [])


def test_an_older_format_is_named_and_the_sweep_makes_the_index_anew(held):
    with held.inside(held["owner"].tenant_id):
        db.session.execute(update(SearchSegment).values(format=0))
    sweep(held)
    assert generations(held) == {2}
    assert titles(held, "common") == (sorted(SUBJECTS), [])


@pytest.mark.parametrize("fault", ["changed", "missing", "moved"])
def test_a_damaged_bucket_is_named_does_not_break_the_page_and_is_made_anew(held, fault):
    with held.inside(held["owner"].tenant_id):
        first, second = db.session.execute(select(SearchBucket).order_by(SearchBucket.id).limit(2)).scalars()
        if fault == "missing":
            db.session.delete(first)
        else:
            first.sealed = second.sealed if fault == "moved" else first.sealed[:40]
    with held.inside(held["owner"].tenant_id, write=False):
        assert len(damaged_buckets()) == 1
    found, notes = titles(held, "common")
    assert len(found) == 9
    assert any("incomplete" in note for note in notes)
    sweep(held)
    assert titles(held, "common") == (sorted(SUBJECTS), [])


def test_a_damaged_item_is_left_out_and_the_others_are_found(held):
    with held.inside(held["owner"].tenant_id):
        broken = db.session.execute(select(ItemContent).limit(1)).scalar_one()
        broken.sealed = broken.sealed[:50]
    ask_for_rebuild(held)
    held.work()
    assert len(titles(held, "common")[0]) == len(SUBJECTS) - 1


def sweep(house):
    """The nightly look at every index, now."""
    from console.core import jobs
    from console.tenants.models import tenant_ids

    with house.inside():
        jobs.enqueue(rebuilding.SWEEP_JOB)
    assert tenant_ids
    house.work()
