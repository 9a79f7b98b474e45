"""Who it is is asked again before risky acts, and nothing that was typed is lost on the way."""

from datetime import timedelta

import pytest

from blueprints import gate
from blueprints.gate import FRESH
from tests.cast import PASSWORD
from tests.doors import doors
from tests.identity.enrolled import add_app, add_passkey, app_code, ask, codes_on, grow_stale
from tests.users.acts import add, form_of, history, main_text, newest, open_edit, problems, send_edit

ALWAYS = {
    "audit.export GET",
    "data.ask_lift POST",
    "data.confirm_export GET",
    "data.export_items POST",
    "data.lift POST",
    "data.place POST",
    "data.save_custodian POST",
    "data.save_retention POST",
    "factors.app GET",
    "factors.ask_passkey POST",
    "factors.confirm_app POST",
    "factors.create_passkey POST",
    "factors.edit GET",
    "factors.new_passkey GET",
    "factors.new_recovery_codes POST",
    "factors.recovery_codes GET",
    "factors.recovery_codes_file POST",
    "factors.remove POST",
    "factors.rename POST",
    "factors.start_app POST",
    "factors_reset.confirm GET",
    "factors_reset.submit POST",
    "ip_ranges.export_ranges GET",
    "ip_ranges.save POST",
    "me.change_email POST",
    "me.change_password POST",
    "me.email GET",
    "me.password GET",
    "security.end_all POST",
    "security.replace_key POST",
    "security.restore_version POST",
    "security.save_settings POST",
    "support.approve_lift POST",
    "support.ask_lift POST",
    "support.confirm_factor_reset GET",
    "support.reset_factor POST",
    "users.export_users GET",
    "users.give_one_time_code POST",
    "users.start_applying POST",
}
"""Endpoints that always ask."""

WHEN_IT_MATTERS = {
    "data.delete_items POST": "when it is confirmed; before, the page only says what would go",
    "users.bulk POST": "about somebody who is more than a member",
    "users.create_user POST": "when the role is more than a member's",
    "users.delete_user POST": "about somebody who is more than a member",
    "users.reinstate_user POST": "about somebody who is more than a member",
    "users.restore_user POST": "about somebody who is more than a member",
    "users.save_user POST": "when the role changes, or the address of somebody who is more than a member",
    "users.suspend_user POST": "about somebody who is more than a member",
}
"""Endpoints that ask by what the form would do, and when."""


@pytest.fixture
def stale(house):
    """The owner's browser, eleven minutes after the sign-in."""
    visitor = house.signed_in("owner")
    grow_stale(house, "owner")
    return visitor


def answer_with(visitor, page, **fields):
    return visitor.client.post("/confirm-it-is-you", data={**form_of(page, "/confirm-it-is-you"), **fields})


def replay(visitor, page, **fields):
    """Answer the question, and follow the 307 as a browser does: the same fields once more."""
    sent = {**form_of(page, "/confirm-it-is-you"), **fields}
    answer = visitor.client.post("/confirm-it-is-you", data=sent)
    assert answer.status_code == 307, answer.text
    return visitor.client.post(answer.location, data=sent)


def test_these_endpoints_and_no_others_ask_again(house):
    found = {
        f"{door.endpoint} {door.method}": door.endpoint
        for door in doors(house.app)
        if house.app.view_functions[door.endpoint].access.fresh
    }
    always = {name for name, endpoint in found.items() if house.app.view_functions[endpoint].access.fresh is True}
    assert always == ALWAYS
    assert set(found) - always == set(WHEN_IT_MATTERS)


def test_every_one_of_them_refuses_a_stale_session(house):
    """From the URL map; whatever is asked for, an old proof is sent to the question and nothing happens."""
    owner, staff = house.signed_in("owner"), house.signed_in("platform_administrator")
    grow_stale(house, "owner")
    grow_stale(house, "platform_administrator")
    for door in doors(house.app):
        if house.app.view_functions[door.endpoint].access.fresh is not True:
            continue
        visitor = staff if door.endpoint.startswith("support.") else owner
        if door.method == "GET":
            answer = visitor.get(door.of(house, "acme"))
            assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/confirm-it-is-you"), door
        else:
            answer = visitor.post(door.of(house, "acme"))
            assert answer.status_code == 403, door
            assert "Confirm that it is you" in answer.text, door


def test_a_sign_in_counts_as_proof_for_ten_minutes(house):
    visitor = house.signed_in("owner")
    assert visitor.get("/me/password").status_code == 200
    assert timedelta(minutes=10) == FRESH
    grow_stale(house, "owner")
    answer = visitor.get("/me/password")
    assert answer.location == "/confirm-it-is-you?next=/me/password"
    page = visitor.get(answer.location)
    done = answer_with(visitor, page, proof_password=PASSWORD)
    assert (done.status_code, done.location) == (303, "/me/password")
    assert visitor.get("/me/password").status_code == 200
    assert visitor.get("/confirm-it-is-you?next=/me/password").location == "/me/password"
    assert "identity:step_up:passed" in [tag for tag, _ in history(house, house["owner"].tenant_id, house["owner"].id)]


def test_the_token_changes_with_the_proof_and_the_old_one_is_dead(house, stale):
    before = stale.client.get_cookie("safekeep_session").value
    answer_with(stale, stale.get("/confirm-it-is-you"), proof_password=PASSWORD)
    assert stale.client.get_cookie("safekeep_session").value != before
    thief = house.visitor()
    thief.client.set_cookie("safekeep_session", before)
    assert thief.get("/me").location.startswith("/sign-in")


def test_a_wrong_password_is_refused_recorded_and_counted(house, stale):
    page = stale.get("/confirm-it-is-you?next=/me/password")
    for _number in range(10):
        answer = answer_with(stale, page, proof_password="not-the-password")
        assert answer.status_code == 422
    assert "This is not your password." in answer.text
    owner = house["owner"]
    assert newest(house, owner.tenant_id, owner.id, "identity:password:refused")
    answer = answer_with(stale, page, proof_password=PASSWORD)
    assert answer.status_code == 422
    assert "Too many wrong passwords. Wait" in answer.text
    assert answer_with(stale, page, proof_password="").status_code == 422
    assert stale.get("/me/password").status_code == 303


def test_whoever_has_a_factor_proves_that_and_the_password_does_not_do(house):
    visitor = house.signed_in("owner")
    codes = add_app(house, visitor)
    grow_stale(house, "owner")
    page = visitor.get("/confirm-it-is-you")
    assert "proof_password" not in page.text
    for wrong in ({"proof_password": PASSWORD}, {"proof_code": "000000"}, {"proof_recovery_code": "aaaa-aaaa-aaaa"}):
        assert answer_with(visitor, page, **wrong).status_code == 422
    assert answer_with(visitor, page, proof_code=app_code(house, "owner")).status_code == 303
    grow_stale(house, "owner")
    assert answer_with(visitor, page, proof_recovery_code=codes[0].upper()).status_code == 303
    grow_stale(house, "owner")
    assert answer_with(visitor, page, proof_recovery_code=codes[0]).status_code == 422


def test_a_passkey_proves_it_too_and_once(house):
    visitor = house.signed_in("owner")
    key = add_passkey(house, visitor)
    grow_stale(house, "owner")
    page = visitor.get("/confirm-it-is-you")
    answer = key.proof(ask(visitor, "/confirm-it-is-you/passkey"))
    assert answer_with(visitor, page, proof_assertion=answer).status_code == 303
    assert visitor.get("/me/password").status_code == 200
    grow_stale(house, "owner")
    assert answer_with(visitor, page, proof_assertion=answer).status_code == 422


def test_a_form_that_arrives_too_late_loses_nothing(house):
    visitor, member = house.signed_in("owner"), house["member"]
    fields = open_edit(visitor, member.id)
    grow_stale(house, "owner")
    page = send_edit(visitor, member.id, fields, role="auditor", title="Über-Prüfer <b>", phone="+46 8 123")
    assert page.status_code == 403
    assert "nothing that you entered is lost" in main_text(page)
    shown = form_of(page, "/confirm-it-is-you")
    assert (shown["title"], shown["role"], shown["given_name"]) == ("Über-Prüfer <b>", "auditor", "Mika")
    wrong = answer_with(visitor, page, proof_password="not-the-password")
    assert wrong.status_code == 422
    assert form_of(wrong, "/confirm-it-is-you")["title"] == "Über-Prüfer <b>"
    done = replay(visitor, wrong, proof_password=PASSWORD)
    assert (done.status_code, done.location) == (303, f"/users/{member.id}")
    found = newest(house, member.tenant_id, member.id, "users:user:changed")
    assert found["changes"]["role"] == ["member", "auditor"]
    assert found["changes"]["title"] == ["", "Über-Prüfer <b>"]


def test_an_edit_without_a_new_role_does_not_ask(house):
    visitor, member = house.signed_in("owner"), house["member"]
    fields = open_edit(visitor, member.id)
    grow_stale(house, "owner")
    assert send_edit(visitor, member.id, fields, title="Pilot").status_code == 303


def test_many_values_of_one_name_are_carried_in_their_order(house):
    visitor, people = house.signed_in("owner"), [house["auditor"], house["member"]]
    token = visitor.token("/me")
    grow_stale(house, "owner")
    data = {"csrf_token": token, "verb": "suspend", "ids": [str(each.id) for each in people]}
    assert visitor.client.post("/users/bulk", data=data).status_code == 200, "only says what would happen"
    page = visitor.client.post("/users/bulk", data={**data, "confirmed": "yes", "reason": "x"})
    assert page.status_code == 403
    assert [page.text.count(f'value="{each.id}"') for each in people] == [1, 1]
    sent = {**form_of(page, "/confirm-it-is-you"), "ids": data["ids"], "proof_password": PASSWORD}
    answer = visitor.client.post("/confirm-it-is-you", data=sent)
    assert answer.location == "/users/bulk"
    assert visitor.client.post(answer.location, data=sent).location == "/users"


def test_adding_somebody_with_a_say_asks_and_adding_a_member_does_not(house):
    visitor = house.signed_in("owner")
    grow_stale(house, "owner")
    assert add(visitor, email="one@acme.example").status_code == 303
    page = add(visitor, email="two@acme.example", role="administrator")
    assert page.status_code == 403
    assert replay(visitor, page, proof_password=PASSWORD).status_code == 303


def test_another_address_for_somebody_with_a_say_asks_and_for_a_member_does_not(house):
    visitor = house.signed_in("owner")
    forms = {key: open_edit(visitor, house[key].id) for key in ("member", "admin")}
    grow_stale(house, "owner")
    statuses = [
        send_edit(visitor, house[key].id, fields, email=f"{key}.new@acme.example").status_code
        for key, fields in forms.items()
    ]
    assert statuses == [303, 403]


def test_members_are_suspended_without_being_asked(house):
    visitor = house.signed_in("owner")
    grow_stale(house, "owner")
    assert visitor.post(f"/users/{house['member'].id}/suspend").status_code == 303
    assert visitor.post(f"/users/{house['auditor'].id}/suspend").status_code == 403


def test_a_form_of_another_site_is_not_carried_through_the_question(house, stale):
    """The form's token is checked first: the question would give the form a new one."""
    answer = stale.client.post("/me/e-mail", data={"email": "eve@evil.example"})
    assert answer.status_code == 400
    assert "eve@evil.example" not in answer.text
    cross = {"Sec-Fetch-Site": "cross-site"}
    fields = {"email": "eve@evil.example", "csrf_token": stale.token("/me")}
    assert stale.client.post("/me/e-mail", data=fields, headers=cross).status_code == 403


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/me", "/sign-out", "/users/new/", "/nowhere", "\\\\evil.example"]
)
def test_only_forms_of_ours_that_ask_are_sent_on(house, stale, to):
    answer = answer_with(stale, stale.get("/confirm-it-is-you"), proof_to=to, proof_password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/overview")


def test_a_form_too_large_to_be_carried_is_refused_with_advice(house, stale):
    assert stale.post("/me/e-mail", {"email": "x" * (2 * 2**20 - 40_000)}).status_code == 403
    answer = stale.post("/me/e-mail", {"email": "x" * (2 * 2**20 - 20_000)})
    assert answer.status_code == 409
    assert "Confirm first that it is you" in answer.text


def test_an_uploaded_file_is_not_carried_but_refused_with_advice(house, stale):
    from io import BytesIO

    fields = {"csrf_token": stale.token("/me"), "email": "a@b.example", "file": (BytesIO(b"x"), "x.csv")}
    answer = stale.client.post("/me/e-mail", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 409
    assert "then choose the file" in answer.text


def test_a_role_that_may_not_is_told_so_before_it_is_asked_anything(house):
    visitor = house.signed_in("auditor")
    grow_stale(house, "auditor")
    assert visitor.get(f"/users/{house['member'].id}/factors/reset").status_code == 403
    assert visitor.get("/users/export.csv").location.startswith("/confirm-it-is-you")


def test_control_without_the_clock_nobody_is_asked(house, stale, monkeypatch):
    """The planted fault: every session counts as fresh."""
    monkeypatch.setattr(gate, "is_fresh", lambda _by: True)
    assert stale.get("/me/password").status_code == 200
    assert codes_on(stale.get("/me/password")) == []


def test_the_fields_of_the_proof_mean_nothing_to_the_form_they_travel_with(house, stale):
    page = stale.post("/me/e-mail", {"email": "olga@new.example"})
    done = replay(stale, page, proof_password=PASSWORD)
    assert (done.status_code, done.location) == (303, "/me")
    assert house.mails("olga@new.example")
    assert not problems(stale.get("/me"))
