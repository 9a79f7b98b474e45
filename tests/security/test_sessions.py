"""A session begins with a new secret, and ends when it should: by time, by its person, and by what happens to the person."""

from datetime import timedelta

import pytest
import time_machine

from console.core import clock
from tests.cast import PASSWORD
from tests.doors import Ledger, changes, doors, half_signed_in, opened, send, token_of

NEW_PASSWORD = "nine-Patient-otters-4"
RECORDED = ("audit_entries", "audit_heads")


def token(visitor):
    return visitor.client.get_cookie("safekeep_session").value


def alive(house, secret):
    """Whether a browser with only that session cookie is let in."""
    visitor = house.visitor()
    visitor.client.set_cookie("safekeep_session", secret)
    answer = visitor.get("/me/sessions")
    assert answer.status_code == 200 or answer.location.startswith("/sign-in?"), answer.location
    return answer.status_code == 200


@pytest.fixture(scope="module")
def shared(stage, tmp_path_factory):
    """For tests that leave nothing but more sessions."""
    with opened(stage, tmp_path_factory.mktemp("sessions"), still=True) as house:
        yield house


@pytest.mark.promise("P09")
@pytest.mark.parametrize("planted", ["p" * 43, "", "short", "é" * 43, "' OR 1=1 --" + "x" * 32])
def test_a_session_cookie_that_was_planted_is_never_adopted(shared, planted):
    visitor = shared.usual_browser("member")
    visitor.client.set_cookie("safekeep_session", planted)
    assert visitor.get("/me").status_code == 303
    visitor.sign_in(shared["member"].email)
    assert visitor.get("/me").status_code == 200
    assert token(visitor) != planted
    assert not alive(shared, planted)


@pytest.mark.promise("P09")
def test_an_attackers_own_session_planted_on_somebody_does_not_become_theirs(shared):
    attacker = shared.signed_in("other_member")
    planted = token(attacker)
    victim = shared.visitor()
    victim.client.set_cookie("safekeep_session", planted)
    answer = victim.post("/sign-in", {"username": shared["member"].email, "password": PASSWORD}, form="/me")
    assert answer.status_code == 303
    assert token(victim) != planted
    assert shared["member"].email not in attacker.get("/me", follow_redirects=True).text


@pytest.mark.promise("P09")
@pytest.mark.parametrize("key", ["member", "other_member", "birch_member"])
def test_signing_in_again_in_the_same_browser_ends_the_session_before(shared, key):
    visitor = shared.signed_in("member")
    shared.make_usual(visitor, shared[key])
    before = token(visitor)
    answer = visitor.post("/sign-in", {"username": shared[key].email, "password": PASSWORD}, form="/me")
    assert answer.status_code == 303, answer.text
    assert token(visitor) != before
    assert shared[key].email in visitor.get("/me").text
    assert not alive(shared, before)


def test_giving_the_password_again_before_the_second_factor_ends_the_half_session_before(shared):
    visitor = half_signed_in(shared)
    before = token(visitor)
    fields = {"username": shared["agent"].email, "password": PASSWORD}
    assert visitor.post("/sign-in", fields, form="/sign-in/factor").status_code == 303
    assert token(visitor) != before
    ended = house_rows(shared, before)
    assert ended["ended_at"] is not None


def house_rows(house, secret):
    """The stored row of that session."""
    import hashlib

    wanted = hashlib.sha256(secret.encode()).digest()
    return next(row for row in Ledger(house).rows()["sessions"].values() if row["digest"] == wanted)


@pytest.mark.promise("P09")
def test_the_second_factor_gives_a_new_secret_and_the_old_one_is_dead(shared):
    visitor = half_signed_in(shared)
    before = token(visitor)
    answer = visitor.post("/sign-in/factor", {"code": shared.totp_code("agent")}, form="/sign-in/factor")
    assert answer.status_code == 303
    assert token(visitor) != before
    copied = shared.visitor()
    copied.client.set_cookie("safekeep_session", before)
    assert copied.get("/support/tenants").location.startswith("/sign-in?")
    assert visitor.get("/support/tenants").status_code == 200


@pytest.mark.promise("P09")
def test_a_new_password_gives_a_new_secret_and_all_other_sessions_are_dead(house):
    here, elsewhere = house.signed_in("member"), house.signed_in("member")
    before = token(here)
    fields = {"present": PASSWORD, "password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    assert here.post("/me/password", fields).status_code == 303
    assert token(here) != before
    assert here.get("/me").status_code == 200
    assert not alive(house, before)
    assert not alive(house, token(elsewhere))


@pytest.mark.promise("P09")
def test_a_cookie_that_was_copied_is_dead_after_signing_out(shared):
    visitor = shared.signed_in("member")
    copied = token(visitor)
    assert alive(shared, copied)
    visitor.post("/sign-out")
    assert visitor.client.get_cookie("safekeep_session") is None
    assert not alive(shared, copied)


def test_ending_one_session_ends_that_one_and_no_other(shared):
    here, there = shared.signed_in("auditor"), shared.signed_in("auditor")
    secret = token(there)
    session = house_rows(shared, secret)["id"]
    assert here.post(f"/me/sessions/{session}/end").status_code == 303
    assert not alive(shared, secret)
    assert alive(shared, token(here))
    assert here.post(f"/me/sessions/{session}/end").status_code == 404


def test_ending_all_other_sessions_leaves_this_one(shared):
    here, others = shared.signed_in("auditor"), [shared.signed_in("auditor") for _other in range(3)]
    assert here.post("/me/sessions/end-others").status_code == 303
    assert [alive(shared, token(other)) for other in others] == [False] * 3
    assert alive(shared, token(here))


NOW = "2026-11-23T08:00:00Z"


@pytest.mark.promise("P09")
@pytest.mark.parametrize(("seconds", "counts"), [(-1, True), (0, False), (1, False)])
def test_a_session_that_is_not_used_ends_after_two_hours_to_the_second(shared, seconds, counts):
    with time_machine.travel(NOW, tick=False) as time:
        visitor = shared.signed_in("member")
        time.shift(timedelta(minutes=shared.settings.session_idle_minutes, seconds=seconds))
        assert alive(shared, token(visitor)) is counts


@pytest.mark.promise("P09")
@pytest.mark.parametrize(("seconds", "counts"), [(-1, True), (0, False), (1, False)])
def test_a_session_that_is_used_ends_after_twelve_hours_to_the_second(shared, seconds, counts):
    with time_machine.travel(NOW, tick=False) as time:
        visitor = shared.signed_in("member")
        start = clock.now()
        end = start + timedelta(hours=shared.settings.session_absolute_hours)
        while clock.now() + timedelta(minutes=100) < end:
            time.shift(timedelta(minutes=100))
            assert visitor.get("/me").status_code == 200
        time.move_to(end + timedelta(seconds=seconds))
        assert alive(shared, token(visitor)) is counts


def test_use_prolongs_a_session_and_is_noted_once_a_minute(shared):
    with time_machine.travel(NOW, tick=False) as time:
        visitor = shared.signed_in("member")
        begun = clock.now()
        noted = []
        for _page in range(5):
            time.shift(timedelta(seconds=30))
            visitor.get("/me")
            noted.append((house_rows(shared, token(visitor))["last_seen_at"] - begun).total_seconds())
        assert noted == [0, 60, 60, 120, 120]


def test_a_half_signed_in_session_ends_as_well(shared):
    with time_machine.travel(NOW, tick=False) as time:
        visitor = half_signed_in(shared)
        time.shift(timedelta(minutes=shared.settings.session_idle_minutes, seconds=1))
        assert visitor.get("/sign-in/factor").location == "/sign-in"


def by_owner(path, **fields):
    return lambda house: house.signed_in("owner").post(path.format(house["member"].id), fields)


def new_role(house):
    owner = house.signed_in("owner")
    path = f"/users/{house['member'].id}/edit"
    page = owner.get(path).text.partition('/edit" novalidate')[2].partition("</form>")[0]
    import re

    found = re.findall(r'<input[^>]*name="([a-z_]+)"[^>]*value="([^"]*)"', page) + [
        (name, value) for value, name in re.findall(r'<input[^>]*value="([^"]*)"[^>]*name="([a-z_]+)"', page)
    ]
    fields = {name: value for name, value in found if name not in ("csrf_token", "role")}
    return owner.post(path, {**fields, "role": "auditor"})


def reset_password(house):
    visitor = house.visitor()
    visitor.post("/password/forgot", {"username": house["member"].email}, form="/password/forgot")
    link = house.link(house["member"].email, "password")
    return visitor.post(link, {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}, form=link)


ENDINGS = {
    "suspension": by_owner("/users/{}/suspend"),
    "deletion": by_owner("/users/{}/delete"),
    "another role": new_role,
    "a new password by mail": reset_password,
}


@pytest.mark.promise("P09")
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_happens_to_a_person_ends_their_sessions_with_the_next_request(house, ending):
    browsers = [house.signed_in("member"), house.signed_in("member")]
    colleague = house.signed_in("other_member")
    answer = ENDINGS[ending](house)
    assert answer.status_code == 303, answer.text
    for browser in browsers:
        assert browser.get("/me").location.startswith("/sign-in?")
        before = Ledger(house).rows()
        sent = browser.client.post("/me", data={"given_name": "Late", "csrf_token": token_of(browser, "/sign-in")})
        assert sent.location.startswith("/sign-in")
        assert changes(before, Ledger(house).rows()) == []
    assert colleague.get("/me").status_code == 200


def test_a_suspended_person_who_is_reinstated_has_to_sign_in_again(house):
    member, owner = house.signed_in("member"), house.signed_in("owner")
    owner.post(f"/users/{house['member'].id}/suspend")
    owner.post(f"/users/{house['member'].id}/reinstate")
    assert member.get("/me").location.startswith("/sign-in?")
    assert house.signed_in("member").get("/me").status_code == 200


@pytest.mark.parametrize("state", ["suspended", "destroyed"])
def test_a_customer_that_is_closed_has_no_sessions(house, state):
    from console.core.db import db
    from console.tenants.models import Tenant

    owner = house.signed_in("owner")
    other = house.signed_in("birch_owner")
    with house.inside(house["owner"].tenant_id):
        db.session.get(Tenant, house["owner"].tenant_id).state = state
    assert owner.get("/overview").location.startswith("/sign-in?")
    assert other.get("/overview").status_code == 200


@pytest.mark.promise("P09")
def test_before_the_second_factor_no_protected_door_opens(shared):
    half, reached, tried = half_signed_in(shared), [], 0
    ledger = Ledger(shared)
    for door in doors(shared.app, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        if shared.app.view_functions[door.endpoint].access.stages != {"full"}:
            continue
        tried += 1
        url = door.of(shared, "acme")
        before = ledger.rows()
        answer = send(half, door, url, form="/sign-in/factor")
        if answer.status_code != 303 or answer.location != "/sign-in/factor":
            reached.append(f"{door}: {answer.status_code} {answer.location}")
        reached += [f"{door}: {line}" for line in changes(before, ledger.rows())]
    assert not reached, "\n".join(reached)
    assert tried > 30


def test_before_the_second_factor_pages_show_nothing_of_the_person(shared):
    half = half_signed_in(shared)
    for path in ("/sign-in/factor", "/nowhere", "/password/forgot"):
        page = half.get(path).text
        assert shared["agent"].name not in page, path
        assert 'class="sidebar-nav"' not in page, path


def test_before_the_second_factor_one_can_sign_out(shared):
    half = half_signed_in(shared)
    secret = token(half)
    answer = half.post("/sign-out", form="/sign-in/factor")
    assert answer.location == "/sign-in"
    assert house_rows(shared, secret)["ended_at"] is not None


def test_a_sign_in_form_sent_while_signed_in_says_nothing_about_that_person_to_another_customer(shared):
    """What is refused at a Customer's door is in that Customer's record, by an unknown visitor."""
    visitor = shared.signed_in("owner")
    answer = visitor.post("/sign-in", {"username": shared["birch_member"].email, "password": "wrong"}, form="/me")
    assert answer.status_code == 422
    entries = Ledger(shared).rows()["audit_entries"].values()
    refused = [row for row in entries if row["tag"] == "identity:sign_in:refused"]
    assert refused[-1]["tenant_id"] == shared["birch_member"].tenant_id
    assert (refused[-1]["actor_kind"], refused[-1]["actor_id"]) == ("anonymous", None)
    assert visitor.get("/me").status_code == 200


def test_an_invitation_of_one_customer_can_be_accepted_in_a_browser_signed_in_at_another(house):
    house.signed_in("birch_owner").post(f"/users/{house['birch_invited'].id}/invitation")
    link = house.link(house["birch_invited"].email)
    visitor = house.signed_in("owner")
    fields = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD}
    answer = visitor.post(link, fields, form="/me")
    assert answer.status_code == 303, answer.text
    accepted = [
        row for row in Ledger(house).rows()["audit_entries"].values() if row["tag"] == "users:invitation:accepted"
    ]
    assert accepted[-1]["actor_id"] == house["birch_invited"].id
    assert visitor.get("/me").status_code == 200
