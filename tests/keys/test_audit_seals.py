"""The audit record can be sealed anew under a newer key, and on PostgreSQL nothing else can be done to it."""

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from console.core.database_role import check_role
from console.core.errors import Misconfigured
from console.core.isolation import TENANT_SETTING
from tests import databases
from tests.audit.tools import raw

pytestmark = pytest.mark.skipif(not databases.POSTGRESQL, reason="rights of a role are PostgreSQL's")
ANEW = r"substr(sealed, 1, 1) || '\x00000002'::bytea || substr(sealed, 6)"


@pytest.fixture
def as_application(house):
    """Runs SQL text as the application's role, bound to Acme."""
    engine = create_engine(house.settings.database_url, poolclass=NullPool)

    def run(sql):
        with engine.begin() as connection:
            tenant = str(house["owner"].tenant_id)
            connection.execute(
                text("SELECT set_config(:name, :tenant, true)"), {"name": TENANT_SETTING, "tenant": tenant}
            )
            return connection.execute(text(sql)).rowcount

    return run


def test_a_newer_version_of_the_same_length_is_let_through(as_application):
    assert as_application(f"UPDATE audit_entries SET sealed = {ANEW} WHERE number = 1") == 1


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("the same version", "sealed"),
        ("an older version", r"substr(sealed, 1, 1) || '\x00000000'::bytea || substr(sealed, 6)"),
        ("another length", f"{ANEW} || '\\x00'::bytea"),
        ("another format", r"'\x02'::bytea || '\x00000002'::bytea || substr(sealed, 6)"),
        ("nothing at all", r"'\x'::bytea"),
    ],
)
def test_anything_else_in_its_place_is_refused(as_application, what, value):
    with pytest.raises(DatabaseError, match="only be sealed anew"):
        as_application(f"UPDATE audit_entries SET sealed = {value} WHERE number = 1")


@pytest.mark.parametrize("change", ["tag = 'x'", "hash = hash", "details_hash = hash", f"sealed = {ANEW}, number = 7"])
def test_no_other_column_can_be_written(as_application, change):
    with pytest.raises(DatabaseError, match="permission denied"):
        as_application(f"UPDATE audit_entries SET {change} WHERE number = 1")


def test_entries_cannot_be_deleted(as_application):
    with pytest.raises(DatabaseError, match="permission denied"):
        as_application("DELETE FROM audit_entries WHERE number = 1")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("GRANT UPDATE (tag) ON audit_entries TO safekeep_app", "audit_entries.tag: UPDATE"),
        ("ALTER TABLE audit_entries DISABLE TRIGGER only_sealed_anew", "only_sealed_anew is missing or disabled"),
        ("DROP TRIGGER only_sealed_anew ON audit_entries", "only_sealed_anew is missing or disabled"),
    ],
)
def test_control_the_application_does_not_start_where_more_is_possible(house, fault, words):
    engine = create_engine(house.settings.database_url, poolclass=NullPool)
    with engine.connect() as connection:
        check_role(connection)
    with raw(house) as run:
        run(fault)
    with engine.connect() as connection, pytest.raises(Misconfigured, match=words):
        check_role(connection)
