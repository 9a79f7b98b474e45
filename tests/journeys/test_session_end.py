"""Nobody loses what was typed to a session that ended. Promise: P08."""

import pytest
from playwright.sync_api import expect

from tests.journeys.steps import check_page, sign_in

pytestmark = pytest.mark.browser
MEMBER = "jonas@harbourlane.example"


def test_a_half_filled_form_outlives_its_session(window):
    home = window()
    page, other = home.page, home.context.new_page()
    page.clock.install()
    sign_in(page, MEMBER)
    page.goto("/me")
    page.get_by_label("Title").fill("Harbour master")
    other.goto("/me")
    other.locator("details.account summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_text("You are signed out.")).to_be_visible()

    page.clock.fast_forward("02:30:00")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("You were signed out", exact=True)).to_be_visible()
    check_page(page)
    sign_in(other, MEMBER)
    dialog.get_by_role("button", name="I have signed in").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Title")).to_have_value("Harbour master")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile was saved.")).to_be_visible()
