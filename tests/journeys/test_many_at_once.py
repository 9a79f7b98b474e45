"""Several people chosen in the list: who is left out, the way back with the selection kept, and the browser's zone."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DESK, PHONE
from tests.journeys.steps import check_page, sign_in

pytestmark = pytest.mark.browser
GRACE = "grace@orchardtrust.example"
LIST = "/users?q=orchard&state=active&sort=-name&limit=25"


def chosen(page):
    return page.locator("input[name=ids]:checked")


@pytest.mark.parametrize(("size", "colours"), [(PHONE, "dark"), (DESK, "light")], ids=["phone", "desk"])
def test_everybody_is_selected_one_is_left_out_and_cancel_leads_back_to_the_same_selection(window, size, colours):
    page = window(viewport=size, color_scheme=colours).page
    sign_in(page, GRACE)
    page.goto(LIST)
    page.get_by_label("Select all on this page").locator("visible=true").check()
    everybody = chosen(page).count()
    assert everybody > 5
    check_page(page)
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Suspend {everybody - 1} people?")
    expect(page.get_by_text("1 is left out: see below.")).to_be_visible()
    expect(page.get_by_text("You cannot do this to yourself.")).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Cancel").click()
    expect(page).to_have_url(re.compile(r"q=orchard.*state=active.*sort=-name"))
    expect(chosen(page)).to_have_count(everybody)
    page.goto("/overview")
    page.goto(LIST)
    expect(chosen(page)).to_have_count(0)


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_two_people_are_suspended_and_reinstated_and_the_list_comes_back_as_it_was(window, scripts):
    page = window(java_script_enabled=scripts).page
    sign_in(page, GRACE)
    page.goto("/users?role=member&sort=-name&limit=25")
    for verb, done, state in (("Suspend", "suspended", "Active"), ("Reinstate", "reinstated", "Suspended")):
        rows = page.locator("tbody tr").filter(has=page.get_by_text(state, exact=True))
        for number in (0, 1):
            rows.nth(number).get_by_role("checkbox").check()
        page.get_by_role("button", name=verb).click()
        page.get_by_role("button", name=f"{verb} 2 people").click()
        expect(page.get_by_text(f"2 people were {done}.")).to_be_visible()
        expect(page).to_have_url(re.compile(r"role=member.*sort=-name"))


def test_on_a_phone_the_list_is_sorted_by_a_menu(window):
    page = window(viewport=PHONE).page
    sign_in(page, GRACE)
    page.goto("/users")
    expect(page.get_by_role("columnheader")).to_have_count(0)
    page.get_by_label("Sort by").select_option(label="Name, Z to A")
    expect(page).to_have_url(re.compile("sort=-name"))
    expect(page.locator("tbody tr").first).to_contain_text("Whitfield")


def test_a_browser_in_another_zone_is_offered_its_own_and_can_keep_the_old_one(window):
    page = window(timezone_id="Asia/Tokyo").page
    sign_in(page, "priya@orchardtrust.example")
    page.goto("/me/sessions")
    expect(page.get_by_text("This browser is in Asia/Tokyo.")).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Keep Europe/London").click()
    page.goto("/me")
    expect(page.get_by_text("Times in Europe/London.")).to_be_visible()
    expect(page.get_by_text("This browser is in")).to_be_hidden()
    page.evaluate("localStorage.clear()")
    page.goto("/me/sessions")
    page.get_by_role("button", name="Show times in that zone").click()
    expect(page).to_have_url(re.compile("/me/sessions$"))
    expect(page.get_by_text("Times in Asia/Tokyo.")).to_be_visible()
    expect(page.get_by_text("This browser is in")).to_be_hidden()


def test_the_same_clock_under_another_name_is_no_reason_to_ask(window):
    page = window(timezone_id="Europe/Jersey").page
    sign_in(page, GRACE)
    expect(page.get_by_text("Times in Europe/London.")).to_be_visible()
    expect(page.get_by_text("This browser is in")).to_be_hidden()
