"""Sessions: when they begin, when they end, and what the cookies hold. Promises: P09, P10."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from console.app import create_app
from console.core.db import db
from console.core.lookups import digest_of
from console.sessions.models import Session
from tests.cast import PASSWORD
from tests.house import House
from tests.users.acts import edit

NEW_PASSWORD = "nine-Loud-otters-4-lunch"
START = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
"""Half an hour before the night in which Europe's clocks change."""


def _token(visitor, kind="session"):
    cookie = visitor.client.get_cookie(f"safekeep_{kind}")
    return cookie.value if cookie else None


def _alive(visitor):
    return visitor.get("/me").status_code == 200


def _thief(house, token, kind="session"):
    thief = house.visitor(address="192.0.2.66")
    thief.client.set_cookie(f"safekeep_{kind}", token)
    return thief


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


@pytest.mark.promise("P09")
def test_the_cookies_have_their_names_and_flags_and_hold_only_random_secrets(house):
    visitor = house.usual_browser("admin")
    answer = visitor.sign_in(house["admin"].email)
    set_cookies = {line.split("=")[0]: line for line in answer.headers.getlist("Set-Cookie")}
    assert set(set_cookies) <= {"safekeep_session", "safekeep_browser", "safekeep_form"}
    for line in set_cookies.values():
        assert "HttpOnly" in line
        assert "SameSite=Lax" in line
        assert "Path=/" in line
        assert "Domain" not in line
    assert "Max-Age" not in set_cookies["safekeep_session"]
    assert "Max-Age=34560000" in set_cookies["safekeep_browser"]
    for kind in ("session", "browser"):
        raw = base64.urlsafe_b64decode(_token(visitor, kind) + "=")
        assert len(raw) == 32
    person = house["admin"]
    for kind in ("session", "browser", "form"):
        value = (_token(visitor, kind) or "").encode()
        seen = value + base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))
        for fact in (person.email, person.given_name, str(person.id), str(person.tenant_id), person.role):
            assert fact.encode() not in seen
        assert person.id.bytes not in seen


def test_the_token_is_kept_as_its_digest_only(house):
    visitor = house.signed_in("admin")
    token = _token(visitor)
    with house.inside(house["admin"].tenant_id):
        rows = db.session.query(Session).filter(Session.user_id == house["admin"].id).all()
        assert [row.digest for row in rows] == [digest_of(token)]
        assert all(token not in str(vars(row)) for row in rows)


def test_under_tls_the_names_have_the_host_prefix_and_every_cookie_is_secure(house):
    settings = replace(house.settings, base_url="https://localhost")
    app = create_app(settings)
    visitor = House(app, settings, house.people).usual_browser("admin")
    base = {"base_url": "https://localhost", "headers": {"Referer": "https://localhost/sign-in"}}
    page = visitor.client.get("/sign-in", **base)
    token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    data = {"username": house["admin"].email, "password": PASSWORD, "csrf_token": token}
    answer = visitor.client.post("/sign-in", data=data, **base)
    assert answer.status_code == 303
    lines = answer.headers.getlist("Set-Cookie") + page.headers.getlist("Set-Cookie")
    assert {line.split("=")[0] for line in lines} == {
        f"__Host-safekeep-{kind}" for kind in ("session", "browser", "form")
    }
    assert all("; Secure" in line and "Path=/" in line and "Domain" not in line for line in lines)
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    plain = House(app, settings, house.people).visitor()
    plain.client.set_cookie("safekeep_session", visitor.client.get_cookie("__Host-safekeep-session").value)
    assert plain.client.get("/me", base_url="https://localhost").status_code == 303
    with app.app_context():
        db.engine.dispose()


def test_a_session_that_somebody_planted_is_not_taken_up(house):
    planted = "A" * 43
    visitor = house.visitor()
    visitor.client.set_cookie("safekeep_session", planted)
    assert visitor.sign_in(house["admin"].email).status_code == 303
    assert _token(visitor) != planted
    assert not _alive(_thief(house, planted))


def test_signing_in_over_another_s_session_leads_to_a_new_one(house):
    attacker = house.signed_in("member")
    planted = _token(attacker)
    attacker.get("/me")
    victim = _thief(house, planted)
    page = victim.post("/sign-out")
    assert page.status_code == 303
    victim.sign_in(house["admin"].email)
    assert _token(victim) != planted
    assert not _alive(_thief(house, planted))


def test_each_authentication_makes_a_new_token_and_the_old_one_is_dead(house):
    visitor = house.visitor()
    visitor.sign_in(house["agent"].email)
    half = _token(visitor)
    visitor.post("/sign-in/factor", {"code": house.totp_code("agent")}, form="/sign-in/factor")
    full = _token(visitor)
    assert half != full
    assert not _alive(_thief(house, half))
    assert _alive(visitor)


def test_a_changed_password_makes_a_new_token_here_and_ends_all_other_sessions(house):
    here, elsewhere = house.signed_in("admin"), house.signed_in("admin")
    old = _token(here)
    answer = here.post(
        "/me/password",
        {"present": PASSWORD, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD},
        form="/me/password",
    )
    assert answer.status_code == 303
    assert _alive(here)
    assert _token(here) != old
    assert not _alive(elsewhere)
    assert not _alive(_thief(house, old))


@pytest.mark.parametrize("kind", ["x", "A" * 42, "A" * 44, "A" * 4000, "..", "ä" * 43, "' OR 1=1 --", ""])
def test_a_token_that_is_none_is_no_session(house, kind):
    assert _thief(house, kind).get("/me").status_code == 303


def test_a_copied_cookie_is_dead_after_sign_out(house):
    visitor = house.signed_in("admin")
    copied = _token(visitor)
    assert _alive(_thief(house, copied))
    assert visitor.post("/sign-out").status_code == 303
    assert _token(visitor) is None
    assert not _alive(_thief(house, copied))


def test_a_session_ends_when_it_was_idle_to_the_second(house, clock):
    visitor = house.signed_in("admin")
    idle = timedelta(minutes=house.settings.session_idle_minutes)
    clock.move_to(START + idle - timedelta(seconds=1))
    assert _alive(visitor)
    clock.move_to(START + 2 * idle - timedelta(seconds=2))
    assert _alive(visitor)
    last = START + 2 * idle - timedelta(seconds=2)
    clock.move_to(last + idle - timedelta(seconds=1))
    assert _alive(visitor)
    clock.move_to(last + 2 * idle)
    assert not _alive(visitor)


def test_a_session_ends_absolutely_however_much_it_is_used(house, clock):
    visitor = house.signed_in("admin")
    end = START + timedelta(hours=house.settings.session_absolute_hours)
    moment = START
    while moment < end - timedelta(minutes=60):
        moment += timedelta(minutes=50)
        clock.move_to(moment)
        assert _alive(visitor), moment
    clock.move_to(end - timedelta(seconds=1))
    assert _alive(visitor)
    clock.move_to(end)
    assert not _alive(visitor)
    clock.move_to(START + timedelta(minutes=5))
    assert _alive(visitor), "the row was not changed by looking, so a corrected clock may revive it before its end"


def test_the_clock_going_back_does_not_prolong_the_absolute_end(house, clock):
    visitor = house.signed_in("admin")
    clock.move_to(START - timedelta(hours=2))
    assert _alive(visitor)
    clock.move_to(START + timedelta(hours=house.settings.session_absolute_hours))
    assert not _alive(visitor)


def _by_admin(house, what):
    admin = house.signed_in("owner")
    person = house["user_manager"].id
    if what == "suspension":
        return admin.post(f"/users/{person}/suspend", {"reason": "test"})
    if what == "deletion":
        return admin.post(f"/users/{person}/delete", {"reason": "test"})
    return edit(admin, person, role="auditor")


@pytest.mark.parametrize("what", ["suspension", "deletion", "role change"])
def test_ends_the_person_s_sessions_with_the_next_request(house, what):
    visitor = house.signed_in("user_manager")
    assert visitor.get("/users").status_code == 200
    assert _by_admin(house, what).status_code == 303
    for page in ("/users", "/me", "/overview", "/users/new"):
        assert visitor.get(page).location.startswith("/sign-in"), page


def test_a_password_reset_ends_the_person_s_sessions(house):
    visitor = house.signed_in("admin")
    stranger = house.visitor()
    stranger.post("/password/forgot", {"username": house["admin"].email}, form="/password/forgot")
    link = house.link(house["admin"].email, "password")
    fields = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    assert stranger.post(link, fields, form=link).status_code == 303
    assert not _alive(visitor)
    assert house.visitor().sign_in(house["admin"].email).status_code == 422
    assert house.visitor().sign_in(house["admin"].email, NEW_PASSWORD).status_code == 303


def test_a_suspended_customer_s_people_are_out_at_once(house):
    from console.tenants.models import Tenant

    visitor = house.signed_in("admin")
    with house.inside(house["admin"].tenant_id):
        db.session.get(Tenant, house["admin"].tenant_id).state = "suspended"
    assert not _alive(visitor)
