"""Passkeys: an answer counts once, for the session, person, origin and challenge it was asked for."""

import json
from datetime import timedelta

import pytest

from console.core.db import db
from console.identity import passkeys
from console.identity.models import Challenge, Passkey, passkeys_of
from tests.identity.enrolled import Authenticator, add_passkey, ask, ask_at_sign_in, encode, half, prove_passkey
from tests.security.at_once import all_at_once
from tests.users.acts import history


@pytest.fixture
def key(house):
    """Adam's passkey."""
    return add_passkey(house, house.signed_in("admin"), "Blue key")


def is_in(visitor):
    return visitor.get("/me").status_code == 200


def tags(house, key="admin"):
    return [tag for tag, _details in history(house, house[key].tenant_id, house[key].id)]


def test_a_passkey_is_asked_for_at_sign_in_and_opens_the_door(house, key):
    visitor = half(house, "admin")
    assert not is_in(visitor)
    options = ask_at_sign_in(visitor)
    assert options["rpId"] == "localhost"
    assert options["userVerification"] == "preferred"
    assert [item["id"] for item in options["allowCredentials"]] == [encode(key.id)]
    assert prove_passkey(visitor, key.proof(options)).location == "/overview"
    assert is_in(visitor)
    assert "identity:factor:added" in tags(house)
    page = visitor.get("/me/factors").text
    assert "Blue key" in page
    assert "last used" in page


def test_the_answer_is_worth_nothing_a_second_time(house, key):
    first, second = half(house, "admin"), half(house, "admin")
    answer = key.proof(ask_at_sign_in(first))
    assert prove_passkey(first, answer).status_code == 303
    assert prove_passkey(second, answer).status_code == 422
    ask_at_sign_in(second)
    assert prove_passkey(second, answer).status_code == 422
    assert not is_in(second)
    assert "identity:factor:refused" in tags(house)


def test_a_wrong_answer_uses_the_challenge_up(house, key):
    visitor = half(house, "admin")
    options = ask_at_sign_in(visitor)
    assert prove_passkey(visitor, "{}").status_code == 422
    assert prove_passkey(visitor, key.proof(options)).status_code == 422
    assert prove_passkey(visitor, key.proof(ask_at_sign_in(visitor))).status_code == 303


def test_a_newer_challenge_replaces_the_one_before_and_all_die_with_time(house, key):
    visitor = half(house, "admin")
    options = ask_at_sign_in(visitor)
    ask_at_sign_in(visitor)
    assert prove_passkey(visitor, key.proof(options)).status_code == 422
    options = ask_at_sign_in(visitor)
    with house.inside(house["admin"].tenant_id):
        for row in db.session.query(Challenge):
            row.expires_at -= timedelta(minutes=5)
    assert prove_passkey(visitor, key.proof(options)).status_code == 422


def test_a_challenge_of_one_session_or_purpose_is_none_for_another(house, key):
    first, second = half(house, "admin"), half(house, "admin")
    options = ask_at_sign_in(first)
    ask_at_sign_in(second)
    assert prove_passkey(second, key.proof(options)).status_code == 422
    visitor = half(house, "admin")
    assert prove_passkey(visitor, key.proof(ask_at_sign_in(visitor))).status_code == 303
    to_add = ask(visitor, "/me/factors/passkeys/options")
    assert visitor.post("/confirm-it-is-you", {"proof_assertion": key.proof(to_add)}).status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "http://localhost.evil.example"},
        {"origin": "https://localhost"},
        {"challenge": encode(b"x" * 32)},
        {"type": "webauthn.create"},
    ],
    ids=["another origin", "another scheme", "another challenge", "another ceremony"],
)
def test_an_answer_that_was_given_elsewhere_is_refused(house, key, changes):
    visitor = half(house, "admin")
    assert prove_passkey(visitor, key.proof(ask_at_sign_in(visitor), **changes)).status_code == 422
    assert not is_in(visitor)


def test_another_rp_id_and_another_key_under_the_same_id_are_refused(house, key):
    visitor = half(house, "admin")
    forged = Authenticator(key.origin)
    forged.id = key.id
    assert prove_passkey(visitor, forged.proof(ask_at_sign_in(visitor))).status_code == 422
    key.rp_id = "evil.example"
    assert prove_passkey(visitor, key.proof(ask_at_sign_in(visitor))).status_code == 422


@pytest.mark.parametrize("other", ["member", "birch_admin"])
def test_the_passkey_of_a_colleague_or_of_another_customer_is_refused(house, key, other):
    theirs = add_passkey(house, house.signed_in(other))
    visitor = half(house, "admin")
    assert prove_passkey(visitor, theirs.proof(ask_at_sign_in(visitor))).status_code == 422
    assert not is_in(visitor)
    visitor = half(house, other)
    assert prove_passkey(visitor, key.proof(ask_at_sign_in(visitor))).status_code == 422


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x",
        "null",
        "[]",
        "{}",
        '{"rawId":1}',
        '{"rawId":"!"}',
        '{"id":"a","rawId":"a","type":"public-key"}',
        "[" * 9000,
    ],
)
def test_what_is_no_answer_at_all_is_refused_like_a_wrong_one(house, key, answer):
    visitor = half(house, "admin")
    ask_at_sign_in(visitor)
    assert prove_passkey(visitor, answer).status_code == 422


def test_a_count_that_goes_back_is_noted_and_shown(house, key):
    key.count = 50
    visitor = half(house, "admin")
    assert prove_passkey(visitor, key.proof(ask_at_sign_in(visitor))).status_code == 303
    assert "identity:passkey:doubted" not in tags(house)
    assert "Check this one" not in visitor.get("/me/factors").text
    key.count = 7
    visitor = half(house, "admin")
    assert prove_passkey(visitor, key.proof(ask_at_sign_in(visitor))).status_code == 303
    assert "identity:passkey:doubted" in tags(house)
    assert "Check this one" in visitor.get("/me/factors").text


@pytest.mark.parametrize("changes", [{"origin": "https://evil.example"}, {"challenge": encode(b"y" * 32)}])
def test_a_passkey_made_elsewhere_is_not_added(house, changes):
    visitor = house.signed_in("admin")
    made = Authenticator(house.settings.base_url)
    options = ask(visitor, "/me/factors/passkeys/options")
    fields = {"name": "Key", "credential": made.made(options, **changes)}
    assert visitor.post("/me/factors/passkeys", fields).status_code == 422
    assert half_or_in(house) == "in"


def half_or_in(house):
    return "in" if house.usual_browser("admin").sign_in(house["admin"].email).location == "/overview" else "half"


def test_the_same_passkey_is_not_added_twice_nor_to_somebody_else(house, key):
    visitor = half(house, "admin")
    prove_passkey(visitor, key.proof(ask_at_sign_in(visitor)))
    for browser in (visitor, house.signed_in("member")):
        options = ask(browser, "/me/factors/passkeys/options")
        fields = {"name": "Again", "credential": key.made(options)}
        assert browser.post("/me/factors/passkeys", fields).status_code == 422


def test_what_is_kept_is_sealed_and_hints_of_the_browser_are_filtered(house, key):
    with house.inside(house["admin"].tenant_id):
        [row] = passkeys_of(house["admin"].id)
        assert row.content["transports"] == ["usb"]
        for secret in (b"Blue key", key.id, encode(key.id).encode()):
            assert secret not in row.sealed + row.digest


def test_twenty_answers_at_once_to_one_challenge_open_one_door(house, key):
    """The challenge alone: whoever deletes it has it."""
    visitor = half(house, "admin")
    ask_at_sign_in(visitor)
    with house.inside(house["admin"].tenant_id, write=False):
        session_id = db.session.query(Challenge).one().session_id

    def use():
        from console.users.models import user

        with house.inside(house["admin"].tenant_id):
            return passkeys._use_challenge(user(house["admin"].id), session_id, "prove") is not None

    assert sorted(all_at_once(*[use] * 20)) == [False] * 19 + [True]


def test_control_the_refusals_are_not_for_another_reason(house, key, monkeypatch):
    """Planted faults: with the comparison of origins, or the single use, gone the same answers come through."""
    visitor = half(house, "admin")
    monkeypatch.setattr(passkeys, "origin", lambda: "http://localhost.evil.example")
    answer = key.proof(ask_at_sign_in(visitor), origin="http://localhost.evil.example")
    assert prove_passkey(visitor, answer).status_code == 303
    monkeypatch.undo()
    visitor = half(house, "admin")
    options = ask_at_sign_in(visitor)
    nonce = passkeys.base64url_to_bytes(options["challenge"])
    monkeypatch.setattr(passkeys, "_use_challenge", lambda *_args: nonce)
    answer = key.proof(options)
    assert prove_passkey(visitor, answer).status_code == 303
    other = half(house, "admin")
    assert prove_passkey(other, answer).status_code == 303, "replayed where the challenge is not used up"


def test_control_a_look_up_that_forgets_whose_passkey_it_is_is_seen(house, key, monkeypatch):
    """The planted fault: any passkey of the tenant that the answer names will do."""
    from sqlalchemy import select

    theirs = add_passkey(house, house.signed_in("member"))
    digest = passkeys._digest

    def careless(_user_id, answer):
        wanted = digest(passkeys.base64url_to_bytes(answer["rawId"]))
        return db.session.execute(select(Passkey).where(Passkey.digest == wanted)).scalar_one_or_none()

    monkeypatch.setattr(passkeys, "_named", careless)
    visitor = half(house, "admin")
    assert prove_passkey(visitor, theirs.proof(ask_at_sign_in(visitor))).status_code == 303


def test_a_purged_person_leaves_no_passkey(house, key):
    from console.identity.actions import forget_people

    with house.inside(house["admin"].tenant_id):
        forget_people([house["admin"].id])
        db.session.flush()
        for kept in (Passkey, Challenge):
            assert not db.session.query(kept).filter(kept.user_id == house["admin"].id).count()


def test_there_is_a_bound_to_the_passkeys_of_one_person(house, monkeypatch):
    monkeypatch.setattr(passkeys, "MOST", 1)
    visitor = house.signed_in("admin")
    add_passkey(house, visitor)
    headers = {"X-CSRFToken": visitor.token("/me"), "Accept": "application/json"}
    answer = visitor.client.post("/me/factors/passkeys/options", headers=headers)
    assert answer.status_code == 422
    assert "Remove one" in json.loads(answer.text)["message"]
