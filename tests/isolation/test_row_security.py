"""PostgreSQL's own wall around the product's tables: forced on each, bound to the transaction, out of the role's reach.

Promise: P14.
"""

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from console.app import create_app
from console.core.db import Base, db, unit_of_work
from console.core.errors import Misconfigured
from console.core.isolation import TENANT_SETTING
from console.users.models import User
from tests import databases

pytestmark = pytest.mark.skipif(not databases.POSTGRESQL, reason="row-level security is PostgreSQL's")
TENANT_TABLES = sorted(table.name for table in Base.metadata.sorted_tables if "global" not in table.info)


def _connect(url, *, commit=False):
    engine = create_engine(url, poolclass=NullPool)
    return engine.begin() if commit else engine.connect()


@pytest.fixture
def application(house):
    """A connection of the application's role, past every guard of ours."""
    with _connect(house.settings.database_url) as connection:
        yield connection


@pytest.fixture
def superuser(house):
    """Runs a statement as the database's superuser."""

    def run(*statements):
        with _connect(
            databases.superuser_url(make_url(house.settings.database_url).database), commit=True
        ) as connection:
            for statement in statements:
                connection.execute(text(statement))

    return run


def _role(house):
    return make_url(house.settings.database_url).username


def _set(connection, tenant_id, *, local):
    connection.execute(text("SELECT set_config(:n, :v, :l)"), {"n": TENANT_SETTING, "v": str(tenant_id), "l": local})


def _count(connection, table="users"):
    return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


@pytest.mark.promise("P14")
@pytest.mark.parametrize("table", TENANT_TABLES)
def test_without_a_tenant_a_table_is_empty_and_takes_no_row(application, table):
    assert _count(application, table) == 0
    with pytest.raises(ProgrammingError, match=r"row-level security|permission denied|null value"):
        application.execute(text(f"INSERT INTO {table} (tenant_id, id) VALUES (gen_random_uuid(), gen_random_uuid())"))


@pytest.mark.parametrize("table", TENANT_TABLES)
def test_security_is_enabled_and_forced_with_one_policy_for_all_commands(application, table):
    row = application.execute(
        text(
            "SELECT c.relrowsecurity, c.relforcerowsecurity, p.cmd, p.permissive, p.roles::text, p.qual, p.with_check"
            " FROM pg_class c JOIN pg_policies p ON p.tablename = c.relname WHERE c.relname = :name"
        ),
        {"name": table},
    ).one()
    assert row[:5] == (True, True, "ALL", "PERMISSIVE", "{public}")
    assert row.qual == row.with_check
    assert TENANT_SETTING in row.qual


def test_a_tenant_sees_its_own_rows_and_cannot_write_another_s(house, application):
    ours, theirs = house["admin"].tenant_id, house["birch_admin"].tenant_id
    _set(application, ours, local=True)
    assert {row[0] for row in application.execute(text("SELECT tenant_id FROM users"))} == {ours}
    changed = application.execute(text("UPDATE users SET version = 9 WHERE tenant_id = :t"), {"t": theirs})
    assert changed.rowcount == 0
    with pytest.raises(ProgrammingError, match=r"row-level security"):
        application.execute(text("UPDATE users SET tenant_id = :t"), {"t": theirs})


def test_the_owner_of_the_tables_is_bound_as_well(house):
    with _connect(house.settings.database_owner_url) as owner:
        assert _count(owner) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE users",
        "TRUNCATE audit_entries",
        "CREATE TABLE extra (id int)",
        "CREATE VIEW all_users AS SELECT * FROM users",
        "CREATE INDEX extra ON users (role)",
        "CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM users'",
        "CREATE SCHEMA extra",
        "ALTER TABLE users DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE users NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY own_tenant ON users",
        "CREATE POLICY everybody ON users USING (true)",
        "DROP TABLE users",
        "CREATE TRIGGER t BEFORE UPDATE ON users EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "SET SESSION AUTHORIZATION postgres",
        "SET session_replication_role = replica",
        "UPDATE audit_entries SET tag = 'x'",
        "DELETE FROM audit_entries",
        "UPDATE alembic_version SET version_num = 'x'",
        "COPY users TO PROGRAM 'cat'",
    ],
)
def test_the_application_s_role_cannot(application, statement):
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner|must be superuser|not a superuser"):
        application.execute(text(statement))


def test_there_is_no_view_and_no_function_of_ours_that_could_go_round_it(application):
    views = text("SELECT count(*) FROM pg_views WHERE schemaname = 'public'")
    functions = text("SELECT proname, prosecdef FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
    found = [tuple(row) for row in application.execute(functions)]
    assert application.execute(views).scalar_one() == 0
    assert found == [("safekeep_only_sealed_anew", False)], "a trigger that only refuses, with its caller's own rights"


def test_the_setting_ends_with_the_transaction_so_no_pool_carries_it_on(house):
    with house.app.app_context():
        with unit_of_work(house["admin"].tenant_id):
            assert db.session.query(User).count() == 9
            raw = db.session.connection().connection.dbapi_connection
        assert raw.execute("SELECT current_setting(%s, true)", [TENANT_SETTING]).fetchone()[0] in (None, "")
        assert raw.execute("SELECT count(*) FROM users").fetchone()[0] == 0
        raw.rollback()


def test_a_setting_for_the_whole_session_would_have_leaked(house, application):
    _set(application, house["admin"].tenant_id, local=False)
    application.commit()
    assert _count(application) > 0, "the control run must see what the rule forbids"


def test_a_rolled_back_unit_leaves_nothing_behind(house):
    with house.app.app_context():
        with pytest.raises(ZeroDivisionError), unit_of_work(house["admin"].tenant_id):
            raise ZeroDivisionError(db.session.query(User).count())
        with unit_of_work(house["birch_admin"].tenant_id):
            assert db.session.query(User).count() == 4


FAULTS = {
    "superuser": ("ALTER ROLE {role} SUPERUSER", "ALTER ROLE {role} NOSUPERUSER", "may bypass"),
    "BYPASSRLS": ("ALTER ROLE {role} BYPASSRLS", "ALTER ROLE {role} NOBYPASSRLS", "may bypass"),
    "an owner of a table": ("ALTER TABLE users OWNER TO {role}", None, "owns tables"),
    "a member of the owner": ("GRANT {owner} TO {role}", "REVOKE {owner} FROM {role}", "owns tables"),
    "a member of a bypassing role": (
        "CREATE ROLE {other} BYPASSRLS; GRANT {other} TO {role}",
        "DROP ROLE {other}",
        "may bypass",
    ),
    "missing FORCE": ("ALTER TABLE users NO FORCE ROW LEVEL SECURITY", None, "not forced on: users"),
    "security switched off": ("ALTER TABLE sessions DISABLE ROW LEVEL SECURITY", None, "not forced on: sessions"),
    "a second, open policy": ("CREATE POLICY open_door ON users USING (true)", None, "users"),
    "a policy that was replaced": (
        "DROP POLICY own_tenant ON users; CREATE POLICY own_tenant ON users USING (true)",
        None,
        "users",
    ),
    "TRUNCATE": ("GRANT TRUNCATE ON users TO {role}", None, "TRUNCATE"),
    "a changeable audit record": ("GRANT UPDATE, DELETE ON audit_entries TO {role}", None, "audit_entries"),
    "a view with its owner's eyes": (
        "CREATE VIEW peek AS SELECT * FROM users; GRANT SELECT ON peek TO {role}",
        None,
        "view",
    ),
    "the right to create tables": ("GRANT CREATE ON SCHEMA public TO {role}", None, "CREATE"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_application_does_not_start_with(house, fault, own_role):
    plant, undo, words = FAULTS[fault]
    settings, run, names = own_role
    try:
        for statement in plant.format(**names).split("; "):
            run(statement)
        with pytest.raises(Misconfigured, match=words):
            create_app(settings)
    finally:
        for statement in (undo or "").format(**names).split("; ") if undo else ():
            run(statement)


def test_the_application_starts_with_a_role_that_has_its_rights_and_no_more(own_role):
    app = create_app(own_role[0])
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def own_role(house, superuser):
    """Settings with a role of this test's own, so that faults reach no other test; and names for statements."""
    from dataclasses import replace

    from console.core.ids import new_id
    from console.core.schema import upgrade

    url = make_url(house.settings.database_url)
    role = f"r_{new_id().hex}"
    owner = make_url(house.settings.database_owner_url).username
    superuser(f"CREATE ROLE {role} LOGIN PASSWORD 'only-for-this-test'")
    mine = url.set(username=role, password="only-for-this-test").render_as_string(hide_password=False)
    settings = replace(house.settings, database_url=mine)
    upgrade(settings)
    yield settings, superuser, {"role": role, "owner": owner, "other": f"{role}_other"}
    superuser(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'",
        f"REASSIGN OWNED BY {role} TO {owner}",
        f"DROP OWNED BY {role}",
        f"DROP ROLE {role}",
    )
