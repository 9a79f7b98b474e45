"""Ciphertext is bound to its place: what is copied from another tenant, row or table opens nowhere. Promise: P14."""

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from tests import databases
from tests.house import said


@pytest.fixture
def tamper(house):
    """Runs SQL past every guard, as somebody with the database in their hands."""
    url = house.settings.database_url
    if databases.POSTGRESQL:
        url = databases.superuser_url(make_url(url).database)

    def run(sql, **parameters):
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            plain = {name: getattr(value, "hex", value) for name, value in parameters.items()}
            return connection.execute(text(sql), plain).rowcount

    return run


def _move(tamper, table, from_where, to_where, *, source="users", **ids):
    moved = tamper(
        f"UPDATE {table} SET sealed = (SELECT sealed FROM {source} WHERE {from_where} LIMIT 1) WHERE {to_where}", **ids
    )
    assert moved >= 1


def _shows_an_error_and_nothing_else(answer, *secrets):
    assert answer.status_code in (404, 409, 500), answer.status_code
    for secret in secrets:
        assert secret not in said(answer.text)
    for word in ("Traceback", "SELECT", "sealed", "console/"):
        assert word not in said(answer.text)


@pytest.mark.promise("P14")
@pytest.mark.parametrize("source", ["birch_admin", "other_member"])
def test_a_person_s_record_copied_into_another_row_is_unreadable(house, tamper, source):
    visitor = house.signed_in("admin")
    assert visitor.get(f"/users/{house['member'].id}").status_code == 200
    _move(tamper, "users", "id = :a", "id = :b", a=house[source].id, b=house["member"].id)
    secrets = (house[source].family_name + " ", house[source].email)
    _shows_an_error_and_nothing_else(visitor.get(f"/users/{house['member'].id}"), *secrets)
    _shows_an_error_and_nothing_else(visitor.get(f"/users/{house['member'].id}/edit"), *secrets)


def test_a_whole_row_with_its_tenant_changed_is_unreadable(house, tamper):
    visitor = house.signed_in("admin")
    ours, theirs = house["admin"].tenant_id, house["birch_invited"]
    for table in ("one_time_links", "credentials", "browsers", "sessions"):
        tamper(f"DELETE FROM {table} WHERE user_id = :u", u=theirs.id)
    assert tamper("UPDATE users SET tenant_id = :t WHERE id = :u", t=ours, u=theirs.id) == 1
    _shows_an_error_and_nothing_else(visitor.get(f"/users/{theirs.id}"), theirs.email, theirs.family_name)


@pytest.mark.parametrize("source", ["credentials", "audit_entries", "mail_messages", "one_time_links"])
def test_a_record_copied_from_another_table_of_the_same_tenant_is_unreadable(house, tamper, source):
    visitor = house.signed_in("admin")
    visitor.post("/me/e-mail", {"email": "new@acme.example"}, form="/me/e-mail")
    visitor.get("/me")  # the message about it is read
    _move(
        tamper, "users", "sealed IS NOT NULL AND tenant_id = :t", "id = :b",
        source=source, t=house["admin"].tenant_id, b=house["member"].id,
    )  # fmt: skip
    _shows_an_error_and_nothing_else(visitor.get(f"/users/{house['member'].id}"), "argon2", "salt", "new@acme")


@pytest.mark.parametrize("source", ["birch_admin", "member"])
def test_another_s_password_copied_over_does_not_open_the_account(house, tamper, source):
    _move(
        tamper, "credentials", "user_id = :a", "user_id = :b",
        source="credentials", a=house[source].id, b=house["owner"].id,
    )  # fmt: skip
    answer = house.visitor().sign_in(house["owner"].email)
    assert answer.status_code in (409, 422, 500)
    assert not any("session" in cookie for cookie in answer.headers.getlist("Set-Cookie"))
    assert "argon2" not in answer.text


def test_a_changed_audit_entry_is_not_shown_as_if_it_were_true(house, tamper):
    visitor = house.signed_in("admin")
    _move(
        tamper, "audit_entries", "tenant_id = :a", "tenant_id = :b",
        source="audit_entries", a=house["birch_admin"].tenant_id, b=house["admin"].tenant_id,
    )  # fmt: skip
    for path in (f"/users/{house['member'].id}", "/overview", "/audit"):
        text = said(visitor.get(path).text)
        assert "birch.example" not in text
        assert "Bea" not in text


def test_a_customer_s_name_copied_from_another_is_unreadable(house, tamper):
    visitor = house.signed_in("agent")
    tamper(
        "UPDATE tenants SET sealed_name = (SELECT sealed_name FROM tenants WHERE id = :a) WHERE id = :b",
        a=house["birch_admin"].tenant_id,
        b=house["admin"].tenant_id,
    )
    answer = visitor.get(f"/support/tenants/{house['admin'].tenant_id}")
    _shows_an_error_and_nothing_else(answer, "Birch & Sons", "Birch &amp; Sons")
