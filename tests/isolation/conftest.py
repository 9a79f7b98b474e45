"""A database for the small model: a file, or a database of its own on PostgreSQL (without row-level security)."""

import pytest

from tests import databases
from tests.isolation.model import Place, build

MODELS = {True: build(product=True), False: build(product=False)}


@pytest.fixture(scope="module")
def small_database(tmp_path_factory):
    """The addresses (owner's, superuser's) of a database that these tests may fill as they like."""
    with databases.new_database() as name:
        folder = tmp_path_factory.mktemp("small")
        if name:
            yield databases._url("SAFEKEEP_TEST_OWNER_URL", name), databases.superuser_url(name)
        else:
            yield f"sqlite:///{folder}/small.sqlite", ""


@pytest.fixture
def places(small_database):
    """Makes places; closes them at the end."""
    made = []

    def make(*, guarded):
        place = Place(MODELS[guarded], small_database[0], guarded, small_database[1])
        made.append(place)
        place.fill()
        return place

    yield make
    for place in made:
        place.model.Base.metadata.drop_all(place.raw)
        place.dispose()
