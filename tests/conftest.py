"""Fixtures that all tests share. Nothing of the product is replaced: databases, files and forms are real."""

import socket

import pytest

from console.app import bare_app, create_app
from console.core.db import db
from console.install import initialise
from tests import alike, cast, databases, quick_choice, second_database
from tests.house import House

alike.work_out_once()


def pytest_addoption(parser):
    parser.addoption("--first-cases", action="store_true", help="the choice of tests that `--quick` runs")


def pytest_collection_modifyitems(config, items):
    """On PostgreSQL, what uses no database does not run a second time."""
    if config.getoption("--first-cases"):
        quick_choice.skip_the_others(items)
    if databases.POSTGRESQL:
        second_database.skip_the_others(items)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch):
    """A test that talks to another machine fails."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"a test tried to reach {address[0]}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    """The cast's installation, built once: (folder, database name, people)."""
    folder = tmp_path_factory.mktemp("stage")
    with databases.new_database() as database:
        settings = databases.settings_for(folder, database)
        keyring, _new = initialise(settings)
        app = bare_app(settings, keyring)
        with app.app_context():
            people = cast.build()
            db.engine.dispose()
        alike.leave_standing()
        yield folder, database, people


@pytest.fixture
def house(stage, tmp_path):
    """A fresh installation with the cast in it."""
    folder, template, people = stage
    databases.copy_instance(folder, tmp_path / "instance")
    with databases.new_database(template) as database:
        settings = databases.settings_for(tmp_path / "instance", database)
        app = create_app(settings)
        yield House(app, settings, dict(people))
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def empty_house(tmp_path):
    """Settings of an installation that does not exist yet."""
    with databases.new_database() as database:
        yield databases.settings_for(tmp_path / "instance", database)
