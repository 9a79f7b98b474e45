"""Words of items that were removed leave the search index, whatever merges were going on."""

import pytest
from sqlalchemy import func, select

from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.jobs import claim, give_back
from console.customer_data import merging
from console.customer_data.index import add_segment, look_up
from console.customer_data.postings import FIELD_BITS, Bucket
from console.customer_data.removal import Cause, remove_items
from console.customer_data.segments import FAN, IndexKeys, SearchBucket, SearchSegment, SegmentState
from tests.customer_data.held import hold

WORDS = {1: "harbour", 2: "secret", 3: "invoice"}


@pytest.fixture
def acme(house):
    return house["owner"].tenant_id


def index(house, tenant_id, numbers, words=WORDS):
    with house.inside(tenant_id):
        add_segment([(number, {f"b:{words[number]}", "b:common"}) for number in numbers])


def found(house, tenant_id, word):
    with house.inside(tenant_id, write=False):
        lookup = look_up([word])
        assert not lookup.damaged
        return sorted({number for numbers in lookup.found[word].values() for number in numbers})


def remove(house, tenant_id, ids):
    with house.inside(tenant_id):
        remove_items(ids, cause=Cause.DELETED, by=system("test", tenant_id), reason="as the test wants")


def kept_keys(house, tenant_id):
    """The keys of all words in any bucket that is left, whatever its segment's state."""
    with house.inside(tenant_id, write=False):
        keys = IndexKeys()
        rows = db.session.execute(select(SearchBucket.id, SearchBucket.sealed)).all()
        opened = [Bucket(keys.open(row.id, row.sealed)) for row in rows]
        return {key >> FIELD_BITS for bucket in opened for key, _postings in bucket.entries(0)}, word_of(keys)


def word_of(keys):
    return keys.word("secret") >> FIELD_BITS


def states(house, tenant_id):
    with house.inside(tenant_id, write=False):
        query = select(SearchSegment.state, func.count()).group_by(SearchSegment.state)
        return {row[0]: row[1] for row in db.session.execute(query)}


def test_the_words_of_a_removed_item_are_in_no_bucket_any_more(house, acme):
    ids = hold(house, acme, b"a", b"b", b"c")
    index(house, acme, (1, 2, 3))
    keys, secret = kept_keys(house, acme)
    assert secret in keys
    remove(house, acme, [ids[1]])
    house.work()
    keys, secret = kept_keys(house, acme)
    assert secret not in keys
    assert found(house, acme, "common") == [1, 3]
    assert states(house, acme) == {SegmentState.READY: 1}


def test_every_item_of_a_segment_can_go(house, acme):
    ids = hold(house, acme, b"a", b"b", b"c")
    index(house, acme, (1, 2, 3))
    remove(house, acme, ids)
    house.work()
    assert found(house, acme, "common") == []
    assert not kept_keys(house, acme)[0]


def test_a_removal_in_the_middle_of_a_merge_is_forgotten_as_well(house, acme):
    """The merge has written its buckets already; what it made is written once more."""
    ids = hold(house, acme, *(b"item %d" % number for number in range(FAN)))
    words = {number: "secret" if number == 2 else f"word{number}" for number in range(1, FAN + 1)}
    for number in range(1, FAN + 1):
        index(house, acme, (number,), words)
    with house.app.app_context():
        run = claim([merging.INDEX_JOB])
        with unit_of_work(acme):
            target = merging._target()
            target_id, built = target.id, target.built
        with unit_of_work(acme, write=False):
            step = merging._prepare(target_id, built, {})
        remove(house, acme, [ids[1]])
        with unit_of_work(acme):
            assert merging._write(run, target_id, built, step)
        give_back(run)
    assert secret_is_kept(house, acme)  # the merge had read it before; so it is written once more
    house.work()
    keys, secret = kept_keys(house, acme)
    assert secret not in keys
    assert found(house, acme, "common") == [1, *range(3, FAN + 1)]
    assert states(house, acme) == {SegmentState.READY: 1}


def secret_is_kept(house, tenant_id):
    keys, secret = kept_keys(house, tenant_id)
    return secret in keys
