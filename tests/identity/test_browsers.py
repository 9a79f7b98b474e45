"""People see the browsers and networks that are recognised, and forget them; so do administrators. Promises: P07, P10."""

import re

import pytest

from tests.doors import Ledger
from tests.identity.test_confirmation import asked, entries_of

FORGET = re.compile(r'action="(/me/browsers/[0-9a-f-]{36}/forget)"')
FORGET_NETWORK = re.compile(r'action="(/me/browsers/networks/[0-9a-f-]{36}/forget)"')


def test_ones_own_browsers_and_networks_are_listed_with_first_and_last_use(house):
    visitor = house.signed_in("member", browser="Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537")
    house.signed_in("member", address="203.0.113.9")
    page = visitor.get("/me/browsers").text
    for words in ("Chrome 140 on Windows", "Firefox 140 on Linux", "198.51.100.0/24", "203.0.113.0/24", "first seen"):
        assert words in page, words
    assert page.count(">This browser<") == 1
    assert len(FORGET.findall(page)) == len(FORGET_NETWORK.findall(page)) == 2
    rows = Ledger(house).rows()["networks"]
    assert "198.51.100" not in repr(rows), "networks are sealed"


@pytest.mark.promise("P07")
def test_forgetting_one_takes_effect_at_once_and_leaves_the_others(house):
    here, there = house.signed_in("owner"), house.usual_browser("owner", browser="Mozilla/5.0 (Macintosh) Chrome/140.0")
    page = here.get("/me/browsers").text
    row = next(part for part in page.split("<li>") if "macOS" in part)
    assert here.post(FORGET.search(row).group(1)).status_code == 303
    assert asked(house, there)
    here.post("/sign-out")
    assert not asked(house, here)
    assert len(entries_of(house, "identity:browser:forgotten")) == 1


def test_control_forgetting_that_forgets_nothing_would_be_noticed(house, monkeypatch):
    from console.identity import browsers

    monkeypatch.setattr(browsers, "_forget_one", lambda _kind, _row_id, _user_id: None)
    here = house.signed_in("owner")
    assert here.post(FORGET.search(here.get("/me/browsers").text).group(1)).status_code == 303
    here.post("/sign-out")
    assert not asked(house, here)


def test_forgetting_all_forgets_this_browser_too_and_the_session_goes_on(house):
    here, there = house.signed_in("owner"), house.usual_browser("owner")
    assert here.post("/me/browsers/forget-all").status_code == 303
    assert "No browser is recognised" in here.get("/me/browsers").text
    assert here.get("/overview").status_code == 200
    here.post("/sign-out")
    for visitor in (here, there):
        assert asked(house, visitor)


def test_a_network_can_be_forgotten(house):
    house.choose(house["owner"].tenant_id, confirm_new_networks=True)
    here, there = house.signed_in("owner"), house.usual_browser("owner")
    assert here.post(FORGET_NETWORK.search(here.get("/me/browsers").text).group(1)).status_code == 303
    assert asked(house, there)


def test_a_browser_of_somebody_else_is_not_found(house):
    member, owner = house.signed_in("member"), house.signed_in("owner")
    of_owner = FORGET.search(owner.get("/me/browsers").text).group(1)
    assert member.post(of_owner).status_code == 404
    assert house.signed_in("birch_owner").post(of_owner).status_code == 404
    assert FORGET.search(owner.get("/me/browsers").text).group(1) == of_owner


def test_an_administrator_sees_and_forgets_them_on_the_person_s_page(house):
    visitor = house.usual_browser("member")
    admin = house.signed_in("admin")
    page = admin.get(f"/users/{house['member'].id}").text
    assert "Recognised browsers and networks" in page
    assert "198.51.100.0/24" in page
    one = re.search(rf'action="(/users/{house["member"].id}/browsers/[0-9a-f-]{{36}}/forget)"', page).group(1)
    assert admin.post(one).status_code == 303
    assert asked(house, visitor, "member")
    house.usual_browser("member")
    assert admin.post(f"/users/{house['member'].id}/browsers/forget-all").status_code == 303
    assert {row["user_id"] for row in Ledger(house).rows()["browsers"].values()} == {house["admin"].id}
    first = entries_of(house, "identity:browser:forgotten")[0]
    assert (first.details["actor"], first.subject_id) == ("Adam Admin", house["member"].id)


@pytest.mark.parametrize(
    ("by", "to", "status"),
    [
        ("user_manager", "member", 303),
        ("user_manager", "admin", 403),
        ("admin", "owner", 403),
        ("security_manager", "member", 303),
        ("auditor", "member", 403),
    ],
)
def test_who_may_forget_browsers_of_whom(house, by, to, status):
    house.usual_browser(to)
    assert house.signed_in(by).post(f"/users/{house[to].id}/browsers/forget-all").status_code == status


def test_a_user_manager_does_not_see_from_where_people_sign_in_whom_only_others_help(house):
    house.usual_browser("admin")
    assert "198.51.100" not in house.signed_in("user_manager").get(f"/users/{house['admin'].id}").text


def test_a_purged_person_leaves_no_browser_network_or_code(house):
    from console.identity.actions import forget_people
    from tests.doors import unconfirmed

    house.usual_browser("member")
    unconfirmed(house, "member")
    with house.inside(house["member"].tenant_id):
        forget_people([house["member"].id])
    rows = Ledger(house).rows()
    for table in ("browsers", "networks", "confirmations"):
        assert not [row for row in rows[table].values() if row["user_id"] == house["member"].id], table
    assert not [row for row in rows["lookups"].values() if row["kind"] == "denial"]


def test_old_codes_browsers_and_networks_are_swept(house):
    from datetime import timedelta

    import time_machine

    from console.core import clock
    from tests.doors import unconfirmed

    house.usual_browser("member")
    unconfirmed(house, "member")
    with time_machine.travel(clock.now() + timedelta(days=401), tick=False):
        house.work()
        rows = Ledger(house).rows()
    assert (rows["browsers"], rows["networks"], rows["confirmations"]) == ({}, {}, {})
