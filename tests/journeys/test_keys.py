"""The page of the encryption key, before and while the key is replaced: for axe, phone and desk, light and dark."""

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DESK, PHONE
from tests.journeys.steps import check_page, sign_in

pytestmark = pytest.mark.browser
OWNER = "amara@harbourlane.example"
VIEWS = [(PHONE, "dark"), (DESK, "light"), (PHONE, "light"), (DESK, "dark")]


def test_an_owner_replaces_the_key_and_watches(window):
    pages = [window(viewport=size, color_scheme=colours).page for size, colours in VIEWS]
    for page in pages:
        sign_in(page, OWNER)
        page.goto("/security/keys")
        expect(page.get_by_role("heading", name="Encryption key")).to_be_visible()
        page.locator("summary", has_text="kinds").first.click()
        check_page(page)
    first = pages[0]
    first.get_by_role("button", name="Replace the key").click()
    expect(first.get_by_text("Give a reason")).to_be_visible()
    check_page(first)
    first.get_by_label("Reason").fill("An administrator left")
    first.get_by_role("button", name="Replace the key").click()
    expect(first.get_by_text("The key is being replaced", exact=True)).to_be_visible()
    expect(first.get_by_text("Waiting until no process uses the old version").first).to_be_visible(timeout=60_000)
    for page in pages:
        page.goto("/security/keys")
        expect(page.get_by_text("An administrator left")).to_be_visible()
        check_page(page)
        expect(page.get_by_role("progressbar")).to_be_visible()
