"""Choices are versions: none is lost, two at once cannot both win, and a trial lapses by the clock alone. Promise: P08."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy.exc import IntegrityError

from console.audit.models import EntryFilter, entries
from console.core import clock
from console.core.actor import system
from console.core.db import db
from console.core.errors import Conflict
from console.policies.actions import Stale, end_lift, fall_back, keep, lift, save
from console.policies.models import PolicyHead, in_force, version, versions
from tests.security.at_once import all_at_once

BY = system("a test")
NOW = "2026-11-24T08:00:00Z"


def saved(house, document, *, based_on, trial_minutes=0):
    with house.inside(house["owner"].tenant_id):
        return save("ip_ranges", document, based_on=based_on, reason="why", by=BY, trial_minutes=trial_minutes)


def present(house, key="owner"):
    with house.inside(house[key].tenant_id, write=False):
        return in_force("ip_ranges")


def tags(house):
    with house.inside(house["owner"].tenant_id, write=False):
        return [str(entry.tag) for entry in entries(EntryFilter(), limit=50) if entry.tag.startswith("policies:")]


def test_a_customer_begins_with_nothing_chosen(house):
    assert (present(house).number, present(house).document) == (0, {})


def test_each_saved_version_stays_readable_with_who_and_why(house):
    for number in range(3):
        assert saved(house, {"step": number}, based_on=number) == number + 1
    assert present(house).document == {"step": 2}
    with house.inside(house["owner"].tenant_id, write=False):
        assert [row.number for row in versions("ip_ranges")] == [3, 2, 1]
        content = version("ip_ranges", 1).content
        assert (content["document"], content["reason"], content["by"]) == ({"step": 0}, "why", "a test")


def test_another_customer_sees_nothing_of_it(house):
    saved(house, {"ours": True}, based_on=0)
    assert present(house, "birch_owner").number == 0


def test_of_two_that_save_at_once_one_wins_and_the_other_is_told(house):
    outcomes = all_at_once(*[lambda n=n: saved(house, {"from": n}, based_on=0) for n in range(4)])
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Stale", "Stale", "Stale", "int"]
    assert present(house).number == 1


def test_a_version_made_from_an_older_one_is_refused(house):
    saved(house, {"a": 1}, based_on=0)
    with pytest.raises(Stale):
        saved(house, {"b": 1}, based_on=0)
    assert present(house).document == {"a": 1}


def test_a_trial_that_nobody_confirms_is_over_to_the_second_without_any_worker(house):
    with time_machine.travel(NOW, tick=False) as time:
        saved(house, {"old": True}, based_on=0)
        saved(house, {"new": True}, based_on=1, trial_minutes=10)
        time.shift(timedelta(minutes=10, seconds=-1))
        assert present(house).document == {"new": True}
        assert present(house).on_trial
        time.shift(timedelta(seconds=1))
        assert present(house).document == {"old": True}
        assert not present(house).on_trial


def test_the_worker_writes_a_lapsed_trial_down(house):
    with time_machine.travel(NOW, tick=False) as time:
        saved(house, {"new": True}, based_on=0, trial_minutes=10)
        time.shift(timedelta(minutes=11))
        house.work()
        assert tags(house)[0] == "policies:version:reverted"
        with house.inside(house["owner"].tenant_id, write=False):
            assert version("ip_ranges", 1).outcome == "reverted"


def test_a_confirmed_trial_stays(house):
    with time_machine.travel(NOW, tick=False) as time:
        number = saved(house, {"new": True}, based_on=0, trial_minutes=10)
        with house.inside(house["owner"].tenant_id):
            keep("ip_ranges", number=number, by=BY)
            keep("ip_ranges", number=number, by=BY)
        time.shift(timedelta(days=1))
        house.work()
        assert present(house).document == {"new": True}
        assert tags(house) == ["policies:version:kept", "policies:version:saved"]


def test_a_confirmation_that_comes_too_late_is_refused(house):
    with time_machine.travel(NOW, tick=False) as time:
        number = saved(house, {"new": True}, based_on=0, trial_minutes=10)
        time.shift(timedelta(minutes=10))
        with pytest.raises(Conflict), house.inside(house["owner"].tenant_id):
            keep("ip_ranges", number=number, by=BY)
        assert present(house).number == 0


def test_confirming_and_going_back_at_the_same_moment_have_one_outcome(house):
    number = saved(house, {"new": True}, based_on=0, trial_minutes=10)

    def act(what):
        with house.inside(house["owner"].tenant_id):
            what("ip_ranges", number=number, by=BY)

    outcomes = all_at_once(lambda: act(keep), lambda: act(fall_back))
    refused = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert len(refused) == 1
    assert present(house).number == (0 if outcomes[1] is None else number)
    assert not present(house).on_trial


def test_a_second_trial_falls_back_to_what_was_confirmed_last(house):
    with time_machine.travel(NOW, tick=False) as time:
        saved(house, {"good": True}, based_on=0)
        saved(house, {"first": True}, based_on=1, trial_minutes=10)
        saved(house, {"second": True}, based_on=2, trial_minutes=10)
        time.shift(timedelta(minutes=10))
        assert present(house).document == {"good": True}


def test_a_number_is_never_given_out_twice(house):
    with time_machine.travel(NOW, tick=False) as time:
        saved(house, {"lost": True}, based_on=0, trial_minutes=10)
        time.shift(timedelta(minutes=10))
        assert saved(house, {"next": True}, based_on=0) == 2
        assert present(house).document == {"next": True}


def test_what_support_lifted_counts_again_when_its_time_is_over(house):
    with time_machine.travel(NOW, tick=False) as time:
        saved(house, {"a": 1}, based_on=0)
        with house.inside(house["owner"].tenant_id):
            lift("ip_ranges", until=clock.now() + timedelta(hours=1), reason="locked out", by=BY)
        assert present(house).lifted_until
        time.shift(timedelta(hours=1))
        assert present(house).lifted_until is None
        with pytest.raises(Conflict), house.inside(house["owner"].tenant_id):
            end_lift("ip_ranges", by=BY)


def test_the_database_refuses_a_trial_that_leads_nowhere(house):
    with pytest.raises(IntegrityError), house.inside(house["owner"].tenant_id):
        tenant_id = house["owner"].tenant_id
        db.session.add(PolicyHead(tenant_id=tenant_id, kind="settings", number=1, latest=1, trial_ends_at=clock.now()))
        db.session.flush()


def test_a_version_that_was_rolled_back_is_not_remembered_under_its_number(house):
    with pytest.raises(ZeroDivisionError), house.inside(house["owner"].tenant_id):
        save("ip_ranges", {"never": "committed"}, based_on=0, reason="", by=BY)
        assert in_force("ip_ranges").document == {"never": "committed"}
        raise ZeroDivisionError
    assert saved(house, {"committed": True}, based_on=0) == 1
    assert present(house).document == {"committed": True}
