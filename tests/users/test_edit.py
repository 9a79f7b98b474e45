"""Changing a person: what is recorded, usernames, roles, and edits at the same time (P03)."""

import pytest

from tests.cast import PASSWORD
from tests.house import said
from tests.users.acts import (
    act,
    edit,
    form_of,
    history,
    main_text,
    newest,
    open_edit,
    person_fields,
    problems,
    send_edit,
    text_of,
)


@pytest.mark.promise("P03")
def test_promise_p03_an_edit_is_saved_and_the_audit_has_old_and_new_values(house):
    admin, member = house.signed_in("admin"), house["member"]
    answer = edit(admin, member.id, family_name="Müller-Lüdenscheidt", title="Bath", time_zone="Europe/Berlin")
    assert (answer.status_code, answer.location) == (303, f"/users/{member.id}")
    page = admin.get(answer.location)
    assert "Mika Müller-Lüdenscheidt was saved." in page.text
    assert "Bath" in page.text
    details = newest(house, member.tenant_id, member.id, "users:user:changed")
    assert details["actor"] == "Adam Admin"
    assert details["changes"] == {
        "family_name": ["Member", "Müller-Lüdenscheidt"],
        "title": ["", "Bath"],
        "time_zone": ["UTC", "Europe/Berlin"],
    }


def test_an_edit_that_changes_nothing_records_nothing(house):
    admin, member = house.signed_in("admin"), house["member"]
    before = len(history(house, member.tenant_id, member.id))
    assert edit(admin, member.id).status_code == 303
    assert len(history(house, member.tenant_id, member.id)) == before


def test_fields_that_are_not_sent_stay_as_they_are(house):
    admin, sven = house.signed_in("admin"), house["security_manager"]
    edit(admin, sven.id, time_zone="Europe/Berlin", phone="+49 30 901820", title="Guard")
    version = open_edit(admin, sven.id)["version"]
    answer = admin.post(f"/users/{sven.id}/edit", {"given_name": "Svenja", "version": version})
    assert answer.status_code == 303
    form = open_edit(admin, sven.id)
    kept = {name: form[name] for name in ("given_name", "role", "time_zone", "phone", "title", "email")}
    assert kept == {
        "given_name": "Svenja",
        "role": "security_manager",
        "time_zone": "Europe/Berlin",
        "phone": "+49 30 901820",
        "title": "Guard",
        "email": sven.email,
    }


def test_a_username_can_change_its_case_without_losing_itself(house):
    admin, member = house.signed_in("admin"), house["member"]
    assert edit(admin, member.id, email="Member@acme.example").status_code == 303
    assert house.visitor().sign_in("member@ACME.example").status_code == 303


def test_a_rename_to_a_taken_username_is_refused_and_keeps_what_was_typed(house):
    admin, member = house.signed_in("admin"), house["member"]
    answer = edit(admin, member.id, email=house["auditor"].email, title="Typed and kept")
    assert answer.status_code == 422
    assert "is the username of Audrey Auditor already" in problems(answer)["email"]
    assert 'value="Typed and kept"' in answer.text
    assert house.visitor().sign_in(member.email).status_code == 303


def test_a_stale_edit_shows_both_versions_and_saving_again_wins(house):
    admin, owner, member = house.signed_in("admin"), house.signed_in("owner"), house["member"]
    opened = open_edit(admin, member.id)
    assert edit(owner, member.id, title="First", phone="+44 20 7946 0018").status_code == 303
    answer = send_edit(admin, member.id, opened, title="Second", given_name="Mik")
    assert answer.status_code == 409
    shown = main_text(answer)
    assert "Mika Member was changed meanwhile" in shown
    assert "Title First Second" in shown
    assert "Given name Mika Mik" in shown
    assert "Phone +44 20 7946 0018 Empty" in shown
    again = form_of(answer, f"/users/{member.id}/edit")
    assert (again["title"], again["given_name"]) == ("Second", "Mik"), "what was typed is lost"
    assert send_edit(admin, member.id, again).status_code == 303
    saved = open_edit(admin, member.id)
    assert (saved["title"], saved["given_name"], saved["phone"]) == ("Second", "Mik", "")


def test_an_edit_that_does_not_say_what_it_started_from_shows_both_versions(house):
    admin, owner, member = house.signed_in("admin"), house.signed_in("owner"), house["member"]
    edit(owner, member.id, title="First")
    fields = {name: text for name, text in open_edit(admin, member.id).items() if name != "version"}
    answer = send_edit(admin, member.id, fields, title="Second")
    assert answer.status_code == 422
    assert "The form did not say which version of this person you saw" in main_text(answer)
    assert "Title First Second" in main_text(answer)
    assert open_edit(owner, member.id)["title"] == "First"
    assert send_edit(admin, member.id, form_of(answer, f"/users/{member.id}/edit")).status_code == 303
    assert open_edit(owner, member.id)["title"] == "Second"


def test_a_stale_edit_changes_nothing_by_itself(house):
    admin, owner, member = house.signed_in("admin"), house.signed_in("owner"), house["member"]
    opened = open_edit(admin, member.id)
    edit(owner, member.id, title="First")
    entries = len(history(house, member.tenant_id, member.id))
    send_edit(admin, member.id, opened, title="Second")
    assert open_edit(owner, member.id)["title"] == "First"
    assert len(history(house, member.tenant_id, member.id)) == entries


def test_suspending_somebody_makes_an_open_edit_stale(house):
    admin, owner, member = house.signed_in("admin"), house.signed_in("owner"), house["member"]
    opened = open_edit(admin, member.id)
    act(owner, "suspend", member.id)
    assert send_edit(admin, member.id, opened, title="Second").status_code == 409


@pytest.mark.parametrize("version", ["9" * 5000, "-1", "abc", "1e3", "²", " ", "0"])
def test_a_version_that_never_was_counts_as_stale(house, version):
    admin, member = house.signed_in("admin"), house["member"]
    answer = send_edit(admin, member.id, open_edit(admin, member.id), title="New", version=version)
    assert answer.status_code == 409
    assert open_edit(admin, member.id)["title"] == ""


def test_a_new_role_ends_the_persons_sessions_and_the_next_has_it(house):
    admin, auditor = house.signed_in("admin"), house.signed_in("auditor")
    assert auditor.get("/users").status_code == 200
    assert edit(admin, house["auditor"].id, role="member").status_code == 303
    assert auditor.get("/users").location.startswith("/sign-in")
    assert house.signed_in("auditor").get("/users").status_code == 403


def test_changing_details_alone_leaves_sessions_open(house):
    admin, member = house.signed_in("admin"), house.signed_in("member")
    edit(admin, house["member"].id, title="Promoted")
    assert "Promoted" in member.get("/me").text


def test_a_deleted_person_cannot_be_edited(house):
    admin, member = house.signed_in("admin"), house["member"]
    opened = open_edit(admin, member.id)
    act(admin, "delete", member.id)
    answer = send_edit(admin, member.id, opened, title="Ghost")
    assert answer.status_code == 409
    assert "Restore the person first" in answer.text


def test_an_unknown_role_is_refused_at_its_field(house):
    admin = house.signed_in("admin")
    answer = edit(admin, house["member"].id, role="emperor")
    assert answer.status_code == 422
    assert "Choose one of: owner" in problems(answer)["role"]


def test_staff_roles_are_no_roles_of_a_customer(house):
    answer = edit(house.signed_in("owner"), house["member"].id, role="platform_administrator")
    assert answer.status_code == 422
    assert "role" in problems(answer)


@pytest.mark.parametrize("role", ["owner", "administrator", "user_manager", "security_manager", "auditor"])
def test_a_user_manager_adds_and_changes_members_only(house, role):
    manager = house.signed_in("user_manager")
    assert manager.post("/users/new", person_fields(role=role), form="/users/new").status_code == 403
    assert edit(manager, house["member"].id, role=role).status_code == 403
    assert edit(manager, house["member"].id, title="Fine").status_code == 303


@pytest.mark.parametrize("key", ["owner", "admin", "security_manager", "auditor"])
def test_a_user_manager_cannot_touch_anybody_above_a_member(house, key):
    manager, other = house.signed_in("user_manager"), house[key].id
    assert manager.get(f"/users/{other}/edit").status_code == 403
    for path in ("edit", "suspend", "delete", "reinstate", "restore"):
        assert manager.post(f"/users/{other}/{path}", person_fields()).status_code == 403
    page = main_text(manager.get(f"/users/{other}"))
    assert "Delete" not in page
    assert "Suspend" not in page


def test_an_administrator_cannot_make_or_change_owners(house):
    admin = house.signed_in("admin")
    assert admin.post("/users/new", person_fields(role="owner"), form="/users/new").status_code == 403
    assert edit(admin, house["member"].id, role="owner").status_code == 403
    assert admin.get(f"/users/{house['owner'].id}/edit").status_code == 403
    assert 'value="owner"' not in admin.get("/users/new").text
    assert edit(house.signed_in("owner"), house["member"].id, role="owner").status_code == 303


@pytest.mark.parametrize("key", ["security_manager", "auditor"])
def test_readers_see_people_but_change_nobody(house, key):
    reader, member = house.signed_in(key), house["member"]
    assert member.email in reader.get(f"/users/{member.id}").text
    assert reader.get("/users/new").status_code == 403
    assert reader.get(f"/users/{member.id}/edit").status_code == 403
    for path in ("edit", "suspend", "delete", "invitation", "invitation/revoke"):
        assert reader.post(f"/users/{member.id}/{path}", person_fields()).status_code == 403
    assert reader.post("/users/bulk", {"verb": "delete", "ids": str(member.id)}).status_code == 403
    page = reader.get("/users").text
    assert 'name="ids"' not in page
    assert "Add a user" not in page


def test_a_member_sees_nobody_else(house):
    member = house.signed_in("member")
    for path in ("/users", "/users/roles", f"/users/{house['admin'].id}", "/users/new"):
        assert member.get(path).status_code == 403


def test_the_history_of_a_person_names_fields_but_not_values_to_user_managers(house):
    edit(house.signed_in("admin"), house["member"].id, phone="+44 20 7946 0018", title="Once")
    edit(house.signed_in("admin"), house["member"].id, phone="", title="")
    manager = house.signed_in("user_manager").get(f"/users/{house['member'].id}")
    assert "Changed a user: Phone, Title" in text_of(manager.text).replace(" : ", ": ")
    assert "7946" not in said(manager.text)
    assert "/audit/" not in manager.text, "a link that this role may not follow"


def test_the_old_password_still_works_after_an_edit(house):
    edit(house.signed_in("admin"), house["member"].id, title="x")
    assert house.visitor().sign_in(house["member"].email, PASSWORD).status_code == 303
