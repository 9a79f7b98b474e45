"""The database of one test: a copy of the cast's, on SQLite or on the PostgreSQL that the gate brought up."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from console.core.ids import new_id
from console.core.settings import Settings, load_settings

POSTGRESQL = os.environ.get("SAFEKEEP_TEST_DATABASE") == "postgresql"
CHEAP_ARGON2 = {"argon2_memory_kib": "64", "argon2_passes": "1"}
"""Hashing as a deployment does would take most of the tests' time; one test uses the real parameters."""


def settings_for(instance: Path, database: str | None = None, **overrides: str) -> Settings:
    """Settings of a test installation in that folder."""
    chosen = {
        "instance": str(instance),
        "profile": "demo",
        "base_url": "http://localhost:8080",
        "mail_url": f"file:{instance}/mail",
        "anonymous_requests": "10000 per minute",
        **CHEAP_ARGON2,
    }
    if database:
        chosen["database_url"] = _url("SAFEKEEP_TEST_APP_URL", database)
        chosen["database_owner_url"] = _url("SAFEKEEP_TEST_OWNER_URL", database)
    return load_settings({}, **{**chosen, **overrides})


def _url(variable: str, database: str) -> str:
    return make_url(os.environ[variable]).set(database=database).render_as_string(hide_password=False)


def superuser_url(database: str) -> str:
    """The address of the database's superuser, for planting faults."""
    return _url("SAFEKEEP_TEST_SUPERUSER_URL", database)


@contextmanager
def new_database(template: str | None = None):
    """The name of a database of its own on PostgreSQL, perhaps a copy; None on SQLite. Dropped at the end."""
    if not POSTGRESQL:
        yield None
        return
    name = f"t_{new_id().hex}"
    _run(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else ""))
    try:
        yield name
    finally:
        # As superuser: PostgreSQL's own vacuum may be at work in it, and only a superuser may end that.
        _run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', "SAFEKEEP_TEST_SUPERUSER_URL")


def _run(sql: str, role: str = "SAFEKEEP_TEST_OWNER_URL") -> None:
    engine = create_engine(os.environ[role], isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(sql))


def copy_instance(source: Path, target: Path) -> None:
    """The folder of an installation, copied: keys, key store, and on SQLite the database."""
    shutil.copytree(source, target, dirs_exist_ok=True)
