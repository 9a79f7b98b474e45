"""After every test of this area, whatever it did, the counts in each tenant's row are the truth."""

import pytest

from tests.users.acts import counts_are_true


@pytest.fixture(autouse=True)
def _true_counts(request):
    house = request.getfixturevalue("house") if "house" in request.fixturenames else None
    yield
    if house is not None:
        counts_are_true(house)
