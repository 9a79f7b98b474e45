"""Versions are kept opened by Customer and number; each test's installation is a copy, in which the numbers begin anew."""

import pytest

from console.policies import models


@pytest.fixture(autouse=True)
def _no_version_of_another_test():
    models._opened.clear()
