"""The list of users as a CSV file, and the way back."""

import csv
import io

import pytest

from console.audit.models import EntryFilter, entries
from console.audit.tags import Tag
from console.users.exports import EXPORT_COLUMNS
from console.users.lifecycle import delete
from tests.cast import BY
from tests.users.csv_uploads import apply, counts, csv_bytes, many, uploaded


def exported(visitor, query: str = ""):
    answer = visitor.get(f"/users/export.csv{query}")
    assert answer.status_code == 200
    return answer, list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_an_export_holds_everybody_with_all_fields_and_is_recognised_by_spreadsheets(house):
    answer, rows = exported(house.signed_in("admin"))
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=users-")
    assert tuple(rows[0]) == EXPORT_COLUMNS
    assert {row["email"] for row in rows} == {house[key].email for key in house.people if house[key].tenant == "acme"}
    mary = next(row for row in rows if row["email"] == house["other_member"].email)
    assert (mary["given_name"], mary["family_name"], mary["state"]) == ("Мария", "Иванова", "active")
    adam = next(row for row in rows if row["email"] == house["admin"].email)
    assert adam["last_sign_in_at"] > adam["created_at"] > "2020"


def test_an_export_follows_the_filters_and_the_order_of_the_list(house):
    admin = house.signed_in("admin")
    assert [row["email"] for row in exported(admin, "?state=invited")[1]] == [house["invited"].email]
    assert {row["role"] for row in exported(admin, "?role=auditor")[1]} == {"auditor"}
    assert [row["email"] for row in exported(admin, "?q=иванова")[1]] == [house["other_member"].email]
    emails = [row["email"] for row in exported(admin, "?sort=-email")[1]]
    assert emails == sorted(emails, reverse=True)


def test_an_export_is_recorded_with_its_number_and_filters(house):
    auditor = house.signed_in("auditor")
    exported(auditor, "?role=member")
    with house.inside(house["auditor"].tenant_id):
        entry = entries(EntryFilter(tags=(Tag.PEOPLE_EXPORTED,)), limit=1)[0]
        assert entry.actor_id == house["auditor"].id
        assert entry.details["facts"] == {"people": 4, "filters": "role=member"}


def test_asking_for_the_headers_alone_exports_nothing(house):
    answer = house.signed_in("auditor").client.head("/users/export.csv")
    assert (answer.status_code, answer.data) == (200, b"")
    with house.inside(house["auditor"].tenant_id):
        assert entries(EntryFilter(tags=(Tag.PEOPLE_EXPORTED,)), limit=1) == []


def test_auditors_may_export_and_the_others_as_their_roles_say(house):
    for key, status in (
        ("owner", 200),
        ("user_manager", 200),
        ("auditor", 200),
        ("security_manager", 403),
        ("member", 403),
    ):
        assert house.signed_in(key).get("/users/export.csv").status_code == status, key
    assert house.visitor().get("/users/export.csv").location.startswith("/sign-in")


@pytest.mark.parametrize("key", ["owner", "user_manager"])
def test_an_export_imported_again_changes_nothing(house, key):
    admin = house.signed_in("admin")
    odd = [
        '\'=1+1,+Neu,odd1@acme.example,member,+47 22 33 44 55,"@a, ""b""",Asia/Tokyo',
        "''-x,=cmd(),odd2@acme.example,,,'plain,",
    ]
    apply(house, admin, uploaded(admin, csv_bytes(*odd, *many(700))), invite=False)
    with house.inside(house["admin"].tenant_id):
        delete([house["suspended"].id], by=BY)
    visitor = house.signed_in(key)
    answer, rows = exported(visitor)
    assert len(rows) == 710
    page = uploaded(visitor, answer.data)
    assert counts(house, page) == {"added": 0, "changed": 0, "unchanged": 710, "refused": 0}
    assert "Not read: state, last_sign_in_at, created_at" in visitor.get(page).text


def test_formulas_in_an_export_are_neutralised(house):
    admin = house.signed_in("admin")
    apply(house, admin, uploaded(admin, csv_bytes("=cmd(),Neu,n@acme.example,member,+47 22334455,@title,UTC")))
    row = exported(admin, "?q=neu")[1][0]
    assert (row["given_name"], row["phone"], row["title"]) == ("'=cmd()", "'+47 22334455", "'@title")


def test_an_export_holds_nobody_of_another_customer(house):
    _answer, rows = exported(house.signed_in("birch_owner"))
    assert {row["email"].split("@")[1] for row in rows} == {"birch.example"}
