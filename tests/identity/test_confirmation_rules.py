"""The decision itself: every mode, browser, network and age. Promises: P07, P08."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from console.core.permissions import Role
from console.identity.rules import KnownBrowser, can_remember, cautions, confirmation_needed, mode_for
from console.policies.choices import Choices

NOW = datetime(2027, 5, 1, 12, 0, tzinfo=UTC)
CHOSEN = Choices(remember_browser_days=90, network_days=60)
FRESH = KnownBrowser(NOW - timedelta(days=1), NOW + timedelta(days=89))
NETWORK = NOW - timedelta(days=1)


def reason(mode="unrecognised", browser=FRESH, network=NETWORK, trusted=False, chosen=CHOSEN):
    return confirmation_needed(mode, browser=browser, network_seen_at=network, trusted=trusted, chosen=chosen, now=NOW)


@pytest.mark.promise("P08")
def test_trusted_ranges_and_off_ask_nobody_whatever_else_is_true():
    for browser, network, news in product((None, FRESH), (None, NETWORK), (False, True)):
        chosen = replace(CHOSEN, confirm_new_networks=news)
        for mode in ("off", "unrecognised", "always"):
            assert reason(mode, browser, network, trusted=True, chosen=chosen) is None
        assert reason("off", browser, network, chosen=chosen) is None
        assert reason("always", browser, network, chosen=chosen) == "always"


@pytest.mark.promise("P07")
@pytest.mark.parametrize(
    ("browser", "network", "news", "expected"),
    [
        (FRESH, NETWORK, False, None),
        (FRESH, NETWORK, True, None),
        (FRESH, None, False, None),
        (FRESH, None, True, "new_network"),
        (FRESH, NOW - timedelta(days=60), True, "new_network"),
        (FRESH, NOW - timedelta(days=60) + timedelta(seconds=1), True, None),
        (None, NETWORK, False, "new_browser"),
        (None, None, True, "new_browser"),
        (KnownBrowser(None, None), NETWORK, False, "unconfirmed_browser"),
        (KnownBrowser(NOW, None), NETWORK, False, "unconfirmed_browser"),
        (KnownBrowser(NOW - timedelta(days=90), NOW + timedelta(days=9)), NETWORK, False, "unconfirmed_browser"),
        (KnownBrowser(NOW - timedelta(days=10), NOW), NETWORK, False, "unconfirmed_browser"),
    ],
)
def test_what_is_not_recognised_is_asked(browser, network, news, expected):
    assert reason(browser=browser, network=network, chosen=replace(CHOSEN, confirm_new_networks=news)) == expected


def test_a_role_is_stricter_and_never_weaker():
    for everyone, always, factor in product(
        ("off", "unrecognised", "always"),
        ("nobody", "administrators", "everyone"),
        ("nobody", "administrators", "everyone"),
    ):
        chosen = Choices(confirmation=everyone, confirm_always_for=always, factor_required=factor)
        strength = {"off": 0, "unrecognised": 1, "always": 2}
        for role in Role:
            assert strength[mode_for(chosen, role)] >= strength[everyone]
            assert mode_for(chosen, role) != "off" or chosen.requires_factor(role)


def test_there_is_something_to_remember_only_where_it_spares_a_code():
    assert can_remember(CHOSEN, Role.MEMBER)
    assert not can_remember(replace(CHOSEN, remember_browser_days=0), Role.MEMBER)
    assert not can_remember(replace(CHOSEN, confirmation="always"), Role.MEMBER)
    assert not can_remember(replace(CHOSEN, confirm_always_for="administrators"), Role.OWNER)
    assert can_remember(replace(CHOSEN, confirm_always_for="administrators"), Role.MEMBER)


def test_choices_that_work_out_otherwise_than_one_expects_are_named():
    assert cautions(CHOSEN) == []
    assert "never remembered" in cautions(replace(CHOSEN, remember_browser_days=0))[0]
    assert "each time" in cautions(replace(CHOSEN, confirmation="always"))[0]
    assert "each time" in cautions(replace(CHOSEN, confirm_always_for="everyone"))[0]
    assert "only the password" in cautions(replace(CHOSEN, confirmation="off", factor_required="everyone"))[0]


@pytest.mark.promise("P08")
def test_the_page_shows_choices_roles_counts_and_recent_events_and_leads_to_the_review(house):
    from tests.doors import unconfirmed
    from tests.identity.test_confirmation import type_code

    visitor = unconfirmed(house, "member")
    type_code(visitor, "00000000")
    house.confirm(visitor, house["member"].email)
    house.choose(house["owner"].tenant_id, remember_browser_days=0)
    manager = house.signed_in("security_manager")
    page = manager.get("/security/identity-confirmation").text
    for words in ("Browsers are never remembered", "Asked in 30 days", "Confirmed the sign-in", "Security manager"):
        assert words in page
    fields = {"confirmation": "always", "remember_browser_days": "30"}
    review = manager.post("/security/settings/review", fields, form="/security/identity-confirmation")
    assert review.status_code == 200
    assert "At each sign-in" in review.text
    off = manager.post("/security/settings/review", {"confirmation": "off"}, form="/security/identity-confirmation")
    assert off.status_code == 422
    assert "Require a second factor of everyone first." in off.text


def test_an_auditor_reads_the_page_and_finds_no_form_and_others_find_no_page(house):
    page = house.signed_in("auditor").get("/security/identity-confirmation")
    assert page.status_code == 200
    assert "Review the change" not in page.text
    for key in ("member", "user_manager"):
        assert house.signed_in(key).get("/security/identity-confirmation").status_code == 403
