"""Each opening is in the record, once a minute; a reason where the Customer asks for one; searches too. Promise: P08."""

from datetime import timedelta

import pytest
import time_machine

from console.audit.tags import Tag
from console.core import clock
from tests.customer_data.looks import main_text, opened, recorded
from tests.customer_data.mails import PNG, bring, letter


@pytest.fixture
def item_id(house):
    html = "<p>designed</p>"
    return bring(
        house, "member", [letter("Opened", "Words of it", html=html, attachments=[("a.png", "image/png", PNG)])]
    )[0]


def test_each_part_that_is_opened_is_in_the_record_with_who_and_what(house, item_id):
    auditor = house.signed_in("auditor")
    for part in ("", "?view=headers", "?view=source", "/html", "/raw", "/parts/2", "/parts/2/download"):
        assert auditor.get(f"/data/{item_id}{part}").status_code == 200, part
    assert opened(house, "member", item_id) == ["text", "headers", "source", "html", "raw", "attachment"]
    facts, _reason, who = recorded(house, "member", subject_id=item_id)[-1]
    assert (facts["attachment"], who) == ("a.png", house["auditor"].name)


def test_reloading_does_not_flood_the_record_and_the_next_entry_counts(house, item_id):
    owner = house.signed_in("owner")
    for _again in range(5):
        owner.get(f"/data/{item_id}")
    assert opened(house, "member", item_id) == ["text"]
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        owner.get(f"/data/{item_id}")
    found = recorded(house, "member", subject_id=item_id)
    assert [facts["opened"] for facts, _reason, _who in found] == ["text", "text"]
    assert found[-1][0]["opened_again_before"] == 4


def test_another_session_of_the_same_person_is_another_entry(house, item_id):
    for _session in range(2):
        house.signed_in("owner").get(f"/data/{item_id}")
    assert opened(house, "member", item_id) == ["text", "text"]


def test_the_items_page_tells_who_opened_it_to_those_who_may_read_the_record(house, item_id):
    house.signed_in("auditor").get(f"/data/{item_id}?view=headers")
    page = main_text(house.signed_in("owner").get(f"/data/{item_id}"))
    assert "Read its headers" in page
    assert house["auditor"].name in page
    own = main_text(house.signed_in("member").get(f"/data/{item_id}"))
    assert house["auditor"].name not in own


def ask_reasons(house):
    house.choose(house["owner"].tenant_id, reason_to_open=True)


def test_where_reasons_are_asked_for_nothing_is_shown_before_one_is_given(house, item_id):
    ask_reasons(house)
    admin = house.signed_in("admin")
    page = admin.get(f"/data/{item_id}")
    assert "Why do you open this?" in main_text(page)
    for part in ("/raw", "/html", "/parts/2", "/parts/2/download", "/parts/2/picture"):
        answer = admin.get(f"/data/{item_id}{part}")
        assert (answer.status_code, answer.location) == (303, f"/data/{item_id}"), part
        assert b"Words of it" not in answer.data
    assert "Words of it" not in page.text
    assert opened(house, "member", item_id) == []
    refused = admin.post(f"/data/{item_id}/reason", {"reason": " a "})
    assert refused.status_code == 422
    assert "Say in a few words" in main_text(refused)
    told = admin.post(f"/data/{item_id}/reason", {"reason": "Case  7", "q": "words"})
    assert (told.status_code, told.location) == (303, f"/data/{item_id}?q=words")
    assert "Words of it" in admin.get(f"/data/{item_id}").text
    assert admin.get(f"/data/{item_id}/raw").status_code == 200
    assert [reason for _facts, reason, _who in recorded(house, "member", subject_id=item_id)] == ["Case 7"] * 2


def test_the_reason_counts_for_that_session_and_that_item_only(house, item_id):
    ask_reasons(house)
    [other] = bring(house, "member", [letter("Another", "Other words")])
    admin = house.signed_in("admin")
    admin.post(f"/data/{item_id}/reason", {"reason": "Case 7"})
    assert "Why do you open this?" in main_text(admin.get(f"/data/{other}"))
    assert "Why do you open this?" in main_text(house.signed_in("admin").get(f"/data/{item_id}"))
    assert "Why do you open this?" in main_text(house.signed_in("owner").get(f"/data/{item_id}"))


def test_nobody_is_asked_about_the_own_mail_and_nobody_by_default(house, item_id):
    assert "Words of it" in house.signed_in("owner").get(f"/data/{item_id}").text
    ask_reasons(house)
    assert "Words of it" in house.signed_in("member").get(f"/data/{item_id}").text


def test_a_reason_for_somebody_elses_item_of_another_customer_is_refused_as_unknown(house, item_id):
    ask_reasons(house)
    birch = house.signed_in("birch_owner")
    assert birch.post(f"/data/{item_id}/reason", {"reason": "Curious"}).status_code == 404
    assert house.signed_in("member").post(f"/data/{item_id}/reason", {"reason": "Mine"}).status_code == 403


def test_the_reason_goes_with_its_session(house, item_id):
    from sqlalchemy import delete, func, select

    from console.core.db import db
    from console.customer_data.openings import OpeningReason
    from console.sessions.models import Session

    ask_reasons(house)
    admin = house.signed_in("admin")
    admin.post(f"/data/{item_id}/reason", {"reason": "Case 7"})
    count = select(func.count()).select_from(OpeningReason)
    with house.inside(house["admin"].tenant_id):
        assert db.session.execute(count).scalar_one() == 1
        gone = delete(Session).where(Session.user_id == house["admin"].id)
        db.session.execute(gone.execution_options(synchronize_session=False))
        assert db.session.execute(count).scalar_one() == 0


@pytest.mark.promise("P08")
def test_the_setting_is_on_the_page_and_counts_when_saved(house, item_id):
    owner = house.signed_in("owner")
    assert "Ask for a reason before data of others is opened" in owner.get("/security/settings").text
    saved = owner.post("/security/settings", {"based_on": "0", "reason_to_open": "yes"}, form="/security/settings")
    assert saved.status_code == 303
    assert "Why do you open this?" in main_text(owner.get(f"/data/{item_id}"))


def test_searches_are_recorded_once_a_minute_with_their_words(house, item_id):
    auditor = house.signed_in("auditor")
    for words in ("harbour", "harbour", "invoice", ""):
        auditor.get("/data", query_string={"q": words})
    found = recorded(house, "member", Tag.DATA_SEARCHED)
    assert [facts["words"] for facts, _reason, _who in found] == ["harbour", "invoice"]


def test_searches_are_not_recorded_where_the_customer_does_not_want_it(house, item_id):
    house.choose(house["owner"].tenant_id, record_searches=False)
    house.signed_in("auditor").get("/data?q=harbour")
    assert recorded(house, "member", Tag.DATA_SEARCHED) == []


def test_if_the_record_cannot_be_written_nothing_is_shown(house, item_id, monkeypatch):
    """The table of entries is gone: what would hold the opening is not there."""
    from tests.audit.tools import raw

    owner = house.signed_in("owner")
    with raw(house) as run:
        run("ALTER TABLE audit_entries RENAME TO hidden_entries")
    try:
        for part in ("", "/raw", "/html", "/parts/2/download"):
            answer = owner.get(f"/data/{item_id}{part}")
            assert answer.status_code >= 500, part
            assert b"Words of it" not in answer.data
            assert b"designed" not in answer.data
    finally:
        with raw(house) as run:
            run("ALTER TABLE hidden_entries RENAME TO audit_entries")
