"""The list, its tools and its files: what the Customer's people see and can do, through the front door."""

import csv
import io
import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from console.core import clock
from console.core.db import db
from console.ip_ranges.actions import add_entries
from console.ip_ranges.entries import MOST_ENTRIES, new_entry
from console.ip_ranges.models import draft as stored_draft
from console.ip_ranges.refusals import Refusal
from console.ip_ranges.sightings import Seen, addresses_of, spread
from tests.ip_ranges.acts import ELSEWHERE, HERE, OFFICE, draft, enforce, move
from tests.ip_ranges.examples import _by
from tests.users.acts import act, form_of, main_text


def ranges(visitor, query=""):
    """The ranges of one page of the list."""
    page = visitor.get(HERE + query)
    assert page.status_code == 200
    body = page.text.partition("<tbody>")[2]
    return re.findall(r"<code>([^<]+)</code></a>", body)


def many(visitor, text, **fields):
    fields = {"text": text, "strength": "allowed", "how": "add", **fields}
    return visitor.post(f"{HERE}/many", fields, form=f"{HERE}/many")


def stored(house):
    with house.inside(house["owner"].tenant_id, write=False):
        found = stored_draft()
        return found.ranges.entries if found else ()


def test_without_a_list_the_first_step_proposes_the_own_address_and_the_networks_in_use(house):
    house.signed_in("member", address="203.0.113.50")
    house.signed_in("other_member", address="203.0.113.60")
    house.signed_in("admin", address="2001:db8:7::5")
    owner = house.signed_in("owner")
    page = owner.get(HERE)
    assert f'value="{OFFICE}" checked' in page.text
    assert "203.0.113.0/24" in page.text
    assert "2001:db8:7::/64" in page.text
    chosen = {"ranges": [OFFICE, "203.0.113.0/24"]}
    assert owner.post(f"{HERE}/start", chosen, form=HERE).status_code == 303
    assert ranges(owner) == [OFFICE, "203.0.113.0/24"]


def test_choosing_nothing_in_the_first_step_says_so(house):
    assert "Nothing was chosen" in house.signed_in("owner").post(f"{HERE}/start").text


def test_pasted_lines_are_looked_at_before_the_draft_has_them(house):
    owner = house.signed_in("owner")
    text = "198.51.100.7 Door\n# a remark\n\n203.0.113.9/24; Office\n203.0.113.0/24\n010.0.0.1\n2001:DB8::/32 # Six\n10.0.0.0/8"
    page = main_text(many(owner, text))
    assert "New 4" in page
    assert "Known already 1" in page
    assert "Not understood 1" in page
    assert "some programs would read them as octal" in page
    assert "Bits behind the length were dropped" in page
    assert "Already in line 4" in page
    assert "private addresses" in page
    assert not stored(house)
    many(owner, text, confirmed="yes")
    assert [(entry.range, entry.description) for entry in stored(house)] == [
        (OFFICE, "Door"),
        ("203.0.113.0/24", "Office"),
        ("2001:db8::/32", "Six"),
        ("10.0.0.0/8", ""),
    ]


def test_an_export_can_be_read_in_again_and_runs_in_no_spreadsheet(house):
    owner = house.signed_in("owner")
    ends = clock.now().replace(microsecond=0) + timedelta(days=9)
    with house.inside(house["owner"].tenant_id):
        entry = new_entry("203.0.113.0/24", description="=cmd()", roles=["owner", "auditor"], ends_at=ends)
        trusted = new_entry("2001:db8::/48", strength="trusted", on=False)
        add_entries([entry, trusted], by=_by(house, "acme"))
    file = owner.get(f"{HERE}/export.csv").data
    rows = list(csv.reader(io.StringIO(file.decode("utf-8-sig"))))
    assert rows[0] == ["range", "strength", "description", "on", "roles", "starts_at", "ends_at"]
    assert rows[1][2] == "'=cmd()"
    before = stored(house)
    owner.post(f"{HERE}/discard")
    upload = {"file": (io.BytesIO(file), "ranges.csv"), "strength": "allowed", "how": "add", "confirmed": "yes"}
    assert owner.post(f"{HERE}/many", upload, form=f"{HERE}/many").status_code == 303
    assert [(*entry.terms, entry.range, entry.description) for entry in stored(house)] == [
        (*entry.terms, entry.range, entry.description) for entry in before
    ]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"\xff\xfe\x00", "not in UTF-8"),
        (b"", "nothing to read"),
        (b"range,on\n192.0.2.1,maybe\n", "neither yes nor no"),
        (b"range,ends_at\n192.0.2.1,tomorrow\n", "no date and time"),
        (b"range,roles\n192.0.2.1,king\n", "Roles are"),
        (b"range;strength\n192.0.2.1;magic\n", "Choose allowed or trusted"),
        (b"strength,range\nallowed,192.0.2.x\n", "not an address"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(house, file, said):
    owner = house.signed_in("owner")
    upload = {"file": (io.BytesIO(file), "ranges.csv"), "strength": "allowed", "how": "add", "confirmed": "yes"}
    answer = owner.post(f"{HERE}/many", upload, form=f"{HERE}/many")
    assert said in main_text(answer)
    assert not stored(house)


def test_a_list_may_replace_the_one_before(house):
    owner = house.signed_in("owner")
    draft(owner, "192.0.2.1", "192.0.2.2")
    many(owner, "203.0.113.7", how="replace", confirmed="yes")
    assert ranges(owner) == ["203.0.113.7"]


def test_ten_thousand_ranges_are_the_limit_and_their_pages_stay_small(house):
    owner = house.signed_in("owner")
    text = "\n".join(f"10.{number // 250}.{number % 250}.1" for number in range(MOST_ENTRIES))
    assert many(owner, text, confirmed="yes").status_code == 303
    page = owner.get(HERE)
    assert len(page.data) < 150_000
    assert len(ranges(owner)) == 50
    answer = owner.post(f"{HERE}/new", {"range": OFFICE, "strength": "allowed"}, form=f"{HERE}/new")
    assert answer.status_code == 422
    assert "at most 10,000 entries" in answer.text
    assert many(owner, text + "\n192.0.2.1", how="replace").status_code == 422


def test_the_list_is_searched_filtered_sorted_and_paged(house):
    owner = house.signed_in("owner")
    draft(owner, *(f"192.0.2.{number} Desk {number:03}" for number in range(120)), "203.0.113.0/24 Office")
    draft(owner, "198.51.100.0/24 Lab", strength="trusted")
    assert ranges(owner, "?q=office") == ["203.0.113.0/24"]
    assert ranges(owner, "?q=203.0.113.77") == ["203.0.113.0/24"]
    assert ranges(owner, "?strength=trusted") == ["198.51.100.0/24"]
    assert ranges(owner, "?sort=-range")[0] == "203.0.113.0/24"
    assert ranges(owner, "?state=off") == []
    seen, url = [], ""
    for _ in range(3):
        seen += ranges(owner, url)
        found = re.search(rf'href="{HERE}(\?[^"]*)" rel="next"', owner.get(HERE + url).text)
        url = found.group(1) if found else ""
    assert len(seen) == len(set(seen)) == 122
    assert not url


def test_an_entry_can_be_changed_switched_off_and_removed(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32", "192.0.2.1", "192.0.2.2")
    entry = next(entry for entry in stored(house) if entry.range == "192.0.2.1")
    where = f"{HERE}/{entry.id}/edit"
    form = form_of(owner.get(where), where)
    changed = {**form, "range": "192.0.2.0/25", "strength": "trusted", "description": "New hall"}
    assert owner.client.post(where, data=changed).status_code == 303
    assert owner.client.post(where, data=changed).status_code == 409, "the form shows what is not there any more"
    now = next(found for found in stored(house) if found.id == entry.id)
    assert (now.range, now.strength, now.description) == ("192.0.2.0/25", "trusted", "New hall")
    owner.post(f"{HERE}/bulk", {"verb": "off", "ids": [entry.id]})
    assert not next(found for found in stored(house) if found.id == entry.id).on
    owner.post(f"{HERE}/bulk", {"verb": "remove", "ids": [entry.id]})
    assert len(stored(house)) == 2
    assert owner.post(f"{HERE}/bulk", {"verb": "remove", "ids": [entry.id]}).status_code == 404


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"range": "010.0.0.1"}, "octal"),
        ({"range": "192.0.2.1", "description": "x" * 201}, "200 characters"),
        ({"range": "192.0.2.1", "roles": ["king"]}, "not a valid"),
        ({"range": "192.0.2.1", "starts_at": "2026-12-02T10:00", "ends_at": "2026-12-02T10:00"}, "not after the start"),
        ({"range": "192.0.2.1", "strength": "strong"}, "Not a valid choice"),
        ({"range": "192.0.2.1", "ends_at": "soon"}, "Not a valid"),
    ],
)
def test_a_wrong_entry_is_refused_beside_its_field(house, fields, said):
    owner = house.signed_in("owner")
    answer = owner.post(f"{HERE}/new", {"strength": "allowed", **fields}, form=f"{HERE}/new")
    assert answer.status_code == 422
    assert said in main_text(answer)
    assert not stored(house)


def test_merging_joins_what_overlaps_and_changes_nothing_for_anybody(house):
    owner = house.signed_in("owner")
    draft(owner, "192.0.2.0/25 Hall", "192.0.2.64/26 Desk", "192.0.2.128/25 Yard", "203.0.113.1", "203.0.113.3")
    draft(owner, "192.0.2.0/25 Trusted hall", strength="trusted")
    page = main_text(owner.get(HERE))
    assert "Lies in 192.0.2.0/25" in page
    owner.post(f"{HERE}/merge")
    assert {(entry.range, entry.strength) for entry in stored(house)} == {
        ("192.0.2.0/24", "allowed"),
        ("203.0.113.1", "allowed"),
        ("203.0.113.3", "allowed"),
        ("192.0.2.0/25", "trusted"),
    }
    assert "Hall / Desk / Yard" in owner.get(HERE).text


def test_the_review_warns_about_odd_ranges_with_the_reason(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32", "0.0.0.0/1", "::/0", "10.0.0.0/8")
    draft(owner, "203.0.113.0/24", strength="trusted")
    page = main_text(owner.get(f"{HERE}/review"))
    for said in ("holds more than a /8", "straddles ::ffff:0:0/96", "private addresses"):
        assert said in page


def test_the_check_tool_says_what_becomes_of_each_role_and_through_which_ranges(house):
    owner = enforce(house, f"{OFFICE}/32", "203.0.113.0/24 Lab")
    page = main_text(owner.get(f"{HERE}/check?address=203.0.113.9"))
    assert "In an allowed range" in page
    assert "203.0.113.0/24 Lab" in page
    assert "Refused In no allowed range" in main_text(owner.get(f"{HERE}/check?address=192.0.2.1"))
    assert "not an address" in main_text(owner.get(f"{HERE}/check?address=nonsense"))
    own = main_text(owner.get(f"{HERE}/check"))
    assert re.search(rf"Your address is {OFFICE} ?, seen from the connection itself, believed because", own)


def test_an_auditor_reads_everything_and_changes_nothing(house):
    enforce(house)
    auditor = house.signed_in("auditor")
    for page in ("", "/review", "/versions", "/refusals", "/check", "/export.csv"):
        answer = auditor.get(HERE + page)
        assert answer.status_code == 200, page
        assert f'action="{HERE}/save"' not in answer.text
    assert auditor.get(f"{HERE}/new").status_code == 403


def test_people_are_seen_at_sign_in_and_while_they_work(house):
    member = house.signed_in("member", address=ELSEWHERE)
    with time_machine.travel(clock.now() + timedelta(seconds=70), tick=True):
        move(member, "2001:db8::77").get("/me")
    with house.inside(house["member"].tenant_id, write=False):
        assert sorted(addresses_of([house["member"].id])[house["member"].id]) == ["2001:db8::77", ELSEWHERE]
        rows = db.session.execute(select(Seen.sign_ins, Seen.requests).where(Seen.user_id == house["member"].id)).all()
    assert sorted(map(tuple, rows)) == [(0, 1), (1, 0)]


def test_sightings_and_refusals_go_after_ninety_days_and_with_the_person(house):
    enforce(house)
    house.signed_in("member")
    house.visitor(address=ELSEWHERE).sign_in(house["member"].email)
    act(house.signed_in("owner"), "delete", house["member"].id)
    tenant_id = house["member"].tenant_id
    with time_machine.travel(clock.now() + timedelta(days=31), tick=True):
        house.work()
        with house.inside(tenant_id, write=False):
            for table in (Seen, Refusal):
                query = select(table.id).where(table.user_id == house["member"].id)
                assert not db.session.execute(query).all(), table
            assert db.session.execute(select(Seen.id)).all()
    with time_machine.travel(clock.now() + timedelta(days=120), tick=True):
        house.work()
        with house.inside(tenant_id, write=False):
            assert not db.session.execute(select(Seen.id)).all()


def test_the_proxy_page_explains_the_address_and_warns_when_everybody_shares_one(house):
    agent = house.signed_in("agent")
    page = main_text(agent.get("/support/proxy", headers={"X-Forwarded-For": "192.0.2.66, 192.0.2.67"}))
    assert f"Believed address {OFFICE}" in page
    assert "no proxy is trusted" in page
    assert "192.0.2.67" in page
    assert "Several people share one address" not in page
    for key in ("owner", "admin", "member"):
        house.signed_in(key)
    assert "Several people share one address" in agent.get("/support/proxy").text
    house.signed_in("auditor", address=ELSEWHERE)
    assert "Several people share one address" not in agent.get("/support/proxy").text
    with house.inside(house["owner"].tenant_id, write=False):
        assert (spread().people, spread().addresses) == (4, 2)


def test_a_list_that_says_the_same_cannot_be_saved(house):
    owner = enforce(house)
    owner.post(f"{HERE}/switches", {"mode": "enforce", "every_request": "yes"})
    assert "There is nothing to save" in owner.get(f"{HERE}/review").text
    draft(owner, "192.0.2.1")
    entry = next(entry for entry in stored(house) if entry.range == "192.0.2.1")
    owner.post(f"{HERE}/bulk", {"verb": "remove", "ids": [entry.id]})
    assert "There is nothing to save" in owner.get(f"{HERE}/review").text
    fields = {"reason": "Same", "based_on": "1", "revision": "2"}
    assert owner.post(f"{HERE}/save", fields).status_code == 409
