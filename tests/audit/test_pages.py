"""The audit pages through the front door: what they say, to whom, and how they page and filter."""

import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import event

from console.audit.actions import record
from console.audit.models import EntryFilter, entries
from console.audit.tags import Tag
from console.core.db import db
from console.users.models import user
from tests.audit.tools import BY, fill, key, raw
from tests.house import said

LINK = re.compile(r'href="(/audit/[0-9a-f]{8}-[0-9a-f-]{27})"')
CHROME = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0 Safari/537.36"


def newest(house, tenant_id, tag):
    with house.inside(tenant_id, write=False):
        found = entries(EntryFilter(tags=(tag,)), limit=1)[0]
        db.session.expunge(found)
        return found


def rows(page):
    """The links of the list's rows, in order."""
    return list(dict.fromkeys(LINK.findall(page.text)))


@pytest.fixture
def auditor(house):
    return house.signed_in("auditor")


def test_each_act_is_recorded_with_who_what_when_address_browser_and_reference(house):
    before = datetime.now(UTC)
    admin = house.signed_in("admin", address="203.0.113.44", browser=CHROME)
    member = house["member"]
    admin.post(f"/users/{member.id}/suspend", {"reason": "Left for Łódź"}, form=f"/users/{member.id}/suspend")
    admin.post(f"/users/{member.id}/reinstate", form=f"/users/{member.id}/reinstate")
    admin.post(f"/users/{member.id}/delete", form=f"/users/{member.id}/delete")
    expected = (
        (Tag.SESSION_STARTED, house["admin"].id, None),
        (Tag.USER_SUSPENDED, member.id, "Left for Łódź"),
        (Tag.USER_REINSTATED, member.id, None),
        (Tag.USER_DELETED, member.id, None),
    )
    for tag, subject_id, reason in expected:
        entry = newest(house, member.tenant_id, tag)
        details = entry.details
        assert (entry.actor_kind, entry.actor_id, entry.subject_id) == ("person", house["admin"].id, subject_id), tag
        assert (details["actor"], details["role"]) == ("Adam Admin", "administrator")
        assert (details["address"], details["browser"]) == ("203.0.113.44", "Chrome 141 on Windows")
        assert details.get("reason") == reason
        assert re.fullmatch("[A-Z2-7]{8}", entry.reference)
        assert before <= entry.at <= datetime.now(UTC)


def test_an_edit_is_shown_with_old_and_new_values_and_as_written(house):
    admin = house.signed_in("admin")
    member = house["member"]
    page = f"/users/{member.id}/edit"
    version = re.search(r'name="version"[^>]*value="(\d+)"', admin.get(page).text).group(1)
    fields = {
        "given_name": "Mika", "family_name": "<b>Neu</b>", "email": member.email, "title": "", "phone": "+49 30 1234567",
        "role": "member", "time_zone": "UTC", "version": version,
    }  # fmt: skip
    assert admin.post(page, fields, form=page).status_code == 303
    entry = newest(house, member.tenant_id, Tag.USER_CHANGED)
    text = house.signed_in("auditor").get(f"/audit/{entry.id}").text
    for expected in (
        "Adam Admin", "Administrator at the time", "<del>Member</del>", "<ins>&lt;b&gt;Neu&lt;/b&gt;</ins>", "198.51.100.7",
        "Firefox 140 on Linux", entry.reference, entry.hash.hex(), entry.previous_hash.hex(), "As it was written",
        f"{entry.at:%Y-%m-%d %H:%M:%S}", f'href="/users/{member.id}"', 'rel="prev"', 'rel="next"',
    ):  # fmt: skip
        assert expected in text, expected


def test_an_entry_that_was_tampered_with_says_so_and_hides_no_other(house, auditor):
    tenant_id = house["admin"].tenant_id
    last = fill(house, tenant_id, 3)
    with raw(house) as run:
        run("UPDATE audit_entries SET sealed = :v WHERE tenant_id = :t AND number = :n",
            v=b"x" * 90, t=key(tenant_id), n=last)  # fmt: skip
    listed = auditor.get("/audit")
    assert (listed.status_code, listed.text.count("Was tampered with")) == (200, 1)
    with house.inside(tenant_id, write=False):
        bad = entries(EntryFilter(), before=last + 1, limit=1)[0].id
    page = auditor.get(f"/audit/{bad}")
    assert (page.status_code, "is not as it was written" in page.text, "Not sound" in page.text) == (200, True, True)
    for address in ("/audit/export?format=csv", "/audit/export?format=jsonl"):
        assert auditor.get(address).status_code == 200
    checked = auditor.post("/audit/check").text
    assert "The record is not sound" in checked
    assert f"entry {last}" in checked


@pytest.mark.parametrize("role", ["owner", "admin", "security_manager", "auditor"])
def test_roles_that_may_read_the_record_can(house, role):
    visitor = house.signed_in(role)
    for page in ("/audit", "/audit/sign-ins", "/audit/export", rows(visitor.get("/audit"))[0]):
        assert visitor.get(page).status_code == 200, page


@pytest.mark.parametrize("role", ["member", "user_manager", "agent"])
def test_other_roles_get_403_on_every_audit_page_and_that_is_recorded(house, role):
    visitor = house.signed_in(role)
    pages = ("/audit", "/audit/sign-ins", "/audit/export", "/audit/export?format=csv", f"/audit/{uuid4()}")
    for page in pages:
        assert visitor.get(page).status_code == 403, page
    for page in ("/audit/checkpoint", "/audit/check"):
        assert visitor.post(page).status_code == 403, page
    entry = newest(house, house[role].tenant_id, Tag.ACCESS_REFUSED)
    assert (entry.actor_id, entry.details["facts"]["page"]) == (house[role].id, "/audit/check")


def test_nobody_reads_the_record_without_signing_in(house):
    for page in ("/audit", "/audit/sign-ins", "/audit/export?format=jsonl", f"/audit/{uuid4()}"):
        assert house.visitor().get(page).location.startswith("/sign-in")


def test_another_customers_entry_answers_byte_for_byte_like_an_unknown_one(house, auditor):
    foreign = newest(house, house["birch_admin"].tenant_id, Tag.USER_ADDED).id
    unknown = uuid4()
    auditor.get("/audit")
    answers = [auditor.get(f"/audit/{found}") for found in (foreign, unknown)]
    bodies = [
        re.sub(rb"[A-Z2-7]{8}", b"REFERENCE", answer.data.replace(str(found).encode(), b"ID"))
        for answer, found in zip(answers, (foreign, unknown), strict=True)
    ]
    tokens = re.compile(rb'name="csrf_token" value="[^"]+"')
    assert [answer.status_code for answer in answers] == [404, 404]
    assert tokens.sub(b"", bodies[0]) == tokens.sub(b"", bodies[1])
    assert answers[0].headers == answers[1].headers


def test_the_platforms_own_record_is_open_to_its_administrator_and_holds_no_customers(house):
    visitor = house.signed_in("platform_administrator")
    page = visitor.get("/audit?limit=200")
    assert page.status_code == 200
    assert "Pia Platform" in page.text
    assert "Adam" not in said(page.text)
    for address in ("/audit/sign-ins", "/audit/export", *rows(page)):
        assert visitor.get(address).status_code == 200, address


def test_staff_who_look_at_a_customer_are_marked_and_named_with_their_company(house, auditor):
    tenant_id = house["admin"].tenant_id
    house.signed_in("agent").get(f"/support/tenants/{tenant_id}")
    entry = newest(house, tenant_id, Tag.SUPPORT_TENANT_OPENED)
    assert entry.details["on_behalf_of"] == house.settings.company
    assert "Support staff" in auditor.get("/audit?area=support").text
    assert "On behalf of" in auditor.get(f"/audit/{entry.id}").text


def test_filters_by_area_event_person_subject_and_date_narrow_the_list(house, auditor):
    admin = house.signed_in("admin")
    member, other = house["member"], house["other_member"]
    for person in (member, other):
        admin.post(f"/users/{person.id}/suspend", form=f"/users/{person.id}/suspend")
    # Two days off, as the cast and what was done above may lie on both sides of a midnight.
    today, day = datetime.now(UTC).date(), timedelta(days=1)
    expected = {
        "tag=users:user:suspended": 3,  # one of the cast was suspended before
        "tag=users:user:suspended&who=adam": 2,
        f"tag=users:user:suspended&actor={house['admin'].id}": 2,
        f"tag=users:user:suspended&subject={member.id}": 1,
        "tag=users:user:suspended&about=mika": 1,
        "tag=users:user:suspended&about=olivia": 0,
        "about=nobody-of-that-name": 0,
        f"tag=users:user:suspended&actor={house['owner'].id}": 0,
        "area=users&tag=users:user:suspended": 3,
        "tag=users:user:suspended&who=nobody": 0,
        f"tag=users:user:suspended&from={today - 2 * day}&until={today + day}": 3,
        f"tag=users:user:suspended&until={today - 2 * day}": 0,
        f"tag=users:user:suspended&from={today + 2 * day}": 0,
        f"tag=users:user:suspended&from={today - 40 * day}&until={today + 40 * day}": 3,
        "tag=users:user:nothing&area=tenants": 1,
    }
    for query, count in expected.items():
        page = auditor.get(f"/audit?{query}")
        assert (page.status_code, len(rows(page))) == (200, count), query
        assert ("No entry matches" in page.text) == (count == 0)


def test_a_deleted_persons_acts_are_still_found_by_name(house, auditor):
    house.signed_in("member")
    admin = house.signed_in("admin")
    admin.post(f"/users/{house['member'].id}/delete", form=f"/users/{house['member'].id}/delete")
    assert len(rows(auditor.get("/audit?who=Mika&tag=sessions:session:started"))) == 1


def test_days_begin_and_end_in_the_time_zone_of_the_person_who_looks(house):
    tenant_id = house["auditor"].tenant_id
    with house.inside(tenant_id):
        person = user(house["auditor"].id, lock=True)
        person.set_details(person.details.changed(time_zone="Pacific/Auckland"))
        with time_machine.travel(datetime(2030, 6, 30, 12, 30, tzinfo=UTC)):  # 1 July, 00:30 in Auckland
            record(Tag.TENANT_ADDED, by=BY)
    auditor = house.signed_in("auditor")
    for query, count in {"from=2030-07-01&until=2030-07-01": 1, "from=2030-06-30&until=2030-06-30": 0}.items():
        assert len(rows(auditor.get(f"/audit?tag=tenants:tenant:added&{query}"))) == count, query


@pytest.mark.parametrize(
    "query",
    [
        "from=31.12.2026", "until=0001-01-01", "from=9999-12-31", "actor=x", "subject=%00", "limit=x", "limit=-1",
        "limit=99999", "area=zzz", "tag=zzz", "after=%F0%9F%92%A9", "after=zzzzzzzzzzzzz", "before=-1", "before=zzzzzzzzzz",
        "who=%00%FF", "after=0", "from=2026-02-30", "who=" + "x" * 5000, "result=zzz", "from=2027-01-01&until=2026-01-01",
    ],
)  # fmt: skip
def test_odd_addresses_are_answered_with_a_page(house, query):
    auditor = house.signed_in("auditor")
    for page in ("/audit", "/audit/sign-ins", "/audit/export"):
        assert auditor.get(f"{page}?{query}").status_code == 200
    if query.startswith(("from=31", "from=2026-02", "until", "from=9")):
        assert "is not a date such as" in auditor.get(f"/audit?{query}").text


def test_a_name_that_fits_many_people_takes_the_first_ones_and_says_so(house, auditor):
    page = auditor.get("/audit?who=acme.example")
    assert "fits 9 people" in page.text
    assert page.status_code == 200


def follow(visitor, page, rel):
    found = re.search(rf'href="([^"]+)" rel="{rel}"', page.text)
    return visitor.get(found.group(1).replace("&amp;", "&")) if found else None


@pytest.mark.parametrize("dates", ["", "&from=2026-01-01&until=2100-01-01"])
def test_paging_forward_and_back_shows_every_entry_once_while_new_ones_come_in(house, auditor, dates):
    tenant_id = house["auditor"].tenant_id
    fill(house, tenant_id, 23)
    address = f"/audit?tag=users:user:changed&limit=10{dates}"
    first = auditor.get(address)
    second = follow(auditor, first, "next")
    fill(house, tenant_id, 2)
    third = follow(auditor, second, "next")
    forward = [rows(page) for page in (first, second, third)]
    assert [len(part) for part in forward] == [10, 10, 3]
    assert len({link for part in forward for link in part}) == 23
    assert follow(auditor, third, "next") is None
    back = follow(auditor, third, "prev")
    assert rows(back) == forward[1]
    assert rows(follow(auditor, back, "prev")) == forward[0]
    newest_page = follow(auditor, follow(auditor, back, "prev"), "prev")  # only two are newer: the first page is shown
    assert len(rows(newest_page)) == 10
    assert rows(newest_page)[2:] == forward[0][:8]
    assert follow(auditor, auditor.get(address), "prev") is None


@contextmanager
def counted(house):
    statements = []

    def count(_connection, _cursor, sql, *_rest):
        statements.append(sql)

    with house.app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", count)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", count)


@pytest.mark.parametrize("page", ["/audit?limit={}", "/audit/sign-ins?limit={}", "/audit/export?format=csv&limit={}"])
def test_more_rows_cost_no_more_statements_and_nothing_is_counted(house, page):
    auditor = house.signed_in("auditor")
    fill(house, house["auditor"].tenant_id, 120)
    for _ in range(3):
        house.visitor().sign_in(house["member"].email, "wrong-password-1")
    numbers = []
    for limit in (1, 5, 100):
        with counted(house) as statements:
            assert auditor.get(page.format(limit)).status_code == 200
        numbers.append(len(statements))
        assert not [sql for sql in statements if "count(" in sql.lower()]
    assert max(numbers) <= numbers[0] + 1, numbers  # one more for names, where there are any


def test_sign_ins_show_successes_and_refusals_with_address_browser_and_reason(house, auditor):
    stranger = house.visitor(address="203.0.113.66", browser=CHROME)
    stranger.sign_in(house["member"].email, "wrong-password-1")
    house.visitor(address="203.0.113.67").sign_in(house["suspended"].email)
    page = auditor.get("/audit/sign-ins?result=refused").text
    for expected in (
        "Mika Member",
        "Wrong password",
        "203.0.113.66",
        "Chrome 141 on Windows",
        "Suspended",
        "203.0.113.67",
    ):
        assert expected in page, expected
    assert "Signed in" not in page
    succeeded = auditor.get("/audit/sign-ins?result=succeeded").text
    assert "Audrey Auditor" in succeeded
    assert "203.0.113.66" not in succeeded
    assert "203.0.113.67" not in auditor.get("/audit/sign-ins?who=mika&result=refused").text
    assert "Sign-ins a day in the last 30 days" in succeeded
