"""A bucket gives back what was put into it, merges are unions, lengths tell little, and damage is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.customer_data.index import new_segment
from console.customer_data.postings import FIELD_BITS, LONG, Bucket, DamagedBucket, merge_buckets, pack_bucket, padded
from console.customer_data.segments import IndexKeys, SegmentState, bits_of, level_of

offsets = st.one_of(
    st.sets(st.integers(0, 2**20), min_size=1, max_size=6).map(sorted),
    st.builds(
        lambda start, step, count: list(range(start, start + step * count, step)),
        st.integers(0, 1000),
        st.integers(1, 9),
        st.integers(LONG - 2, LONG + 40),
    ),
)
entries = st.dictionaries(st.integers(0, 2**64 - 1), offsets, max_size=12)


def listed(bucket, shift=0):
    return {key: list(postings) for key, postings in bucket.entries(shift)}


@given(entries)
def test_a_bucket_gives_back_what_was_put_into_it(held):
    bucket = Bucket(padded(pack_bucket(sorted(held.items()))))
    assert listed(bucket) == held
    for key, expected in held.items():
        word = key >> FIELD_BITS << FIELD_BITS
        assert list(dict(bucket.fields(word))[key - word]) == expected
    assert not list(bucket.fields(8)) or any(key >> FIELD_BITS == 1 for key in held)


@given(st.lists(st.tuples(st.integers(0, 3000), entries), max_size=4))
def test_a_merge_is_the_union_of_its_sources(sources):
    expected: dict[int, set[int]] = {}
    for shift, held in sources:
        for key, postings in held.items():
            expected.setdefault(key, set()).update(offset + shift for offset in postings)
    merged = merge_buckets((shift, Bucket(pack_bucket(sorted(held.items())))) for shift, held in sources)
    assert [key for key, _postings in merged] == sorted(expected)
    assert {key: list(postings) for key, postings in merged} == {key: sorted(some) for key, some in expected.items()}


@given(st.integers(0, 300_000))
def test_padding_adds_an_eighth_at_most_and_leaves_few_lengths(length):
    grown = len(padded(bytes(length)))
    assert length <= grown <= length + length // 8 + 1
    assert len(padded(bytes(grown))) == grown


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x00" * 40, pack_bucket([(9, [1, 2])])[:-3], b"\x02" + pack_bucket([])[1:]]
)
def test_what_is_no_bucket_is_damaged(data):
    with pytest.raises(DamagedBucket):
        Bucket(data)


def test_levels_grow_by_sixteen():
    assert [level_of(items) for items in (1, 31, 32, 511, 512, 8_191, 8_192, 131_072)] == [0, 0, 1, 1, 2, 2, 3, 4]
    assert [bits_of(level) for level in range(6)] == [0, 4, 8, 12, 16, 16]


def test_buckets_are_shuffled_anew_in_each_segment_and_none_shares_its_place(house):
    with house.inside(house["owner"].tenant_id, write=False):
        keys, orders = IndexKeys(), []
        for level in (0, 1, 2, 3):
            for _segment in range(2):
                made = new_segment(level=level, items=1, first=1, last=1, state=SegmentState.READY)
                orders.append([keys.place(made, number) for number in range(1 << made.bits)])
                assert sorted(orders[-1]) == list(range(1 << made.bits))
        assert orders[4] != orders[5]
        assert orders[6] != orders[7]
