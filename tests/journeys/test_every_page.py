"""Every page that can be reached, light and dark, on a phone and on a desk: nothing for axe, nothing too wide."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import DESK, PHONE
from tests.journeys.steps import check_page, link_in_mail, sign_in

pytestmark = pytest.mark.browser
OWNER = "amara@harbourlane.example"
OPEN = ("/sign-in", "/password/forgot", "/dev/mail", "/invitations/unknown")
SIGNED_IN = (
    "/overview",
    "/users",
    "/users?limit=25&sort=-email",
    "/users?q=nobody-at-all",
    "/users?state=deleted",
    "/users/new",
    "/users?state=invitation_revoked",
    "/users/roles",
    "/users/import",
    "/audit?about=kwame",
    "/audit/sign-ins",
    "/audit/export",
    "/me",
    "/me/password",
    "/me/e-mail",
    "/me/factors",
    "/me/factors/passkeys",
    "/me/sessions",
    "/me/browsers",
    "/security/identity-confirmation",
    "/no-such-page",
)
OF_A_PERSON = ("", "/edit", "/suspend", "/delete", "/one-time-code")


def open_links(page):
    """The addresses of one person in each state, found by following the list."""
    found = []
    for state in ("active", "invited", "suspended", "deleted"):
        page.goto(f"/users?state={state}&role=member")
        found.append(page.locator("tbody").get_by_role("link").first.get_attribute("href"))
    return found


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_every_page_is_accessible_and_fits(window, colours, size):
    page = window(viewport=size, color_scheme=colours).page
    for path in OPEN:
        page.goto(path)
        check_page(page)
    page.goto(link_in_mail(page, "joao@harbourlane.example", "invites you"))
    check_page(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_be_visible()
    check_page(page)
    sign_in(page, OWNER, "not-the-password")
    expect(page.get_by_role("alert")).to_be_visible()
    check_page(page)
    sign_in(page, OWNER, at_code=check_page)
    active, invited, suspended, deleted = open_links(page)
    people = [active + part for part in OF_A_PERSON]
    people += [invited, suspended, suspended + "/reinstate", deleted, deleted + "/restore"]
    for path in (*SIGNED_IN, *people):
        page.goto(path)
        check_page(page)
    page.goto("/users/new")
    page.get_by_role("button", name="Add and invite").click()
    expect(page.get_by_role("alert")).to_contain_text("3 things need your attention")
    check_page(page)
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(page.get_by_label("Given name")).to_be_focused()
    page.goto("/users")
    page.get_by_role("checkbox", name=re.compile("^Select ")).nth(2).check()
    check_page(page)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
def test_the_pages_about_a_change_of_address_are_accessible_and_fit(window, size):
    page = window(viewport=size, color_scheme="dark" if size == PHONE else "light").page
    sign_in(page, OWNER)
    active = open_links(page)[0]
    page.goto(active + "/edit")
    old, new = page.get_by_label("E-mail address").input_value(), f"new.{size['width']}@harbourlane.example"
    page.get_by_label("E-mail address").fill(new)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("button", name="Keep the present address")).to_be_visible()
    check_page(page)
    stop = link_in_mail(page, old, "about to change")
    page.goto(stop)
    check_page(page)
    page.goto(link_in_mail(page, new, "Confirm your new"))
    check_page(page)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text(f"From now on you sign in as {new}")).to_be_visible()
    check_page(page)
    page.goto(stop)
    check_page(page)
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_text(f"The username is {old}")).to_be_visible()
    check_page(page)
