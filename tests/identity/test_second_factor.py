"""A code of an authenticator app counts once, whatever is tried. Promise: P08."""

from dataclasses import replace
from datetime import UTC, datetime

import pyotp
import pytest
import time_machine

from console.core.db import db
from console.identity.models import totp_of
from tests.cast import TOTP_SECRET
from tests.identity.enrolled import secret_on
from tests.security.at_once import all_at_once

START = datetime(2026, 5, 1, 12, 0, 10, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def _code(steps=0):
    return pyotp.TOTP(TOTP_SECRET).at(START.timestamp() + 30 * steps)


def _half(house, key="agent"):
    visitor = house.usual_browser(key)
    assert visitor.sign_in(house[key].email).location.startswith("/sign-in/factor")
    return visitor


def _prove(visitor, code):
    return visitor.post("/sign-in/factor", {"code": code}, form="/sign-in/factor").status_code


def test_a_then_b_then_a_again_is_refused(house, clock):
    assert _prove(_half(house), _code(0)) == 303
    assert _prove(_half(house), _code(1)) == 303
    assert _prove(_half(house), _code(0)) == 422
    assert _prove(_half(house), _code(1)) == 422


def test_control_a_store_of_the_last_code_alone_would_take_a_again(house, clock, monkeypatch):
    """The planted fault: what was used last is refused, and nothing before it."""
    from console.identity import totp

    last = []

    def use(_factor, step):
        fresh, last[:] = last != [step], [step]
        return fresh

    monkeypatch.setattr(totp, "_use_step", use)
    assert [_prove(_half(house), _code(step)) for step in (0, 0, 1, 0)] == [303, 422, 303, 303]


def test_an_earlier_step_is_dead_after_a_later_one(house, clock):
    assert _prove(_half(house), _code(1)) == 303
    for step in (-1, 0):
        assert _prove(_half(house), _code(step)) == 422


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 303), (0, 303), (1, 303), (2, 422)])
def test_one_step_either_way_is_tolerated_and_no_more(house, clock, steps, status):
    assert _prove(_half(house), _code(steps)) == status


def test_a_code_is_read_with_spaces_and_nothing_else_passes(house, clock):
    code = _code()
    visitor = _half(house)
    for wrong in (code[:5], code + "0", "٠١٢٣٤٥"):
        assert _prove(visitor, wrong) == 422
    assert _prove(visitor, f" {code[:3]} {code[3:]} ") == 303


def test_guessing_stops_after_five_codes_and_a_new_session_does_not_help(house, clock):
    def again():
        visitor.post("/sign-out")
        assert visitor.sign_in(house["agent"].email).location.startswith("/sign-in/factor")
        return visitor

    visitor = _half(house)
    statuses = [_prove(again(), "000000") for _ in range(7)]
    assert statuses == [422] * 5 + [429] * 2
    assert _prove(again(), _code()) == 429


def test_twenty_posts_of_one_code_at_once_yield_one_success(house, clock):
    many = replace(house.settings, sign_ins_per_account=10**6, sign_ins_per_address=10**6)
    house.app.extensions["safekeep.settings"] = many
    visitors = [_half(house) for _ in range(20)]
    tokens = [visitor.token("/sign-in/factor") for visitor in visitors]

    def post(visitor, token):
        return visitor.client.post("/sign-in/factor", data={"code": _code(), "csrf_token": token}).status_code

    statuses = all_at_once(*(lambda v=v, t=t: post(v, t) for v, t in zip(visitors, tokens, strict=True)))
    assert statuses.count(303) == 1, statuses
    assert set(statuses) <= {303, 422, 429, 503}
    full = [visitor for visitor in visitors if visitor.get("/support/tenants").status_code == 200]
    assert len(full) == 1


def test_twenty_at_once_yield_one_success_without_the_limit_of_tries_too(house, clock):
    """The conditional update alone, in twenty transactions that have all read the same row before."""
    from console.identity.totp import _use_step

    agent = house["agent"]
    step = int(START.timestamp()) // 30

    def use():
        with house.inside(agent.tenant_id):
            return _use_step(totp_of(agent.id), step)

    assert sorted(all_at_once(*[use] * 20)) == [False] * 19 + [True]


def test_the_secret_is_sealed_and_shown_only_until_it_is_confirmed(house, clock):
    with house.inside(house["agent"].tenant_id):
        assert TOTP_SECRET.encode() not in totp_of(house["agent"].id).sealed
    assert TOTP_SECRET not in _half(house).get("/sign-in/factor").text
    with house.inside(house["agent"].tenant_id):
        db.session.delete(totp_of(house["agent"].id))
    visitor = _half(house)
    assert "totp-secret" not in visitor.get("/sign-in/factor").text
    page = visitor.get(visitor.post("/sign-in/factor/app", form="/sign-in/factor").location)
    assert 'href="otpauth://totp/' in page.text, "whoever reads this on the phone cannot scan its own screen"
    assert page.text.index("otpauth://") < page.text.index('<div class="qr">')
    assert secret_on(page) == secret_on(visitor.get("/sign-in/factor?way=app")), "a reload made another key"


def test_half_signed_in_people_reach_nothing_else(house, clock):
    visitor = _half(house)
    for rule in house.app.url_map.iter_rules():
        access = house.app.view_functions[rule.endpoint].access
        if access.stages == {"full"} and "GET" in rule.methods and not rule.arguments:
            assert visitor.get(rule.rule).location.startswith("/sign-in/factor"), rule
