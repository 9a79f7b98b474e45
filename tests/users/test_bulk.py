"""Many people at once: a confirm page, then all of them or none."""

from uuid import UUID

import pytest

from console.core.ids import new_id
from tests.users.acts import added, form_of, history, listed, main_text, problems, state_of


def choose(visitor, verb, *user_ids):
    """Tick people in the list and press a button."""
    return visitor.post("/users/bulk", {"verb": verb, "ids": [str(user_id) for user_id in user_ids]}, form="/users")


def confirm(visitor, page, *user_ids, **fields):
    """Press the button of the confirm page."""
    form = form_of(page, "/users/bulk")
    return visitor.client.post("/users/bulk", data={**form, "ids": [str(user_id) for user_id in user_ids], **fields})


@pytest.fixture
def crowd(house):
    """Three more members of Acme, invited."""
    owner = house.signed_in("owner")
    return [added(owner, email=f"crowd{number}@acme.example", family_name=f"Crowd{number}") for number in range(3)]


def test_the_confirm_page_lists_everybody_chosen_and_nothing_happens_before_it_is_sent(house, crowd):
    admin, tenant_id = house.signed_in("admin"), house["admin"].tenant_id
    page = choose(admin, "delete", *crowd)
    assert page.status_code == 200
    shown = main_text(page)
    assert "Delete 3 people?" in shown
    assert all(f"crowd{number}@acme.example" in shown for number in range(3))
    assert "You can restore for 30 days." in shown
    assert {state_of(house, tenant_id, user_id) for user_id in crowd} == {"invited"}


@pytest.mark.promise("P04")
def test_promise_p04_many_are_deleted_and_restored_with_a_history_entry_each(house, crowd):
    admin, tenant_id = house.signed_in("admin"), house["admin"].tenant_id
    answer = confirm(admin, choose(admin, "delete", *crowd), *crowd, reason="Season over")
    assert (answer.status_code, answer.location) == (303, "/users")
    assert "3 people were deleted." in admin.get("/users").text
    for user_id in crowd:
        tag, details = history(house, tenant_id, user_id)[0]
        assert (tag, details["reason"]) == ("users:user:deleted", "Season over")
    answer = confirm(admin, choose(admin, "restore", *crowd), *crowd)
    assert "3 people were restored." in admin.get("/users").text
    assert {state_of(house, tenant_id, user_id) for user_id in crowd} == {"invited"}


def test_many_are_suspended_and_reinstated(house):
    admin, tenant_id = house.signed_in("admin"), house["admin"].tenant_id
    both = [house["member"].id, house["other_member"].id]
    visitor = house.signed_in("other_member")
    confirm(admin, choose(admin, "suspend", *both), *both)
    assert {state_of(house, tenant_id, user_id) for user_id in both} == {"suspended"}
    assert visitor.get("/me").location.startswith("/sign-in")
    confirm(admin, choose(admin, "reinstate", *both), *both)
    assert {state_of(house, tenant_id, user_id) for user_id in both} == {"active"}


def test_if_one_cannot_be_changed_nobody_is_and_the_page_names_the_one(house):
    admin, tenant_id = house.signed_in("admin"), house["admin"].tenant_id
    chosen = [house["member"].id, house["suspended"].id, house["other_member"].id]
    entries = len(history(house, tenant_id))
    answer = confirm(admin, choose(admin, "suspend", *chosen), *chosen)
    assert answer.status_code == 409
    assert "Susan Suspended is suspended" in main_text(answer)
    assert state_of(house, tenant_id, house["member"].id) == "active"
    assert state_of(house, tenant_id, house["other_member"].id) == "active"
    assert len(history(house, tenant_id)) == entries
    assert not house.mails(house["member"].email)


def test_somebody_of_another_customer_among_the_chosen_is_as_unknown_as_nobody(house):
    admin = house.signed_in("admin")
    foreign = choose(admin, "delete", house["member"].id, house["birch_member"].id)
    unknown = choose(admin, "delete", house["member"].id, new_id())
    assert foreign.status_code == unknown.status_code == 404
    assert "One of these people is not there any more. Nothing was changed." in foreign.text
    assert state_of(house, house["birch_member"].tenant_id, house["birch_member"].id) == "active"


def test_oneself_among_the_chosen_stops_the_whole_act(house):
    admin, tenant_id = house.signed_in("admin"), house["admin"].tenant_id
    chosen = [house["member"].id, house["admin"].id]
    answer = choose(admin, "delete", *chosen)
    assert answer.status_code == 409
    assert "You cannot delete yourself" in answer.text
    assert state_of(house, tenant_id, house["member"].id) == "active"


def test_a_user_manager_cannot_choose_anybody_above_a_member(house):
    manager = house.signed_in("user_manager")
    assert choose(manager, "suspend", house["member"].id, house["auditor"].id).status_code == 403
    assert choose(manager, "suspend", house["member"].id).status_code == 200


def test_the_same_person_twice_counts_once(house):
    admin, member = house.signed_in("admin"), house["member"].id
    confirm(admin, choose(admin, "suspend", member, member), member, member)
    assert "1 person was suspended." in admin.get("/users").text
    tags = [tag for tag, _details in history(house, house["admin"].tenant_id, member)]
    assert tags.count("users:user:suspended") == 1


def test_nobody_chosen_and_unknown_verbs_are_refused(house):
    admin = house.signed_in("admin")
    nobody = choose(admin, "delete")
    assert nobody.status_code == 422
    assert "Nobody was chosen" in nobody.text
    assert choose(admin, "promote", house["member"].id).status_code == 404
    assert admin.post("/users/bulk", {"verb": "delete", "ids": ["x", "1"]}).status_code == 404


def test_more_than_a_thousand_at_once_are_refused_before_anything_is_read(house):
    answer = choose(house.signed_in("admin"), "delete", *(UUID(int=number) for number in range(1001)))
    assert answer.status_code == 422
    assert "At most 1000 people" in answer.text


def test_a_bad_reason_brings_the_confirm_page_back_with_everybody_still_chosen(house, crowd):
    admin = house.signed_in("admin")
    answer = confirm(admin, choose(admin, "delete", *crowd), *crowd, reason="x" * 301)
    assert answer.status_code == 422
    assert "at most 300" in problems(answer)["reason"]
    assert answer.text.count('name="ids"') == 3
    assert "crowd0@acme.example" in listed(admin)
