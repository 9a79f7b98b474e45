"""A Customer's settings: seen, reviewed, saved, undone; what they say happens. Promise: P08."""

import re
from dataclasses import asdict

import pytest

from console.policies.choices import FIELDS, choices, choices_of
from console.policies.models import in_force
from console.security.presets import PRESETS
from tests.security.at_once import all_at_once
from tests.users.acts import main_text


def save(visitor, based_on=0, **values):
    return visitor.post("/security/settings", {"based_on": str(based_on), **values}, form="/security/settings")


def chosen(house, key="owner"):
    with house.inside(house[key].tenant_id, write=False):
        return choices()


def number(house):
    with house.inside(house["owner"].tenant_id, write=False):
        return in_force("settings").number


@pytest.fixture
def manager(house):
    return house.signed_in("security_manager")


@pytest.mark.promise("P08")
def test_a_saved_setting_counts_and_its_neighbours_stay(house, manager):
    before = asdict(chosen(house))
    assert save(manager, session_idle_minutes="30").status_code == 303
    assert asdict(chosen(house)) == before | {"session_idle_minutes": 30}
    assert asdict(chosen(house, "birch_owner")) == before, "another Customer's choices changed"


def test_the_page_shows_every_setting_with_bounds_default_and_who_changed_it(house, manager):
    save(manager, password_characters="16")
    page = manager.get("/security/settings")
    for field in FIELDS:
        assert f'name="{field.name}"' in page.text, field.name
        assert field.label in page.text
    assert "Changed by Sven Sécurité" in main_text(page)
    assert "12 to 64 characters" in main_text(page)


def test_nothing_is_saved_by_reviewing(house, manager):
    page = manager.post("/security/settings/review", {"factor_required": "everyone"}, form="/security/settings")
    assert page.status_code == 200
    assert "people without a second factor would set one up at their next sign-in" in main_text(page)
    assert number(house) == 0


def test_the_review_counts_sessions_that_would_end(house, manager):
    page = manager.post("/security/settings/review", {"session_idle_minutes": "5"}, form="/security/settings")
    assert "No open session would end." in main_text(page)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("session_idle_minutes", "4", "Give 5 to 1440 minutes."),
        ("session_idle_minutes", "1441", "Give 5 to 1440 minutes."),
        ("session_idle_minutes", "", "Give a whole number of minutes."),
        ("session_idle_minutes", "٣٠", "Give a whole number of minutes."),
        ("session_idle_minutes", "9" * 400, "Give a whole number of minutes."),
        ("remember_browser_days", "366", "or 0 for “never remember”"),
        ("password_characters", "11", "Give 12 to 64 characters."),
        ("sign_in_tries", "11", "Give 3 to 10 tries."),
        ("confirmation", "sometimes", "Choose one of the answers."),
        ("confirmation", "off", "Require a second factor of everyone first."),
    ],
)
def test_what_is_out_of_bounds_is_refused_beside_its_field_and_keeps_what_was_typed(house, manager, name, value, words):
    for url in ("/security/settings/review", "/security/settings"):
        fields = {"based_on": "0", "session_absolute_hours": "9", name: value}
        answer = manager.post(url, fields, form="/security/settings")
        assert answer.status_code == 422
        assert words in main_text(answer)
        assert re.search(r'name="session_absolute_hours" value="9"', answer.text)
    assert number(house) == 0


def test_an_idle_end_after_the_absolute_end_is_found_and_named(manager):
    answer = save(manager, session_idle_minutes="600", session_absolute_hours="8")
    assert answer.status_code == 422
    assert "The idle end would never come" in main_text(answer)


def test_a_form_made_from_an_older_version_is_refused_with_the_difference_from_now(house, manager):
    save(manager, session_idle_minutes="30")
    answer = save(manager, session_idle_minutes="45")
    assert answer.status_code == 409
    assert "Somebody saved another version meanwhile" in main_text(answer)
    assert "45 minutes" in main_text(answer)
    assert chosen(house).session_idle_minutes == 30


@pytest.mark.parametrize("based_on", ["", "-1", "x", "9" * 30])
def test_a_form_that_does_not_say_its_version_counts_as_stale(house, manager, based_on):
    assert save(manager, based_on=based_on, session_idle_minutes="45").status_code == 409
    assert number(house) == 0


def test_two_managers_at_once_have_one_winner(house):
    visitors = [house.signed_in(key) for key in ("owner", "admin", "security_manager")]
    tokens = [visitor.token("/security/settings") for visitor in visitors]
    acts = [
        lambda v=visitor, t=token, n=number: v.client.post(
            "/security/settings", data={"csrf_token": t, "based_on": "0", "session_idle_minutes": str(30 + n)}
        )
        for number, (visitor, token) in enumerate(zip(visitors, tokens, strict=True))
    ]
    assert sorted(answer.status_code for answer in all_at_once(*acts)) == [303, 409, 409]
    assert number(house) == 1


def test_saving_what_is_in_force_already_makes_no_version(house, manager):
    assert save(manager).status_code == 422
    assert number(house) == 0


def test_a_required_reason_is_asked_for_and_kept(house, manager):
    save(manager, reasons_required="yes")
    refused = save(manager, based_on=1, session_idle_minutes="30")
    assert refused.status_code == 422
    assert "Your company requires a reason" in main_text(refused)
    assert save(manager, based_on=1, session_idle_minutes="30", reason="Audit finding 7").status_code == 303
    assert "Audit finding 7" in main_text(manager.get("/security/settings/history"))


def test_every_version_can_be_returned_to_and_so_can_the_defaults(house, manager):
    first = asdict(chosen(house))
    save(manager, session_idle_minutes="30")
    save(manager, based_on=1, session_idle_minutes="20", factor_required="administrators")
    back = manager.post("/security/settings/history/1/restore", {"based_on": "2"}, form="/security/settings")
    assert back.status_code == 303
    assert asdict(chosen(house)) == first | {"session_idle_minutes": 30}
    manager.post("/security/settings/history/0/restore", {"based_on": "3"}, form="/security/settings")
    assert asdict(chosen(house)) == first
    assert number(house) == 4
    assert manager.get("/security/settings/history/99").status_code == 404
    assert manager.get("/security/settings/history/4").status_code == 200


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_level_can_be_looked_at_and_taken(house, manager, preset):
    page = manager.get(f"/security/presets/{preset.name}")
    assert page.status_code == 200
    values = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    if preset.name == "standard":
        assert "Nothing would change" in page.text
        return
    assert manager.post("/security/settings", values, form="/security/settings").status_code == 303
    with house.inside():
        wanted = preset.choices
    assert chosen(house) == wanted
    assert re.search(rf"Level in force: {preset.label}", main_text(manager.get("/security")))


def test_a_level_of_no_such_name_is_not_found(manager):
    assert manager.get("/security/presets/paranoid").status_code == 404


def test_the_score_rises_when_a_risk_is_mended_and_only_then(house, manager):
    def score():
        return int(re.search(r"Score: (\d+) of 100", manager.get("/security").text).group(1))

    before = score()
    assert "Administrators or managers sign in with a password alone" in main_text(manager.get("/security"))
    save(manager, factor_required="administrators")
    assert score() > before
    assert "Administrators or managers sign in with a password alone" not in main_text(manager.get("/security"))
    save(manager, based_on=1, factor_required="nobody")
    assert score() == before


def test_the_change_is_in_the_record_with_old_and_new_values(house, manager):
    save(manager, session_idle_minutes="30", reason="Open-plan office")
    page = main_text(house.signed_in("auditor").get("/audit"))
    assert "Saved security settings" in page
    with house.inside(house["owner"].tenant_id, write=False):
        from console.audit.models import EntryFilter, entries

        entry = next(entry for entry in entries(EntryFilter(), limit=50) if entry.tag == "policies:version:saved")
        assert entry.details["changes"] == {"session_idle_minutes": ["120 minutes", "30 minutes"]}
        assert entry.details["reason"] == "Open-plan office"


def test_an_auditor_reads_and_cannot_save(house):
    auditor = house.signed_in("auditor")
    assert "disabled" in auditor.get("/security/settings").text
    assert save(auditor, session_idle_minutes="30").status_code == 403


def test_a_setting_that_the_code_no_longer_knows_does_no_harm(house):
    from console.core.actor import system
    from console.policies.actions import save as save_policy

    with house.inside(house["owner"].tenant_id):
        save_policy("settings", {"gone": 1, "session_idle_minutes": 30}, based_on=0, reason="", by=system("a test"))
    with house.inside(house["owner"].tenant_id, write=False):
        assert choices_of(in_force("settings")).session_idle_minutes == 30
