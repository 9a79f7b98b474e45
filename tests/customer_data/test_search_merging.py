"""Segments are merged while searches go on: at every moment each item is found once, whatever ends the worker."""

import random
import threading

import pytest
from sqlalchemy import func, select

from console.core import jobs
from console.core.db import db, unit_of_work
from console.core.jobs import LostLease
from console.customer_data import merging
from console.customer_data.index import FIELD_LETTERS, add_segment, look_up
from console.customer_data.merging import INDEX_JOB, merge_segments
from console.customer_data.models import DataTotal
from console.customer_data.search import find_numbers
from console.customer_data.segments import FAN, SearchBucket, SearchSegment, SegmentState, segments
from console.formats.queries import parse_query
from tests.customer_data.archive import Letter, hold

WORDS = [f"word{number}" for number in range(60)] + ["会議", "müller"]


class Corpus:
    """Terms by number, added to the index in batches; and what a look-up should answer."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.terms: dict[int, set[str]] = {}

    def batch(self, items: int) -> list[tuple[int, set[str]]]:
        first = max(self.terms, default=0) + 1
        made = []
        for number in range(first, first + items):
            words = self.random.choices(WORDS, weights=range(1, len(WORDS) + 1), k=12)
            made.append((number, {f"{self.random.choice(FIELD_LETTERS)}:{word}" for word in words}))
        self.terms.update(made)
        return made

    def expected(self, word: str) -> dict[int, set[int]]:
        found: dict[int, set[int]] = {}
        for number, terms in self.terms.items():
            for term in terms:
                if term[2:] == word:
                    found.setdefault(FIELD_LETTERS.index(term[0]), set()).add(number)
        return found


@pytest.fixture
def tenant_id(house):
    tenant_id = house["owner"].tenant_id
    with house.inside(tenant_id):
        db.session.add(DataTotal(id=tenant_id, last_number=0, items=0, size_bytes=0, damaged=0))
    return tenant_id


def check(house, tenant_id, corpus):
    """Every word is where it should be, and everything that is ready covers each item once."""
    with house.inside(tenant_id, write=False):
        lookup = look_up([*WORDS, "nowhere"])
        assert not lookup.damaged
        assert lookup.items == len(corpus.terms)
        for word in [*WORDS, "nowhere"]:
            found = {name: set(numbers) for name, numbers in lookup.found[word].items()}
            assert found == corpus.expected(word), word


def fill(house, tenant_id, corpus, batches):
    for items in batches:
        with house.inside(tenant_id):
            add_segment(corpus.batch(items))


def states(house, tenant_id):
    with house.inside(tenant_id, write=False):
        return [(one.state, one.level) for one in segments(*SegmentState)]


class Dying:
    """A lease whose worker dies at the n-th checkpoint, before that transaction commits."""

    def __init__(self, tenant_id, at):
        self.tenant_id, self.left = tenant_id, at

    def checkpoint(self, _done, _total):
        self.left -= 1
        if self.left <= 0:
            raise LostLease


def run_once(house, run) -> bool:
    """Answers whether the merge came to its end."""
    with house.app.app_context():
        try:
            merge_segments(run)
        except LostLease:
            return False
        return True


def test_sixteen_segments_become_one_and_the_rest_waits(house, tenant_id):
    corpus = Corpus()
    fill(house, tenant_id, corpus, [40] * (FAN + 3))
    house.work()
    assert sorted(states(house, tenant_id)) == sorted([("ready", 2)] + [("ready", 1)] * 3)
    check(house, tenant_id, corpus)
    with house.inside(tenant_id, write=False):
        rows = db.session.execute(select(func.count()).select_from(SearchBucket)).scalar_one()
        assert rows == 256 + 3 * 16


def test_merges_of_merges_keep_every_item(house, tenant_id):
    corpus = Corpus(2)
    for _round in range(FAN + 2):
        fill(house, tenant_id, corpus, [1, 3] * (FAN // 2))
        house.work()
    check(house, tenant_id, corpus)
    assert len(states(house, tenant_id)) <= 3 * FAN
    assert max(level for _state, level in states(house, tenant_id)) >= 1


def test_a_merge_that_is_killed_before_any_of_its_transactions_commits_loses_nothing(house, tenant_id, monkeypatch):
    monkeypatch.setattr(merging, "GROUPS", 4)
    corpus = Corpus(3)
    fill(house, tenant_id, corpus, [33] * FAN)
    deaths = 0
    while not run_once(house, Dying(tenant_id, 1 + deaths % 2)):
        deaths += 1
        check(house, tenant_id, corpus)
        assert deaths < 100
    house.work()
    check(house, tenant_id, corpus)
    assert states(house, tenant_id) == [("ready", 2)]
    assert deaths >= 5


def test_two_merges_at_once_and_an_import_beside_them(house, tenant_id, monkeypatch):
    monkeypatch.setattr(merging, "GROUPS", 2)
    corpus = Corpus(4)
    fill(house, tenant_id, corpus, [33] * FAN)
    start, failures = threading.Barrier(3), []

    def merge():
        start.wait()
        try:
            run_once(house, Dying(tenant_id, 10_000))
        except Exception as error:  # noqa: BLE001 (shown by the assertion below)
            failures.append(error)

    def bring():
        start.wait()
        for _batch in range(5):
            with house.app.app_context(), unit_of_work(tenant_id):
                db.session.execute(select(DataTotal).with_for_update()).scalar_one()
                add_segment(corpus.batch(33))

    threads = [threading.Thread(target=act) for act in (merge, merge, bring)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failures
    house.work()
    check(house, tenant_id, corpus)
    assert sorted(states(house, tenant_id)) == sorted([("ready", 2)] + [("ready", 1)] * 5)


def test_a_look_up_between_two_steps_sees_the_old_segments_until_the_new_one_is_whole(house, tenant_id, monkeypatch):
    monkeypatch.setattr(merging, "GROUPS", 1)
    corpus = Corpus(5)
    fill(house, tenant_id, corpus, [33] * FAN)
    steps = 0
    with house.app.app_context():
        run = Dying(tenant_id, 10_000)
        while merging._step(run, {}):
            steps += 1
            check(house, tenant_id, corpus)
    assert steps > 16


def test_a_batch_that_lies_between_older_numbers_is_merged_like_any_other(house, tenant_id):
    """An item that is released from quarantine joins the index late, with an early number."""
    corpus = Corpus(6)
    batches = [corpus.batch(3) for _number in range(FAN - 1)]
    late = [batch.pop(1) for batch in batches]
    for batch in [*batches, late]:
        with house.inside(tenant_id):
            add_segment(batch)
    check(house, tenant_id, corpus)
    house.work()
    assert states(house, tenant_id) == [("ready", 1)]
    check(house, tenant_id, corpus)


def test_a_merge_is_waited_for_once(house, tenant_id):
    fill(house, tenant_id, Corpus(), [1] * (FAN + 4))
    with house.inside():
        waiting = select(func.count()).select_from(jobs.Job).where(jobs.Job.kind == INDEX_JOB)
        assert db.session.execute(waiting).scalar_one() == 1


def test_a_damaged_source_leaves_the_rest_searchable_and_the_index_is_made_anew(house):
    tenant_id = house["owner"].tenant_id
    for number in range(FAN):
        with house.inside(tenant_id):
            hold([Letter(f"letter {number}", "common text")])
    with house.inside(tenant_id):
        broken = db.session.execute(select(SearchBucket).limit(1)).scalar_one()
        broken.sealed = broken.sealed[:-1] + bytes([broken.sealed[-1] ^ 1])
    with house.inside(tenant_id, write=False):
        found = find_numbers(parse_query("common"))
        assert len(found.numbers) == FAN - 1
        assert any("incomplete" in note for note in found.notes)
    house.work()
    with house.inside(tenant_id, write=False):
        found = find_numbers(parse_query("common"))
        assert len(found.numbers) == FAN
        assert found.notes == ()
        assert {one.generation for one in segments(*SegmentState)} == {2}


def test_another_customers_segments_are_not_touched(house, tenant_id):
    other = house["birch_owner"].tenant_id
    corpus, theirs = Corpus(7), Corpus(8)
    with house.inside(other):
        db.session.add(DataTotal(id=other, last_number=0, items=0, size_bytes=0, damaged=0))
    fill(house, other, theirs, [33] * (FAN - 1))
    fill(house, tenant_id, corpus, [33] * FAN)
    house.work()
    check(house, tenant_id, corpus)
    check(house, other, theirs)
    with house.inside(other, write=False):
        assert {one.level for one in db.session.execute(select(SearchSegment)).scalars()} == {1}
