"""How long items are kept: by all or by custodian, after a week of grace, and never what a hold covers."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from console.core import clock, jobs
from console.core.actor import system
from console.core.db import db
from console.core.errors import Invalid
from console.customer_data import retention
from console.customer_data.models import Item, custodians
from console.customer_data.retention import Rules, acts_from, check_days, present_rules, preview, save_rules
from console.registry import HANDLERS
from tests.customer_data.held import hold

REASON = "The company keeps mail for a year"


@pytest.fixture
def acme(house):
    return house["owner"].tenant_id


def save(house, tenant_id, rules, based_on=0):
    with house.inside(tenant_id):
        return save_rules(rules, based_on=based_on, reason=REASON, by=system("test", tenant_id))


def aged(house, tenant_id, *days):
    """Items of one custodian that are so many days old. Answers (custodian, ids)."""
    ids = hold(house, tenant_id, *(f"item of {number} days".encode() for number in days))
    with house.inside(tenant_id):
        for one in db.session.execute(select(Item).where(Item.id.in_(ids))).scalars():
            one.dated_at = clock.now() - timedelta(days=days[ids.index(one.id)])
            owner = one.custodian_id
    return owner, ids


def sweep(house, *, days_later=retention.GRACE_DAYS):
    with time_machine.travel(clock.now() + timedelta(days=days_later, minutes=1), tick=True):
        with house.inside():
            jobs.enqueue(retention.SWEEP_JOB)
        with house.app.app_context():
            assert jobs.work_once({retention.SWEEP_JOB: HANDLERS[retention.SWEEP_JOB]})


def ages(house, tenant_id):
    """The days that the items had that are left."""
    with house.inside(tenant_id, write=False):
        dates = db.session.execute(select(Item.dated_at)).scalars()
        return sorted(round((clock.now() - date).total_seconds() / 86_400) for date in dates)


def test_without_rules_everything_is_kept_for_ever(house, acme):
    aged(house, acme, 1, 40_000)
    sweep(house)
    assert ages(house, acme) == [1, 40_000]


def test_what_is_older_goes_and_what_is_not_stays(house, acme):
    aged(house, acme, 300, 350, 364, 366, 2000)
    save(house, acme, Rules(365))
    sweep(house)
    assert ages(house, acme) == [300, 350]  # a week has passed: what was 364 days old is 371 now


def test_nothing_goes_before_the_week_of_grace_is_over_and_changing_back_saves_it(house, acme):
    aged(house, acme, 2000)
    first = save(house, acme, Rules(365))
    sweep(house, days_later=retention.GRACE_DAYS - 1)
    assert ages(house, acme) == [2000]
    with house.inside(acme, write=False):
        assert acts_from() > clock.now() + timedelta(days=retention.GRACE_DAYS - 1)
    save(house, acme, Rules(), based_on=first)
    sweep(house, days_later=100)
    assert ages(house, acme) == [2000]


def test_a_change_begins_the_week_anew(house, acme):
    aged(house, acme, 2000)
    first = save(house, acme, Rules(365))
    with time_machine.travel(clock.now() + timedelta(days=6), tick=True):
        save(house, acme, Rules(400), based_on=first)
        sweep(house, days_later=2)
    assert ages(house, acme) == [2000]


def test_a_custodian_can_have_a_term_of_its_own_longer_shorter_or_for_ever(house, acme):
    longer, _ids = aged(house, acme, 500, 900)
    shorter, _ids = aged(house, acme, 100, 45)
    ever, _ids = aged(house, acme, 3000)
    aged(house, acme, 400, 10)
    save(house, acme, Rules(365, {longer: 800, shorter: 90, ever: 0}))
    sweep(house)
    assert ages(house, acme) == [10, 45, 500, 3000]


def test_the_preview_counts_what_would_go_by_custodian_and_nothing_else(house, acme):
    owner, _ids = aged(house, acme, 10, 400, 500)
    aged(house, acme, 20)
    with house.inside(acme, write=False):
        (one,) = preview(Rules(365))
        label = next(each.label for each in custodians() if each.id == owner)
        assert (one.custodian, one.days, one.items) == (label, 365, 2)
        assert one.size_bytes == 2 * len(b"item of 400 days")
        assert preview(Rules()) == []


def test_one_customers_rules_touch_nothing_of_another(house, acme):
    birch = house["birch_owner"].tenant_id
    aged(house, birch, 2000)
    aged(house, acme, 2000)
    save(house, acme, Rules(365))
    sweep(house)
    assert (ages(house, acme), ages(house, birch)) == ([], [2000])


def test_more_than_a_batch_goes_and_what_is_held_between_stays(house, acme, monkeypatch):
    monkeypatch.setattr(retention, "_BATCH", 3)
    _owner, ids = aged(house, acme, *(400 + number for number in range(10)))
    with house.inside(acme):
        from console.customer_data.holds import place_hold

        by = system("test", acme)
        place_hold("items", name="Case", reason="An investigation began", item_ids=ids[2:5], by=by)
    save(house, acme, Rules(365))
    sweep(house)
    assert ages(house, acme) == [402, 403, 404]


def test_a_reason_is_needed_and_a_change_that_changes_nothing_is_refused(house, acme):
    with house.inside(acme), pytest.raises(Invalid):
        save_rules(Rules(365), based_on=0, reason="short", by=system("test", acme))
    with house.inside(acme), pytest.raises(Invalid):
        save_rules(Rules(), based_on=0, reason=REASON, by=system("test", acme))
    with house.inside(acme, write=False):
        assert present_rules() == Rules()


@pytest.mark.parametrize(("text", "days"), [("", 0), ("  ", 0), ("30", 30), (" 365 ", 365), ("36525", 36_525)])
def test_days_as_people_type_them(text, days):
    assert check_days(text) == days


@pytest.mark.parametrize("text", ["29", "0", "-5", "36526", "1e3", "ten", "٣٦٥", "365.5", "9" * 400])
def test_days_that_are_refused_with_the_bounds(text):
    with pytest.raises(ValueError, match="30 to 36,525 days"):
        check_days(text)
