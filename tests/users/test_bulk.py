"""Many people at once: a confirm page, then all of them or none."""

import re
from uuid import UUID

import pytest

from console.core.actor import Actor, system
from console.core.db import db
from console.core.errors import Conflict, Forbidden
from console.core.ids import new_id
from console.users.hindrances import LAST, hindrances
from console.users.lifecycle import ACTS
from console.users.models import users_by_id
from tests.users.acts import act, added, form_of, history, listed, main_text, problems, state_of


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
    assert "Nothing was done Susan Suspended is suspended" in main_text(answer)
    assert "You can go on with the others." in main_text(answer)
    assert answer.text.count('name="ids"') == 2
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
    answer = confirm(admin, choose(admin, "delete", *chosen), *chosen)
    assert answer.status_code == 409
    assert "You cannot delete yourself" in answer.text
    assert state_of(house, tenant_id, house["member"].id) == "active"


def test_the_confirm_page_says_who_is_left_out_and_why_and_goes_on_with_the_others(house):
    manager, tenant_id = house.signed_in("user_manager"), house["admin"].tenant_id
    keys = ("member", "other_member", "auditor", "suspended", "user_manager")
    page = choose(manager, "suspend", *(house[key].id for key in keys))
    shown = main_text(page)
    assert page.status_code == 200
    assert "Suspend 2 people?" in shown
    assert "Suspend 2 people; 3 are left out" in shown
    assert "Your role does not allow changing people with the role Auditor." in shown
    assert "Is suspended; only active people can be suspended." in shown
    assert "You cannot do this to yourself." in shown
    able = re.findall(r'name="ids" value="([^"]+)"', page.text)
    assert set(able) == {str(house["member"].id), str(house["other_member"].id)}
    confirm(manager, page, *able)
    assert {state_of(house, tenant_id, house[key].id) for key in ("member", "other_member")} == {"suspended"}
    assert state_of(house, tenant_id, house["auditor"].id) == "active"


def test_where_nobody_chosen_can_be_changed_there_is_no_button_but_the_way_back(house):
    manager = house.signed_in("user_manager")
    page = choose(manager, "delete", house["auditor"].id, house["owner"].id)
    assert "None of them can be deleted" in main_text(page)
    assert 'name="confirmed"' not in page.text
    assert "Back to the list" in page.text


def test_a_role_that_forbids_it_refuses_the_act_too(house):
    manager, tenant_id = house.signed_in("user_manager"), house["admin"].tenant_id
    page = choose(manager, "suspend", house["member"].id)
    answer = confirm(manager, page, house["member"].id, house["auditor"].id)
    assert answer.status_code == 403
    assert state_of(house, tenant_id, house["member"].id) == "active"


def test_the_last_administrator_is_left_out(house):
    with house.inside(house["admin"].tenant_id):
        people = users_by_id([house[key].id for key in ("owner", "admin", "member")])
        found = hindrances("suspend", people, system("test", house["admin"].tenant_id))
        assert found == {house["owner"].id: LAST, house["admin"].id: LAST}
        assert not hindrances("suspend", people[:1], system("test", house["admin"].tenant_id))


def test_what_the_page_leaves_out_is_what_the_act_refuses(house):
    """Each verb with each person: the page's answer is the act's."""
    admin = house.signed_in("admin")
    for verb in ("suspend", "reinstate", "delete", "restore"):
        for key in ("admin", "owner", "member", "suspended", "invited"):
            page = choose(admin, verb, house[key].id)
            offered = 'name="confirmed"' in page.text
            with house.inside(house["admin"].tenant_id):
                by = Actor("person", house["admin"].tenant_id, house["admin"].id, role="administrator", label="A")
                try:
                    ACTS[verb]([house[key].id], by=by)
                    done = True
                except (Conflict, Forbidden):
                    done = False
                db.session.rollback()
            assert offered == done, (verb, key)


PLACE = "q=mem&role=member&state=active&sort=-email&limit=25"


def test_after_the_act_the_list_is_as_it_was_left(house):
    admin = house.signed_in("admin")
    form = form_of(admin.get(f"/users?{PLACE}"), "/users/bulk")
    assert form["place"] == PLACE
    page = admin.client.post("/users/bulk", data={**form, "verb": "suspend", "ids": [str(house["member"].id)]})
    assert f'href="/users?{PLACE.replace("&", "&amp;")}"' in page.text
    answer = confirm(admin, page, house["member"].id)
    assert answer.location == f"/users?{PLACE}"


@pytest.mark.parametrize("place", ["https://evil.example/", "next=//evil.example&q=a", "q=" + "x" * 9000, "%ff=\0"])
def test_a_place_that_was_made_up_leads_to_the_list_and_nowhere_else(house, place):
    admin = house.signed_in("admin")
    page = choose(admin, "suspend", house["member"].id)
    answer = confirm(admin, page, house["member"].id, place=place)
    assert answer.status_code == 303
    assert answer.location.split("?")[0] == "/users"
    assert "evil" not in answer.location


def test_a_page_of_which_all_were_deleted_shows_the_first_one_instead(house, crowd):
    admin = house.signed_in("admin")
    following = re.search(r'href="([^"]+)" rel="next"', admin.get("/users?q=crowd&limit=2").text).group(1)
    following = following.replace("&amp;", "&")
    assert len(listed(admin, following.removeprefix("/users"))) == 1
    last = re.search(r'name="ids" value="([^"]+)"', admin.get(following).text).group(1)
    act(admin, "delete", last)
    assert len(listed(admin, following.removeprefix("/users"))) == 2


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
