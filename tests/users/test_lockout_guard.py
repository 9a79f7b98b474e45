"""No door leaves a Customer without a usable administrator."""

import pytest

from tests.users.acts import act, edit, main_text, state_of
from tests.users.test_bulk import choose, confirm

WORDS = "This would leave the account without an active owner or administrator"


@pytest.fixture
def last_owner(house):
    """Only the owner can administer Acme, and a second owner, invited only, is no help yet."""
    owner = house.signed_in("owner")
    act(owner, "suspend", house["admin"].id)
    return owner


@pytest.mark.parametrize("verb", ["suspend", "delete"])
def test_nobody_can_do_it_to_themselves(house, verb):
    for key in ("owner", "admin"):
        visitor = house.signed_in(key)
        answer = act(visitor, verb, house[key].id)
        assert answer.status_code == 409
        assert f"You cannot {verb} yourself" in main_text(answer)
        assert visitor.get("/me").status_code == 200


def test_ones_own_page_does_not_offer_to_delete_oneself(house):
    page = main_text(house.signed_in("owner").get(f"/users/{house['owner'].id}"))
    assert "Delete" not in page
    assert "Edit" in page


def test_the_last_administrator_cannot_step_down(house, last_owner):
    answer = edit(last_owner, house["owner"].id, role="member")
    assert answer.status_code == 409
    assert WORDS in main_text(answer)
    assert "Make somebody else an administrator first" in main_text(answer)
    assert last_owner.get("/users").status_code == 200


def test_an_invited_administrator_does_not_count_as_one(house, last_owner):
    edit(last_owner, house["invited"].id, role="owner")
    assert edit(last_owner, house["owner"].id, role="member").status_code == 409


def test_an_owner_may_step_down_once_there_is_another_owner(house):
    refused = edit(house.signed_in("owner"), house["owner"].id, role="auditor")
    assert refused.status_code == 409
    assert "the only active owner" in refused.text
    assert edit(house.signed_in("owner"), house["admin"].id, role="owner").status_code == 303
    assert edit(house.signed_in("owner"), house["owner"].id, role="auditor").status_code == 303
    assert house.signed_in("owner").get("/users/new").status_code == 403


def test_the_last_two_administrators_cannot_both_be_taken_away_in_one_act(house):
    owner, admin = house["owner"], house["admin"]
    edit(house.signed_in("owner"), house["member"].id, role="owner")
    visitor = house.signed_in("member")
    page = choose(visitor, "suspend", owner.id, admin.id)
    assert confirm(visitor, page, owner.id, admin.id).status_code == 303
    assert state_of(house, owner.tenant_id, owner.id) == "suspended"
    assert edit(visitor, house["member"].id, role="member").status_code == 409


def test_a_suspended_administrator_can_be_deleted_and_the_guard_still_holds(house, last_owner):
    assert act(last_owner, "delete", house["admin"].id).status_code == 303
    assert edit(last_owner, house["owner"].id, role="auditor").status_code == 409


def test_the_overview_warns_when_only_one_person_can_administer(house, last_owner):
    assert "Only one person can administer this account" in last_owner.get("/overview").text
