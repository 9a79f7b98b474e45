"""Guessing is slow for everybody and locks nobody out; a known name cannot be told from an unknown one. Promise: P07."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.identity.timing import alike, areas_until_alike, auc, spent

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PAIRS = 400


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def _guess(visitor, username, token, password="not-the-password"):
    fields = {"username": username, "password": password, "csrf_token": token}
    return visitor.client.post("/sign-in", data=fields)


def _looked_at(answers):
    return sum(answer.status_code == 422 for answer in answers)


@pytest.mark.promise("P07")
def test_an_account_is_guessed_at_ten_times_in_five_minutes_from_any_number_of_addresses(house, clock):
    looked = 0
    for number in range(30):
        visitor = house.visitor(address=f"203.0.113.{number}")
        looked += _looked_at([_guess(visitor, house["admin"].email, visitor.token("/sign-in"))])
        clock.shift(timedelta(seconds=9))
    assert looked == 10


@pytest.mark.promise("P07")
def test_an_address_guesses_ten_times_in_five_minutes_at_any_number_of_accounts(house, clock):
    visitor = house.visitor()
    token = visitor.token("/sign-in")
    answers = []
    for number in range(30):
        answers.append(_guess(visitor, f"nobody{number}@acme.example", token))
        clock.shift(timedelta(seconds=9))
    assert _looked_at(answers) == 10
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    clock.shift(timedelta(seconds=301))
    assert _guess(visitor, "nobody99@acme.example", token).status_code == 422


@pytest.mark.promise("P07")
def test_while_an_account_is_under_attack_its_own_browser_signs_in_at_the_first_try(house):
    own = house.signed_in("admin")
    own.post("/sign-out")
    for number in range(12):
        attacker = house.visitor(address=f"203.0.113.{number}")
        last = _guess(attacker, house["admin"].email, attacker.token("/sign-in"))
    assert last.status_code == 429
    stranger = house.visitor(address="192.0.2.5")
    assert stranger.sign_in(house["admin"].email).status_code == 429, "a stranger with the right password waits"
    assert own.sign_in(house["admin"].email).status_code == 303


def test_a_recognised_browser_is_limited_too(house):
    own = house.signed_in("admin")
    own.post("/sign-out")
    token = own.token("/sign-in")
    assert _looked_at([_guess(own, house["admin"].email, token) for _ in range(15)]) == 10


def test_another_s_browser_cookie_does_not_count_for_this_account(house):
    member = house.signed_in("member")
    member.post("/sign-out")
    token = member.token("/sign-in")
    assert _looked_at([_guess(member, house["admin"].email, token) for _ in range(15)]) == 10
    other = house.visitor(address="192.0.2.9")
    assert other.sign_in(house["admin"].email).status_code == 429


def test_the_right_password_does_not_use_up_tries(house):
    for _ in range(14):
        visitor = house.visitor()
        assert visitor.sign_in(house["admin"].email).status_code == 303


def test_many_at_the_same_moment_are_counted_exactly(house):
    from tests.security.at_once import all_at_once

    visitors = [house.visitor(address=f"203.0.113.{number}") for number in range(16)]
    tokens = [visitor.token("/sign-in") for visitor in visitors]
    acts = [
        lambda v=visitor, t=token: _guess(v, house["admin"].email, t)
        for visitor, token in zip(visitors, tokens, strict=True)
    ]
    assert sorted(answer.status_code for answer in all_at_once(*acts)) == [422] * 10 + [429] * 6


def _unlimited(house):
    settings = replace(house.settings, sign_ins_per_account=10**6, sign_ins_per_address=10**6)
    house.app.extensions["safekeep.settings"] = settings
    return house


def _same(text, *names):
    """A page without what differs by request: the form's token, the reference, the name that was typed."""
    for name in names:
        text = text.replace(name, "NAME")
    return re.sub(r'value="[^"]{60,}"', "TOKEN", text)


@pytest.mark.parametrize("key", ["admin", "suspended", "invited", "agent", "birch_member"])
def test_a_known_and_an_unknown_name_get_the_same_answer_in_every_byte(house, key):
    known = house[key].email
    unknown = "x" * known.index("@") + known[known.index("@") :]
    answers = []
    for name in (known, unknown):
        visitor = house.visitor()
        answers.append(_guess(visitor, name, visitor.token("/sign-in")))
    one, other = answers
    assert one.status_code == other.status_code == 422
    assert len(one.data) == len(other.data)
    assert _same(one.text, known) == _same(other.text, unknown)
    plain = [
        [(name, value) for name, value in answer.headers if name not in ("Set-Cookie", "Date")] for answer in answers
    ]
    assert plain[0] == plain[1]
    cookies = [[line.split("=")[0] for line in answer.headers.getlist("Set-Cookie")] for answer in answers]
    assert cookies[0] == cookies[1]


@pytest.mark.parametrize("key", ["admin", "suspended", "invited"])
def test_asking_for_a_new_password_answers_the_same_for_known_and_unknown_names(house, key):
    answers = []
    for name in (house[key].email, "x" * 12 + "@acme.example"):
        visitor = house.visitor()
        answers.append(visitor.post("/password/forgot", {"username": name}, form="/password/forgot"))
    one, other = answers
    assert one.status_code == other.status_code == 200
    assert one.data == other.data
    assert [name for name, _ in one.headers] == [name for name, _ in other.headers]


def _measured(house, first, second, pairs=PAIRS):
    """Times of two kinds of request, interleaved, each kind first in every other pair."""
    visitor = _unlimited(house).visitor()
    token = visitor.token("/sign-in")
    for kind in (first, second) * 5:
        _guess(visitor, kind, token)
    taken = {first: [], second: []}
    for number in range(pairs):
        for kind in (first, second) if number % 2 else (second, first):
            seconds, _answer = spent(lambda kind=kind: _guess(visitor, kind, token))
            taken[kind].append(seconds)
    return taken[first], taken[second]


def test_the_time_of_an_answer_does_not_tell_whether_a_name_is_known(house, capsys):
    areas = areas_until_alike(
        lambda pairs: _measured(house, house["admin"].email, "nobodyx@acme.example", pairs), PAIRS
    )
    with capsys.disabled():
        print(f"\n  sign-in, known against unknown: AUC {', '.join(f'{area:.3f}' for area in areas)}")
    assert alike(areas), areas


def test_the_measurement_would_notice_an_answer_without_hashing(house):
    """The planted oracle: a name that is too long is refused before any hash, as a careless look-up would be."""
    area = auc(*_measured(house, house["admin"].email, "x" * 300 + "@acme.example", pairs=60))
    assert area > 0.9
