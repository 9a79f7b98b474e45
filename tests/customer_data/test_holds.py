"""Legal holds: placed by one person with a reason, lifted by two different ones, at once or never."""

import threading

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from console.audit.models import AuditEntry
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import db
from console.core.errors import Conflict, Forbidden, Invalid, NotFound
from console.core.ids import new_id
from console.core.permissions import Role
from console.customer_data.holds import (
    HeldItem,
    Hold,
    ask_to_lift,
    held,
    hold,
    holds,
    lift_hold,
    place_hold,
    withdraw_lift,
)
from console.customer_data.models import Item
from tests.customer_data.held import hold as keep

REASON = "An investigation began"


@pytest.fixture
def acme(house):
    return house["owner"].tenant_id


def person(house, key):
    one = house[key]
    return Actor("person", tenant_id=one.tenant_id, user_id=one.id, role=Role.OWNER, label=one.name)


def place(house, tenant_id, scope="everything", **facts):
    with house.inside(tenant_id):
        return place_hold(scope, name="Case 7", reason=REASON, by=person(house, "owner"), **facts).id


def places(house, tenant_id):
    """(item, custodian) of every item."""
    return [(row.id, row.custodian_id) for row in db.session.execute(select(Item.id, Item.custodian_id))]


def covered(house, tenant_id):
    with house.inside(tenant_id, write=False):
        return held(places(house, tenant_id))


def state(house, tenant_id, hold_id):
    with house.inside(tenant_id, write=False):
        return hold(hold_id).state


def test_a_hold_covers_everything_one_custodian_or_single_items(house, acme):
    first, second = keep(house, acme, b"a", b"b"), keep(house, acme, b"c")
    assert covered(house, acme) == set()
    single = place(house, acme, "items", item_ids=[first[1]])
    assert covered(house, acme) == {first[1]}
    with house.inside(acme, write=False):
        owner = db.session.execute(select(Item.custodian_id).where(Item.id == second[0])).scalar_one()
    place(house, acme, "custodian", custodian_id=owner)
    assert covered(house, acme) == {first[1], second[0]}
    place(house, acme)
    assert covered(house, acme) == {*first, *second}
    with house.inside(acme, write=False):
        assert hold(single).words["reason"] == REASON


def test_a_custodians_hold_covers_what_comes_later(house, acme):
    ids = keep(house, acme, b"a")
    with house.inside(acme, write=False):
        owner = db.session.execute(select(Item.custodian_id).where(Item.id == ids[0])).scalar_one()
    place(house, acme, "custodian", custodian_id=owner)
    with house.inside(acme, write=False):
        later = new_id()
        assert held([(later, owner), (later, new_id())]) == {later}


def test_lifting_needs_two_different_people_in_the_action_and_in_the_database(house, acme):
    keep(house, acme, b"a")
    hold_id = place(house, acme)
    with house.inside(acme), pytest.raises(Conflict):
        lift_hold(hold_id, by=person(house, "admin"))  # nobody asked
    with house.inside(acme):
        ask_to_lift(hold_id, reason="It is over now", by=person(house, "owner"))
    assert state(house, acme, hold_id) == "lifting"
    assert len(covered(house, acme)) == 1
    with house.inside(acme), pytest.raises(Forbidden):
        lift_hold(hold_id, by=person(house, "owner"))
    alone = {"lifted_by": house["owner"].id, "lifted_at": clock.now()}
    with pytest.raises(IntegrityError), house.inside(acme):
        db.session.execute(update(Hold).where(Hold.id == hold_id).values(**alone))
    with house.inside(acme):
        lift_hold(hold_id, by=person(house, "admin"))
    assert state(house, acme, hold_id) == "lifted"
    assert covered(house, acme) == set()
    with house.inside(acme), pytest.raises(Conflict):
        lift_hold(hold_id, by=person(house, "admin"))


def test_what_was_asked_can_be_withdrawn_by_either(house, acme):
    hold_id = place(house, acme)
    for who in ("owner", "admin"):
        with house.inside(acme):
            ask_to_lift(hold_id, reason="It is over now", by=person(house, "owner"))
        with house.inside(acme):
            withdraw_lift(hold_id, by=person(house, who))
        assert state(house, acme, hold_id) == "open"
    with house.inside(acme), pytest.raises(Conflict):
        withdraw_lift(hold_id, by=person(house, "owner"))


def test_asking_twice_changes_nothing_and_a_colleague_who_asks_is_told_what_to_do(house, acme):
    hold_id = place(house, acme)
    for _twice in range(2):
        with house.inside(acme):
            ask_to_lift(hold_id, reason="It is over now", by=person(house, "owner"))
    with house.inside(acme), pytest.raises(Conflict, match="agree"):
        ask_to_lift(hold_id, reason="It is over now", by=person(house, "admin"))


def test_every_step_is_recorded_with_its_reason(house, acme):
    hold_id = place(house, acme)
    with house.inside(acme):
        ask_to_lift(hold_id, reason="It is over now", by=person(house, "owner"))
    with house.inside(acme):
        lift_hold(hold_id, by=person(house, "admin"))
    with house.inside(acme, write=False):
        tags = [Tag.DATA_HOLD_PLACED, Tag.DATA_HOLD_LIFT_ASKED, Tag.DATA_HOLD_LIFTED]
        query = select(AuditEntry).where(AuditEntry.tag.in_(tags)).order_by(AuditEntry.number)
        found = list(db.session.execute(query).scalars())
        assert [(one.tag, one.subject_id) for one in found] == [(tag, hold_id) for tag in tags]
        assert [one.details["reason"] for one in found] == [REASON, "It is over now", "It is over now"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scope": "nothing"}, "scope"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "case\u202e7"}, "name"),
        ({"reason": "short"}, "reason"),
        ({"reason": "r" * 501}, "reason"),
        ({"scope": "custodian"}, "custodian"),
        ({"scope": "items"}, "scope"),
        ({"scope": "items", "item_ids": [new_id() for _one in range(1001)]}, "scope"),
    ],
)
def test_a_bad_hold_is_refused_beside_the_field_that_is_wrong(house, acme, change, field):
    facts = {"scope": "everything", "name": "Case 7", "reason": REASON, **change}
    with house.inside(acme), pytest.raises(Invalid) as refused:
        place_hold(facts.pop("scope"), by=person(house, "owner"), **facts)
    assert field in refused.value.fields
    with house.inside(acme, write=False):
        assert holds() == []


def test_another_customers_custodian_item_or_hold_is_as_unknown_as_any(house, acme):
    birch = house["birch_owner"].tenant_id
    theirs = keep(house, birch, b"a")
    with house.inside(birch, write=False):
        owner = db.session.execute(select(Item.custodian_id)).scalar_one()
    hold_id = place(house, birch)
    for facts in ({"scope": "custodian", "custodian_id": owner}, {"scope": "items", "item_ids": theirs}):
        with house.inside(acme), pytest.raises(NotFound):
            place_hold(facts.pop("scope"), name="Case", reason=REASON, by=person(house, "owner"), **facts)
    with house.inside(acme), pytest.raises(NotFound):
        ask_to_lift(hold_id, reason="It is over now", by=person(house, "owner"))
    assert state(house, birch, hold_id) == "open"


def test_of_two_who_agree_at_once_one_lifts_and_the_other_is_told(house, acme):
    hold_id = place(house, acme)
    with house.inside(acme):
        ask_to_lift(hold_id, reason="It is over now", by=person(house, "owner"))
    together, outcomes = threading.Barrier(2), []

    def agree(key):
        together.wait(30)
        try:
            with house.inside(acme):
                lift_hold(hold_id, by=person(house, key))
            outcomes.append("lifted")
        except Conflict:
            outcomes.append("told")

    threads = [threading.Thread(target=agree, args=(key,)) for key in ("admin", "security_manager")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["lifted", "told"]
    with house.inside(acme, write=False):
        query = select(func.count()).select_from(AuditEntry).where(AuditEntry.tag == Tag.DATA_HOLD_LIFTED)
        assert db.session.execute(query).scalar_one() == 1


def test_lifting_forgets_which_items_were_named_but_not_how_many(house, acme):
    ids = keep(house, acme, b"a", b"b")
    hold_id = place(house, acme, "items", item_ids=ids)
    with house.inside(acme):
        ask_to_lift(hold_id, reason="It is over now", by=person(house, "owner"))
    with house.inside(acme):
        lift_hold(hold_id, by=person(house, "admin"))
    with house.inside(acme, write=False):
        assert hold(hold_id).items == 2
        assert not db.session.execute(select(HeldItem.id)).first()
