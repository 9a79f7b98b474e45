"""Custodians: listed with their counts, added, renamed, matched with a user, who then reads what they have."""

import pytest

from console.audit.tags import Tag
from tests.customer_data.looks import main_text, recorded, titles
from tests.customer_data.mails import bring, letter, owner_of

BOX = "box@old.example"


@pytest.fixture
def box(house):
    """A custodian who is nobody, with one message."""
    bring(house, "owner", [letter("In the box", "words")], BOX)
    return owner_of(house, "owner", BOX)


@pytest.fixture
def admin(house):
    return house.signed_in("admin")


def test_the_list_shows_counts_and_who_it_is(house, admin, box):
    bring(house, "member", [letter(f"Mine {n}", "x") for n in range(3)])
    text = main_text(admin.get("/data/custodians"))
    assert BOX in text
    assert "Nobody" in text
    assert house["member"].name in text
    assert main_text(house.signed_in("auditor").get("/data/custodians")).count(BOX) == 1


def test_whoever_is_matched_reads_it_from_then_on_and_not_after(house, admin, box):
    member, url = house.signed_in("member"), f"/data/custodians/{box}"
    assert titles(member.get("/data")) == []
    assert admin.post(url, {"name": "Old box", "username": house["member"].email.upper()}).status_code == 303
    assert titles(member.get("/data")) == ["In the box"]
    assert admin.post(url, {"name": "Old box", "username": ""}).status_code == 303
    assert titles(member.get("/data")) == []
    assert "Old box" in main_text(admin.get("/data/custodians"))
    assert len(recorded(house, "owner", Tag.DATA_CUSTODIAN_CHANGED)) == 2


@pytest.mark.parametrize(
    "username", ["nobody@acme.example", "not an address", "bea@birch.example", "birch.owner@birch.example"]
)
def test_only_somebody_of_the_same_customer_can_be_matched(house, admin, box, username):
    answer = admin.post(f"/data/custodians/{box}", {"name": "", "username": username})
    assert answer.status_code == 422
    assert "No user of your company has this address" in main_text(answer)


def test_one_is_added_before_its_data_comes_and_matched_with_the_user_of_the_address(house, admin):
    assert admin.post("/data/custodians", {"address": house["member"].email, "name": ""}).status_code == 303
    assert house["member"].name in main_text(admin.get("/data/custodians"))
    again = admin.post("/data/custodians", {"address": house["member"].email.upper(), "name": "x"})
    assert again.status_code == 409
    assert "already" in main_text(again)
    assert recorded(house, "owner", Tag.DATA_CUSTODIAN_ADDED)


@pytest.mark.parametrize(
    "address",
    ["", "x", "a@b", "two words@x.example", "a@x.example,b@x.example", "<a@x.example>", "a" * 300 + "@x.example"],
)
def test_what_is_no_address_is_refused_beside_the_field(admin, address):
    answer = admin.post("/data/custodians", {"address": address, "name": "Kept"})
    assert answer.status_code == 422
    assert "Give an e-mail address" in main_text(answer)
    assert 'value="Kept"' in answer.text


@pytest.mark.parametrize("who", ["auditor", "member", "user_manager"])
def test_only_owners_and_administrators_change_custodians(house, box, who):
    visitor = house.signed_in(who)
    assert visitor.post("/data/custodians", {"address": "a@x.example"}).status_code == 403
    assert visitor.post(f"/data/custodians/{box}", {"name": "x"}).status_code == 403


@pytest.mark.promise("P14")
def test_another_customers_custodian_is_unknown(house, box):
    birch = house.signed_in("birch_owner")
    assert birch.get(f"/data/custodians/{box}").status_code == 404
    assert birch.post(f"/data/custodians/{box}", {"name": "x"}).status_code == 404
