"""One's own second factors, setting one up where it is required, and a colleague's reset."""

import re
import time

import pyotp
import pytest

from console.core.db import db
from console.identity.models import Browser
from tests.doors import doors
from tests.identity.enrolled import (
    Authenticator,
    add_app,
    add_passkey,
    app_code,
    ask_at_sign_in,
    codes_on,
    half,
    prove_passkey,
    require_factor,
    secret_on,
    sign_in_with_app,
    unconfirmed_app,
)
from tests.users.acts import history, main_text, newest, problems


def ids(visitor):
    return re.findall(r'href="/me/factors/([0-9a-f-]{36})"', visitor.get("/me/factors").text)


def tags(house, key):
    return [tag for tag, _details in history(house, house[key].tenant_id, house[key].id)]


def subjects(house, key):
    return [str(mail["Subject"]) for mail in house.mails(house[key].email)]


def test_an_app_is_added_with_its_first_code_and_asked_for_from_then_on(house):
    visitor = house.signed_in("admin")
    assert visitor.post("/me/factors/app").status_code == 303
    secret = secret_on(visitor.get("/me/factors/app"))
    assert secret == secret_on(visitor.get("/me/factors/app")), "a reload made another key"
    assert visitor.post("/me/factors/app/confirm", {"code": "000000"}).status_code == 422
    assert house.usual_browser("admin").sign_in(house["admin"].email).location == "/overview", (
        "not confirmed, and asked for"
    )
    code = pyotp.TOTP(secret).at(int(time.time()))
    answer = visitor.post("/me/factors/app/confirm", {"code": code})
    assert len(codes_on(answer)) == 10
    assert visitor.get("/me/factors/app").location == "/me/factors", "the key is shown after it was confirmed"
    assert visitor.post("/me/factors/app").status_code == 409, "there is one already"
    assert half(house, "admin").get("/users").location.startswith("/sign-in/factor")
    assert sign_in_with_app(house, "admin").get("/users").status_code == 200
    assert "identity:factor:added" in tags(house, "admin")
    assert "A second factor was added to your account" in subjects(house, "admin")


def test_an_app_that_was_never_confirmed_proves_nothing(house):
    visitor = house.signed_in("admin")
    key = add_passkey(house, visitor)
    visitor.post("/me/factors/app")
    secret = secret_on(visitor.get("/me/factors/app"))
    code = pyotp.TOTP(secret).at(int(time.time()))
    other = half(house, "admin")
    assert other.post("/sign-in/factor", {"code": code}, form="/sign-in/factor").status_code == 422
    assert prove_passkey(other, key.proof(ask_at_sign_in(other))).status_code == 303


def test_a_change_ends_all_other_sessions_forgets_browsers_and_keeps_this_one(house):
    visitor, other = house.signed_in("admin"), house.signed_in("admin", browser="Other")
    before = visitor.client.get_cookie("safekeep_session").value
    add_app(house, visitor)
    assert other.get("/me").location.startswith("/sign-in")
    assert visitor.get("/me").status_code == 200
    assert visitor.client.get_cookie("safekeep_session").value != before
    with house.inside(house["admin"].tenant_id, write=False):
        assert not db.session.query(Browser).filter(Browser.user_id == house["admin"].id).count()


def test_several_passkeys_are_named_renamed_and_removed(house):
    visitor = house.signed_in("admin")
    first, second = add_passkey(house, visitor, "Laptop"), add_passkey(house, visitor, "Phone")
    laptop, phone = ids(visitor)
    assert visitor.post(f"/me/factors/{laptop}/name", {"name": "  Old   laptop "}).status_code == 303
    assert "Old laptop" in main_text(visitor.get("/me/factors"))
    for name, words in (("", "Give it a name"), ("x" * 61, "at most 60"), ("a\u202eb", "cannot be shown")):
        answer = visitor.post(f"/me/factors/{laptop}/name", {"name": name})
        assert answer.status_code == 422
        assert words in problems(answer)["name"]
    assert visitor.post(f"/me/factors/{phone}/remove").status_code == 303
    browser = half(house, "admin")
    assert prove_passkey(browser, second.proof(ask_at_sign_in(browser))).status_code == 422
    assert prove_passkey(browser, first.proof(ask_at_sign_in(browser))).status_code == 303
    assert {"identity:factor:renamed", "identity:factor:removed"} <= set(tags(house, "admin"))
    assert "A second factor was removed from your account" in subjects(house, "admin")


def test_somebody_elses_factor_looks_like_none(house):
    visitor = house.signed_in("admin")
    add_passkey(house, visitor)
    [factor_id] = ids(visitor)
    for key in ("owner", "birch_admin"):
        other = house.signed_in(key)
        assert other.get(f"/me/factors/{factor_id}").status_code == 404
        for act in ("name", "remove"):
            assert other.post(f"/me/factors/{factor_id}/{act}", {"name": "x"}).status_code == 404
    assert ids(visitor) == [factor_id]


def test_the_last_one_stays_where_one_is_required(house):
    visitor = house.signed_in("admin")
    add_app(house, visitor)
    require_factor(house, "administrators")
    [only] = ids(visitor)
    assert "cannot be removed now" in visitor.get(f"/me/factors/{only}").text
    answer = visitor.post(f"/me/factors/{only}/remove")
    assert answer.status_code == 409
    assert "Add another one, then remove it" in answer.text
    add_passkey(house, visitor)
    assert visitor.post(f"/me/factors/{only}/remove").status_code == 303
    agent = house.signed_in("agent")
    assert agent.post(f"/me/factors/{ids(agent)[0]}/remove").status_code == 409, "staff"


@pytest.mark.parametrize(
    ("whom", "enrols"),
    [("nobody", set()), ("administrators", {"owner", "admin"}), ("everyone", {"owner", "admin", "member", "auditor"})],
)
def test_a_factor_is_required_of_nobody_administrators_or_everyone(house, whom, enrols):
    require_factor(house, whom)
    people = ("owner", "admin", "member", "auditor")
    sent = {key: house.usual_browser(key).sign_in(house[key].email).location for key in people}
    assert {key for key, where in sent.items() if where.startswith("/sign-in/factor")} == enrols
    assert house.usual_browser("birch_admin").sign_in(house["birch_admin"].email).location == "/overview"


def test_whoever_has_none_sets_an_app_up_on_the_spot_and_is_not_locked_out(house):
    require_factor(house, "everyone")
    visitor = half(house, "admin")
    assert visitor.get("/users").location.startswith("/sign-in/factor")
    assert "Set up a second factor" in visitor.get("/sign-in/factor").text
    assert unconfirmed_app(house, "admin") is None, "reading the page made a key"
    answer = visitor.post("/sign-in/factor/app", {"next": "/users"}, form="/sign-in/factor")
    page = visitor.get(answer.location)
    secret = secret_on(page)
    wrong = visitor.post("/sign-in/factor", {"code": "000000"}, form="/sign-in/factor")
    assert wrong.status_code == 422
    code = pyotp.TOTP(secret).at(int(time.time()))
    shown = visitor.post("/sign-in/factor", {"code": code, "next": "/users"}, form="/sign-in/factor")
    assert shown.status_code == 200
    assert len(codes_on(shown)) == 10
    assert 'href="/users"' in shown.text
    assert visitor.get("/users").status_code == 200
    assert sign_in_with_app(house, "admin").get("/users").status_code == 200


def test_or_a_passkey(house):
    require_factor(house, "everyone")
    visitor = half(house, "member")
    made = Authenticator(house.settings.base_url)
    fields = {"name": "Phone", "credential": made.made(ask_at_sign_in(visitor))}
    shown = visitor.post("/sign-in/factor", fields, form="/sign-in/factor")
    assert len(codes_on(shown)) == 10, shown.text
    assert visitor.get("/me").status_code == 200
    again = half(house, "member")
    assert prove_passkey(again, made.proof(ask_at_sign_in(again))).status_code == 303


def test_two_windows_that_set_one_up_do_not_let_the_second_past_the_first(house):
    """Whoever knows the password and waits at this stage must not come in once the person has a factor."""
    require_factor(house, "everyone")
    thief, person = half(house, "admin"), half(house, "admin")
    thief.post("/sign-in/factor/app", form="/sign-in/factor")
    secret = secret_on(thief.get("/sign-in/factor?way=app"))
    made = Authenticator(house.settings.base_url)
    fields = {"name": "Phone", "credential": made.made(ask_at_sign_in(person))}
    token = thief.token("/sign-in/factor")
    assert person.post("/sign-in/factor", fields, form="/sign-in/factor").status_code == 200
    code = pyotp.TOTP(secret).at(int(time.time()))
    answer = thief.client.post("/sign-in/factor", data={"code": code, "csrf_token": token})
    assert answer.location.startswith("/sign-in")
    assert thief.get("/me").location.startswith("/sign-in")


def reached_half_signed_in(house, half_way):
    """The endpoints for whole sessions that answer to one that stands at that stage."""
    if half_way == "enrol":
        require_factor(house, "everyone")
    visitor = half(house, "agent" if half_way == "factor" else "owner")
    token = visitor.token("/sign-in/factor")
    reached = []
    for door in doors(house.app):
        if house.app.view_functions[door.endpoint].access.stages != {"full"}:
            continue
        answer = visitor.client.open(door.of(house, "acme"), method=door.method, data={"csrf_token": token})
        if not (answer.status_code == 303 and answer.location.startswith("/sign-in/factor")):
            reached.append(str(door))
    return reached


@pytest.mark.parametrize("half_way", ["factor", "enrol"])
def test_half_signed_in_reaches_nothing_but_its_own_stage(house, half_way):
    assert not reached_half_signed_in(house, half_way)


def test_control_a_gate_that_does_not_look_at_the_stage_is_seen(house, monkeypatch):
    from blueprints import gate
    from console.core.permissions import Permission

    check = gate._check

    def careless(access, person):
        reads = access is not None and access.permission == Permission.ME_PROFILE_READ
        return None if reads and person.stage == "enrol" else check(access, person)

    monkeypatch.setattr(gate, "_check", careless)
    assert "GET me.sessions" in reached_half_signed_in(house, "enrol")


def test_an_invitation_or_a_new_password_by_mail_does_not_go_round_the_factor(house):
    add_app(house, house.signed_in("admin"))
    asked = house.visitor()
    asked.post("/password/forgot", {"username": house["admin"].email}, form="/password/forgot")
    link = house.link(house["admin"].email, "Choose a new password for")
    new = {"password": "nine-Copper-kettles-4", "password_again": "nine-Copper-kettles-4"}
    assert asked.post(link, new, form=link).status_code == 303
    answer = asked.sign_in(house["admin"].email, "nine-Copper-kettles-4")
    assert answer.location.startswith("/sign-in/factor")


REASON = {"reason": "Showed the badge"}


def reset(house, by, whom, **fields):
    visitor = house.signed_in(by) if isinstance(by, str) else by
    return visitor.post(f"/users/{house[whom].id}/factors/reset", {**REASON, **fields})


def test_an_administrator_resets_a_colleagues_factors_and_never_sees_them(house):
    member = house.signed_in("member")
    codes = add_app(house, member)
    add_passkey(house, member, "Secret name")
    admin = house.signed_in("admin")
    pages = [admin.get(f"/users/{house['member'].id}"), admin.get(f"/users/{house['member'].id}/factors/reset")]
    for page in pages:
        assert page.status_code == 200
        assert "Secret name" not in page.text
    assert "Set up" in main_text(pages[0])
    assert reset(house, admin, "member", reason=" ").status_code == 422
    assert reset(house, admin, "member", reason="x" * 301).status_code == 422
    assert reset(house, admin, "member").status_code == 303
    assert member.get("/me").location.startswith("/sign-in")
    assert house.usual_browser("member").sign_in(house["member"].email).location == "/overview"
    details = newest(house, house["member"].tenant_id, house["member"].id, "identity:factors:reset")
    assert (details["actor"], details["reason"]) == ("Adam Admin", "Showed the badge")
    assert "Your second factors were reset" in subjects(house, "member")
    assert reset(house, admin, "member").status_code == 409, "nothing is left to reset"
    assert codes


def test_after_a_reset_a_required_factor_is_set_up_anew(house):
    add_app(house, house.signed_in("member"))
    admin = house.signed_in("admin")
    require_factor(house, "everyone")
    assert reset(house, admin, "member").status_code == 303
    visitor = half(house, "member")
    assert "Set up a second factor" in visitor.get("/sign-in/factor").text


@pytest.mark.parametrize(
    ("by", "whom", "status"),
    [
        ("owner", "admin", 303),
        ("admin", "security_manager", 303),
        ("security_manager", "member", 303),
        ("security_manager", "admin", 403),
        ("security_manager", "auditor", 403),
        ("admin", "owner", 403),
        ("user_manager", "member", 303),
        ("user_manager", "admin", 403),
        ("auditor", "member", 403),
        ("member", "other_member", 403),
        ("birch_owner", "member", 404),
        ("agent", "member", 403),
    ],
)
def test_who_may_reset_whom(house, by, whom, status):
    victim = house.signed_in(whom)
    add_passkey(house, victim)
    assert reset(house, by, whom).status_code == status
    assert (victim.get("/me").status_code == 200) is (status != 303)


def test_nobody_resets_the_own_factors(house):
    visitor = house.signed_in("owner")
    add_app(house, visitor)
    answer = reset(house, visitor, "owner")
    assert answer.status_code == 409
    assert "your own second factors" in answer.text


def test_control_a_rule_that_lets_everybody_reset_is_seen(house, monkeypatch):
    """The planted fault: the permission alone decides, and a security manager takes an administrator's factor away."""
    from console.identity import factors

    monkeypatch.setattr(factors, "may_reset_proofs", lambda *_roles: True)
    add_passkey(house, house.signed_in("admin"))
    assert reset(house, "security_manager", "admin").status_code == 303


def test_purging_leaves_nothing_and_the_app_of_a_colleague_stays(house):
    from console.identity.actions import forget_people
    from console.identity.factors import factors_of

    for key in ("member", "admin"):
        add_app(house, house.signed_in(key))
    with house.inside(house["member"].tenant_id):
        forget_people([house["member"].id])
    with house.inside(house["member"].tenant_id, write=False):
        assert factors_of(house["member"].id) == []
        assert len(factors_of(house["admin"].id)) == 1
    assert app_code(house, "admin")
