"""A browser that is not recognised shows who sits in front of it, by a code from the person's mailbox. Promise: P07."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from sqlalchemy import select

from console.core.actor import system
from console.core.db import db
from console.identity import confirmation, confirmation_models
from console.users.models import user
from tests.cast import PASSWORD
from tests.doors import SAFE, UNSAFE, Ledger, doors, send, token_of, unconfirmed
from tests.security.at_once import all_at_once
from tests.users.acts import main_text

START = datetime(2027, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def asked(house, visitor, key="owner"):
    """Sign in with the right password; whether a code was asked for."""
    answer = visitor.sign_in(house[key].email)
    assert answer.status_code == 303, answer.text
    return answer.location.startswith("/sign-in/confirm")


def type_code(visitor, code, **more):
    return visitor.post("/sign-in/confirm", {"code": code, **more}, form="/sign-in/confirm")


def inside(visitor):
    return visitor.get("/overview").status_code == 200


def other_than(code):
    """A wrong code that is certainly not that one."""
    digits = code.replace(" ", "")
    return f"{(int(digits) + 1) % 10**8:08}"


def mails_with_code(house, key="owner"):
    return [mail for mail in house.mails(house[key].email) if "code to sign in" in str(mail["Subject"])]


def entries_of(house, tag, key="owner"):
    from console.audit.models import EntryFilter, entries

    with house.inside(house[key].tenant_id, write=False):
        found = entries(EntryFilter(tags=(tag,)), limit=100)
        return [SimpleNamespace(details=entry.details, subject_id=entry.subject_id) for entry in found]


# When


@pytest.mark.promise("P07")
def test_the_usual_browser_is_not_asked_and_a_new_one_is_told_why(house):
    assert not asked(house, house.usual_browser("owner"))
    visitor = house.visitor()
    assert asked(house, visitor)
    page = visitor.get("/sign-in/confirm").text
    assert "This browser is new to us." in page
    assert house["owner"].email not in page, "the whole address would tell whoever has the password"
    [entry] = entries_of(house, "identity:confirmation:asked")
    assert entry.details["reason"] == "This browser is new to us."
    assert entry.details["facts"]["network"] == "198.51.100.0/24"


@pytest.mark.promise("P07")
def test_with_the_code_the_browser_is_signed_in_and_recognised_from_then_on(house):
    visitor = unconfirmed(house)
    before = visitor.client.get_cookie("safekeep_session").value
    answer = house.confirm(visitor, house["owner"].email)
    assert (answer.status_code, answer.location) == (303, "/overview")
    assert visitor.client.get_cookie("safekeep_session").value != before
    assert inside(visitor)
    visitor.post("/sign-out")
    assert not asked(house, visitor)
    assert len(entries_of(house, "identity:confirmation:confirmed")) == 1


def test_the_mail_names_browser_network_and_time_and_keeps_the_code_out_of_the_subject(house):
    unconfirmed(house)
    [mail] = mails_with_code(house)
    text = mail.get_body(("plain",)).get_content()
    for words in ("Firefox 140 on Linux", "198.51.100.0/24", "198.51.100.7", "10 minutes", "This was not me"):
        assert words in text
    code = house.code_mailed(house["owner"].email)
    assert code not in str(mail["Subject"])
    assert code not in repr(Ledger(house).rows())


def test_a_browser_that_the_person_does_not_want_remembered_is_new_each_time(house):
    visitor = unconfirmed(house)
    assert house.confirm(visitor, house["owner"].email, remember=False).location == "/overview"
    assert visitor.client.get_cookie("safekeep_browser") is None
    visitor.post("/sign-out")
    assert asked(house, visitor)


def test_leaving_out_the_box_forgets_a_browser_that_was_remembered(house, clock):
    visitor = house.usual_browser("owner")
    clock.shift(timedelta(days=91))
    assert asked(house, visitor)
    house.confirm(visitor, house["owner"].email, remember=False)
    assert not [row for row in Ledger(house).rows()["browsers"].values() if row["user_id"] == house["owner"].id]


def test_after_the_days_that_the_customer_chose_the_browser_is_asked_again(house, clock):
    house.choose(house["owner"].tenant_id, remember_browser_days=30)
    visitor = house.usual_browser("owner")
    clock.shift(timedelta(days=30, seconds=-1))
    assert not asked(house, visitor)
    visitor.post("/sign-out")
    clock.shift(timedelta(seconds=1))
    assert asked(house, visitor)
    assert "not for a while" in visitor.get("/sign-in/confirm").text


def test_a_shorter_period_counts_at_once(house, clock):
    visitor = house.usual_browser("owner")
    clock.shift(timedelta(days=10))
    house.choose(house["owner"].tenant_id, remember_browser_days=7)
    assert asked(house, visitor)


def test_where_browsers_are_never_remembered_each_sign_in_is_asked_and_no_box_is_shown(house, clock):
    house.choose(house["owner"].tenant_id, remember_browser_days=0)
    visitor = house.visitor()
    for _time in range(2):
        assert asked(house, visitor)
        assert "Remember this browser" not in visitor.get("/sign-in/confirm").text
        assert house.confirm(visitor, house["owner"].email, remember=False).status_code == 303
        visitor.post("/sign-out")
        clock.shift(timedelta(minutes=2))


def test_a_new_network_is_asked_about_only_where_the_customer_chose_so(house, clock):
    visitor = house.signed_in("owner")
    visitor.post("/sign-out")
    visitor.client.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert not asked(house, visitor)
    visitor.post("/sign-out")
    house.choose(house["owner"].tenant_id, confirm_new_networks=True)
    visitor.client.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    assert asked(house, visitor)
    assert "This network is new to us." in visitor.get("/sign-in/confirm").text
    house.confirm(visitor, house["owner"].email)
    visitor.post("/sign-out")
    for address in ("192.0.2.250", "::ffff:192.0.2.7"):
        visitor.client.environ_base["REMOTE_ADDR"] = address
        assert not asked(house, visitor), address
        visitor.post("/sign-out")
    clock.shift(timedelta(days=89))
    assert not asked(house, visitor)
    visitor.post("/sign-out")
    clock.shift(timedelta(days=89))
    assert asked(house, visitor), "the browser is due, and the network is still known"


def test_always_asks_the_usual_browser_too_and_for_some_roles_alone(house):
    tenant = house["owner"].tenant_id
    house.choose(tenant, confirmation="always")
    assert asked(house, house.usual_browser("member"), "member")
    house.choose(tenant, confirmation="unrecognised", confirm_always_for="administrators")
    assert asked(house, house.usual_browser("admin"), "admin")
    assert not asked(house, house.usual_browser("member"), "member")


def test_off_holds_only_where_everybody_needs_a_second_factor(house):
    """The settings page refuses the one without the other; this is what happens should they ever meet."""
    tenant = house["owner"].tenant_id
    house.choose(tenant, confirmation="off")
    assert asked(house, house.visitor())
    house.choose(tenant, factor_required="everyone")
    assert house.visitor().sign_in(house["owner"].email).location.startswith("/sign-in/factor")


def test_staff_without_a_second_factor_show_their_mailbox_before_they_set_one_up(house):
    from console.identity.models import totp_of

    with house.inside(house["agent"].tenant_id):
        db.session.delete(totp_of(house["agent"].id))
    visitor = unconfirmed(house, "agent")
    assert visitor.get("/sign-in/factor").location == "/sign-in/confirm"
    assert house.confirm(visitor, house["agent"].email).location.startswith("/sign-in/factor")
    assert visitor.get("/support/tenants").location.startswith("/sign-in/factor"), "a mail is no second factor"


# What a sign-in reaches that waits for its code


def reached(house, visitor):
    """The doors that a signed-in person needs and that opened all the same."""
    opened = []
    for door in doors(house.app, *SAFE, *UNSAFE):
        access = house.app.view_functions[door.endpoint].access
        if "full" in access.stages:
            answer = send(visitor, door, door.of(house, "acme"))
            if answer.status_code != 303 or answer.location != "/sign-in/confirm":
                opened.append(str(door))
    return opened


@pytest.mark.promise("P07")
def test_a_sign_in_that_waits_for_its_code_reaches_nothing_at_all(house):
    visitor = unconfirmed(house)
    protected = [one for one in house.app.view_functions.values() if "full" in one.access.stages]
    assert len(protected) > 40
    before = Ledger(house).rows()["users"]
    assert reached(house, visitor) == []
    assert Ledger(house).rows()["users"] == before
    assert visitor.get("/sign-in/factor").location == "/sign-in/confirm"


def test_control_a_session_that_is_full_reaches_the_doors(house):
    assert len(reached(house, house.signed_in("owner"))) > 40


# Codes


def of_somebody_else(house, clock):
    """The owner's code, typed in a sign-in of the administrator."""
    unconfirmed(house, "owner")
    other = unconfirmed(house, "admin")
    return other, house.code_mailed(house["owner"].email)


def in_another_browser(house, clock):
    """The code of one browser, typed in another in which the same person waits."""
    unconfirmed(house)
    code = house.code_mailed(house["owner"].email)
    return unconfirmed(house), code


def twice(house, clock):
    """A code that was used, typed again in the next sign-in of the same browser."""
    visitor = unconfirmed(house)
    code = house.code_mailed(house["owner"].email)
    assert type_code(visitor, code).status_code == 303
    visitor.post("/sign-out")
    assert asked(house, visitor)
    return visitor, code


def after_ten_minutes(house, clock):
    visitor = unconfirmed(house)
    code = house.code_mailed(house["owner"].email)
    clock.shift(timedelta(minutes=10))
    return visitor, code


def at_the_sixth_try(house, clock):
    visitor = unconfirmed(house)
    code = house.code_mailed(house["owner"].email)
    for left in (4, 3, 2, 1, 0):
        page = type_code(visitor, other_than(code))
        assert page.status_code == 422
        assert ("No code works" if not left else f"{left} tries are left" if left > 1 else "1 try is left") in page.text
    return visitor, code


def after_a_new_one_was_sent(house, clock):
    visitor = unconfirmed(house)
    code = house.code_mailed(house["owner"].email)
    clock.shift(timedelta(seconds=60))
    assert visitor.post("/sign-in/confirm/again", form="/sign-in/confirm").status_code == 303
    return visitor, code


WAYS = [of_somebody_else, in_another_browser, twice, after_ten_minutes, at_the_sixth_try, after_a_new_one_was_sent]


@pytest.mark.promise("P07")
@pytest.mark.parametrize("way", WAYS)
def test_a_code_does_not_work(house, clock, way):
    visitor, code = way(house, clock)
    assert type_code(visitor, code).status_code == 422
    assert not inside(visitor)


@pytest.mark.parametrize("way", WAYS)
def test_control_without_what_binds_a_code_it_would_work_and_be_noticed(house, clock, way, monkeypatch):
    """The planted fault: every code of the Customer is open, in every session, for ever."""

    def all_codes(_ids):
        rows = list(db.session.execute(select(confirmation_models.Confirmation)).scalars())
        for row in rows:
            row.tries = 1  # the present one
        return rows

    visitor, code = way(house, clock)
    monkeypatch.setattr(confirmation, "counted_codes", all_codes)
    assert type_code(visitor, code).status_code == 303
    assert inside(visitor)


def test_a_code_works_to_the_last_second_and_with_or_without_spaces(house, clock):
    for form in ("{0}{1}", " {0} {1} ", "{0}-{1}"):
        visitor = unconfirmed(house)
        clock.shift(timedelta(minutes=10, seconds=-1))
        parts = house.code_mailed(house["owner"].email).split()
        assert type_code(visitor, form.format(*parts)).status_code == 303, form


def test_what_cannot_be_a_code_costs_no_try(house):
    visitor = unconfirmed(house)
    for typed in ("", "1234567", "123456789", "abcdefgh", "١٢٣٤٥٦٧٨", "1234 567x"):
        assert type_code(visitor, typed).status_code == 422
    assert {row["tries"] for row in Ledger(house).rows()["confirmations"].values()} == {0}


def test_four_wrong_codes_leave_the_right_one_working(house):
    visitor = unconfirmed(house)
    code = house.code_mailed(house["owner"].email)
    for _try in range(4):
        assert type_code(visitor, other_than(code)).status_code == 422
    assert type_code(visitor, code).status_code == 303
    assert len(entries_of(house, "identity:confirmation:refused")) == 4


def at_the_same_moment(house, count=20):
    """The answers to so many posts of one right code, from one browser, sent at the same moment."""
    visitor = unconfirmed(house)
    fields = {"code": house.code_mailed(house["owner"].email), "csrf_token": token_of(visitor, "/sign-in/confirm")}
    cookies = {cookie.key: cookie.value for cookie in visitor.client._cookies.values()}

    def post():
        each = house.visitor()
        for name, value in cookies.items():
            each.client.set_cookie(name, value)
        return each.client.post("/sign-in/confirm", data=fields)

    return all_at_once(*[post] * count)


def test_twenty_posts_of_one_code_at_once_yield_one_success(house):
    answers = at_the_same_moment(house)
    led_on = [answer for answer in answers if answer.status_code == 303 and answer.location == "/overview"]
    assert len(led_on) == 1, [(answer.status_code, answer.location) for answer in answers]
    assert len(entries_of(house, "identity:confirmation:confirmed")) == 1


def test_twenty_wrong_codes_at_once_count_five_tries(house):
    visitor = unconfirmed(house)
    code = house.code_mailed(house["owner"].email)
    token = token_of(visitor, "/sign-in/confirm")
    cookies = {cookie.key: cookie.value for cookie in visitor.client._cookies.values()}

    def post():
        each = house.visitor()
        for name, value in cookies.items():
            each.client.set_cookie(name, value)
        return each.client.post("/sign-in/confirm", data={"code": other_than(code), "csrf_token": token}).status_code

    assert set(all_at_once(*[post] * 20)) == {422}
    assert type_code(visitor, code).status_code == 422


def test_control_a_code_that_is_not_used_up_succeeds_more_than_once_and_is_noticed(house, monkeypatch):
    monkeypatch.setattr(confirmation, "_use", lambda _row: None)
    unconfirmed(house)
    code = confirmation.plain_code(house.code_mailed(house["owner"].email))
    [row] = Ledger(house).rows()["confirmations"].values()
    with house.inside(house["owner"].tenant_id):
        person = user(house["owner"].id)
        for _time in range(3):
            counted = confirmation.count_try(person.id, session_id=row["session_id"], tokens=[])
            proof = confirmation.prove(person, code, counted, by=system("test"))
            assert proof.right
    assert len(entries_of(house, "identity:confirmation:confirmed")) == 3


# Mails


def test_a_browser_gets_one_mail_a_minute_and_signing_in_again_goes_on_with_its_code(house, clock):
    visitor = unconfirmed(house)
    code = house.code_mailed(house["owner"].email)
    again = visitor.post("/sign-in/confirm/again", form="/sign-in/confirm")
    assert again.status_code == 429
    assert again.headers["Retry-After"] == "60"
    page = main_text(again)
    assert (
        "No new code was sent. You can have another one in 60 seconds. The code in the last mail still works." in page
    )
    assert "Type the code" in page or "We sent a code" in page, "the form for the code is still there"
    assert asked(house, visitor)
    visitor.post("/sign-out")
    assert asked(house, visitor)
    assert len(mails_with_code(house)) == 1
    assert type_code(visitor, code).status_code == 303


@pytest.mark.promise("P07")
def test_a_new_browser_gets_its_mail_even_when_another_has_used_up_its_minute(house, clock):
    first = unconfirmed(house)
    assert first.post("/sign-in/confirm/again", form="/sign-in/confirm").status_code == 429
    clock.shift(timedelta(seconds=1))
    second = unconfirmed(house)
    assert len(mails_with_code(house)) == 2
    assert house.confirm(second, house["owner"].email).status_code == 303


def test_control_one_minute_for_all_browsers_would_be_noticed(house, clock, monkeypatch):
    monkeypatch.setattr(confirmation, "digest_of", lambda _token: b"x" * 32)
    unconfirmed(house)
    unconfirmed(house)
    assert len(mails_with_code(house)) == 1


def test_somebody_with_the_password_fills_no_mailbox_and_keeps_nobody_out(house, clock):
    own = house.usual_browser("owner")
    for _time in range(confirmation.MAILS_AN_HOUR + 2):
        attacker = unconfirmed(house)
    assert len(mails_with_code(house)) == confirmation.MAILS_AN_HOUR
    page = attacker.get("/sign-in/confirm").text
    assert "No mail was sent this time" in page
    assert type_code(attacker, "12345678").status_code == 422
    clock.shift(timedelta(seconds=1))
    elsewhere = house.visitor(address="203.0.113.77")
    assert asked(house, elsewhere)
    assert house.confirm(elsewhere, house["owner"].email).status_code == 303, "another network has its own number"
    assert not asked(house, own)
    assert inside(own)


@pytest.mark.promise("P07")
def test_somebody_who_knows_the_password_and_hammers_cannot_stop_the_usual_browser(house, clock):
    own = house.usual_browser("owner")
    always = house.usual_browser("owner")
    for number in range(25):
        attacker = house.visitor(address=f"203.0.113.{number}")
        assert asked(house, attacker)
        for _try in range(5):
            type_code(attacker, "12345678")
    assert type_code(attacker, "12345678").status_code == 429, "a hundred wrong codes an hour, in all browsers"
    assert not asked(house, own)
    assert inside(own)
    house.choose(house["owner"].tenant_id, confirmation="always")
    clock.shift(timedelta(seconds=1))
    assert asked(house, always)
    assert house.confirm(always, house["owner"].email).status_code == 303, "it has a mail and tries of its own"
    assert inside(always)


def test_control_one_number_of_tries_for_all_browsers_would_be_noticed(house, clock, monkeypatch):
    own = house.usual_browser("owner")
    house.choose(house["owner"].tenant_id, confirmation="always")
    attacker = unconfirmed(house)
    for _try in range(confirmation.WRONG_AN_HOUR):
        type_code(attacker, "12345678")
    clock.shift(timedelta(seconds=1))
    assert asked(house, own)
    monkeypatch.setattr(confirmation, "recognised_browser", lambda _user_id, _tokens: None)
    assert house.confirm(own, house["owner"].email).status_code == 429


def test_a_wrong_password_sends_no_mail_and_leaves_nothing_behind(house):
    house.visitor().sign_in(house["owner"].email, "not-the-password")
    assert mails_with_code(house) == []
    assert Ledger(house).rows()["confirmations"] == {}


# Links from mails have shown the mailbox already

NEW_PASSWORD = "nine-Copper-kettles-4"


def choose_password(house, visitor, link, password=NEW_PASSWORD):
    fields = {"password": password, "password_again": password}
    assert visitor.post(link, fields, form=link).status_code == 303


def reset_link(house, key="owner"):
    house.visitor().post("/password/forgot", {"username": house[key].email}, form="/password/forgot")
    return house.link(house[key].email, "password")


def test_after_a_reset_link_no_code_is_asked_in_that_browser_and_it_is_in_every_other(house, clock):
    visitor, other = house.visitor(), house.usual_browser("owner")
    choose_password(house, visitor, reset_link(house))
    assert other.sign_in(house["owner"].email, NEW_PASSWORD).location.startswith("/sign-in/confirm")
    assert visitor.sign_in(house["owner"].email, NEW_PASSWORD).location == "/overview"
    visitor.post("/sign-out")
    assert visitor.sign_in(house["owner"].email, NEW_PASSWORD).location == "/overview", "recognised from here on"


def test_what_a_link_has_shown_counts_once_for_that_person_and_ten_minutes(house, clock):
    visitor = house.visitor()
    choose_password(house, visitor, reset_link(house))
    clock.shift(timedelta(minutes=10))
    assert visitor.sign_in(house["owner"].email, NEW_PASSWORD).location.startswith("/sign-in/confirm")
    visitor = house.visitor()
    choose_password(house, visitor, reset_link(house, "admin"))
    assert asked(house, visitor, "member"), "somebody else's mailbox was not shown"


def test_a_reset_link_never_stands_in_for_the_second_factor(house):
    visitor = house.visitor()
    choose_password(house, visitor, reset_link(house, "agent"))
    answer = visitor.sign_in(house["agent"].email, NEW_PASSWORD)
    assert answer.location.startswith("/sign-in/factor")
    assert visitor.get("/support/tenants").location.startswith("/sign-in/factor")


def test_an_invitation_shows_the_mailbox_too(house):
    house.signed_in("owner").post(f"/users/{house['invited'].id}/invitation")
    visitor = house.visitor()
    choose_password(house, visitor, house.link(house["invited"].email))
    assert visitor.sign_in(house["invited"].email, NEW_PASSWORD).location == "/overview"
    assert not [mail for mail in house.mails(house["invited"].email) if "New sign-in" in str(mail["Subject"])]


# What makes browsers unknown again


def by_own_new_password(house, visitor):
    fields = {"present": PASSWORD, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    assert house.signed_in("member").post("/me/password", fields).status_code == 303
    return NEW_PASSWORD


def by_reset(house, visitor):
    choose_password(house, house.visitor(), reset_link(house, "member"))
    return NEW_PASSWORD


def by_suspension(house, visitor):
    owner = house.signed_in("owner")
    assert owner.post(f"/users/{house['member'].id}/suspend").status_code == 303
    assert owner.post(f"/users/{house['member'].id}/reinstate").status_code == 303
    return PASSWORD


@pytest.mark.parametrize("way", [by_own_new_password, by_reset, by_suspension])
def test_a_browser_is_new_again(house, way):
    visitor = house.usual_browser("member")
    password = way(house, visitor)
    answer = visitor.sign_in(house["member"].email, password)
    assert answer.location.startswith("/sign-in/confirm")


def test_each_new_browser_is_told_of_by_mail_but_the_first_ever(house):
    def notices():
        return [mail for mail in house.mails(house["owner"].email) if "New sign-in" in str(mail["Subject"])]

    first = unconfirmed(house)
    house.confirm(first, house["owner"].email)
    assert notices() == []
    second = unconfirmed(house)
    house.confirm(second, house["owner"].email, remember=False)
    assert len(notices()) == 1
    first.post("/sign-out")
    assert not asked(house, first)
    assert len(notices()) == 1
    assert "198.51.100.0/24" in notices()[0].get_body(("plain",)).get_content()


def renew(visitor):
    """Replace a password that has expired, on the way in."""
    fields = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    answer = visitor.post("/sign-in/new-password", fields, form="/sign-in/new-password")
    assert answer.status_code == 303, answer.text
    assert inside(visitor)
    visitor.post("/sign-out")


@pytest.mark.parametrize("new", [True, False])
def test_replacing_an_expired_password_makes_a_browser_known_that_has_shown_more_and_no_other(house, clock, new):
    house.choose(house["owner"].tenant_id, password_expiry_days=30)
    visitor = house.visitor() if new else house.usual_browser("owner")
    assert asked(house, visitor) is new
    if new:
        assert house.confirm(visitor, house["owner"].email).location.startswith("/sign-in/new-password")
    renew(visitor)
    again = visitor.sign_in(house["owner"].email, NEW_PASSWORD)
    assert again.location.startswith("/sign-in/confirm") is not new
