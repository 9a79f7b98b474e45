"""Who can still get in: one answer for every door of the lock-out guard. Promises: P06, P08."""

from datetime import datetime, timedelta

import pytest

from console.core import clock
from console.core.actor import system
from console.core.db import db
from console.ip_ranges.entries import RangeList, new_entry
from console.policies.actions import lift
from console.policies.actions import save as save_policy
from console.policies.models import PolicyHead
from console.security.guard import able_administrators
from console.users.models import administrators
from tests.ip_ranges.acts import ELSEWHERE, OFFICE, draft, enforce, save
from tests.users.acts import act, edit, main_text


def able(house):
    with house.inside(house["owner"].tenant_id, write=False):
        return sorted(person.name for person in able_administrators(administrators()))


@pytest.fixture
def roaming_owner(house):
    """The owner was only ever seen elsewhere; the administrator works in the office, and only the office may come in."""
    house.signed_in("owner", address=ELSEWHERE).post("/sign-out")
    admin = house.signed_in("admin", address=OFFICE)
    enforce(house, f"{OFFICE}/32", who="security_manager")
    return admin


def test_without_ranges_every_active_administrator_is_able(house):
    assert able(house) == ["Adam Admin", "Olga Owner"]


def test_who_was_only_seen_outside_is_not_able(house, roaming_owner):
    assert able(house) == ["Adam Admin"]


def test_who_was_never_seen_counts_as_able(house):
    house.signed_in("admin", address=OFFICE)
    enforce(house, f"{OFFICE}/32", who="security_manager")
    assert able(house) == ["Adam Admin", "Olga Owner"]


def test_the_last_one_who_gets_in_cannot_step_down_although_another_is_active(house, roaming_owner):
    answer = edit(roaming_owner, house["admin"].id, role="member")
    assert answer.status_code == 409
    assert "who gets in under the IP ranges in force" in main_text(answer)
    assert able(house) == ["Adam Admin"]


def test_that_support_has_lifted_the_ranges_for_a_while_does_not_count(house, roaming_owner):
    with house.inside(house["owner"].tenant_id):
        lift("ip_ranges", until=clock.now() + timedelta(hours=1), reason="locked out", by=system("a test"))
    owner = house.signed_in("owner", address=ELSEWHERE)
    assert act(owner, "suspend", house["admin"].id).status_code == 409
    assert able(house) == ["Adam Admin"]


def test_whom_only_the_list_on_trial_lets_in_does_not_count(house):
    house.signed_in("owner", address=ELSEWHERE).post("/sign-out")
    admin = enforce(house, f"{OFFICE}/32", who="admin")
    draft(admin, "203.0.113.0/24")
    again = save(admin)
    assert again.status_code == 303
    with house.inside(house["owner"].tenant_id):
        head = db.session.execute(db.select(PolicyHead)).scalar_one()
        head.fallback, head.trial_ends_at = head.number - 1, clock.now() + timedelta(minutes=10)
    owner = house.signed_in("owner", address=ELSEWHERE)
    assert act(owner, "suspend", house["admin"].id).status_code == 409


def test_whom_only_an_entry_that_ends_lets_in_does_not_count(house):
    house.signed_in("owner", address=ELSEWHERE).post("/sign-out")
    ends = f"{clock.now() + timedelta(hours=1):%Y-%m-%dT%H:%MZ}"
    with house.inside(house["owner"].tenant_id):
        entries = (new_entry(f"{OFFICE}/32"), new_entry("203.0.113.0/24", ends_at=datetime.fromisoformat(ends)))
        document = RangeList("enforce", entries=entries).as_document()
        save_policy("ip_ranges", document, based_on=0, reason="", by=system("a test"))
    house.signed_in("admin", address=OFFICE)
    owner = house.signed_in("owner", address=ELSEWHERE)
    assert act(owner, "suspend", house["admin"].id).status_code == 409


def test_ranges_that_are_only_reported_keep_nobody_out(house):
    house.signed_in("owner", address=ELSEWHERE)
    enforce(house, f"{OFFICE}/32", who="security_manager", mode="report")
    assert able(house) == ["Adam Admin", "Olga Owner"]


def test_the_health_check_counts_who_gets_in(house, roaming_owner):
    page = house.signed_in("security_manager").get("/security")
    assert "Only one person can administer" in main_text(page)
