"""What people do in the journeys, in their words."""

import re
import time

import pyotp
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from console.demo import PASSWORD, TOTP_SECRET
from tests.commands.processes import wait_until

AXE = Axe()
CHOSEN_PASSWORD = "nine-Copper-kettles-4"


def sign_in(page: Page, username: str, password: str = PASSWORD, *, at_code=lambda _page: None) -> None:
    """Fill in the form; where this browser is new to the person, the code from the mail as well."""
    mailbox = page.context.new_page()
    before = newest_code_mail(mailbox, username)
    page.goto("/sign-in")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()
    if "/sign-in/confirm" in page.url:
        at_code(page)
        wait_until(lambda: newest_code_mail(mailbox, username) != before, why=f"no code was mailed to {username}")
        mailbox.goto(newest_code_mail(mailbox, username))
        code = re.search(r"Your code is (\d{4} \d{4})\.", mailbox.locator("main").inner_text())
        page.get_by_label("Code", exact=True).fill(code.group(1))
        page.get_by_role("button", name="Continue").click()
        page.wait_for_load_state()
    mailbox.close()


def newest_code_mail(page: Page, username: str) -> str:
    """The address of the newest mail with a code for that person; nothing if there is none."""
    page.goto("/dev/mail")
    rows = page.locator("li", has_text=username).filter(has_text="Your code to sign in")
    return (rows.first.get_by_role("link").first.get_attribute("href") or "") if rows.count() else ""


def enter_code(page: Page) -> None:
    """Type the code of the demo's authenticator app; where another test used it, the next one, which counts already."""
    app = pyotp.TOTP(TOTP_SECRET)
    for attempt in range(4):
        page.get_by_label("Code", exact=True).fill(app.at(int(time.time()) + 30 * (attempt % 2)))
        page.get_by_role("button", name="Continue").click()
        page.wait_for_load_state()
        if "/sign-in/factor" not in page.url:
            return
        if attempt % 2:
            used = app.now()
            wait_until(lambda used=used: app.now() != used, seconds=40)


def add_user(page: Page, given: str, family: str, email: str, role: str = "Member") -> str:
    """Add somebody through the form; answers the address of the page about them."""
    page.goto("/users")
    page.get_by_role("link", name="Add a user").click()
    page.get_by_label("Given name").fill(given)
    page.get_by_label("Family name").fill(family)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("radio", name=role, exact=True).check()
    page.get_by_role("button", name="Add and invite").click()
    expect(page.get_by_text(f"{given} {family} was added.")).to_be_visible()
    return page.url


def link_in_mail(page: Page, address: str, subject: str) -> str:
    """Read the newest mail with that subject at /dev/mail; answers the link it carries."""
    row = page.locator("li", has_text=address).filter(has_text=subject)

    def arrived() -> bool:
        page.goto("/dev/mail")
        return row.count() > 0

    wait_until(arrived, why=f"no mail to {address}")
    row.first.get_by_role("link").click()
    expect(page.get_by_text(address).first).to_be_visible()
    return page.get_by_role("link", name="Open the link").get_attribute("href") or ""


def accept(page: Page, link: str, password: str = CHOSEN_PASSWORD) -> None:
    page.goto(link)
    page.get_by_label("New password", exact=True).fill(password)
    page.get_by_label("New password again").fill(password)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Your account is ready")).to_be_visible()


def search(page: Page, words: str, *, scripts: bool) -> None:
    """Look for somebody: as one types where scripts run, else with the button."""
    box = page.get_by_role("searchbox")
    if scripts:
        box.press_sequentially(words)
        expect(page).to_have_url(re.compile(r"[?&]q="))
    else:
        box.fill(words)
        page.get_by_role("button", name="Apply").click()


def confirm(page: Page, verb: str) -> None:
    """Press a person's button, then the one of the page that says what will happen."""
    page.get_by_role("link", name=verb, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(rf"^{verb} .*\?$"))
    page.get_by_role("button", name=verb, exact=True).click()


def check_page(page: Page) -> None:
    """Nothing for axe to find, and nothing to scroll sideways for."""
    found = AXE.run(page).response["violations"]
    told = [f"{item['id']}: {node['html'][:160]}" for item in found for node in item["nodes"][:3]]
    assert not told, f"{page.url}: {told}"
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide"
