"""Budgets of tries, the clock, and cells that a spreadsheet will not run."""

from datetime import UTC, timedelta

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import func, select

from console.core import budgets, clock
from console.core.budgets import Budget
from console.core.db import db
from console.core.spreadsheet import DANGEROUS, neutral, original

KEY = b"k" * 16


def spend(house, key=KEY, limit=3, window_seconds=60):
    with house.inside():
        return budgets.spend(key, limit=limit, window_seconds=window_seconds)


def test_as_many_tries_as_allowed_then_a_wait_that_is_enough(house):
    assert [spend(house) for _try in range(3)] == [0, 0, 0]
    wait = spend(house)
    assert 55 <= wait <= 60
    with time_machine.travel(clock.now() + timedelta(seconds=wait), tick=True):
        assert spend(house) == 0


def test_a_refused_try_does_not_prolong_the_wait(house):
    for _try in range(3):
        spend(house)
    first = spend(house)
    assert max(spend(house) for _try in range(20)) <= first


def test_a_try_that_was_right_is_given_back(house):
    for _try in range(3):
        spend(house)
    with house.inside():
        budgets.refund(KEY)
    assert spend(house) == 0
    assert spend(house) > 0


def test_one_keys_tries_are_nobody_elses(house):
    for _try in range(3):
        spend(house)
    assert spend(house, b"o" * 16) == 0


def test_old_budgets_are_forgotten(house):
    spend(house)
    with time_machine.travel(clock.now() + timedelta(days=2), tick=True), house.inside():
        assert budgets.forget_old_budgets(older_than=timedelta(days=1)) >= 1
        assert db.session.execute(select(func.count(Budget.key))).scalar_one() == 0


def test_the_clock_is_aware_and_in_utc():
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|x", "%x", "＝1"])
def test_a_cell_that_a_spreadsheet_would_run_is_neutralised_and_read_back(cell):
    assert neutral(cell) == f"'{cell}"
    assert original(neutral(cell)) == cell


@given(some.text())
def test_no_cell_starts_dangerously_and_plain_cells_stay_as_they_are(text):
    cell = neutral(text)
    assert not cell.startswith(DANGEROUS)
    if not text.startswith("'"):
        assert original(cell) == text


def test_nothing_is_an_empty_cell_and_numbers_are_text():
    assert (neutral(None), neutral(0), neutral(12)) == ("", "0", "12")
