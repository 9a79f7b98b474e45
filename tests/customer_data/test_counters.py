"""The counters stay true whatever leaves: an item that was never counted in is not counted out, and months agree."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from console.core.actor import system
from console.core.db import db
from console.customer_data.models import Custodian, Item, MonthCount, totals
from console.customer_data.releasing import release
from console.customer_data.removal import Cause, remove_items
from tests.customer_data.mails import bring, letter

BOX = "box@old.example"
ARRIVED = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)


def figures(house):
    """What each counter says: the Customer's, the custodian's, and the months'."""
    with house.inside(house["owner"].tenant_id, write=False):
        owner = db.session.execute(select(Custodian)).scalar_one()
        months = {row.month: row.items for row in db.session.execute(select(MonthCount)).scalars() if row.items}
        return totals().items, owner.items, months


def remove(house, ids, cause=Cause.DELETED):
    with house.inside(house["owner"].tenant_id):
        return remove_items(ids, cause=cause, by=system("test"))


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("others", [0, 2])
def test_a_quarantined_item_leaves_without_being_counted_out(house, cause, others):
    letters = [letter("Bad", "x", quarantined_for="test"), *(letter(f"Good {n}", "x") for n in range(others))]
    bad, *good = bring(house, "owner", letters, BOX)
    before = figures(house)
    assert before[:2] == (others, others)
    assert remove(house, [bad], cause).items == 1
    assert figures(house) == before
    assert remove(house, good).items == others
    assert figures(house) == (0, 0, {})


def test_an_item_that_is_released_in_a_later_month_counts_in_the_month_in_which_it_came(house):
    with time_machine.travel(ARRIVED, tick=False):
        (bad,) = bring(house, "owner", [letter("Bad", "x", quarantined_for="test")], BOX)
    with time_machine.travel(ARRIVED + timedelta(days=3), tick=False):
        with house.inside(house["owner"].tenant_id):
            import_id = db.session.execute(select(Item.import_id)).scalar_one()
            release(import_id, bad, by=system("test"))
        assert figures(house) == (1, 1, {"2026-10": 1})
        assert remove(house, [bad]).items == 1
    assert figures(house) == (0, 0, {})
