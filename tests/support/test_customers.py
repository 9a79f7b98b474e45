"""What service staff see of Customers: names, states and counts, nothing personal."""

import pytest

from console.core.ids import PLATFORM_TENANT_ID, new_id
from tests.users.acts import act, counts_are_true, history, main_text


@pytest.fixture
def agent(house):
    return house.signed_in("agent")


def test_the_list_shows_each_customers_state_and_true_counts(house, agent):
    act(house.signed_in("admin"), "delete", house["member"].id)
    counts_are_true(house)
    shown = main_text(agent.get("/support/tenants"))
    assert "Acme Corporation Active 8 6 30 days" in shown
    assert "Birch & Sons Active 4 3 30 days" in shown
    assert "2 Customers" in shown
    assert "Safekeep Active" not in shown, "the host is no Customer"


@pytest.mark.parametrize(
    ("query", "found"),
    [("?q=acme", 1), ("?q=ÁCME corp", 1), ("?q=zzz", 0), ("?state=active", 2), ("?state=leaving", 0)],
)
def test_customers_are_found_by_name_and_state(agent, query, found):
    page = agent.get(f"/support/tenants{query}").text
    assert page.count('data-label="State"') == found
    assert ("No Customer matches" in page) == (found == 0)


@pytest.mark.parametrize(
    "query", ["?q=%00", "?start=-5", "?start=x", "?start=" + "9" * 40, "?state=<b>", "?q=" + "x" * 5000]
)
def test_an_odd_address_bar_is_no_error(agent, query):
    assert agent.get(f"/support/tenants{query}").status_code == 200


def test_one_customers_page_shows_counts_and_no_person(house, agent):
    page = agent.get(f"/support/tenants/{house['admin'].tenant_id}").text
    assert "Acme Corporation" in page
    for person in house.people.values():
        if person.tenant == "acme":
            assert person.email not in page
            assert person.name not in page


def test_that_staff_opened_it_stands_in_the_customers_own_record(house, agent):
    agent.get(f"/support/tenants/{house['admin'].tenant_id}")
    tag, details = history(house, house["admin"].tenant_id)[0]
    assert tag == "support:tenant:opened"
    assert details["actor"] == "Sam Staff"


def test_the_host_and_unknown_customers_are_unknown_pages(agent):
    assert agent.get(f"/support/tenants/{PLATFORM_TENANT_ID}").status_code == 404
    assert agent.get(f"/support/tenants/{new_id()}").status_code == 404


@pytest.mark.parametrize("key", ["owner", "admin", "member"])
def test_customers_people_see_no_support_pages(house, key):
    visitor = house.signed_in(key)
    assert visitor.get("/support/tenants").status_code == 403
    assert visitor.get(f"/support/tenants/{house['birch_admin'].tenant_id}").status_code == 403


def test_support_starts_with_the_list(agent):
    assert agent.get("/support").location == "/support/tenants"
    assert agent.get("/overview").location == "/support/tenants"


def test_the_frame_says_that_this_is_for_staff(agent):
    page = agent.get("/support/tenants").text
    assert '<span class="topbar-tenant">Staff</span>' in page
    assert "<span>Safekeep</span></a>" in page
