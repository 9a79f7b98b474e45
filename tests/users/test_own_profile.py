"""One's own profile, password, address and sessions (P03)."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from console.users.models import user
from tests.cast import PASSWORD
from tests.users.acts import NEW_PASSWORD, act, added, edit, form_of, history, main_text, newest, problems

NEW = "mika.new@acme.example"


def save(visitor, **fields):
    form = form_of(visitor.get("/me"), "/me")
    return visitor.client.post("/me", data={**form, **fields})


def ask_address(visitor, email=NEW):
    return visitor.post("/me/e-mail", {"email": email}, form="/me/e-mail")


def change_password(visitor, present=PASSWORD, new=NEW_PASSWORD, again=None):
    fields = {"present": present, "password": new, "password_again": again if again is not None else new}
    return visitor.post("/me/password", fields, form="/me/password")


def confirm(house, link):
    return house.visitor().post(link, form=link)


def both_links(house, old):
    return house.link(old, "about to change"), house.link(NEW, "confirm your new")


@pytest.mark.promise("P03")
def test_promise_p03_everybody_keeps_the_own_profile_up_to_date(house):
    visitor, member = house.signed_in("member"), house["member"]
    answer = save(visitor, given_name="Mikael", title="Pilot", phone="+46 8 123 45 67", time_zone="Asia/Tokyo")
    assert (answer.status_code, answer.location) == (303, "/me")
    form = form_of(visitor.get("/me"), "/me")
    assert (form["given_name"], form["title"], form["time_zone"]) == ("Mikael", "Pilot", "Asia/Tokyo")
    details = newest(house, member.tenant_id, member.id, "users:user:changed")
    assert details["actor"] == "Mika Member"
    assert details["changes"]["phone"] == ["", "+46 8 123 45 67"]


def test_dates_are_shown_in_ones_own_time_zone_with_the_exact_utc_on_hover(house):
    visitor = house.signed_in("admin")
    save(visitor, time_zone="Pacific/Kiritimati")
    page = visitor.get(f"/users/{house['admin'].id}").text
    utc, local = re.search(r'title="(\S+ \d\d:\d\d):\d\d UTC">([^<]+)<', page).groups()
    there = datetime.strptime(utc, "%Y-%m-%d %H:%M").replace(tzinfo=UTC) + timedelta(hours=14)
    assert local == f"{there.day} {there:%b %Y, %H:%M}"


def test_every_page_names_its_time_zone_and_one_button_takes_the_browsers(house):
    member = house.signed_in("member")
    save(member, time_zone="Europe/Berlin")
    assert "Times in Europe/Berlin." in member.get("/me").text
    answer = member.post("/me/time-zone", {"time_zone": "Asia/Kolkata", "next": "/me/sessions"})
    assert (answer.status_code, answer.location) == (303, "/me/sessions")
    assert "Times in Asia/Kolkata." in member.get("/me").text
    with house.inside(house["member"].tenant_id, write=False):
        assert user(house["member"].id).details.given_name == "Mika"
    assert newest(house, house["member"].tenant_id, house["member"].id, "users:user:changed")["changes"] == {
        "time_zone": ["Europe/Berlin", "Asia/Kolkata"]
    }


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../etc/passwd", "x" * 5000])
def test_a_time_zone_that_is_none_is_refused(house, zone):
    member = house.signed_in("member")
    assert member.post("/me/time-zone", {"time_zone": zone}).status_code == 422
    elsewhere = {"time_zone": "Asia/Tokyo", "next": "//evil.example/"}
    assert member.post("/me/time-zone", elsewhere).location == "/overview"


def test_role_state_and_address_cannot_be_changed_through_ones_own_form(house):
    visitor = house.signed_in("member")
    assert save(visitor, role="owner", state="active", email="x@acme.example", tenant_id="1").status_code == 303
    assert visitor.get("/users").status_code == 403
    assert house.visitor().sign_in(house["member"].email).status_code == 303


def test_bad_input_in_ones_own_profile_is_refused_at_its_field(house):
    visitor = house.signed_in("member")
    answer = save(visitor, given_name="x" * 10_000, family_name="\u202e", phone="<b>", time_zone="Moon", title="\0")
    assert answer.status_code == 422
    assert set(problems(answer)) == {"given_name", "family_name", "phone", "time_zone", "title"}
    assert "Mika" in visitor.get("/me").text


def test_html_in_ones_own_name_is_text_everywhere(house):
    visitor = house.signed_in("admin")
    save(visitor, given_name="<script>alert(1)</script>")
    for path in ("/me", "/overview", "/users", f"/users/{house['member'].id}"):
        assert "<script>alert" not in visitor.get(path).text


@pytest.mark.promise("P03")
@pytest.mark.parametrize("first", [0, 1])
def test_promise_p03_a_new_address_counts_once_both_mailboxes_confirmed_in_either_order(house, first):
    visitor, member = house.signed_in("member"), house["member"]
    answer = ask_address(visitor)
    assert answer.status_code == 303
    assert "Until then nothing changes." in visitor.get("/me").text
    links = both_links(house, member.email)
    alone = confirm(house, links[first])
    assert "once the other mailbox has confirmed as well" in alone.text
    assert house.visitor().sign_in(NEW).status_code == 422
    assert house.visitor().sign_in(member.email).status_code == 303
    done = confirm(house, links[1 - first])
    assert f"From now on you sign in as <strong>{NEW}</strong>." in done.text
    assert house.visitor().sign_in(NEW).status_code == 303
    assert house.visitor().sign_in(member.email).status_code == 422
    changes = newest(house, member.tenant_id, member.id, "users:user:changed")["changes"]
    assert changes == {"email": [member.email, NEW]}
    for address in (member.email, NEW):
        assert "Your username was changed" in [str(mail["Subject"]) for mail in house.mails(address)]


@pytest.mark.parametrize("which", [0, 1])
def test_the_link_of_one_address_cannot_stand_for_both(house, which):
    visitor, member = house.signed_in("member"), house["member"]
    ask_address(visitor)
    link = both_links(house, member.email)[which]
    assert confirm(house, link).status_code == 200
    assert house.visitor().get(link).status_code == 410
    assert house.visitor().sign_in(NEW).status_code == 422


def test_opening_the_links_changes_nothing(house):
    visitor, member = house.signed_in("member"), house["member"]
    ask_address(visitor)
    for link in both_links(house, member.email):
        assert house.visitor().get(link).status_code == 200
    assert house.visitor().sign_in(NEW).status_code == 422


def test_links_of_two_different_requests_do_not_add_up(house):
    visitor, member = house.signed_in("member"), house["member"]
    ask_address(visitor, "first@acme.example")
    old_link = house.link(member.email, "about to change")
    assert confirm(house, old_link).status_code == 200
    ask_address(visitor, "second@acme.example")
    assert confirm(house, house.link("second@acme.example", "confirm your new")).status_code == 200
    assert house.visitor().sign_in("second@acme.example").status_code == 422
    assert house.visitor().sign_in(member.email).status_code == 303


def test_address_links_expire_after_a_day(house):
    ask_address(house.signed_in("member"))
    links = both_links(house, house["member"].email)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=24, minutes=1), tick=True):
        assert [house.visitor().get(link).status_code for link in links] == [410, 410]


def test_somebody_signed_in_at_another_customer_can_confirm_an_address(house):
    ask_address(house.signed_in("member"))
    birch = house.signed_in("birch_admin")
    for link in both_links(house, house["member"].email):
        assert birch.post(link, form=link).status_code == 200
    assert house.visitor().sign_in(NEW).status_code == 303


def test_an_address_that_was_taken_meanwhile_is_refused_at_the_last_step(house):
    ask_address(house.signed_in("member"))
    old, new = both_links(house, house["member"].email)
    confirm(house, old)
    added(house.signed_in("admin"), email=NEW)
    answer = confirm(house, new)
    assert answer.status_code == 409
    assert house.visitor().sign_in(house["member"].email).status_code == 303


def test_a_suspended_person_cannot_finish_changing_the_address(house):
    ask_address(house.signed_in("member"))
    old, new = both_links(house, house["member"].email)
    confirm(house, old)
    act(house.signed_in("admin"), "suspend", house["member"].id)
    assert house.visitor().get(new).status_code == 410
    assert house.visitor().post(new, form="/sign-in").status_code == 410


def test_a_rename_by_an_administrator_kills_the_links(house):
    ask_address(house.signed_in("member"))
    links = both_links(house, house["member"].email)
    edit(house.signed_in("admin"), house["member"].id, email="admins.choice@acme.example")
    assert [confirm(house, link).status_code for link in links if house.visitor().get(link).status_code == 200] == []


def test_asking_for_a_bad_or_taken_address_is_refused_at_its_field(house):
    visitor = house.signed_in("member")
    for typed, words in (
        ("nonsense", "should look like"),
        ("\u0430dmin@acme.example", "different scripts"),
        (house["member"].email.upper(), "This is your address already."),
        (house["admin"].email, "cannot be used as a username here"),
        (house["birch_admin"].email, "cannot be used as a username here"),
        ("a@b.example\r\nBcc: x@y.example", "should look like"),
        ("", "Give the new address."),
        ("x" * 10_000, ""),
    ):
        answer = ask_address(visitor, typed)
        assert answer.status_code == 422, typed
        assert words in problems(answer)["email"], typed
    assert not house.mails(NEW)


def test_a_new_password_needs_the_present_one_and_ends_every_other_session(house):
    visitor, other = house.signed_in("member"), house.signed_in("member", browser="Other")
    before = visitor.client.get_cookie("safekeep_session").value
    answer = change_password(visitor)
    assert (answer.status_code, answer.location) == (303, "/me")
    assert visitor.client.get_cookie("safekeep_session").value != before
    assert "Your password was changed." in visitor.get("/me").text
    assert other.get("/me").location.startswith("/sign-in")
    thief = house.visitor()
    thief.client.set_cookie("safekeep_session", before)
    assert thief.get("/me").location.startswith("/sign-in"), "the old token still works"
    assert house.visitor().sign_in(house["member"].email).status_code == 422
    assert house.visitor().sign_in(house["member"].email, NEW_PASSWORD).status_code == 303
    assert "Your password was changed" in [str(mail["Subject"]) for mail in house.mails(house["member"].email)]
    tags = [tag for tag, _details in history(house, house["member"].tenant_id, house["member"].id)]
    assert "identity:password:changed" in tags


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"present": "not-the-password"}, "present", "This is not your present password."),
        ({"present": ""}, "present", "Give your present password."),
        ({"new": "short"}, "password", "at least 12 characters"),
        ({"new": "x y" * 100}, "password", "at most 256 characters"),
        ({"new": "x" * 10_000}, "password", ""),
        ({"new": "membermember"}, "password", "unrelated words"),
        ({"again": "another-Copper-kettle-4"}, "password_again", "differs"),
    ],
)
def test_a_new_password_that_will_not_do_is_refused_at_its_field(house, fields, field, words):
    visitor = house.signed_in("member")
    answer = change_password(visitor, **fields)
    assert answer.status_code == 422
    assert words in problems(answer)[field]
    assert visitor.get("/me").status_code == 200
    assert house.visitor().sign_in(house["member"].email).status_code == 303


def test_an_open_session_is_no_way_to_guess_the_password(house):
    visitor = house.signed_in("member")
    answers = [change_password(visitor, present=f"guess-{number}").status_code for number in range(11)]
    assert answers == [422] * 10 + [429]
    assert change_password(visitor).status_code == 429


def test_a_password_is_used_as_typed_spaces_and_all(house):
    visitor, odd = house.signed_in("member"), "  düne  Fjord 'quoted' <b> \u00e9 %00 "
    assert change_password(visitor, new=odd).status_code == 303
    assert house.visitor().sign_in(house["member"].email, odd).status_code == 303
    assert house.visitor().sign_in(house["member"].email, odd.replace("\u00e9", "e\u0301")).status_code == 303
    assert house.visitor().sign_in(house["member"].email, odd.strip()).status_code == 422


def session_ids(visitor):
    return re.findall(r"/me/sessions/([0-9a-f-]{36})/end", visitor.get("/me/sessions").text)


def test_one_of_ones_own_sessions_is_ended_and_the_others_go_on(house):
    visitor, second, third = (house.signed_in("member", browser=name) for name in ("One", "Two", "Three"))
    assert len(session_ids(visitor)) == 2
    newest_of_others = session_ids(visitor)[0]
    assert visitor.post(f"/me/sessions/{newest_of_others}/end").status_code == 303
    ended = [each.get("/me").status_code for each in (visitor, second, third)]
    assert sorted(ended) == [200, 200, 303]
    assert visitor.post(f"/me/sessions/{newest_of_others}/end").status_code == 404


def test_all_other_sessions_are_ended_at_once(house):
    visitor, others = house.signed_in("member"), [house.signed_in("member") for _number in range(3)]
    answer = visitor.post("/me/sessions/end-others", follow_redirects=True)
    assert "3 sessions were ended." in answer.text
    assert [each.get("/me").status_code for each in others] == [303, 303, 303]
    assert visitor.get("/me").status_code == 200
    assert "End all other sessions" not in main_text(visitor.get("/me/sessions"))


def test_somebody_elses_session_cannot_be_ended_and_looks_like_none(house):
    house.signed_in("member")
    second = house.signed_in("member")
    target = session_ids(second)[0]
    for key in ("owner", "birch_admin"):
        visitor = house.signed_in(key)
        assert visitor.post(f"/me/sessions/{target}/end").status_code == 404
    assert len(session_ids(second)) == 1


def test_a_suspended_person_has_no_way_to_change_the_profile(house):
    visitor = house.signed_in("member")
    form = form_of(visitor.get("/me"), "/me")
    act(house.signed_in("admin"), "suspend", house["member"].id)
    assert visitor.client.post("/me", data={**form, "title": "x"}).location.startswith("/sign-in")
