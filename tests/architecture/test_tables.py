"""Every table belongs to tenants, or is on the short list of those that do not; migrations make what models say."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from console.core.schema import alembic_config, grant_rights, owner_engine, upgrade
from console.registry import METADATA
from tests import databases

GLOBAL = {
    "budgets": "counted before a tenant is known; keyed hashes only",
    "installation": "one row",
    "jobs": "workers look for work of all tenants; ids and counts only",
    "lookups": "leads to the tenant; digests and ids only",
    "tenants": "the tenants themselves",
}
"""Tables that belong to no tenant, and why. Nothing in them may be somebody's data."""


def tables():
    return METADATA.sorted_tables


def tenant_tables():
    return [table for table in tables() if table.name not in GLOBAL]


def test_every_table_belongs_to_tenants_or_is_on_the_list():
    marked = {table.name for table in tables() if "global" in table.info}
    assert marked == set(GLOBAL), f"not in GLOBAL: {marked - set(GLOBAL)}; gone: {set(GLOBAL) - marked}"
    assert len(tenant_tables()) >= 10


def test_every_tenants_table_has_the_tenant_in_its_key():
    for table in tenant_tables():
        assert {column.name for column in table.primary_key} == {"tenant_id", "id"}, table.name
        assert not table.c.tenant_id.nullable, table.name


def test_references_between_tenants_tables_cannot_leave_the_tenant():
    owned = {table.name for table in tenant_tables()}
    for table in tenant_tables():
        for key in table.foreign_key_constraints:
            pairs = {element.parent.name: element.column.name for element in key.elements}
            if key.referred_table.name in owned:
                assert pairs.get("tenant_id") == "tenant_id", f"{table.name}: {key.name}"
                assert len(pairs) == 2, f"{table.name}: {key.name}"
    assert any(table.foreign_key_constraints for table in tenant_tables())


def test_no_global_table_refers_to_a_tenants_table():
    owned = {table.name for table in tenant_tables()}
    for name in GLOBAL:
        referred = {key.referred_table.name for key in METADATA.tables[name].foreign_key_constraints}
        assert not referred & owned, name


def test_what_is_unique_within_a_tenant_says_so():
    """A unique constraint across tenants would tell one tenant what another has."""
    from sqlalchemy import UniqueConstraint

    for table in tenant_tables():
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint):
                assert "tenant_id" in constraint.columns, f"{table.name}: {constraint.name}"
        for index in table.indexes:
            assert not index.unique or "tenant_id" in index.columns, f"{table.name}: {index.name}"


def test_every_class_of_a_tenants_table_is_guarded():
    from console.core.db import Base
    from console.core.isolation import TenantRow

    for mapper in Base.registry.mappers:
        owned = mapper.local_table.name not in GLOBAL
        assert issubclass(mapper.class_, TenantRow) is owned, mapper.class_


def test_every_moment_has_a_time_zone_and_every_table_of_the_models_is_registered():
    from sqlalchemy import DateTime

    from console.core.db import Base, UtcDateTime

    assert METADATA is Base.metadata
    for table in tables():
        for column in table.columns:
            assert not isinstance(column.type, DateTime), f"{table.name}.{column.name}"
            if column.name.endswith("_at"):
                assert isinstance(column.type, UtcDateTime), f"{table.name}.{column.name}"


@pytest.fixture
def migrated(empty_house):
    """(settings, connection of the tables' owner, the alembic configuration on it)."""
    empty_house.instance.mkdir(parents=True, exist_ok=True)
    engine = owner_engine(empty_house)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        yield empty_house, connection, config
    engine.dispose()


def differences(connection):
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return compare_metadata(context, METADATA)


def test_migrations_up_down_and_up_again_make_what_the_models_say(migrated):
    _settings, connection, config = migrated
    command.upgrade(config, "head")
    assert differences(connection) == []
    command.downgrade(config, "base")
    assert inspect(connection).get_table_names() == ["alembic_version"]
    if databases.POSTGRESQL:
        kinds = "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public'"
        left = set(connection.execute(text(kinds)).scalars())
        assert left <= {"alembic_version", "alembic_version_pkc"}
        assert not list(connection.execute(text("SELECT polname FROM pg_policy")))
    command.upgrade(config, "head")
    assert differences(connection) == []
    assert {table.name for table in tables()} <= set(inspect(connection).get_table_names())


def test_in_the_database_the_tenant_comes_first_in_every_key(migrated):
    """So that the rows of one tenant lie together, and the key serves every question about one tenant."""
    _settings, connection, config = migrated
    command.upgrade(config, "head")
    for table in tenant_tables():
        key = inspect(connection).get_pk_constraint(table.name)
        assert key["constrained_columns"] == ["tenant_id", "id"], table.name


def test_every_single_step_down_and_up_makes_the_same(migrated):
    from alembic.script import ScriptDirectory

    _settings, connection, config = migrated
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    for revision in revisions:
        command.upgrade(config, revision)
        before = shape(connection)
        command.downgrade(config, "-1")
        command.upgrade(config, revision)
        assert shape(connection) == before, revision
    assert differences(connection) == []


def shape(connection):
    """Tables, columns, keys and indexes as the database reports them."""
    seen = inspect(connection)
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(name)],
            seen.get_pk_constraint(name),
            sorted(map(str, seen.get_foreign_keys(name))),
            sorted(map(in_words, seen.get_indexes(name))),
            sorted(map(str, seen.get_unique_constraints(name))),
            sorted(map(str, seen.get_check_constraints(name))),
        )
        for name in seen.get_table_names()
    }


def in_words(index):
    """An index as text; the condition of a partial one is an object without words of its own."""
    return str({**index, "dialect_options": {key: str(value) for key, value in index["dialect_options"].items()}})


def test_there_is_one_line_of_migrations():
    from alembic.script import ScriptDirectory

    assert len(ScriptDirectory.from_config(alembic_config()).get_heads()) == 1


def test_control_a_column_that_no_migration_makes_is_noticed(migrated):
    _settings, connection, config = migrated
    command.upgrade(config, "head")
    connection.execute(text("ALTER TABLE users ADD COLUMN planted INTEGER"))
    assert len(differences(connection)) == 1


@pytest.mark.skipif(not databases.POSTGRESQL, reason="row-level security is PostgreSQL's")
class TestRowSecurity:
    """The second fence, as the database itself reports it."""

    def test_it_is_forced_on_every_tenants_table_and_on_no_other(self, migrated):
        _settings, connection, config = migrated
        command.upgrade(config, "head")
        query = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relrowsecurity AND relforcerowsecurity"
        assert set(connection.execute(text(query)).scalars()) == {table.name for table in tenant_tables()}

    def test_every_policy_compares_the_tenant_for_reading_and_for_writing(self, migrated):
        _settings, connection, config = migrated
        command.upgrade(config, "head")
        query = "SELECT tablename, cmd, permissive, qual, with_check FROM pg_policies WHERE schemaname = 'public'"
        policies = {row.tablename: row for row in connection.execute(text(query))}
        assert set(policies) == {table.name for table in tenant_tables()}
        assert {(row.cmd, row.permissive) for row in policies.values()} == {("ALL", "PERMISSIVE")}
        assert len({(row.qual, row.with_check) for row in policies.values()}) == 1
        assert all("safekeep.tenant" in row.qual and row.qual == row.with_check for row in policies.values())

    def test_the_application_may_add_to_the_record_but_not_change_it(self, empty_house):
        empty_house.instance.mkdir(parents=True, exist_ok=True)
        upgrade(empty_house)
        engine = owner_engine(empty_house)
        with engine.connect() as connection:
            rights = connection.execute(
                text(
                    "SELECT table_name, string_agg(privilege_type, ',' ORDER BY privilege_type) AS rights"
                    " FROM information_schema.role_table_grants WHERE grantee = 'safekeep_app' GROUP BY table_name"
                )
            )
            found = {row.table_name: row.rights for row in rights}
        engine.dispose()
        assert found.pop("alembic_version") == "SELECT"
        assert found.pop("audit_entries") == "INSERT,SELECT"
        assert set(found) == {table.name for table in tables()} - {"audit_entries"}
        assert set(found.values()) == {"DELETE,INSERT,SELECT,UPDATE"}

    def test_an_upgrade_takes_back_rights_that_somebody_gave(self, empty_house):
        empty_house.instance.mkdir(parents=True, exist_ok=True)
        upgrade(empty_house)
        engine = owner_engine(empty_house)
        with engine.begin() as connection:
            connection.execute(text("GRANT UPDATE, DELETE, TRUNCATE ON audit_entries TO safekeep_app"))
            grant_rights(connection, "safekeep_app")
            query = "SELECT has_table_privilege('safekeep_app', 'audit_entries', :right)"
            for right in ("UPDATE", "DELETE", "TRUNCATE"):
                assert connection.execute(text(query), {"right": right}).scalar_one() is False
        engine.dispose()
