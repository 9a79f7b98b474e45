"""Which tests need not run a second time on PostgreSQL: those that can have no database of it, as their source shows.

Nobody has to mark anything. A test has a database of PostgreSQL through a fixture that makes one, or because its own file
speaks of one; that is read off the source, and in doubt a test runs.
"""

import inspect
import re
from functools import cache
from types import ModuleType
from typing import Any

import pytest

SPEAKS_OF_ONE = re.compile(r"\bnew_database\(|\bPOSTGRESQL\b|SAFEKEEP_TEST_|\bsuperuser_url\(|postgresql")
REASON = "uses no database: ran on SQLite"


def skip_the_others(items: list[pytest.Item]) -> None:
    """Tests without a database are skipped, with the reason that the gate counts."""
    for item in items:
        if isinstance(item, pytest.Function) and not uses_a_database(item):
            item.add_marker(pytest.mark.skip(reason=REASON))


def uses_a_database(item: pytest.Function) -> bool:
    """Whether the test's file speaks of PostgreSQL, or one of its fixtures, wherever it is defined, makes a database."""
    fixtures = (one for found in item._fixtureinfo.name2fixturedefs.values() for one in found)
    return _speaks_of_one(item.module) or any(_speaks_of_one(fixture.func) for fixture in fixtures)


@cache
def _speaks_of_one(code: ModuleType | Any) -> bool:
    return bool(SPEAKS_OF_ONE.search(inspect.getsource(code)))
