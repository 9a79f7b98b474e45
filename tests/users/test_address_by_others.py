"""Somebody else changes a person's address: never behind that person's back, and the old mailbox can undo it (P03)."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.cast import PASSWORD, TOTP_SECRET
from tests.users.acts import NEW_PASSWORD, accept, act, add, edit, history, main_text, newest, open_edit, problems
from tests.users.csv_uploads import csv_bytes, uploaded

NEW = "mika.new@acme.example"
STOP = "about to change"
MOVED = "was changed"


def propose(house, key="member", email=NEW, by="admin"):
    visitor = house.signed_in(by)
    answer = edit(visitor, house[key].id, email=email)
    assert answer.status_code == 303, problems(answer)
    return visitor


def follow(house, link):
    return house.visitor().post(link, form=link)


def confirmed(house, key="member", email=NEW):
    """The change is in force; answers the link that the old mailbox got then."""
    propose(house, key, email)
    answer = follow(house, house.link(email, "confirm your new"))
    assert answer.status_code == 200, answer.text
    return house.link(house[key].email, MOVED)


def signs_in(house, email, password=PASSWORD):
    return house.visitor().sign_in(email, password).status_code == 303


def reset(house, email, password=NEW_PASSWORD):
    house.visitor().post("/password/forgot", {"username": email}, form="/password/forgot")
    link = house.link(email, "new password")
    return house.visitor().post(link, {"password": password, "password_again": password}, form=link)


def text_of_mail(house, to, subject):
    mail = [mail for mail in house.mails(to) if subject in str(mail["Subject"])][-1]
    return mail.get_body(("plain",)).get_content()


@pytest.mark.promise("P03")
def test_an_address_that_somebody_else_changed_counts_only_after_the_new_mailbox_confirmed(house):
    member, own = house["member"], house.signed_in("member")
    propose(house)
    assert signs_in(house, member.email)
    assert not signs_in(house, NEW)
    assert "Adam Admin asked to change your username" in text_of_mail(house, member.email, STOP)
    link = house.link(NEW, "confirm your new")
    assert "Adam Admin asked for it." in house.visitor().get(link).text
    assert own.get("/me").status_code == 200
    assert f"From now on you sign in as <strong>{NEW}</strong>" in follow(house, link).text
    assert signs_in(house, NEW)
    assert not signs_in(house, member.email)
    entry = newest(house, member.tenant_id, member.id, "users:user:changed")
    assert entry["changes"] == {"email": [member.email, NEW]}
    assert entry["reason"] == "asked for by Adam Admin, confirmed from the new mailbox"


def test_the_other_details_of_the_same_edit_are_saved_at_once(house):
    admin, member = house.signed_in("admin"), house["member"]
    answer = edit(admin, member.id, email=NEW, title="Pilot")
    page = admin.get(answer.location)
    assert "Mika Member was saved." in page.text
    assert f"until {NEW} has confirmed it" in page.text
    assert "Pilot" in main_text(page)


def test_all_sessions_end_when_the_address_changes(house):
    own = house.signed_in("member")
    confirmed(house)
    assert own.get("/me").location.startswith("/sign-in")


def test_a_new_address_that_one_confirmed_oneself_ends_all_sessions_too(house):
    own, member = house.signed_in("member"), house["member"]
    own.post("/me/e-mail", {"email": NEW, "present": PASSWORD}, form="/me/e-mail")
    for link in (house.link(member.email, STOP), house.link(NEW, "confirm your new")):
        follow(house, link)
    assert own.get("/me").location.startswith("/sign-in")


@pytest.mark.promise("P03")
def test_the_old_mailbox_stops_a_change_before_it_counts(house):
    member, own = house["member"], house.signed_in("member")
    propose(house)
    link = house.link(member.email, STOP)
    assert "Adam Admin asked to change the username" in house.visitor().get(link).text
    assert own.get("/me").status_code == 200, "opening the page does something"
    assert "The change was stopped" in follow(house, link).text
    assert own.get("/me").location.startswith("/sign-in")
    assert house.visitor().get(house.link(NEW, "confirm your new")).status_code == 410
    assert signs_in(house, member.email)
    entry = newest(house, member.tenant_id, member.id, "users:username_change:stopped")
    assert entry["actor"] == "Mika Member"
    assert entry["reason"] == "asked for by Adam Admin"
    for key in ("owner", "admin"):
        told = text_of_mail(house, house[key].email, "was stopped")
        assert "Adam Admin had asked to change the username of Mika Member" in told
    assert not house.mails(house["auditor"].email)


@pytest.mark.promise("P03")
def test_an_administrator_who_took_an_account_over_loses_it_to_the_old_mailbox(house):
    """The whole attack: address, password reset, session, second factor; then the owner of the account says no."""
    member = house["member"]
    back = confirmed(house)
    assert reset(house, NEW).status_code == 303
    thief = house.visitor()
    assert thief.sign_in(NEW, NEW_PASSWORD).status_code == 303
    _enrol(house)
    assert reset(house, NEW, "ten-Silver-spoons-5").status_code == 303
    pending = house.visitor()
    pending.post("/password/forgot", {"username": NEW}, form="/password/forgot")
    open_reset = house.link(NEW, "new password")
    assert follow(house, back).status_code == 200
    assert thief.get("/me").location.startswith("/sign-in")
    assert house.visitor().get(open_reset).status_code == 410
    for email in (NEW, member.email):
        for password in (NEW_PASSWORD, "ten-Silver-spoons-5", PASSWORD):
            assert not signs_in(house, email, password)
    assert reset(house, member.email, "two-Green-lamps-over-9").status_code == 303
    visitor = house.visitor()
    answer = visitor.sign_in(member.email, "two-Green-lamps-over-9")
    assert answer.status_code == 303
    assert not answer.location.startswith("/sign-in/factor"), "the thief's second factor is still asked for"


def _enrol(house):
    from console.core import clock
    from console.identity.totp import start_enrolment
    from console.users.models import user

    with house.inside(house["member"].tenant_id):
        factor = start_enrolment(user(house["member"].id))
        factor.secret, factor.confirmed_at = TOTP_SECRET, clock.now()


def test_a_password_from_before_the_change_stays(house):
    back = confirmed(house)
    assert follow(house, back).status_code == 200
    assert signs_in(house, house["member"].email)


def test_the_first_mail_s_link_works_for_72_hours_after_the_change_too(house):
    member = house["member"]
    propose(house)
    link = house.link(member.email, STOP)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=20), tick=True):
        follow(house, house.link(NEW, "confirm your new"))
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=20 + 71), tick=True):
        assert follow(house, link).status_code == 200
        assert signs_in(house, member.email)


def test_after_72_hours_the_change_stays_and_the_old_address_is_free(house):
    member = house["member"]
    back = confirmed(house)
    admin = house.signed_in("admin")
    assert "can take it back for 72 hours" in problems(add(admin, email=member.email))["email"]
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=72, minutes=1), tick=True):
        assert house.visitor().get(back).status_code == 410
        house.work()
        assert add(house.signed_in("admin"), email=member.email).status_code == 303


def test_until_then_nobody_elsewhere_can_take_the_old_address_either(house):
    confirmed(house)
    answer = add(house.signed_in("birch_admin"), email=house["member"].email)
    assert "cannot be used as a username here" in problems(answer)["email"]
    assert add(house.signed_in("birch_admin"), email="free@acme.example").status_code == 303


def test_an_import_cannot_take_an_address_that_is_kept(house):
    confirmed(house)
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(f"Eve,Else,{house['member'].email}", header="given_name,family_name,email"))
    assert "cannot be used as a username here" in main_text(admin.get(page))


def test_an_import_cannot_change_an_address(house):
    member, admin = house["member"], house.signed_in("admin")
    row = f"Mika,Member,{member.email.upper()},Pilot"
    page = uploaded(admin, csv_bytes(row, header="given_name,family_name,email,title"))
    assert admin.post(f"{page}/apply").status_code == 303
    house.work()
    assert open_edit(admin, member.id)["title"] == "Pilot"
    assert open_edit(admin, member.id)["email"] == member.email


def test_a_second_change_or_a_suspension_does_not_shake_the_old_mailbox_off(house):
    member = house["member"]
    back = confirmed(house)
    propose(house, email="third@acme.example")
    follow(house, house.link("third@acme.example", "confirm your new"))
    other = house.link(NEW, MOVED)
    admin = house.signed_in("admin")
    act(admin, "suspend", member.id)
    act(admin, "reinstate", member.id)
    assert follow(house, back).status_code == 200
    assert signs_in(house, member.email)
    assert house.visitor().get(other).status_code == 410, "whoever held the second mailbox could take it again"
    assert not signs_in(house, "third@acme.example")


def test_a_link_of_a_later_mailbox_does_not_end_the_rights_of_an_earlier_one(house):
    back = confirmed(house)
    propose(house, email="third@acme.example")
    follow(house, house.link("third@acme.example", "confirm your new"))
    assert follow(house, house.link(NEW, MOVED)).status_code == 200
    assert signs_in(house, NEW)
    assert follow(house, back).status_code == 200
    assert signs_in(house, house["member"].email)


def test_a_change_that_was_stopped_cannot_be_stopped_twice(house):
    back = confirmed(house)
    assert follow(house, back).status_code == 200
    assert house.visitor().get(back).status_code == 410


def test_while_it_waits_it_stands_on_the_persons_page_and_can_be_withdrawn(house):
    member, own = house["member"], house.signed_in("member")
    admin = propose(house)
    page = main_text(admin.get(f"/users/{member.id}"))
    assert "Adam Admin asked" in page
    assert NEW in page
    assert NEW in main_text(own.get("/me"))
    assert admin.post(f"/users/{member.id}/address/cancel").status_code == 303
    assert NEW not in main_text(own.get("/me"))
    for link in (house.link(NEW, "confirm your new"), house.link(member.email, STOP)):
        assert house.visitor().get(link).status_code == 410
    assert "users:username_change:cancelled" in [tag for tag, _d in history(house, member.tenant_id, member.id)]
    assert admin.post(f"/users/{member.id}/address/cancel").status_code == 409


def test_the_person_withdraws_it_too_whoever_asked(house):
    own, member = house.signed_in("member"), house["member"]
    propose(house)
    assert own.post("/me/e-mail/cancel", follow_redirects=True).status_code == 200
    assert house.visitor().get(house.link(NEW, "confirm your new")).status_code == 410
    own.post("/me/e-mail", {"email": NEW, "present": PASSWORD}, form="/me/e-mail")
    assert "You asked" in main_text(own.get("/me"))
    assert own.post("/me/e-mail/cancel").status_code == 303
    assert house.visitor().get(house.link(member.email, STOP)).status_code == 410
    assert own.post("/me/e-mail/cancel").status_code == 409


def test_a_user_manager_cannot_withdraw_what_concerns_somebody_above(house):
    propose(house, "auditor", by="owner")
    assert house.signed_in("user_manager").post(f"/users/{house['auditor'].id}/address/cancel").status_code == 403


def test_somebody_who_never_signed_in_is_invited_at_the_new_address_at_once(house):
    admin, invited = house.signed_in("admin"), house["invited"]
    assert edit(admin, invited.id, email="ingo.right@acme.example").status_code == 303
    assert house.visitor().get(house.link("ingo.right@acme.example", "invites you")).status_code == 200
    assert accept(house, "ingo.right@acme.example").status_code == 303


def test_a_suspended_persons_address_can_be_corrected(house):
    confirmed(house, "suspended", "susan.new@acme.example")
    act(house.signed_in("admin"), "reinstate", house["suspended"].id)
    assert signs_in(house, "susan.new@acme.example")


def test_an_address_taken_while_it_waited_is_refused_at_the_confirmation(house):
    propose(house)
    assert add(house.signed_in("admin"), email=NEW).status_code == 303
    answer = follow(house, house.link(NEW, "confirm your new"))
    assert answer.status_code == 409
    assert signs_in(house, house["member"].email)


def test_asking_again_and_again_is_bounded_and_says_for_how_long(house):
    admin = house.signed_in("admin")
    answers = [edit(admin, house["member"].id, email=f"m{number}@acme.example") for number in range(6)]
    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert "Try again in 60 minutes." in main_text(answers[-1])
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 3600


def test_a_purged_person_leaves_no_name_kept(house):
    from sqlalchemy import select

    from console.core.db import db
    from console.core.lookups import Lookup

    member = house["member"]
    confirmed(house)
    act(house.signed_in("admin"), "delete", member.id)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=31), tick=True):
        house.work()
    with house.inside(write=False):
        left = select(Lookup.kind).where(Lookup.target_id == member.id)
        assert list(db.session.execute(left).scalars()) == []
