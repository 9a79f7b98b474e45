"""A try of a code is counted for good before the code is compared, and nobody can use up the tries of a known browser."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from console.identity import confirmation, proving, recovery_codes, totp, tries
from tests.doors import Ledger, unconfirmed
from tests.identity.enrolled import add_app, app_code, grow_stale
from tests.identity.test_step_up import answer_with
from tests.users.acts import main_text

START = datetime(2027, 5, 1, 12, 0, 10, tzinfo=UTC)
WRONG = {"code": "000000"}


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def half(house, visitor, key="admin"):
    answer = visitor.sign_in(house[key].email)
    assert answer.location.startswith(("/sign-in/factor", "/sign-in/confirm")), answer.location
    return visitor


def prove(visitor, **fields):
    return visitor.post("/sign-in/factor", fields, form="/sign-in/factor").status_code


def fail_after(monkeypatch, module, name):
    """The planted failure: the comparison is made, and then the page breaks."""
    compare = getattr(module, name)

    def broken(*args, **kwargs):
        compare(*args, **kwargs)
        raise RuntimeError("planted")

    monkeypatch.setattr(module, name, broken)


# What fails after the comparison gives no try back


@pytest.mark.parametrize(
    ("fields", "module", "name", "limit"),
    [(WRONG, totp, "prove", 5), ({"recovery_code": "aaaa-bbbb-cccc"}, recovery_codes, "prove", 10)],
)
def test_a_page_that_fails_after_comparing_a_second_factor_gives_no_try_back(
    house, clock, monkeypatch, fields, module, name, limit
):
    codes = add_app(house, house.signed_in("admin"))
    visitor = half(house, house.usual_browser("admin"))
    right = {"code": app_code(house, "admin")} if "code" in fields else {"recovery_code": codes[0]}
    with monkeypatch.context() as planted:
        fail_after(planted, module, name)
        assert {prove(visitor, **fields) for _try in range(limit)} == {500}
    assert prove(visitor, **right) == 429


def test_a_page_that_fails_after_a_step_up_code_gives_no_try_back(house, clock, monkeypatch):
    visitor = house.signed_in("admin")
    add_app(house, visitor)
    grow_stale(house, "admin")
    page = visitor.get("/confirm-it-is-you")
    with monkeypatch.context() as planted:
        fail_after(planted, totp, "prove")
        assert {answer_with(visitor, page, proof_code="000000").status_code for _try in range(5)} == {500}
    answer = answer_with(visitor, page, proof_code=app_code(house, "admin"))
    assert answer.status_code == 422
    assert "Too many wrong codes. Wait 5 minutes" in main_text(answer)


@pytest.mark.parametrize("kind", ["mail", "telephone"])
def test_a_page_that_fails_after_comparing_a_code_by_mail_or_telephone_gives_no_try_back(
    house, clock, monkeypatch, kind
):
    visitor = unconfirmed(house, "member")
    right = house.code_mailed(house["member"].email)
    if kind == "telephone":
        from console.core.actor import Actor
        from console.identity.confirmation_telephone import give_telephone_code

        owner = house["owner"]
        by = Actor(kind="person", user_id=owner.id, role="owner", label=owner.name)
        with house.inside(owner.tenant_id):
            right = give_telephone_code(house["member"].id, reason="I know the voice", by=by).code
    wrong = f"{(int(right.replace(' ', '')) + 1) % 10**8:08}"

    def type_code(code):
        return visitor.post("/sign-in/confirm", {"code": code}, form="/sign-in/confirm").status_code

    with monkeypatch.context() as planted:
        fail_after(planted, confirmation, "counted_codes")
        assert {type_code(wrong) for _try in range(confirmation_tries())} == {500}
    assert type_code(right) == 422
    assert {row["tries"] for row in Ledger(house).rows()["confirmations"].values()} == {5}


def confirmation_tries():
    from console.identity.confirmation_models import TRIES

    return TRIES


def test_control_a_count_in_the_pages_own_unit_would_be_taken_back_and_noticed(house, clock, monkeypatch):
    """The planted fault: the try is counted where the code is compared."""
    add_app(house, house.signed_in("admin"))
    visitor = half(house, house.usual_browser("admin"))
    spend, real = tries.spend, proving.prove

    def late(person, given, _spent, **more):
        spent = spend(person.id, "authenticator app", tokens=[], by=more["by"])
        real(person, given, spent, **more)
        raise RuntimeError("planted")

    with monkeypatch.context() as planted:
        planted.setattr(tries, "spend", lambda *_args, **_more: tries.Spent())
        planted.setattr("blueprints.factors.sign_in.prove", late)
        assert {prove(visitor, **WRONG) for _try in range(9)} == {500}
    assert prove(visitor, code=app_code(house, "admin")) == 303


def test_a_right_code_costs_no_try(house, clock):
    add_app(house, house.signed_in("admin"))
    visitor = house.usual_browser("admin")
    for _time in range(7):
        half(house, visitor)
        assert prove(visitor, code=app_code(house, "admin")) == 303
        visitor.post("/sign-out")


# A known browser has tries of its own


@pytest.mark.promise("P07")
def test_whoever_has_the_password_cannot_use_up_the_tries_of_a_known_browser(house, clock):
    codes = add_app(house, house.signed_in("admin"))
    own = half(house, house.usual_browser("admin"))
    attacker = half(house, house.visitor(address="203.0.113.5"))
    assert [prove(attacker, **WRONG) for _try in range(6)] == [422] * 5 + [429]
    assert [prove(attacker, recovery_code="aaaa-bbbb-cccc") for _try in range(11)] == [422] * 10 + [429]
    assert prove(half(house, house.visitor()), **WRONG) == 429, "another new browser shares the number"
    assert prove(own, code=app_code(house, "admin")) == 303
    again = half(house, house.usual_browser("admin"))
    assert prove(again, recovery_code=codes[0]) == 303


def test_control_one_number_for_all_browsers_would_be_noticed(house, clock, monkeypatch):
    add_app(house, house.signed_in("admin"))
    own = half(house, house.usual_browser("admin"))
    monkeypatch.setattr(tries, "recognised_browser", lambda _user_id, _tokens: None)
    attacker = half(house, house.visitor(address="203.0.113.5"))
    for _try in range(5):
        prove(attacker, **WRONG)
    assert prove(own, code=app_code(house, "admin")) == 429


def letters(house, key="admin"):
    return [mail for mail in house.mails(house[key].email) if "tries codes for your account" in str(mail["Subject"])]


def test_fifty_wrong_codes_a_day_end_it_for_new_browsers_and_the_person_is_told_once(house, clock):
    add_app(house, house.signed_in("admin"))
    own = house.usual_browser("admin")
    statuses = []
    for _round in range(11):
        attacker = half(house, house.visitor(address="203.0.113.5"))
        statuses += [prove(attacker, **WRONG) for _try in range(5)]
        clock.shift(timedelta(minutes=6))
    assert statuses == [422] * tries.TRIES_A_DAY + [429] * 5
    page = attacker.post("/sign-in/factor", WRONG, form="/sign-in/factor")
    assert page.status_code == 429
    assert "within a day" in main_text(page)
    assert "Try again in 23 hours" in main_text(page)
    [mail] = letters(house)
    text = mail.get_body(("plain",)).get_content()
    assert "50 wrong codes" in text
    assert "203.0.113.5" in text
    half(house, own)
    assert prove(own, code=app_code(house, "admin")) == 303, "a browser that was used before keeps its own"
    clock.shift(timedelta(hours=24))
    attacker = half(house, house.visitor(address="203.0.113.5"))
    assert prove(attacker, **WRONG) == 422, "the day is over"


def test_control_without_a_number_for_the_day_guessing_goes_on_and_is_noticed(house, clock, monkeypatch):
    monkeypatch.setattr(tries, "TRIES_A_DAY", 10**6)
    add_app(house, house.signed_in("admin"))
    for _round in range(11):
        attacker = half(house, house.visitor(address="203.0.113.5"))
        statuses = [prove(attacker, **WRONG) for _try in range(5)]
        clock.shift(timedelta(minutes=6))
    assert statuses == [422] * 5
    assert letters(house) == []
