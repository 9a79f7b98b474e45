"""Reading changes nothing: following a link, a preview of a mail scanner, or a crawler does no harm. From the URL map."""

import pytest

from tests.doors import SAFE, Ledger, changes, doors, half_signed_in, opened

WRITES = {
    "users.export_users": (("audit_entries", "audit_heads"), "that the list of users left the house is in the record"),
    "ip_ranges.export_ranges": (("audit_entries", "audit_heads"), "that the list left the house is in the record"),
    "users.import_result": (("audit_entries", "audit_heads"), "that an import's rows left the house is in the record"),
    "support.show_tenant": (
        ("audit_entries", "audit_heads"),
        "that staff opened a Customer's state is in that Customer's own record",
    ),
}
"""What reading may write, by endpoint: the tables, and why."""

_OPENING = ("audit_entries", "audit_heads", "budgets"), "that an item was opened is in the record, once a minute"
WRITES |= {
    f"data.{endpoint}": _OPENING
    for endpoint in ("show_item", "show_part", "raw", "html", "part_html", "picture", "part_picture", "download_part")
}

REFUSAL = ("audit_entries", "audit_heads", "budgets")
"""An answer of 403 is in the record of the person who was refused; repeated ones are counted."""


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("safe"), still=True) as house:
        yield house


@pytest.mark.parametrize("who", ["nobody", "half", "owner", "member", "agent"])
def test_reading_any_page_changes_nothing(house, who):
    made = {"nobody": house.visitor, "half": lambda: half_signed_in(house)}
    visitor = made.get(who, lambda: house.signed_in(who))()
    ledger, faults = Ledger(house), []
    found = [(door, door.of(house, "acme")) for door in doors(house.app, *SAFE, "OPTIONS")]
    after = ledger.rows()
    for door, url in found:
        before = after
        answer = visitor.client.open(url, method=door.method, buffered=True)
        without = REFUSAL if answer.status_code == 403 else WRITES.get(door.endpoint, ((), ""))[0]
        after = ledger.rows()
        faults += [f"{door} (see WRITES): {line}" for line in changes(before, after, without=without)]
    assert not faults, "\n".join(faults)


def test_opening_a_link_from_a_mail_uses_nothing_up(house):
    asked = house.visitor()
    asked.post("/password/forgot", {"username": house["member"].email}, form="/password/forgot")
    owner = house.signed_in("owner")
    owner.post(f"/users/{house['invited'].id}/invitation")
    email = {"email": "olga@new.example"}
    assert owner.post("/me/e-mail", email).status_code == 303
    links = [
        house.link(house["member"].email, "password"),
        house.link(house["invited"].email),
        house.link(house["owner"].email, "address"),
        house.link("olga@new.example"),
    ]
    ledger = Ledger(house)
    before = ledger.rows()
    for link in links:
        for method in ("HEAD", "GET", "GET"):
            assert house.visitor().client.open(link, method=method).status_code == 200, link
    assert changes(before, ledger.rows()) == []


def test_control_the_list_of_exceptions_names_endpoints_that_exist(house):
    assert set(WRITES) <= {door.endpoint for door in doors(house.app)}
