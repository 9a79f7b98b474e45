"""An owner's first day, with and without scripts; staff at the same door."""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import PHONE
from tests.journeys.steps import (
    CHOSEN_PASSWORD,
    accept,
    add_user,
    check_page,
    confirm,
    enter_code,
    link_in_mail,
    search,
    sign_in,
)

pytestmark = pytest.mark.browser
OWNER = "amara@harbourlane.example"


@pytest.mark.promise("P01")
@pytest.mark.promise("P02")
@pytest.mark.promise("P03")
@pytest.mark.promise("P04")
@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_owner_adds_edits_suspends_reinstates_deletes_and_restores_somebody(window, scripts):
    mailbox = f"theo{int(scripts)}@harbourlane.example"
    office, home = window(java_script_enabled=scripts), window(java_script_enabled=scripts)
    owner, theo = office.page, home.page
    sign_in(owner, OWNER)
    expect(owner.get_by_role("heading", level=1)).to_have_text("Overview")

    owner.goto("/users")
    search(owner, "lukasz", scripts=scripts)
    expect(owner.locator("tbody tr")).to_have_count(1)
    expect(owner.get_by_role("link", name=re.compile("Wójcik, Łukasz"))).to_be_visible()

    person = add_user(owner, "Theo", f"Tester{int(scripts)}", mailbox)
    accept(theo, link_in_mail(theo, mailbox, "invites you"))
    sign_in(theo, mailbox, CHOSEN_PASSWORD)
    expect(theo.get_by_role("heading", level=1)).to_have_text("My profile")

    owner.goto(person)
    owner.get_by_role("link", name="Edit", exact=True).click()
    owner.get_by_label("Title").fill("Night watch")
    owner.get_by_role("button", name="Save").click()
    expect(owner.get_by_text(f"Theo Tester{int(scripts)} was saved.")).to_be_visible()

    confirm(owner, "Suspend")
    expect(owner.get_by_text("was suspended.")).to_be_visible()
    theo.get_by_role("link", name="My sessions").first.click()
    expect(theo).to_have_url(re.compile(r"/sign-in"))
    theo.get_by_label("Username").fill(mailbox)
    theo.get_by_label("Password", exact=True).fill(CHOSEN_PASSWORD)
    theo.get_by_role("button", name="Sign in").click()
    expect(theo.get_by_text("Your access is suspended.").first).to_be_visible()

    confirm(owner, "Reinstate")
    expect(owner.get_by_text("was reinstated.")).to_be_visible()
    sign_in(theo, mailbox, CHOSEN_PASSWORD)
    expect(theo.get_by_role("heading", level=1)).to_have_text("My profile")

    confirm(owner, "Delete")
    expect(owner.get_by_text("This person was deleted")).to_be_visible()
    owner.goto("/users?state=deleted")
    owner.get_by_role("link", name=re.compile(f"Tester{int(scripts)}")).click()
    confirm(owner, "Restore")
    expect(owner.get_by_text("was restored.")).to_be_visible()
    expect(owner.get_by_text("Deleted a user").first).to_be_visible()


def test_many_are_chosen_with_the_keyboard_and_deleted_after_a_page_that_says_so(window):
    page = window().page
    sign_in(page, OWNER)
    for number in range(2):
        add_user(page, "Key", f"Board{number}", f"key{number}@harbourlane.example")
    page.goto("/users")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("key board")
    expect(page.locator("tbody tr")).to_have_count(2)
    bar = page.locator("[data-bulk-bar]")
    expect(bar).to_be_hidden()
    for number in range(2):
        page.get_by_role("checkbox", name=f"Select Board{number}, Key").focus()
        page.keyboard.press("Space")
    expect(bar).to_contain_text("2 selected")
    expect(page.get_by_role("checkbox", name="Select all on this page")).to_be_checked()
    page.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Delete 2 people?")
    check_page(page)
    page.get_by_label("Reason").fill("Keyboard only")
    page.get_by_role("button", name="Delete 2 people").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 people were deleted.")).to_be_visible()


def test_many_are_chosen_and_suspended_without_scripts(window):
    page = window(java_script_enabled=False).page
    sign_in(page, "grace@orchardtrust.example")
    page.goto("/users")
    page.get_by_role("checkbox", name="Select Byrne, Niamh").check()
    page.get_by_role("checkbox", name="Select García, Rosa").check()
    page.get_by_role("button", name="Suspend").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Suspend 2 people?")
    page.get_by_role("button", name="Suspend 2 people").click()
    expect(page.get_by_text("2 people were suspended.")).to_be_visible()


def test_a_stale_edit_loses_nothing_that_was_typed(window):
    one, two = window().page, window().page
    sign_in(one, OWNER)
    sign_in(two, "jonas@harbourlane.example")
    one.goto("/users?q=giorgi")
    for page in (one, two):
        page.goto("/users?q=giorgi")
        page.locator("tbody").get_by_role("link").first.click()
        page.get_by_role("link", name="Edit", exact=True).click()
    one.get_by_label("Title").fill("First")
    one.get_by_role("button", name="Save").click()
    expect(one.get_by_text("was saved.")).to_be_visible()
    two.get_by_label("Title").fill("Second")
    two.get_by_role("button", name="Save").click()
    expect(two.get_by_role("heading", level=1)).to_contain_text("was changed meanwhile")
    expect(two.get_by_label("Title")).to_have_value("Second")
    check_page(two)
    two.get_by_role("button", name="Save mine over it").click()
    expect(two.get_by_text("Second", exact=True).first).to_be_visible()


def test_staff_sign_in_with_their_second_factor_and_see_customers_but_nobody_of_theirs(window):
    page = window().page
    sign_in(page, "sam@safekeep.example")
    expect(page.get_by_role("heading", level=1)).to_have_text("Enter your code")
    check_page(page)
    page.goto("/support/tenants")
    expect(page).to_have_url(re.compile("/sign-in/factor"))
    enter_code(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    check_page(page)
    page.get_by_role("link", name="Orchard Trust").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Orchard Trust")
    expect(page.get_by_text("Grace")).to_have_count(0)
    check_page(page)
    page.set_viewport_size(PHONE)
    check_page(page)
    page.goto("/users")
    expect(page.get_by_role("heading", level=1)).to_have_text("Not allowed")
    check_page(page)


def test_on_a_phone_the_navigation_is_a_drawer(window):
    page = window(viewport=PHONE, has_touch=True).page
    sign_in(page, OWNER)
    users = page.get_by_role("navigation", name="Main").get_by_role("link", name="Users")
    expect(users).to_be_hidden()
    page.get_by_role("button", name="Menu", exact=True).tap()
    expect(users).to_be_visible()
    check_page(page)
    page.keyboard.press("Escape")
    expect(users).to_be_hidden()
    page.get_by_role("button", name="Menu", exact=True).tap()
    users.tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Users")
    expect(page.locator("thead")).not_to_be_in_viewport()
    expect(page.locator('td[data-label="E-mail"]').first).to_be_visible()


def test_the_theme_is_chosen_kept_and_given_back_to_the_device(window):
    page = window(color_scheme="light").page
    sign_in(page, OWNER)
    root = page.locator("html")

    def choose(words):
        page.locator("details.account summary").click()
        page.get_by_role("button", name=words).click()

    def background():
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light = background()
    choose("Dark")
    expect(root).to_have_attribute("data-theme", "dark")
    dark = background()
    assert dark != light
    page.goto("/users")
    expect(root).to_have_attribute("data-theme", "dark")
    assert background() == dark
    check_page(page)
    choose("As my device")
    page.goto("/users")
    expect(root).not_to_have_attribute("data-theme", "dark")
    assert background() == light
