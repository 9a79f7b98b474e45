"""Files are brought in through a real browser: several at once, over a line that breaks, and without scripts."""

import os
import re

import pytest
from playwright.sync_api import expect

from tests.customer_data.test_import_items import mbox, message, zipped
from tests.journeys.conftest import PHONE
from tests.journeys.steps import check_page, sign_in

pytestmark = pytest.mark.browser
OWNER = "amara@harbourlane.example"
SHOTS = os.environ.get("SAFEKEEP_TEST_PICTURES")
"""A folder for pictures of the pages, to be looked at."""
WAIT_MS = 60_000


def looked_at(page, name):
    """The page passes the checks of accessibility, at the desk and on a phone, in the light and in the dark."""
    for size in (None, PHONE):
        before = page.viewport_size
        page.set_viewport_size(size or before)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            check_page(page)
            if SHOTS:
                page.screenshot(path=f"{SHOTS}/{name}-{page.viewport_size['width']}-{scheme}.png", full_page=True)
        page.set_viewport_size(before)


def test_files_are_sent_over_a_line_that_breaks_and_imported(window, tmp_path):
    large = b"Subject: large\n\n" + os.urandom(9 * 2**20)
    (tmp_path / "large.eml").write_bytes(large)
    (tmp_path / "mail.mbox").write_bytes(mbox([message(number) for number in range(30)]))
    (tmp_path / "letters.zip").write_bytes(
        zipped(("odd.eml", b"no header"), ("../up.eml", message(9)), ("b.txt", b"text"))
    )
    desk = window()
    page = desk.page
    sign_in(page, OWNER)
    page.goto("/data/import")
    looked_at(page, "import")
    page.get_by_label("Whose data is it?").fill("nora@archive.example")
    page.locator("[data-upload-files]").set_input_files(
        [tmp_path / "large.eml", tmp_path / "mail.mbox", tmp_path / "letters.zip"]
    )
    expect(page.locator("[data-upload-chosen]")).to_have_text(re.compile("3 files, 9.0 MiB"))
    looked_at(page, "chosen")
    broken = []

    def break_once(route):
        if len(broken) < 2 and route.request.method == "PUT":
            broken.append(route.request.url)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/files/*", break_once)
    page.get_by_role("button", name="Import", exact=True).click()
    page.wait_for_url(re.compile(r"/data/import/[0-9a-f-]{36}$"), timeout=WAIT_MS)
    assert len(broken) == 2
    desk.complaints[:] = [one for one in desk.complaints if "ERR_CONNECTION_RESET" not in one]  # these were ours
    expect(page.locator(".page .lead .badge")).to_have_text("Done", timeout=WAIT_MS)
    expect(page.locator(".balance-line")).to_contain_text("34 = 32 + 0 + 1 + 1 items")
    expect(page.get_by_text("leads out of the zip file")).to_be_visible()
    looked_at(page, "done")
    page.get_by_role("link", name="Release it").click()
    looked_at(page, "release")
    page.get_by_role("button", name="Release").click()
    expect(page.get_by_text("Released from quarantine.", exact=True)).to_be_visible()
    page.goto("/data/imports")
    looked_at(page, "imports")


def test_a_file_comes_in_without_scripts(window, tmp_path):
    (tmp_path / "mail.mbox").write_bytes(mbox([message(number) for number in range(100, 110)]))
    page = window(java_script_enabled=False).page
    sign_in(page, OWNER)
    page.goto("/data/import")
    page.get_by_label("Whose data is it?").fill("olga@archive.example")
    page.get_by_label("Files", exact=True).set_input_files(tmp_path / "mail.mbox")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Import mail.mbox"))
    for _try in range(60):
        if page.locator(".lead .badge").first.inner_text() == "Done":
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(page.locator(".balance-line")).to_contain_text("10 = 10 + 0 + 0 + 0 items")
