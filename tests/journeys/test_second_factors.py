"""Second factors in a real browser: a passkey of a virtual device, an app, recovery codes, and being asked again."""

import re
import sqlite3
import time
from contextlib import closing

import pyotp
import pytest
from playwright.sync_api import Page, expect

from console.demo import PASSWORD
from tests.journeys.conftest import DESK, PHONE
from tests.journeys.steps import check_page, sign_in

pytestmark = pytest.mark.browser
CODE = re.compile(r"^[a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4}$")


class Device:
    """A virtual device with passkeys, which says yes to whoever asks."""

    def __init__(self, page: Page):
        self.session = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.id = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def say_no(self) -> None:
        """From here on nobody touches the device."""
        fields = {"authenticatorId": self.id, "enabled": False}
        self.session.send("WebAuthn.setAutomaticPresenceSimulation", fields)

    def credentials(self) -> list[dict]:
        return self.session.send("WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]


def sign_out(page: Page) -> None:
    page.goto("/me")
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))


def shown_codes(page: Page) -> list[str]:
    expect(page.get_by_role("heading", level=1)).to_have_text("Keep your recovery codes")
    codes = page.locator(".recovery-codes code").all_inner_texts()
    assert len(codes) == 10
    assert all(CODE.match(code) for code in codes)
    return codes


def test_a_passkey_is_added_used_to_sign_in_and_to_confirm_and_removed(window):
    page = window().page
    device = Device(page)
    sign_in(page, "luca@harbourlane.example")
    page.goto("/me")
    page.get_by_role("link", name="Manage").click()
    expect(page.get_by_role("heading", name="No second factor yet")).to_be_visible()
    check_page(page)
    page.get_by_role("link", name="Add a passkey").first.click()
    check_page(page)
    page.get_by_label("Name of the passkey").fill("Work laptop")
    page.get_by_role("button", name="Make the passkey").click()
    codes = shown_codes(page)
    check_page(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    text = download.value.path().read_text()
    assert [line for line in text.splitlines() if CODE.match(line)] == codes
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("Work laptop")).to_be_visible()
    expect(page.get_by_text("10 of 10 left")).to_be_visible()
    check_page(page)
    assert len(device.credentials()) == 1

    sign_out(page)
    sign_in(page, "luca@harbourlane.example")
    expect(page).to_have_url(re.compile("/sign-in/factor"))
    check_page(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile(r"^[^?]*/overview"))
    page.wait_for_load_state()

    page.goto("/me/factors/passkeys")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_text("This device has a passkey for your account already.")).to_be_visible()

    page.goto("/me/factors")
    page.get_by_role("link", name="Rename or remove").click()
    check_page(page)
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("“Work laptop” was removed.")).to_be_visible()
    sign_out(page)
    page.get_by_label("Username").fill("luca@harbourlane.example")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/sign-in/confirm"))  # no factor is left, and the browser was forgotten with it


def test_a_device_that_says_no_leaves_the_other_ways_open(window):
    page = window(viewport=PHONE, color_scheme="dark").page
    device = Device(page)
    sign_in(page, "tariq@orchardtrust.example")
    page.goto("/me/factors/passkeys")
    page.get_by_role("button", name="Make the passkey").click()
    codes = shown_codes(page)
    check_page(page)
    page.get_by_role("link", name="I have kept them").click()
    page.context.clear_cookies()
    sign_in(page, "tariq@orchardtrust.example")
    device.say_no()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("Waiting for your device")).to_be_visible()
    page.reload()
    page.get_by_text("Use a recovery code").click()
    check_page(page)
    page.get_by_label("Recovery code").fill(codes[0].upper())
    page.get_by_role("button", name="Use the recovery code").click()
    expect(page).not_to_have_url(re.compile("/sign-in"))


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_app_is_set_up_and_used(window, scripts):
    page = window(viewport=DESK, java_script_enabled=scripts).page
    who = "hannah@orchardtrust.example" if scripts else "seun@orchardtrust.example"
    sign_in(page, who)
    page.goto("/me/factors")
    page.get_by_role("button", name="Add an authenticator app").click()
    secret = page.locator("#totp-secret").inner_text()
    if scripts:
        check_page(page)
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Confirm").click()
    shown_codes(page)
    sign_out(page)
    sign_in(page, who)
    # The present code was used up, and the next one counts already.
    page.get_by_label("Code", exact=True).fill(pyotp.TOTP(secret).at(int(time.time()) + 30))
    page.get_by_role("button", name="Continue").click()
    expect(page).not_to_have_url(re.compile("/sign-in"))
    page.goto("/me/factors")
    page.get_by_role("link", name="Rename or remove").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("was removed.")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_form_that_was_open_too_long_is_confirmed_and_goes_on(window, tmp_path_factory, scripts):
    """The browser itself sends the form again (307), under the content policy and with the new session cookie."""
    page = window(java_script_enabled=scripts).page
    sign_in(page, "zsofia@harbourlane.example")
    page.goto("/me/e-mail")
    new = f"zsofia.{'one' if scripts else 'two'}@harbourlane.example"
    page.get_by_label("New e-mail address").fill(new)
    grow_stale(tmp_path_factory)
    page.get_by_role("button", name="Send both links").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Confirm that it is you")
    if scripts:
        check_page(page)
    page.get_by_label("Password", exact=True).fill("not-the-password")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(f"Open the links that were sent to your present address and to {new}.")).to_be_visible()
    page.goto("/me/e-mail")
    expect(page.get_by_role("heading", level=1)).to_have_text("Change your e-mail address")


def grow_stale(tmp_path_factory) -> None:
    """For all sessions of the running demo, the last proof lies an hour back."""
    [file] = tmp_path_factory.getbasetemp().glob("journeys[0-9]*/instance/safekeep.sqlite")
    with closing(sqlite3.connect(file, timeout=10)) as connection, connection:
        connection.execute("UPDATE sessions SET authenticated_at = datetime(authenticated_at, '-1 hour')")
