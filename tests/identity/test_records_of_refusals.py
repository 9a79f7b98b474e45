"""Each kind of refusal is in the record; a flood of one kind leaves one entry a window, and the count of the rest."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from console.core import jobs
from console.sessions.actions import SWEEP_JOB
from tests.users.acts import history, main_text
from tests.users.csv_uploads import csv_bytes, uploaded

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def entries_of(house, key, tag):
    return [details for found, details in history(house, house[key].tenant_id) if found == tag]


def guess(house, key, times, address="203.0.113.9"):
    visitor = house.visitor(address=address)
    return [visitor.sign_in(house[key].email, "not-the-password").status_code for _time in range(times)]


def test_a_flood_at_one_account_leaves_one_entry_and_the_next_says_how_many(house, clock):
    assert guess(house, "member", 25) == [422] * 10 + [429] * 15
    tag = "identity:sign_in:throttled"
    assert len(entries_of(house, "member", tag)) == 1
    clock.shift(timedelta(seconds=301))
    guess(house, "member", 11, address="203.0.113.10")
    newest, first = entries_of(house, "member", tag)
    assert "earlier_tries_not_listed" not in first["facts"]
    assert newest["facts"]["earlier_tries_not_listed"] == 14


def test_a_flood_at_one_account_does_not_hide_one_at_another(house, clock):
    guess(house, "member", 11)
    guess(house, "admin", 3)
    assert len(entries_of(house, "admin", "identity:sign_in:throttled")) == 2


def test_the_refusal_says_how_long_to_wait(house, clock):
    visitor = house.visitor()
    for _time in range(11):
        answer = visitor.sign_in(house["member"].email, "not-the-password")
    assert "Try again in 5 minutes." in main_text(answer)
    clock.shift(timedelta(seconds=250))
    assert "Try again in 50 seconds." in main_text(visitor.sign_in(house["member"].email, "x" * 12))


def half(house):
    visitor = house.visitor()
    assert visitor.sign_in(house["agent"].email).location.startswith("/sign-in/factor")
    return visitor


def test_throttled_codes_are_recorded_once_a_window(house, clock):
    visitor = half(house)
    codes = [visitor.post("/sign-in/factor", {"code": "000000"}, form="/sign-in/factor") for _time in range(9)]
    assert [answer.status_code for answer in codes] == [422] * 5 + [429] * 4
    assert "Try again in 5 minutes." in main_text(codes[-1])
    found = entries_of(house, "agent", "identity:factor:refused")
    assert [details.get("reason") for details in found] == ["too many wrong codes"] + [None] * 5


def test_a_right_password_without_a_code_is_recorded_when_the_session_is_over(house, clock):
    half(house)
    tag = "identity:sign_in:refused"
    run_sweep(house)
    assert entries_of(house, "agent", tag) == []
    clock.shift(timedelta(minutes=61))
    run_sweep(house)
    run_sweep(house)
    (entry,) = entries_of(house, "agent", tag)
    assert entry["reason"] == "right password, but no second factor"
    assert entry["address"] == "198.51.100.7"


def run_sweep(house):
    with house.inside():
        jobs.enqueue(SWEEP_JOB)
    house.work()


def test_who_gave_the_code_is_not_recorded_as_somebody_who_did_not(house):
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        house.signed_in("agent")
        clock.shift(timedelta(hours=2))
        run_sweep(house)
        assert entries_of(house, "agent", "identity:sign_in:refused") == []


def test_refused_pages_leave_one_entry_a_page_and_the_next_says_how_many(house, clock):
    member, tag = house.signed_in("member"), "security:access:refused"
    for _time in range(6):
        assert member.get("/users").status_code == 403
    assert member.get("/audit").status_code == 403
    assert [details["facts"]["page"] for details in entries_of(house, "member", tag)] == ["/audit", "/users"]
    clock.shift(timedelta(minutes=6))
    member.get("/users")
    assert entries_of(house, "member", tag)[0]["facts"]["earlier_tries_not_listed"] == 5
    assert house.signed_in("auditor").get("/users/new").status_code == 403
    assert entries_of(house, "member", tag)[0]["actor"] == "Audrey Auditor"


def test_downloading_the_result_of_an_import_is_recorded(house):
    admin, tag = house.signed_in("admin"), "users:import:exported"
    page = uploaded(admin, csv_bytes("Eve,Else,eve@acme.example", header="given_name,family_name,email"))
    assert admin.client.head(f"{page}/result.csv").status_code == 200
    assert entries_of(house, "admin", tag) == []
    assert "eve@acme.example" in admin.get(f"{page}/result.csv?outcome=added").text
    (entry,) = entries_of(house, "admin", tag)
    assert entry["facts"] == {"rows": 1, "outcome": "added", "file": "people.csv"}
