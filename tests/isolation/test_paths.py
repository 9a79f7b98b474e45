"""Every way to reach another tenant's rows that we know of: without the guards each leaks, with them none. Promise: P14.

The control run shows that each path can see a leak at all. It uses the usual recipe's tables (one-column keys); the
guarded run uses the product's shape and machinery, and no row-level security, so that this wall stands alone.
"""

import pytest
from sqlalchemy.exc import IntegrityError

from console.core import isolation
from tests.isolation.reads import READS
from tests.isolation.writes import WRITES

PATHS = {**READS, **WRITES}
REFUSALS = (isolation.NoTenant, isolation.TenantSwitch, isolation.ForeignRow, isolation.UnscopedStatement)
BY_THE_SCHEMA = {"a reference to a row of the other tenant"}
"""Paths that a composite key closes, not a guard."""


def leaks(place, probe):
    """Whether the path showed or changed anything of theirs."""
    with place.session() as session:
        shown = probe(place, session)
    return bool(shown) or place.theirs_digest() != place.before


@pytest.mark.parametrize("name", PATHS)
def test_without_guards_the_path_leaks(places, name):
    assert leaks(places(guarded=False), PATHS[name])


@pytest.mark.promise("P14")
@pytest.mark.parametrize("name", PATHS)
def test_with_the_guards_the_path_shows_and_changes_nothing_of_theirs(places, name):
    place = places(guarded=True)
    try:
        assert not leaks(place, PATHS[name])
    except REFUSALS:
        assert name not in BY_THE_SCHEMA
    except IntegrityError:
        assert name in BY_THE_SCHEMA
    assert place.theirs_digest() == place.before


def test_there_are_at_least_the_54_paths_that_the_usual_recipe_was_probed_with():
    assert len(PATHS) >= 54
