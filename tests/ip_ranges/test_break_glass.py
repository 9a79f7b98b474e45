"""Two different people of the staff lift a Customer's ranges, for a day at most; one alone cannot, three ways."""

from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from console.audit.models import EntryFilter, entries
from console.core import clock
from console.core.actor import Actor
from console.core.db import db
from console.core.errors import Forbidden
from console.core.ids import new_id
from console.ip_ranges import break_glass
from console.ip_ranges.break_glass import Lift
from tests.ip_ranges.acts import ELSEWHERE, HERE, enforce, is_refusal, policy
from tests.users.acts import main_text

REASON = "Olga Owner called from her known number; the office line is down"


def page_of(house):
    return f"/support/tenants/{house['owner'].tenant_id}/restrictions"


@pytest.fixture
def asked(house):
    """The list is enforced, and the agent asked to lift it. Answers the agent's browser and the request's id."""
    enforce(house)
    agent = house.signed_in("agent")
    assert agent.post(page_of(house), {"reason": REASON, "hours": "4"}).status_code == 303
    with house.inside(house["owner"].tenant_id, write=False):
        return agent, break_glass.lifts()[0].id


def approve(house, visitor, lift_id):
    return visitor.post(f"{page_of(house)}/{lift_id}/approve")


def staff_of(house, key="agent"):
    person = house[key]
    return Actor("staff", person.tenant_id, person.id, person.role, person.name, "198.51.100.9")


def test_asking_alone_lifts_nothing(house, asked):
    assert policy(house).lifted_until is None
    assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))


def test_a_colleague_approves_and_everybody_gets_in_and_the_administrators_are_told(house, asked):
    _agent, lift_id = asked
    platform = house.signed_in("platform_administrator")
    assert approve(house, platform, lift_id).status_code == 303
    assert house.signed_in("member", address=ELSEWHERE).get("/me").status_code == 200
    for key in ("owner", "admin"):
        [mail] = [one for one in house.mails(house[key].email) if "do not count until" in one["Subject"]]
        text = mail.get_body(("plain",)).get_content()
        assert REASON in text
        assert "Sam Staff asked for it and Pia Platform approved it" in text
    assert "Support has lifted your IP ranges" in house.signed_in("owner").get("/overview").text
    with house.inside(house["owner"].tenant_id, write=False):
        found = {entry.tag: entry.details for entry in entries(EntryFilter(), limit=50)}
    assert found["ip_ranges:lift:asked"]["reason"] == REASON
    assert found["policies:policy:lifted"]["actor"] == "Pia Platform"


@pytest.mark.parametrize("who", ["agent", "platform_administrator"])
def test_a_request_is_withdrawn_by_who_asked_or_declined_by_a_colleague_and_lifts_nothing(house, asked, who):
    agent, lift_id = asked
    visitor = agent if who == "agent" else house.signed_in(who)
    assert ("Withdraw" if who == "agent" else "Decline") in main_text(visitor.get(page_of(house)))
    assert visitor.post(f"{page_of(house)}/{lift_id}/withdraw").status_code == 303
    page = main_text(visitor.get(page_of(house)))
    assert "Withdrawn" in page
    assert f"withdrawn by {house[who].name}" in page
    platform = house.signed_in("platform_administrator")
    assert approve(house, platform, lift_id).status_code == 409
    assert platform.post(f"{page_of(house)}/{lift_id}/withdraw").status_code == 409
    assert policy(house).lifted_until is None
    with house.inside(house["owner"].tenant_id, write=False):
        [entry] = entries(EntryFilter(tags=("ip_ranges:lift:withdrawn",)), limit=5)
    assert entry.details["reason"] == ("withdrawn" if who == "agent" else "declined by a colleague")
    assert agent.post(page_of(house), {"reason": REASON, "hours": "4"}).status_code == 303, "it can be asked again"


def test_what_is_lifted_cannot_be_withdrawn_and_customers_cannot_withdraw(house, asked):
    _agent, lift_id = asked
    platform = house.signed_in("platform_administrator")
    approve(house, platform, lift_id)
    assert platform.post(f"{page_of(house)}/{lift_id}/withdraw").status_code == 409
    assert policy(house).lifted_until is not None
    assert house.signed_in("owner").post(f"{page_of(house)}/{lift_id}/withdraw").status_code == 403


def test_it_ends_by_itself_after_the_hours_asked_for(house, asked):
    approve(house, house.signed_in("platform_administrator"), asked[1])
    with time_machine.travel(clock.now() + timedelta(hours=4, seconds=5), tick=True):
        assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))


def test_the_customer_can_put_the_ranges_back_at_once(house, asked):
    approve(house, house.signed_in("platform_administrator"), asked[1])
    owner = house.signed_in("owner")
    assert owner.post(f"{HERE}/end-lift").status_code == 303
    assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))
    assert owner.post(f"{HERE}/end-lift").status_code == 409


def test_staff_can_put_them_back_and_it_can_be_asked_for_anew(house, asked):
    agent, lift_id = asked
    approve(house, house.signed_in("platform_administrator"), lift_id)
    assert agent.post(f"{page_of(house)}/end").status_code == 303
    assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))
    assert agent.post(page_of(house), {"reason": REASON, "hours": "24"}).status_code == 303


def test_one_person_cannot_approve_the_own_request_at_the_route(house, asked):
    agent, lift_id = asked
    answer = approve(house, agent, lift_id)
    assert answer.status_code == 403
    assert "Somebody else than the person who asked must approve" in main_text(answer)
    assert policy(house).lifted_until is None


def test_one_person_cannot_approve_the_own_request_in_the_action(house, asked):
    with pytest.raises(Forbidden), house.inside(house["owner"].tenant_id):
        break_glass.approve_lift(asked[1], by=staff_of(house))
    assert policy(house).lifted_until is None


def test_one_person_cannot_approve_the_own_request_in_the_database(house, asked):
    with pytest.raises(IntegrityError), house.inside(house["owner"].tenant_id):
        db.session.execute(
            update(Lift).where(Lift.id == asked[1]).values(approved_by=house["agent"].id, approved_at=clock.now())
        )


def test_control_the_database_takes_two_different_people(house, asked):
    with house.inside(house["owner"].tenant_id):
        other = house["platform_administrator"].id
        db.session.execute(update(Lift).where(Lift.id == asked[1]).values(approved_by=other, approved_at=clock.now()))


def test_more_than_a_day_is_refused_by_the_form_and_by_the_database(house):
    agent = house.signed_in("agent")
    for hours in ("0", "25", "-1", "", "a", "999"):
        assert agent.post(page_of(house), {"reason": REASON, "hours": hours}).status_code == 422, hours
    tenant_id = house["owner"].tenant_id
    row = {"tenant_id": tenant_id, "id": new_id(), "asked_by": house["agent"].id, "asked_at": clock.now()}
    with pytest.raises(IntegrityError), house.inside(tenant_id):
        db.session.execute(insert(Lift).values(**row, hours=25, sealed=b""))


def test_a_reason_is_needed(house):
    agent = house.signed_in("agent")
    assert agent.post(page_of(house), {"reason": "please", "hours": "4"}).status_code == 422


def test_a_request_is_approved_once_and_only_within_a_day(house, asked):
    platform = house.signed_in("platform_administrator")
    assert approve(house, platform, asked[1]).status_code == 303
    assert approve(house, platform, asked[1]).status_code == 409
    unknown = approve(house, platform, UUID(int=7))
    assert unknown.status_code == 404


def test_a_request_that_nobody_approved_in_time_is_over(house, asked):
    with time_machine.travel(clock.now() + timedelta(hours=24, seconds=5), tick=True):
        platform = house.signed_in("platform_administrator")
        assert approve(house, platform, asked[1]).status_code == 410


def test_a_customers_own_people_cannot_lift(house, asked):
    owner = house.signed_in("owner")
    assert approve(house, owner, asked[1]).status_code == 403
    by = Actor("person", house["owner"].tenant_id, house["owner"].id, "owner", "Olga Owner")
    with pytest.raises(Forbidden), house.inside(house["owner"].tenant_id):
        break_glass.approve_lift(asked[1], by=by)


def test_staff_see_nothing_of_the_ranges(house, asked):
    agent, _lift_id = asked
    page = agent.get(page_of(house))
    assert REASON in page.text
    assert "198.51.100.7" not in page.text
    assert agent.get(HERE).status_code == 403
