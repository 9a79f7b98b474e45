"""What stays hidden: from another Customer, from members, and from whoever holds the database without keys."""

import pytest
from sqlalchemy import insert, select

from console.core.db import db
from console.customer_data.finding import ItemQuery, find_items
from console.customer_data.index import add_segment, look_up
from console.customer_data.segments import IndexKeys, SearchBucket, SearchSegment, SegmentState, bucket_id, segments
from console.vault.errors import Unreadable
from tests.customer_data.archive import Letter, actor, custodian, hold


def titles(house, person, q="", **filters):
    by = actor(house[person])
    with house.inside(by.tenant_id, write=False):
        page = find_items(ItemQuery(q=q, **filters), by=by)
        return {item.summary.title for item in page.items}, page.total


def test_another_customers_words_and_numbers_never_appear(house):
    with house.inside(house["owner"].tenant_id):
        hold([Letter("ours", "secret plans")])
    with house.inside(house["birch_owner"].tenant_id):
        hold([Letter("theirs", "secret plans"), Letter("theirs too", "plans")])
    assert titles(house, "owner", "secret") == ({"ours"}, 1)
    assert titles(house, "birch_owner", "plans") == ({"theirs", "theirs too"}, 2)
    with house.inside(house["owner"].tenant_id, write=False):
        ours = IndexKeys().word("secret")
    with house.inside(house["birch_owner"].tenant_id, write=False):
        assert IndexKeys().word("secret") != ours


def test_a_bucket_copied_to_another_customer_or_place_does_not_open(house):
    with house.inside(house["owner"].tenant_id):
        hold([Letter("ours", "secret plans")])
    with house.inside(house["owner"].tenant_id, write=False):
        bucket = db.session.execute(select(SearchBucket)).scalars().first()
        segment = db.session.execute(select(SearchSegment)).scalars().first()
        row = {column.name: getattr(bucket, column.name) for column in SearchBucket.__table__.columns}
        head = {column.name: getattr(segment, column.name) for column in SearchSegment.__table__.columns}
        with pytest.raises(Unreadable):
            IndexKeys().open(bucket_id(segment.id, 1), bucket.sealed)
    other = house["birch_owner"].tenant_id
    with house.inside(other):
        db.session.execute(insert(SearchSegment), [{**head, "tenant_id": other}])
        db.session.execute(insert(SearchBucket), [{**row, "tenant_id": other}])
    with house.inside(other, write=False):
        looked = look_up(["secret"])
        assert looked.found == {"secret": {}}
        assert looked.damaged


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("owner", {"mine", "yours"}),
        ("admin", {"mine", "yours"}),
        ("auditor", {"mine", "yours"}),
        ("member", {"mine"}),
        ("other_member", {"yours"}),
        ("user_manager", set()),
        ("security_manager", set()),
    ],
)
@pytest.mark.parametrize("q", ["", "plans", '"secret plans"'])
def test_members_find_their_own_alone_and_totals_count_no_more(house, person, expected, q):
    with house.inside(house["owner"].tenant_id):
        hold([Letter("mine", "secret plans")], custodian("mika@acme.example", house["member"].id))
        hold([Letter("yours", "secret plans")], custodian("m@acme.example", house["other_member"].id))
    found, total = titles(house, person, q)
    assert found == expected
    assert total in (None, len(expected))


def test_a_filter_on_a_foreign_custodian_finds_nothing(house):
    with house.inside(house["owner"].tenant_id):
        hold([Letter("mine", "plans")], custodian("mika@acme.example", house["member"].id))
        other = custodian("m@acme.example", house["other_member"].id)
        hold([Letter("yours", "plans")], other)
    assert titles(house, "member", custodian=other)[0] == set()
    assert titles(house, "member", "plans", custodian=other) == (set(), 0)


def test_staff_and_nobody_find_nothing(house):
    from console.core.actor import Actor

    with house.inside(house["owner"].tenant_id):
        hold([Letter("mine", "plans")])
    for by in (actor(house["agent"]), Actor(kind="anonymous")):
        with house.inside(house["owner"].tenant_id, write=False):
            assert find_items(ItemQuery(q="plans"), by=by).items == []


def rows(house, tenant_id):
    """Everything that lies in the two tables, ids and moments aside, and the sealed bytes apart."""
    with house.inside(tenant_id, write=False):
        heads = [
            (one.state, one.format, one.generation, one.level, one.bits, one.first_number, one.last_number, one.items)
            for one in segments(*SegmentState)
        ]
        buckets = list(db.session.execute(select(SearchBucket)).scalars())
        sealed = [one.sealed for one in buckets]
        return sorted(heads), sorted((one.bucket, len(one.sealed)) for one in buckets), sealed


def test_two_archives_of_one_size_and_other_words_differ_in_sealed_bytes_alone(house):
    """One word in all items against another; many items of one word against as many: no term, no frequency, no equality."""
    ours, theirs = house["owner"].tenant_id, house["birch_owner"].tenant_id
    for tenant_id, word in ((ours, "merger"), (theirs, "picnic")):
        with house.inside(tenant_id):
            for first in (1, 41):
                add_segment([(number, {f"b:{word}", f"s:only{number}"}) for number in range(first, first + 20)])
    our_heads, our_buckets, our_sealed = rows(house, ours)
    their_heads, their_buckets, their_sealed = rows(house, theirs)
    assert our_heads == their_heads
    for (our_place, our_length), (their_place, their_length) in zip(our_buckets, their_buckets, strict=True):
        assert our_place == their_place
        # Compressed keys are random: two lengths may fall on either side of a step, never further apart.
        assert abs(our_length - their_length) <= our_length // 8 + 32
    assert len({*our_sealed, *their_sealed}) == len(our_sealed) + len(their_sealed)


def test_equal_terms_give_no_equal_bytes_and_lie_in_no_equal_place(house):
    """The same items once more, sixteen buckets each: only chance decides where a bucket of equal words lies."""
    with house.inside(house["owner"].tenant_id):
        for first in range(1, 401, 40):
            add_segment([(number, {"b:merger"}) for number in range(first, first + 40)])
    with house.inside(house["owner"].tenant_id, write=False):
        buckets = list(db.session.execute(select(SearchBucket)).scalars())
        keys, key = IndexKeys(), IndexKeys().word("merger")
        places = {keys.place(one, key >> 60) for one in segments(SegmentState.READY)}
        sealed = [one.sealed for one in buckets]
    assert len(set(sealed)) == len(sealed)
    assert len({one[17:33] for one in sealed}) == len(sealed)
    assert len(places) > 1


def test_no_word_stands_in_the_database_in_clear(house):
    with house.inside(house["owner"].tenant_id):
        hold([Letter("Xylophonist", "quintessential zeppelin", sender="Zz <zz@quokka.example>")])
    with house.inside(house["owner"].tenant_id, write=False):
        for one in db.session.execute(select(SearchBucket)).scalars():
            for word in (b"xylophonist", b"zeppelin", b"quokka", b"quintessential"):
                assert word not in one.sealed.lower()


@pytest.mark.parametrize("others", [0, 60])
@pytest.mark.parametrize("limit", [1, 5])
def test_how_many_items_of_others_hold_a_word_does_not_show_in_the_total(house, others, limit):
    member = house["member"]
    with house.inside(member.tenant_id):
        hold([Letter("mine", "merger"), Letter("mine", "merger")], custodian("mine@acme.example", member.id))
        hold([Letter("theirs", "merger")] * others, custodian("theirs@acme.example"))
    assert titles(house, "member", "merger", limit=limit) == ({"mine"}, 2 if limit == 5 else None)
    shown = house.signed_in("member").get(f"/data?q=merger&limit={limit}").text
    assert ("2 items found" if limit == 5 else "1 item on this page") in shown
    assert "in all" not in shown
