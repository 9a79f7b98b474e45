"""The journeys' own checks see what they are there for."""

import pytest

from tests.journeys.steps import check_page

pytestmark = pytest.mark.browser


def test_a_picture_without_words_and_a_page_that_is_too_wide_are_found(window):
    page = window().page
    page.goto("/sign-in")
    check_page(page)
    page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    with pytest.raises(AssertionError, match="image-alt"):
        check_page(page)
    page.evaluate("document.querySelector('img').remove(); document.body.style.minWidth = '5000px'")
    with pytest.raises(AssertionError, match="px too wide"):
        check_page(page)


def test_what_the_policy_forbids_and_what_scripts_throw_is_noted(window):
    found = window()
    found.page.goto("/sign-in")
    found.page.evaluate("""
        const script = document.createElement("script");
        script.textContent = "document.title = 'owned'";
        document.body.append(script);
        setTimeout(() => { throw new Error("from a timer"); }, 0);
    """)
    found.page.wait_for_timeout(200)
    noted = " ".join(found.complaints)
    assert "policy violated: script-src" in noted
    assert "from a timer" in noted
    assert found.page.title() != "owned"
    found.complaints.clear()
