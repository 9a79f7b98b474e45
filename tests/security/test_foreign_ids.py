"""Another Customer's id is an unknown id: the same answer to the byte, and nothing happens. Generated from the URL map."""

import difflib
import re

import pytest

from console.core.ids import new_id
from tests.doors import Ledger, changes, count_examples, digest, doors, opened, scrubbed, send

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

REFUSED = {
    "support.approve_lift": "no role of a Customer has support:restrictions:lift",
    "support.ask_lift": "no role of a Customer has support:restrictions:lift",
    "support.confirm_factor_reset": "no role of a Customer has support:factors:reset",
    "support.reset_factor": "no role of a Customer has support:factors:reset",
    "support.withdraw_lift": "no role of a Customer has support:restrictions:lift",
    "support.end_lift": "no role of a Customer has support:restrictions:lift",
    "support.restrictions": "no role of a Customer has support:restrictions:lift",
    "support.show_tenant": "no role of a Customer has support:tenants:read",
}
"""Endpoints that refuse a Customer's owner before they look at the id: 403 for every id."""

KEPT = ("audit_entries", "audit_heads", "budgets", "jobs", "sessions.last_seen_at", "ip_sightings")
"""May change in the asker's own tenant: the record of refusals, counts of tries, when and where the asker's session was
seen, which is noted once a minute."""


IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b\d+\b")


def difference(first, second):
    """The lines that differ."""
    lines = [f"{answer[0]}\n{answer[1]}\n{answer[2]}".splitlines() for answer in (first, second)]
    return "\n".join(line for line in difflib.unified_diff(*lines, lineterm="", n=0))


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("foreign"), still=True) as house:
        yield house


@pytest.fixture(scope="module")
def owner(house):
    owner = house.signed_in("owner")
    owner.token("/me")  # the first form sets the form cookie; from here on all answers are alike
    return owner


def doors_with_ids(house):
    """One door for each address and method: those that exist, and those that should not."""
    by_rule = {}
    for door in doors(house.app):
        if door.ids:
            by_rule.setdefault(door.rule.rule, door)
    found = [type(door)(door.endpoint, method, door.rule) for door in by_rule.values() for method in METHODS]
    offered = {(door.rule.rule, door.method): door for door in doors(house.app)}
    return [offered.get((door.rule.rule, door.method), door) for door in found]


@pytest.mark.promise("P14")
def test_another_customers_id_answers_like_an_unknown_id_at_every_door(house, owner):
    ledger, faults, checked = Ledger(house), [], 0
    birch = house["birch_owner"].tenant_id
    found = doors_with_ids(house)
    assert all(count_examples(house, door, "birch") for door in found)  # made now, so that the rows stay still
    after = ledger.rows()
    for door in found:
        for index in range(count_examples(house, door, "birch")):
            foreign, unknown = door.of(house, "birch", index), door.unknown()
            before = after
            answers = [send(owner, door, url) for url in (foreign, unknown)]
            after = ledger.rows()
            seen = [
                scrubbed(answer, *IDS.findall(url)) for answer, url in zip(answers, (foreign, unknown), strict=True)
            ]
            checked += 1
            if seen[0] != seen[1]:
                faults.append(f"{door} {foreign} differs from an unknown id:\n{difference(*seen)}")
            status = answers[0].status_code
            if (
                door.method != "OPTIONS"
                and status not in (404, 405)
                and not (status == 403 and door.endpoint in REFUSED)
            ):
                faults.append(f"{door} {foreign}: {status} (404 expected; if the owner's role is refused: REFUSED)")
            faults += [f"{door} {foreign}: {line}" for line in changes(before, after, without=KEPT)]
            faults += [f"{door} {foreign}: {line}" for line in changes(before, after, tenant=birch)]
    assert not faults, "\n".join(faults)
    assert checked > 100


def test_a_colleagues_session_answers_like_an_unknown_one(house, owner):
    house.signed_in("admin")
    ledger = Ledger(house)
    mine = house["admin"].id
    session = next(row["id"] for row in ledger.rows()["sessions"].values() if row["user_id"] == mine)
    door = next(door for door in doors(house.app) if door.endpoint == "me.end_one")
    before = ledger.rows()
    foreign, unknown = door.url({"session_id": str(session)}), door.unknown()
    answers = [scrubbed(send(owner, door, url), *IDS.findall(url)) for url in (foreign, unknown)]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert changes(before, ledger.rows(), without=KEPT) == []


@pytest.mark.parametrize("verb", ["suspend", "reinstate", "delete", "restore"])
@pytest.mark.parametrize("confirmed", ["yes", ""])
def test_many_people_at_once_do_not_reach_another_customers(house, owner, verb, confirmed):
    ledger = Ledger(house)
    own, foreign, unknown = str(house["member"].id), str(house["birch_member"].id), str(new_id())
    before = ledger.rows()
    answers = []
    for value in (foreign, unknown):
        for ids in ([value], [own, value]):
            fields = {"verb": verb, "confirmed": confirmed, "ids": ids}
            answers.append(scrubbed(owner.post("/users/bulk", fields), value, own))
    assert answers[:2] == answers[2:]
    assert {answer[0] for answer in answers} == {404}
    assert changes(before, ledger.rows(), without=KEPT) == []


def test_control_the_digest_notices_one_changed_row(house):
    ledger = Ledger(house)
    before = ledger.rows()
    assert digest(before) == digest(ledger.rows())
    person = house["birch_member"]
    with house.inside(person.tenant_id):
        from console.users.models import user

        user(person.id).version += 1
    after = ledger.rows()
    assert digest(after) != digest(before)
    assert digest(after, without=("users.version",)) == digest(before, without=("users.version",))
    assert digest(after, tenant=person.tenant_id) != digest(before, tenant=person.tenant_id)
    acme = house["owner"].tenant_id
    assert digest(after, tenant=acme) == digest(before, tenant=acme)
    assert [line[:7] for line in changes(before, after)] == ["- users", "+ users"]


def test_control_every_table_is_in_the_digest(house):
    house.signed_in("owner"), house.signed_in("birch_owner")
    rows = Ledger(house).rows()
    for table in ("users", "sessions", "credentials", "lookups", "audit_entries", "tenants"):
        assert len(rows[table]) > 1, table
        assert digest(rows) != digest({**rows, table: dict(list(rows[table].items())[1:])}), table
