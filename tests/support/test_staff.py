"""A member of the staff who lost the second factor gets in again through another platform administrator, or the operator."""

from uuid import uuid4

import pytest

from console.identity.factors import has_factor
from tests.commands.processes import environment, refused, safekeep
from tests.commands.test_people_commands import database_of
from tests.identity.enrolled import grow_stale
from tests.users.acts import main_text, newest

REASON = "Sam called from the known number"


def page_of(person_id):
    return f"/support/staff/{person_id}/factors/reset"


def has_one(house, key="agent"):
    with house.inside(house[key].tenant_id, write=False):
        return has_factor(house[key].id)


def test_a_platform_administrator_resets_a_colleagues_factor_who_sets_up_another_one(house):
    agent, platform = house.signed_in("agent"), house.signed_in("platform_administrator")
    listed = platform.get("/support/staff")
    assert house["agent"].name in main_text(listed)
    assert page_of(house["agent"].id) in listed.text
    assert page_of(house["platform_administrator"].id) not in listed.text, "nobody resets the own one"
    page = page_of(house["agent"].id)
    assert platform.get(page).status_code == 200
    assert platform.post(page, {"reason": ""}, form=page).status_code == 422
    assert has_one(house)
    assert platform.post(page, {"reason": REASON}, form=page).location == "/support/staff"
    assert not has_one(house)
    assert agent.get("/support/tenants").location.startswith("/sign-in"), "the sessions are over"
    found = newest(house, house["agent"].tenant_id, house["agent"].id, "identity:factors:reset")
    assert found["reason"] == REASON
    assert found["actor"] == house["platform_administrator"].name
    assert [mail for mail in house.mails(house["agent"].email) if "second factors" in str(mail["Subject"])]
    visitor = house.visitor()
    assert visitor.sign_in(house["agent"].email).location.startswith("/sign-in/confirm"), "the mailbox first"
    assert house.confirm(visitor, house["agent"].email).location.startswith("/sign-in/factor")


def test_nobody_resets_the_own_one_and_it_asks_who_it_is_first(house):
    platform = house.signed_in("platform_administrator")
    assert platform.post(page_of(house["platform_administrator"].id), {"reason": REASON}).status_code == 409
    grow_stale(house, "platform_administrator")
    assert platform.get(page_of(house["agent"].id)).location.startswith("/confirm-it-is-you")
    assert platform.post(page_of(house["agent"].id), {"reason": REASON}, form="/me").status_code == 403
    assert has_one(house)
    assert has_one(house, "platform_administrator")


@pytest.mark.parametrize("who", ["agent", "owner"])
def test_neither_other_staff_nor_customers_can(house, who):
    visitor = house.signed_in(who)
    assert visitor.get("/support/staff").status_code == 403
    assert visitor.post(page_of(house["agent"].id), {"reason": REASON}).status_code == 403
    assert has_one(house)


def test_people_of_customers_are_unknown_to_the_page(house):
    platform = house.signed_in("platform_administrator")
    unknown = platform.get(page_of(uuid4()))
    assert unknown.status_code == platform.get(page_of(house["member"].id)).status_code == 404


def test_the_operator_can_where_no_other_administrator_is_left(house):
    env = environment(house.settings.instance, database_of(house.settings))
    email = house["platform_administrator"].email
    refused(safekeep(env, "staff", "reset-factors", "nobody@host.example", "--reason", REASON), "nobody@host.example")
    refused(safekeep(env, "staff", "reset-factors", email, "--reason", " "), "reason")
    assert has_one(house, "platform_administrator")
    done = safekeep(env, "staff", "reset-factors", email, "--reason", REASON, "--json")
    assert done.returncode == 0, done.stderr
    assert not has_one(house, "platform_administrator")
    person = house["platform_administrator"]
    assert newest(house, person.tenant_id, person.id, "identity:factors:reset")["reason"] == REASON
