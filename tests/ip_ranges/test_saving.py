"""A draft becomes a version: replayed, guarded, on trial, confirmed or reverted, and returned to."""

import re
from datetime import timedelta

import pytest
import time_machine

from console.app import create_app
from console.audit.models import EntryFilter, entries
from console.core import clock
from console.core.db import db
from console.ip_ranges.models import draft as stored_draft
from tests.house import House
from tests.ip_ranges.acts import (
    ELSEWHERE,
    HERE,
    OFFICE,
    draft,
    enforce,
    is_refusal,
    keep,
    move,
    number_on_trial,
    policy,
    review_form,
    save,
)
from tests.security.at_once import all_at_once, at_once, database_held
from tests.users.acts import act, form_of, main_text


def later(minutes):
    return time_machine.travel(clock.now() + timedelta(minutes=minutes), tick=True)


def tags(house):
    with house.inside(house["owner"].tenant_id, write=False):
        return [entry.tag for entry in entries(EntryFilter(area="policies"), limit=50)]


def test_nothing_counts_before_the_draft_is_saved_and_the_draft_survives_a_restart(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32 Office Hamburg")
    assert house.signed_in("member", address=ELSEWHERE)
    again = House(create_app(house.settings), house.settings, house.people)
    page = again.signed_in("security_manager").get(HERE)
    assert "2 changes, not in force" in main_text(page)
    assert "Last edited by Olga Owner" in main_text(page)
    assert "Office Hamburg" in page.text
    with again.app.app_context():
        db.engine.dispose()


def test_a_tighter_list_is_in_force_at_once_and_on_trial_for_ten_minutes(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    assert "On trial for 10 minutes" in owner.get(f"{HERE}/review").text
    assert save(owner).status_code == 303
    assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))
    for page in ("/overview", "/users", "/me", HERE):
        assert "New IP ranges are on trial" in owner.get(page).text, page
    assert "on trial" not in house.signed_in("member").get("/me").text


def test_a_trial_that_nobody_confirms_reverts_by_the_clock_without_any_worker_and_after_a_restart(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    save(owner)
    again = House(create_app(house.settings), house.settings, house.people)
    with later(9):
        assert is_refusal(again.visitor(address=ELSEWHERE).sign_in(house["member"].email))
    with later(10.1):
        assert again.signed_in("member", address=ELSEWHERE)
        assert policy(again).number == 0
        again.work()
        assert "policies:version:reverted" in tags(again)
    with again.app.app_context():
        db.engine.dispose()


def test_a_trial_that_is_confirmed_stays(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    save(owner)
    assert keep(house.signed_in("admin"), number_on_trial(owner)).status_code == 303
    with later(11):
        house.work()
        assert policy(house).number == 1
        assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))
    assert tags(house)[0] == "policies:version:kept"


def test_whom_the_trial_keeps_out_cannot_confirm_it(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32", every_request=False)
    save(owner)
    admin = house.signed_in("admin")
    answer = keep(move(admin, ELSEWHERE), number_on_trial(owner))
    assert answer.status_code == 409
    assert "does not let you in from your present address" in main_text(answer)
    assert policy(house).on_trial


def test_a_trial_can_be_ended_at_once(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    save(owner)
    assert owner.post(f"{HERE}/fall-back", {"number": number_on_trial(owner)}).status_code == 303
    assert house.signed_in("member", address=ELSEWHERE)
    assert owner.post(f"{HERE}/fall-back", {"number": "1"}).status_code == 409


def test_confirming_too_late_is_refused_and_says_so(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    save(owner)
    with later(10.1):
        answer = keep(owner, "1")
        assert answer.status_code == 409
        assert "its trial is over" in main_text(answer)


@pytest.mark.parametrize("round_", range(3))
def test_confirming_and_reverting_at_the_same_moment_leaves_one_of_both(house, round_):
    owner, admin = house.signed_in("owner"), house.signed_in("admin")
    draft(owner, f"{OFFICE}/32")
    save(owner)
    number = number_on_trial(owner)
    tokens = [visitor.token("/me") for visitor in (owner, admin)]
    paths = (f"{HERE}/keep", f"{HERE}/fall-back")
    with database_held(house, house["owner"].tenant_id):
        threads, answers = at_once(
            *(
                lambda v=visitor, p=path, t=token: (
                    v.client.post(p, data={"number": number, "csrf_token": t}).status_code
                )
                for visitor, path, token in zip((owner, admin), paths, tokens, strict=True)
            )
        )
    for thread in threads:
        thread.join()
    assert sorted(answers) == [303, 409], answers
    now = policy(house)
    assert (now.number, now.on_trial) == ((1, False) if answers[0] == 303 else (0, False))


def test_two_managers_who_save_at_once_make_one_version(house):
    visitors = [house.signed_in("owner"), house.signed_in("admin")]
    draft(visitors[0], f"{OFFICE}/32")
    forms = [{**review_form(visitor), "reason": "At once"} for visitor in visitors]
    answers = all_at_once(
        *(
            lambda v=visitor, f=form: v.client.post(f"{HERE}/save", data=f).status_code
            for visitor, form in zip(visitors, forms, strict=True)
        )
    )
    assert sorted(answers) == [303, 409], answers
    assert policy(house).latest == 1


def test_a_draft_that_changed_since_it_was_reviewed_is_not_saved(house):
    owner, admin = house.signed_in("owner"), house.signed_in("admin")
    draft(owner, f"{OFFICE}/32")
    form = review_form(owner)
    draft(admin, "192.0.2.0/24")
    answer = owner.client.post(f"{HERE}/save", data={**form, "reason": "Only mine"})
    assert answer.status_code == 409
    assert "The draft was changed since you looked at it" in main_text(answer)
    assert policy(house).latest == 0


def test_a_list_that_was_replaced_since_the_review_is_not_overwritten(house):
    owner, admin = house.signed_in("owner"), house.signed_in("admin")
    draft(owner, f"{OFFICE}/32", mode="report")
    form = review_form(owner)
    assert save(admin, "First").status_code == 303
    draft(admin, "192.0.2.0/24", mode="report")
    with house.inside(house["owner"].tenant_id):
        stored_draft().revision = int(form["revision"])
    answer = owner.client.post(f"{HERE}/save", data={**form, "reason": "Second"})
    assert answer.status_code == 409
    assert policy(house).number == 1


def test_a_reason_is_needed(house):
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    assert save(owner, "").status_code == 422
    assert save(owner, "x" * 301).status_code == 422
    assert policy(house).latest == 0


def test_a_looser_list_counts_at_once_and_for_good(house):
    owner = enforce(house)
    draft(owner, f"{ELSEWHERE}/32")
    assert "Save and put into force" in owner.get(f"{HERE}/review").text
    assert save(owner, "One more office").status_code == 303
    assert not policy(house).on_trial
    assert house.signed_in("member", address=ELSEWHERE)


def test_a_change_that_shuts_out_its_author_is_refused_and_one_button_mends_it(house):
    owner = house.signed_in("owner")
    draft(owner, "192.0.2.0/24")
    page = owner.get(f"{HERE}/review")
    assert f"your present address {OFFICE} is in no allowed range" in main_text(page)
    assert f"{HERE}/save" not in page.text
    with house.inside(house["owner"].tenant_id, write=False):
        revision = stored_draft().revision
    fields = {"reason": "Let us see", "based_on": "0", "revision": str(revision)}
    answer = owner.post(f"{HERE}/save", fields)
    assert answer.status_code == 409
    assert "would shut you out" in main_text(answer)
    assert policy(house).latest == 0
    form = form_of(page, f"{HERE}/allow")
    assert form["address"] == OFFICE
    assert owner.client.post(f"{HERE}/allow", data=form).location == f"{HERE}/review"
    assert save(owner).status_code == 303


def test_a_change_that_leaves_no_usable_administrator_is_refused(house):
    """The security manager would still get in; the owner and the administrator were never seen there."""
    for key in ("owner", "admin"):
        house.signed_in(key, address=ELSEWHERE)
    manager = house.signed_in("security_manager")
    draft(manager, f"{OFFICE}/32")
    page = main_text(manager.get(f"{HERE}/review"))
    assert "no active owner or administrator could sign in" in page
    assert ELSEWHERE in page
    draft(manager, f"{ELSEWHERE}/32")
    assert save(manager).status_code == 303


def test_a_suspended_administrator_does_not_count_as_able(house):
    house.signed_in("owner", address=ELSEWHERE)
    act(house.signed_in("owner", address=ELSEWHERE), "suspend", house["admin"].id)
    manager = house.signed_in("security_manager")
    draft(manager, f"{OFFICE}/32")
    assert "no active owner or administrator" in main_text(manager.get(f"{HERE}/review"))


def test_an_end_that_would_shut_everybody_out_later_is_refused(house):
    owner = house.signed_in("owner")
    ends = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    fields = {"range": OFFICE, "strength": "allowed", "on": "y", "ends_at": ends}
    assert owner.post(f"{HERE}/new", fields, form=f"{HERE}/new").status_code == 303
    draft(owner)
    house.signed_in("admin")
    assert "Allow one without an end" in main_text(owner.get(f"{HERE}/review"))


def test_the_replay_counts_who_would_have_been_refused_and_lists_each(house):
    for key in ("member", "other_member"):
        house.signed_in(key, address=ELSEWHERE)
    house.signed_in("member", address=ELSEWHERE)
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    page = owner.get(f"{HERE}/review")
    text = main_text(page)
    assert "People refused 2 of 3" in text
    assert "Sign-ins refused 3 of 4" in text
    assert "Mika Member" in text
    assert "Мария Иванова" in text
    assert "Olga Owner" not in text.split("Who would have been refused")[1]
    unknown = int(text.split("No sign-in in these days: unknown ")[1].split()[0])
    named = page.text.split("were not here in these days")[1].split("</details>")[0]
    assert named.count("<li>") == unknown > 0
    assert "Audrey Auditor" in named
    assert not any(name in named for name in ("Mika Member", "Olga Owner", "Susan Suspended", "Ingo Invited"))
    for days in (7, 90):
        assert f"of the last {days} days" in main_text(owner.get(f"{HERE}/review?days={days}"))
    assert "of the last 90 days" in main_text(owner.get(f"{HERE}/review?days=4000"))


def test_the_replay_does_not_look_beyond_the_days_asked_for(house):
    with time_machine.travel(clock.now() - timedelta(days=20), tick=True):
        house.signed_in("member", address=ELSEWHERE)
    owner = house.signed_in("owner")
    draft(owner, f"{OFFICE}/32")
    assert "People refused 0 of 1" in main_text(owner.get(f"{HERE}/review?days=7"))
    assert "People refused 1 of 2" in main_text(owner.get(f"{HERE}/review?days=30"))


def test_each_version_says_who_when_and_why_and_can_be_returned_to(house):
    owner = enforce(house)
    draft(owner, f"{ELSEWHERE}/32 Second office")
    save(owner, "The second office opened")
    listed = owner.get(f"{HERE}/versions")
    assert "The second office opened" in listed.text
    assert "Olga Owner" in main_text(listed)
    second, first = re.findall(rf'href="({HERE}/versions/[0-9a-f-]+)"', listed.text)
    assert "Second office" in main_text(owner.get(second))
    assert "Added" in main_text(owner.get(second))
    assert owner.post(f"{first}/take").location == f"{HERE}/review"
    assert "Removed" in main_text(owner.get(f"{HERE}/review"))
    assert save(owner, "Back to one office").status_code == 303
    assert policy(house).number == 3
    assert policy(house).on_trial
    assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))


def test_the_record_says_what_changed(house):
    enforce(house)
    with house.inside(house["owner"].tenant_id, write=False):
        saved = next(entry for entry in entries(EntryFilter(area="policies"), limit=9) if entry.tag.endswith("saved"))
        changes = saved.details["changes"]
    assert changes["mode"] == ["Off", "Enforced"]
    assert changes["ranges"] == ["", OFFICE]


def test_discarding_the_draft_leaves_the_list_as_it_was(house):
    owner = enforce(house)
    draft(owner, "192.0.2.0/24", mode="off")
    assert owner.post(f"{HERE}/discard").status_code == 303
    assert "192.0.2.0/24" not in owner.get(HERE).text
    assert policy(house).document["mode"] == "enforce"
