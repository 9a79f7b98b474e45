"""The application of an installation of its own, and with pytest-flask its client."""

import pytest

from console.app import create_app
from console.core.db import db
from console.install import initialise
from tests import databases


@pytest.fixture(scope="package")
def app(tmp_path_factory):
    """A new installation without Customers, as after `safekeep init`. Only read by these tests."""
    with databases.new_database() as database:
        settings = databases.settings_for(tmp_path_factory.mktemp("app"), database)
        initialise(settings)
        app = create_app(settings)
        yield app
        with app.app_context():
            db.engine.dispose()
