"""Adding a person: the invitation, its link, and what becomes of it (P02)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.cast import PASSWORD
from tests.house import TOKEN, said
from tests.users.acts import NEW_PASSWORD, accept, act, add, added, edit, history, main_text, problems, state_of


@pytest.mark.promise("P02")
def test_promise_p02_an_administrator_adds_somebody_who_follows_the_mail_and_signs_in(house):
    user_id = added(house.signed_in("admin"), title="Head of Post")
    mail = house.mails("nia@acme.example")[-1]
    assert str(mail["Subject"]) == "Acme Corporation invites you to Safekeep"
    assert "Adam Admin added you to Acme Corporation as Member" in mail.get_body(("plain",)).get_content()
    link = house.link("nia@acme.example")
    visitor = house.visitor()
    assert "Welcome, Nia" in visitor.get(link).text
    done = visitor.post(link, {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}, form=link)
    assert (done.status_code, done.location) == (303, "/sign-in")
    assert visitor.sign_in("nia@acme.example", NEW_PASSWORD).status_code == 303
    assert "Nia Newcomb" in visitor.get("/me").text
    tags = [tag for tag, _details in history(house, house["admin"].tenant_id, user_id)]
    assert tags[::-1] == [
        "users:user:added",
        "users:invitation:sent",
        "users:invitation:accepted",
        "identity:confirmation:confirmed",
        "sessions:session:started",
    ]


def test_the_audit_names_who_added_whom_with_every_value(house):
    user_id = added(house.signed_in("user_manager"), phone="+44 20 7946 0018")
    tag, details = history(house, house["admin"].tenant_id, user_id)[-1]
    assert tag == "users:user:added"
    assert details["actor"] == "Uma Manager"
    assert details["changes"] == {
        "given_name": [None, "Nia"],
        "family_name": [None, "Newcomb"],
        "email": [None, "nia@acme.example"],
        "phone": [None, "+44 20 7946 0018"],
        "time_zone": [None, "UTC"],
        "role": [None, "member"],
    }


def test_an_invitation_works_once(house):
    added(house.signed_in("admin"))
    link = house.link("nia@acme.example")
    visitor = house.visitor()
    token = TOKEN.search(visitor.get(link).text).group(1)
    fields = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD, "csrf_token": token}
    assert visitor.client.post(link, data=fields).status_code == 303
    assert visitor.client.post(link, data=fields).status_code == 410
    assert "used already" in visitor.get(link).text
    assert visitor.get(link).status_code == 410
    assert house.visitor().sign_in("nia@acme.example", NEW_PASSWORD).status_code == 303


def test_opening_the_link_many_times_uses_nothing_up(house):
    added(house.signed_in("admin"))
    link = house.link("nia@acme.example")
    assert [house.visitor().get(link).status_code for _time in range(3)] == [200, 200, 200]
    assert accept(house, "nia@acme.example").status_code == 303


def test_an_expired_invitation_says_so_and_a_new_one_works(house):
    user_id = added(house.signed_in("admin"))
    old = house.link("nia@acme.example")
    with time_machine.travel(datetime.now(UTC) + timedelta(days=7, minutes=1), tick=True):
        gone = house.visitor().get(old)
        assert gone.status_code == 410
        assert "This link has expired. Ask the person who invited you for a new one." in gone.text
        admin = house.signed_in("admin")
        assert "The invitation has expired" in admin.get(f"/users/{user_id}").text
        assert admin.post(f"/users/{user_id}/invitation").status_code == 303
        assert accept(house, "nia@acme.example").status_code == 303
        assert state_of(house, house["admin"].tenant_id, user_id) == "active"


def test_a_resent_invitation_kills_the_earlier_link(house):
    admin = house.signed_in("admin")
    user_id = added(admin)
    first = house.link("nia@acme.example")
    assert admin.post(f"/users/{user_id}/invitation").status_code == 303
    second = house.link("nia@acme.example")
    assert second != first
    assert "replaced or withdrawn" in house.visitor().get(first).text
    assert house.visitor().get(first).status_code == 410
    assert accept(house, "nia@acme.example").status_code == 303


def test_a_revoked_invitation_does_not_work_and_the_person_stays_invited(house):
    admin = house.signed_in("admin")
    user_id = added(admin)
    link = house.link("nia@acme.example")
    answer = admin.post(f"/users/{user_id}/invitation/revoke", follow_redirects=True)
    assert "The invitation of Nia Newcomb was revoked" in answer.text
    assert house.visitor().get(link).status_code == 410
    assert state_of(house, house["admin"].tenant_id, user_id) == "invited"
    refused = admin.post(f"/users/{user_id}/invitation/revoke")
    assert refused.status_code == 409
    assert "no invitation that still works" in refused.text


def test_nobody_is_invited_to_what_was_accepted(house):
    admin = house.signed_in("admin")
    refused = admin.post(f"/users/{house['member'].id}/invitation")
    assert refused.status_code == 409
    assert "Mika Member has accepted already" in refused.text


def test_nobody_is_invited_after_being_deleted(house):
    admin = house.signed_in("admin")
    act(admin, "delete", house["invited"].id)
    refused = admin.post(f"/users/{house['invited'].id}/invitation")
    assert refused.status_code == 409
    assert "Ingo Invited was deleted" in refused.text


def test_the_address_of_somebody_invited_can_be_corrected_and_only_the_new_link_works(house):
    admin = house.signed_in("admin")
    user_id = added(admin, email="typo@acme.example")
    wrong = house.link("typo@acme.example")
    assert edit(admin, user_id, email="right@acme.example").status_code == 303
    assert house.visitor().get(wrong).status_code == 410
    assert accept(house, "right@acme.example").status_code == 303
    assert house.visitor().sign_in("right@acme.example", NEW_PASSWORD).status_code == 303


def test_a_taken_username_is_refused_and_names_the_colleague_who_has_it(house):
    answer = add(house.signed_in("admin"), email="MEMBER@Acme.Example")
    assert answer.status_code == 422
    assert problems(answer)["email"] == "MEMBER@acme.example is the username of Mika Member already."


def test_a_username_of_another_customer_is_refused_without_saying_whose_it_is(house):
    answer = add(house.signed_in("admin"), email=house["birch_member"].email)
    assert answer.status_code == 422
    assert problems(answer)["email"] == (
        f"{house['birch_member'].email} cannot be used as a username here. Choose another address."
    )
    assert "Birch &amp; Sons" not in answer.text


def test_the_username_of_somebody_deleted_is_refused_with_the_way_out(house):
    admin = house.signed_in("admin")
    act(admin, "delete", house["member"].id)
    answer = add(admin, email=house["member"].email)
    assert "was deleted. Restore that person instead." in problems(answer)["email"]


def test_the_refusal_leads_to_the_person_who_has_the_address(house):
    admin, member = house.signed_in("admin"), house["member"]
    assert f'href="/users/{member.id}">Open the page of the person' in add(admin, email=member.email).text
    foreign = add(admin, email=house["birch_member"].email).text
    assert "Open the page of the person" not in foreign
    assert str(house["birch_member"].id) not in foreign


def test_a_new_person_starts_in_the_time_zone_of_who_adds_them(house):
    admin = house.signed_in("admin")
    admin.post("/me/time-zone", {"time_zone": "Asia/Tokyo"})
    page = admin.get("/users/new").text
    assert '<option value="Asia/Tokyo" selected>' in page
    assert page.count("<option") > 300
    assert '<a href="/users/roles">table of roles</a>' in page


@pytest.mark.parametrize("how", ["used", "revoked", "unknown"])
def test_a_dead_invitation_says_whom_to_ask_and_names_no_customer(house, how):
    admin = house.signed_in("admin")
    user_id, link = added(admin), house.link("nia@acme.example")
    if how == "used":
        accept(house, "nia@acme.example")
    elif how == "revoked":
        admin.post(f"/users/{user_id}/invitation/revoke")
    else:
        link = "/invitations/" + "x" * 43
    words = {
        "used": "sign in with the password that you chose then",
        "revoked": "Ask the person who invited you for a new one.",
        "unknown": "ask the person who sent it to you",
    }
    answer = house.visitor().get(link)
    assert words[how] in main_text(answer)
    assert "Acme" not in said(answer.text)


def test_a_password_that_is_easy_to_guess_is_refused_at_its_field_and_the_link_lives(house):
    added(house.signed_in("admin"))
    link, visitor = house.link("nia@acme.example"), house.visitor()
    for password, again, field, words in (
        ("short", "short", "password", "at least 12 characters"),
        ("acmecorporation", "acmecorporation", "password", "unrelated words"),
        (NEW_PASSWORD, "another-Copper-kettle-4", "password_again", "differs"),
        ("", "", "password", "Choose a password."),
        ("x y" * 100, "x y" * 100, "password", "at most 256 characters"),
    ):
        answer = visitor.post(link, {"password": password, "password_again": again}, form=link)
        assert answer.status_code == 422
        assert words in problems(answer)[field], password
    assert accept(house, "nia@acme.example").status_code == 303


def test_a_new_persons_page_shows_the_invitation_but_never_its_link(house):
    admin = house.signed_in("admin")
    user_id = added(admin)
    token = house.link("nia@acme.example").rsplit("/", 1)[1]
    page = admin.get(f"/users/{user_id}")
    assert "The invitation has not been accepted yet" in page.text
    assert token not in page.text
    assert not re.search(r"/invitations/", page.text)


def test_somebody_signed_in_at_another_customer_can_accept_an_invitation(house):
    added(house.signed_in("admin"))
    link, visitor = house.link("nia@acme.example"), house.signed_in("birch_admin")
    done = visitor.post(link, {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}, form=link)
    assert (done.status_code, done.location) == (303, "/sign-in")


def test_somebody_signed_in_at_another_customer_can_sign_in_here_as_somebody_else(house):
    visitor = house.signed_in("birch_admin")
    house.make_usual(visitor, house["admin"])
    fields = {"username": house["admin"].email, "password": PASSWORD}
    assert visitor.post("/sign-in", fields).status_code == 303
    assert "Adam Admin" in visitor.get("/me").text
    wrong = house.signed_in("birch_admin").post("/sign-in", {**fields, "password": "not-the-password"})
    assert wrong.status_code == 422


def test_somebody_signed_in_at_another_customer_can_ask_for_a_new_password(house):
    visitor = house.signed_in("birch_admin")
    fields = {"username": house["member"].email}
    assert visitor.post("/password/forgot", fields, form="/password/forgot").status_code == 200
    link = house.link(house["member"].email, "new password")
    chosen = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    assert visitor.post(link, chosen, form=link).status_code == 303
    assert house.visitor().sign_in(house["member"].email, NEW_PASSWORD).status_code == 303


def test_a_link_with_a_wrong_token_is_an_unknown_page(house):
    answer = house.visitor().get("/invitations/" + "A" * 43)
    assert answer.status_code == 404
    assert "This link is not known" in main_text(answer)


def test_an_invitation_link_is_no_password_reset(house):
    added(house.signed_in("admin"))
    token = house.link("nia@acme.example").rsplit("/", 1)[1]
    assert house.visitor().get(f"/password/reset/{token}").status_code == 404
