"""Writing to the record: under concurrency, when it fails, and what must never get into it."""

import threading
from uuid import UUID

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from console.audit.actions import record
from console.audit.models import AuditEntry, AuditHead, EntryFilter, entries
from console.audit.tags import Tag
from console.core.db import db
from console.core.ids import new_id
from console.users.models import user
from tests.audit.tools import BY, check, raw
from tests.databases import POSTGRESQL

WRITERS, EACH = 6, 15


def write_together(house, tenant_id, writers=WRITERS, each=EACH):
    barrier, problems = threading.Barrier(writers), []

    def write():
        barrier.wait()
        for _ in range(each):
            try:
                with house.inside(tenant_id):
                    record(Tag.USER_CHANGED, by=BY)
            except Exception as problem:  # noqa: BLE001 (any of them fails the test)
                problems.append(problem)

    threads = [threading.Thread(target=write) for _ in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


def test_concurrent_writers_never_fork_the_chain(house):
    tenant_id = house["admin"].tenant_id
    before = check(house, tenant_id).checked
    assert write_together(house, tenant_id) == []
    verdict = check(house, tenant_id)
    assert (verdict.sound, verdict.checked) == (True, before + WRITERS * EACH)


def test_concurrent_first_writers_make_one_chain(house):
    tenant_id = new_id()
    house.app.extensions["safekeep.keyring"].create_tenant_key(tenant_id)
    assert write_together(house, tenant_id, each=2) == []
    verdict = check(house, tenant_id)
    assert (verdict.sound, verdict.checked) == (True, 2 * WRITERS)
    with house.inside(tenant_id, write=False):
        assert len(db.session.execute(select(AuditHead)).scalars().all()) == 1


def test_a_record_can_be_checked_while_entries_are_added(house, monkeypatch):
    from console.audit import verify as checks

    monkeypatch.setattr(checks, "BATCH", 7)  # many reads, so that entries come in between them
    tenant_id = house["admin"].tenant_id
    done = threading.Event()

    def write():
        while not done.is_set():
            with house.inside(tenant_id):
                record(Tag.USER_CHANGED, by=BY)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        verdicts = [check(house, tenant_id) for _ in range(15)]
    finally:
        done.set()
        writer.join()
    assert [verdict.problem for verdict in verdicts] == [None] * 15


def refuse_entries(run):
    if POSTGRESQL:
        run("CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$ LANGUAGE plpgsql")
        run("CREATE TRIGGER refuse BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse()")
    else:
        run("CREATE TRIGGER refuse BEFORE INSERT ON audit_entries BEGIN SELECT RAISE(ABORT, 'disk full'); END")


def test_what_cannot_be_recorded_is_not_done(house):
    admin, member = house.signed_in("admin"), house["member"]
    token = admin.token("/me")
    with raw(house) as run:
        refuse_entries(run)
    answer = admin.client.post(f"/users/{member.id}/suspend", data={"csrf_token": token})
    assert answer.status_code >= 500
    assert admin.get("/audit/export?format=csv").status_code >= 500
    assert admin.client.post("/audit/checkpoint", data={"csrf_token": token}).status_code >= 500
    with house.inside(member.tenant_id, write=False):
        assert user(member.id).state == "active"
    assert admin.get("/audit").status_code == 200


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite has no roles")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET tag = 'x'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "DROP TABLE audit_entries",
        "ALTER TABLE audit_entries DISABLE ROW LEVEL SECURITY",
    ],
)
def test_the_applications_database_role_can_only_add_and_read_entries(house, statement):
    engine = create_engine(house.settings.database_url, poolclass=NullPool)
    tenant_id = str(house["admin"].tenant_id)
    with engine.connect() as connection:
        connection.execute(text("SELECT set_config('safekeep.tenant', :t, true)"), {"t": tenant_id})
        assert connection.execute(text("SELECT count(*) FROM audit_entries")).scalar_one() > 0
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
            connection.execute(text(statement))


@pytest.mark.skipif(not POSTGRESQL, reason="SQLite has no roles")
def test_the_applications_database_role_has_no_right_on_entries_but_to_select_and_insert(house):
    engine = create_engine(house.settings.database_url, poolclass=NullPool)
    rights = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    with engine.connect() as connection:
        held = [
            right
            for right in rights
            if connection.execute(
                text("SELECT has_table_privilege('audit_entries', :right)"), {"right": right}
            ).scalar_one()
        ]
    assert held == ["SELECT", "INSERT"]


def test_what_somebody_typed_as_name_or_password_is_kept_nowhere(house, caplog):
    name, password = "Tr0ub4dor-typed-as-name", "Correct-horse-typed-as-password"
    visitor = house.visitor()
    assert visitor.sign_in(name, password).status_code == 422
    assert visitor.sign_in(house["member"].email, password).status_code == 422
    for _ in range(12):
        visitor.sign_in(f"{name}@acme.example", password)
    for tenant_id in (house["member"].tenant_id, UUID(int=0)):
        with house.inside(tenant_id, write=False):
            found = entries(EntryFilter(tags=(Tag.SIGN_IN_REFUSED,)), limit=200)
            assert found
            details = str([entry.details for entry in found])
        assert name not in details
        assert password not in details
    for path in house.settings.instance.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert name.encode() not in content, path
        assert password.encode() not in content, path
    if POSTGRESQL:
        with raw(house) as run:
            tables = run("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'").scalars()
            for table in tables.all():
                assert not run(f"SELECT 1 FROM {table} row WHERE row::text LIKE '%typed-as-%' LIMIT 1").all(), table
    assert "typed-as-" not in caplog.text


def test_details_are_sealed_in_the_database(house):
    with house.inside(house["admin"].tenant_id):
        record(Tag.USER_CHANGED, by=BY, reason="Plain-to-see", changes={"title": ("Old-in-clear", "New-in-clear")})
        row = db.session.execute(select(AuditEntry).order_by(AuditEntry.number.desc()).limit(1)).scalar_one()
        stored = b"".join(str(getattr(row, column.key)).encode() for column in AuditEntry.__mapper__.column_attrs)
        sealed = row.sealed
    for secret in (b"Plain-to-see", b"Old-in-clear", b"New-in-clear"):
        assert secret not in stored
        assert secret not in sealed
