"""Whoever answers for a Customer's security hears by mail of each change of settings and ranges, and nobody else does."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from console.core import jobs
from console.core.db import db
from console.policies import actions as policies
from console.registry import HANDLERS
from tests.ip_ranges.acts import HERE, OFFICE, draft, number_on_trial, save
from tests.security.test_settings_pages import save as save_settings

START = datetime(2027, 5, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def letters(house, words):
    """Those mails, as (to whom, text)."""
    return [
        (str(mail["To"]), mail.get_body(("plain",)).get_content())
        for mail in house.mails()
        if words in str(mail["Subject"])
    ]


def told(house):
    """The addresses of the active people of the first Customer who must hear of it."""
    roles = ("owner", "administrator", "security_manager")
    people = [one for one in house.people.values() if one.tenant == "acme" and one.role in roles]
    return sorted(one.email for one in people if one.key not in ("suspended", "invited"))


def whom(found):
    return sorted(to.split("<")[-1].rstrip(">") for to, _text in found)


@pytest.mark.promise("P08")
def test_each_saved_version_of_the_settings_is_told_with_what_by_whom_when_and_from_where(house, clock):
    manager = house.signed_in("security_manager", address="203.0.113.9")
    assert save_settings(manager, password_characters="16", factor_required="administrators").status_code == 303
    found = letters(house, "security settings of")
    assert whom(found) == told(house)
    assert len(found) > 2
    for _to, text in found:
        for words in ("Sven Sécurité", "203.0.113.9", "01 May 2027", "version 1", "/security/settings/history/1"):
            assert words in text
        assert "16" in text
        assert "What changed:" in text
        assert "The reason given: none was given." in text
    link = f"/security/settings/history/{1}"
    assert manager.get(link).status_code == 200


def test_each_saved_list_is_told_and_so_is_a_trial_that_lapses(house, clock):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    assert save(owner, "Only from the office").status_code == 303
    found = letters(house, "IP ranges of")
    assert whom(found) == told(house)
    text = found[0][1]
    for words in (f"{OFFICE} added", "Allowed ranges: Off → Enforced", "Only from the office", "It is on trial"):
        assert words in text, text
    page = text.split(house.settings.base_url)[1].split()[0]
    assert page.startswith(f"{HERE}/versions/")
    assert owner.get(page).status_code == 200
    clock.shift(timedelta(minutes=11))
    found = letters(house, "back at an earlier version")
    assert whom(found) == told(house)
    assert "Since" in found[0][1]
    assert "version 0 is in force again" in found[0][1]
    assert "nobody confirmed the trial" in found[0][1]


def test_a_trial_that_somebody_ends_is_told_with_who_and_from_where(house, clock):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    save(owner)
    assert owner.post(f"{HERE}/fall-back", {"number": number_on_trial(owner)}).status_code == 303
    [(_to, text), *_more] = letters(house, "back at an earlier version")
    assert f"{house['owner'].name} from {OFFICE}" in text


def test_a_repeated_job_tells_nobody_twice_and_a_refused_change_tells_nobody(house, clock):
    manager = house.signed_in("security_manager")
    save_settings(manager, password_characters="16")
    once = len(letters(house, "security settings of"))
    with house.inside():
        query = select(jobs.Job).where(jobs.Job.kind == policies.SAVED_JOB)
        job = db.session.execute(query).scalar_one()
        job.state, job.lease_until_at = "queued", None  # as if the worker had been killed before it could say "done"
    assert len(letters(house, "security settings of")) == once
    assert save_settings(manager, password_characters="17").status_code == 409
    assert len(letters(house, "security settings of")) == once


def test_control_a_save_that_nobody_is_told_of_would_be_noticed(house, clock, monkeypatch):
    monkeypatch.setitem(HANDLERS, policies.SAVED_JOB, lambda _run: None)
    save_settings(house.signed_in("security_manager"), password_characters="16")
    assert letters(house, "security settings of") == []
