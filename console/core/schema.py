"""Bring the database to the newest schema, and give the application's role its rights, and no more."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from console.core.db import Base
from console.core.errors import Misconfigured
from console.core.settings import Settings

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
APPEND_ONLY = ("audit_entries",)
"""Tables whose rows the application may add and read; of what is in them, only seals can be made anew."""
RESEALED = {"audit_entries": "sealed"}
"""The one column of theirs that a replacement of keys seals anew. A trigger holds the application to just that: the
same length under a higher key version, nothing else in the row (migration 0050)."""


def alembic_config() -> Config:
    """Alembic, pointed at the migrations that ship with the product."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def owner_engine(settings: Settings) -> Engine:
    """An engine that may change the schema. **Raises:** Misconfigured on PostgreSQL without an owner's address."""
    url = settings.database_url
    if url.startswith("postgresql"):
        if not settings.database_owner_url:
            raise Misconfigured(
                "SAFEKEEP_DATABASE_OWNER_URL is missing. On PostgreSQL migrations run as the owner of the tables, and"
                " the application as another role that owns nothing."
            )
        url = settings.database_owner_url
    return create_engine(url, poolclass=NullPool)


def upgrade(settings: Settings) -> None:
    """The schema is the newest one, and the application's role has the rights it needs, and no more."""
    engine = owner_engine(settings)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if engine.dialect.name == "postgresql":
            grant_rights(connection, str(make_url(settings.database_url).username))


def grant_rights(connection: Connection, role: str) -> None:
    """`role` can read and write rows, and add to the audit record; no TRUNCATE, no DDL, no ownership."""
    quoted = '"' + role.replace('"', '""') + '"'
    connection.execute(text("REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
    connection.execute(text(f"REVOKE ALL ON SCHEMA public FROM {quoted}"))
    connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {quoted}"))
    for table in Base.metadata.sorted_tables:
        rights = "SELECT, INSERT" if table.name in APPEND_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        connection.execute(text(f"REVOKE ALL ON {table.name} FROM {quoted}"))
        connection.execute(text(f"GRANT {rights} ON {table.name} TO {quoted}"))
        if column := RESEALED.get(table.name):
            connection.execute(text(f"GRANT UPDATE ({column}) ON {table.name} TO {quoted}"))
    connection.execute(text(f"GRANT SELECT ON alembic_version TO {quoted}"))


@cache
def newest_revision() -> str | None:
    """The revision that this code expects; read once, as a process runs one version of the code."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def check_revision(connection: Connection) -> None:
    """Nothing happens if the schema is the one this code expects. **Raises:** Misconfigured."""
    found = MigrationContext.configure(connection).get_current_revision()
    expected = newest_revision()
    if found != expected:
        state = "empty" if found is None else f"at revision {found}"
        raise Misconfigured(f"The database is {state}; this version needs {expected}. Run `safekeep init`.")
