"""Suspend, reinstate, delete, restore, purge: one person at a time (P04)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from console.core.db import db
from console.core.lookups import Lookup
from console.identity.models import Browser, Credential, TotpFactor
from console.identity.totp import start_enrolment
from console.sessions.models import Session
from console.users.links import OneTimeLink
from console.users.models import user
from tests.cast import PASSWORD
from tests.users.acts import accept, act, add, added, history, listed, main_text, newest, problems, state_of


def test_suspending_ends_every_session_at_once_and_refuses_the_next_sign_in(house):
    admin, member = house.signed_in("admin"), house["member"]
    sessions = [house.signed_in("member"), house.signed_in("member", browser="Other")]
    answer = act(admin, "suspend", member.id, reason="Left the building")
    assert (answer.status_code, answer.location) == (303, f"/users/{member.id}")
    assert "Mika Member was suspended." in admin.get(answer.location).text
    for visitor in sessions:
        assert visitor.get("/me").location.startswith("/sign-in")
    refused = house.visitor().sign_in(member.email)
    assert refused.status_code == 422
    assert "Your access is suspended. Your administrator can tell you more." in refused.text
    assert str(house.mails(member.email)[-1]["Subject"]) == "Your access was suspended"
    assert newest(house, member.tenant_id, member.id, "users:user:suspended")["reason"] == "Left the building"


def test_a_wrong_password_does_not_tell_that_somebody_is_suspended(house):
    refused = house.visitor().sign_in(house["suspended"].email, "not-the-password")
    assert "The username or the password is not right." in refused.text


def test_somebody_reinstated_signs_in_again_with_the_same_password_but_old_sessions_stay_ended(house):
    admin, visitor, member = house.signed_in("admin"), house.signed_in("member"), house["member"]
    act(admin, "suspend", member.id)
    assert act(admin, "reinstate", member.id).status_code == 303
    assert visitor.get("/me").location.startswith("/sign-in")
    assert house.visitor().sign_in(member.email, PASSWORD).status_code == 303
    assert "Your access works again" in [str(mail["Subject"]) for mail in house.mails(member.email)]


@pytest.mark.parametrize(
    ("verb", "key", "words"),
    [
        ("suspend", "invited", "Ingo Invited is invited; only active people can be suspended."),
        ("suspend", "suspended", "Susan Suspended is suspended; only active people can be suspended."),
        ("reinstate", "member", "Mika Member is active, not suspended."),
        ("restore", "member", "Mika Member is active, not deleted."),
    ],
)
def test_an_act_that_does_not_fit_the_state_is_refused_with_the_reason(house, verb, key, words):
    answer = act(house.signed_in("admin"), verb, house[key].id)
    assert answer.status_code == 409
    assert words in main_text(answer)


def test_an_act_sent_twice_is_done_once(house):
    admin, member = house.signed_in("admin"), house["member"]
    assert act(admin, "suspend", member.id).status_code == 303
    assert act(admin, "suspend", member.id).status_code == 409
    tags = [tag for tag, _details in history(house, member.tenant_id, member.id)]
    assert tags.count("users:user:suspended") == 1


@pytest.mark.promise("P04")
def test_promise_p04_the_confirm_page_names_the_person_and_says_what_goes_and_what_stays(house):
    page = main_text(house.signed_in("admin").get(f"/users/{house['member'].id}/delete"))
    assert "Delete Mika Member?" in page
    assert house["member"].email in page
    assert (
        "What goes for good after 30 days: the profile (name, e-mail address, phone, title, time zone), the pass"
        in page
    )
    assert "What stays: the entries of the audit record" in page
    assert "You can restore for 30 days." in page


@pytest.mark.promise("P04")
def test_promise_p04_a_deleted_user_is_out_of_the_list_and_cannot_sign_in(house):
    admin, visitor, member = house.signed_in("admin"), house.signed_in("member"), house["member"]
    assert act(admin, "delete", member.id, reason="Left").status_code == 303
    assert member.email not in listed(admin)
    assert member.email in listed(admin, "?state=deleted")
    assert visitor.get("/me").location.startswith("/sign-in")
    refused = house.visitor().sign_in(member.email)
    assert "The username or the password is not right." in refused.text
    assert newest(house, member.tenant_id, member.id, "users:user:deleted")["reason"] == "Left"


def test_deleting_kills_open_invitations_and_reset_links(house):
    admin = house.signed_in("admin")
    user_id = added(admin)
    invitation = house.link("nia@acme.example")
    house.visitor().post("/password/forgot", {"username": house["member"].email}, form="/password/forgot")
    reset = house.link(house["member"].email, "new password")
    act(admin, "delete", user_id)
    act(admin, "delete", house["member"].id)
    assert house.visitor().get(invitation).status_code == 410
    assert house.visitor().get(reset).status_code == 410


@pytest.mark.parametrize("key", ["member", "suspended", "invited"])
def test_a_restored_person_is_back_in_the_state_from_before(house, key):
    admin, person = house.signed_in("admin"), house[key]
    before = state_of(house, person.tenant_id, person.id)
    act(admin, "delete", person.id)
    answer = act(admin, "restore", person.id)
    assert answer.status_code == 303
    assert state_of(house, person.tenant_id, person.id) == before
    assert person.email in listed(admin)


def test_a_restored_person_signs_in_with_the_old_password_and_needs_no_old_session(house):
    admin, visitor, member = house.signed_in("admin"), house.signed_in("member"), house["member"]
    act(admin, "delete", member.id)
    act(admin, "restore", member.id)
    assert visitor.get("/me").location.startswith("/sign-in")
    assert house.visitor().sign_in(member.email).status_code == 303


def test_somebody_who_was_only_invited_needs_a_new_invitation_after_being_restored(house):
    admin = house.signed_in("admin")
    user_id = added(admin)
    link = house.link("nia@acme.example")
    act(admin, "delete", user_id)
    act(admin, "restore", user_id)
    assert house.visitor().get(link).status_code == 410
    assert "The invitation was revoked" in admin.get(f"/users/{user_id}").text
    admin.post(f"/users/{user_id}/invitation")
    assert accept(house, "nia@acme.example").status_code == 303


def test_until_the_30_days_are_over_nothing_is_purged(house):
    act(house.signed_in("admin"), "delete", house["member"].id)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=29, hours=23), tick=True):
        house.work()
        admin = house.signed_in("admin")
        assert "Restoring is possible until" in admin.get(f"/users/{house['member'].id}").text
        assert act(admin, "restore", house["member"].id).status_code == 303


def test_after_30_days_the_person_is_a_tombstone_whose_history_stays_and_whose_address_is_free(house):
    admin, member = house.signed_in("admin"), house["member"]
    act(admin, "delete", member.id)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=30, minutes=1), tick=True):
        house.work()
        assert state_of(house, member.tenant_id, member.id) == "purged"
        admin = house.signed_in("admin")
        assert member.email not in listed(admin, "?state=deleted")
        page = main_text(admin.get(f"/users/{member.id}"))
        assert "Removed user" in page
        assert "This person was removed for good" in page
        assert "Deleted a user" in page
        assert "Removed a deleted user for good" in page
        assert "Mika" not in page.split("History")[0], "the history keeps names as they were, the profile none"
        assert member.email not in page
        refused = act(admin, "restore", member.id)
        assert refused.status_code == 409
        user_id = added(admin, email=member.email)
        assert user_id != member.id
        assert accept(house, member.email).status_code == 303


def test_purging_leaves_no_password_factor_browser_session_or_link_behind(house):
    admin, member = house.signed_in("admin"), house["member"]
    house.signed_in("member")
    house.visitor().post("/password/forgot", {"username": member.email}, form="/password/forgot")
    with house.inside(member.tenant_id):
        start_enrolment(user(member.id))
    kept = (Credential, TotpFactor, Browser, Session, OneTimeLink)

    def left() -> list[int]:
        with house.inside(member.tenant_id, write=False):
            of_them = [
                list(db.session.execute(select(table.id).where(table.user_id == member.id)).scalars()) for table in kept
            ]
            targets = [found for ids in of_them for found in ids] + [member.id]
            found = db.session.execute(select(Lookup.digest).where(Lookup.target_id.in_(targets)))
            return [*map(len, of_them), len(list(found))]

    assert min(left()) > 0, "the test needs one of each"
    act(admin, "delete", member.id)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31), tick=True):
        house.work()
    assert left() == [0, 0, 0, 0, 0, 0]


def test_one_customers_purge_leaves_the_people_of_others_alone(house):
    act(house.signed_in("admin"), "delete", house["member"].id)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=15), tick=True):
        act(house.signed_in("birch_admin"), "delete", house["birch_member"].id)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31), tick=True):
        house.work()
        assert state_of(house, house["member"].tenant_id, house["member"].id) == "purged"
        assert state_of(house, house["birch_member"].tenant_id, house["birch_member"].id) == "deleted"


def test_a_reason_that_is_too_long_or_unreadable_is_refused_at_its_field(house):
    admin, member = house.signed_in("admin"), house["member"]
    for reason, words in (("x" * 301, "at most 300"), ("a\u202eb", "cannot be shown"), ("\0", "cannot be")):
        answer = act(admin, "suspend", member.id, reason=reason)
        assert answer.status_code == 422
        assert words in problems(answer)["reason"]
        assert "Suspend Mika Member?" in main_text(answer)
    assert state_of(house, member.tenant_id, member.id) == "active"


def test_a_reason_is_shown_as_text_on_the_persons_page(house):
    admin, member = house.signed_in("admin"), house["member"]
    act(admin, "suspend", member.id, reason="<b>left</b>")
    page = admin.get(f"/users/{member.id}").text
    assert "&lt;b&gt;left&lt;/b&gt;" in page
    assert "<b>left</b>" not in page


def test_a_deleted_username_stays_reserved_until_the_purge(house):
    admin, member = house.signed_in("admin"), house["member"]
    act(admin, "delete", member.id)
    assert add(admin, email=member.email).status_code == 422
    assert add(house.signed_in("birch_admin"), email=member.email).status_code == 422


def test_a_suspended_persons_open_reset_link_does_not_let_them_in(house):
    house.visitor().post("/password/forgot", {"username": house["member"].email}, form="/password/forgot")
    link = house.link(house["member"].email, "new password")
    act(house.signed_in("admin"), "suspend", house["member"].id)
    fields = {"password": "nine-Copper-kettles-4", "password_again": "nine-Copper-kettles-4"}
    assert house.visitor().get(link).status_code == 410
    answer = house.visitor().post(link, fields, form="/sign-in")
    assert answer.status_code == 410
    assert house.visitor().sign_in(house["member"].email, "nine-Copper-kettles-4").status_code == 422
