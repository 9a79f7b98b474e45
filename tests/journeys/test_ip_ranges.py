"""From no list to a list on trial: draft, review, guard, countdown; every page of it for axe, light and dark."""

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DESK, PHONE
from tests.journeys.steps import check_page, sign_in

pytestmark = pytest.mark.browser
OWNER = "amara@harbourlane.example"
HERE = "/security/ip-ranges"
LINES = "203.0.113.0/24 Office\n203.0.113.7 Printer\n10.0.0.0/8 Inside\n010.0.0.1 Wrong"


@pytest.mark.parametrize(("size", "colours"), [(PHONE, "dark"), (DESK, "light")], ids=["phone", "desk"])
def test_a_list_begins_is_guarded_goes_on_trial_and_falls_back(window, size, colours):
    page = window(viewport=size, color_scheme=colours).page
    sign_in(page, OWNER)
    for path in ("", "/new", "/many", "/check", "/refusals", "/versions", "/review"):
        page.goto(HERE + path)
        check_page(page)
    page.goto(f"{HERE}/many")
    page.get_by_label("Ranges, one on each line").fill(LINES)
    page.get_by_role("button", name="Look at it first").click()
    expect(page.get_by_text("some programs would read them as octal")).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Add these 3 ranges").click()
    page.get_by_label("Allowed ranges", exact=True).select_option("enforce")
    page.get_by_role("button", name="Change in the draft").click()
    expect(page.get_by_text("This cannot be saved: it would shut people out")).to_be_visible()
    check_page(page)
    page.get_by_role("button", name="Allow 127.0.0.1 in the draft").click()
    page.get_by_label("Reason").fill("Only from the office")
    page.get_by_role("button", name="Put it on trial for 10 minutes").click()
    trial = page.get_by_label("IP ranges on trial")
    expect(trial.locator("[data-countdown]")).to_contain_text("min")
    check_page(page)
    page.goto("/me")
    expect(trial).to_be_visible()
    page.get_by_role("button", name="Go back now").click()
    expect(page.get_by_text("The list from before is in force again.")).to_be_visible()
    page.goto(f"{HERE}/versions")
    check_page(page)
