"""Legal holds, retention and deletion through the pages, as owners, administrators and auditors see them."""

import re

import pytest
from sqlalchemy import select

from console.core.db import db
from console.customer_data.holds import holds
from console.customer_data.models import Item
from console.customer_data.retention import present_rules
from tests.customer_data.held import hold as keep

REASON = "An investigation began"


@pytest.fixture
def acme(house):
    return house["owner"].tenant_id


def post(visitor, url, data=None):
    return visitor.post(url, data or {}, form="/me")


def numbers(house, tenant_id):
    with house.inside(tenant_id, write=False):
        return list(db.session.execute(select(Item.number).order_by(Item.number)).scalars())


def placed(house, visitor, **fields):
    """The page of a new hold."""
    answer = post(visitor, "/data/holds", {"scope": "everything", "name": "Case 7", "reason": REASON, **fields})
    assert answer.status_code == 303, answer.text
    return answer.location


def test_a_hold_is_placed_shown_and_lifted_by_two(house, acme):
    keep(house, acme, b"a")
    owner, admin = house.signed_in("owner"), house.signed_in("admin")
    assert "No holds" in owner.get("/data/holds").text
    url = placed(house, owner)
    page = owner.get(url).text
    assert "Case 7" in page
    assert REASON in page
    assert "Everything" in owner.get("/data/holds").text
    assert post(owner, f"{url}/ask-to-lift", {"reason": "short"}).status_code == 422
    assert post(owner, f"{url}/ask-to-lift", {"reason": "It is over now"}).status_code == 303
    assert "Another owner or administrator has to agree" in owner.get(url).text
    assert post(owner, f"{url}/lift").status_code == 403
    assert "Agree: lift the hold" in admin.get(url).text
    assert post(admin, f"{url}/lift").status_code == 303
    assert "Lifted" in admin.get(url).text
    assert post(admin, f"{url}/withdraw").status_code == 409


def test_a_hold_on_what_was_ticked_in_the_list_names_those_items(house, acme):
    ids = keep(house, acme, b"a", b"b")
    owner = house.signed_in("owner")
    form = post(owner, "/data/holds/new", {"ids": [str(ids[0])]})
    assert form.status_code == 200
    assert "The item that was ticked" in form.text
    assert "Item 1" in form.text
    url = placed(house, owner, scope="items", ids=[str(ids[0])])
    assert "1 item" in owner.get(url).text
    answer = post(owner, "/data/delete", {"ids": [str(one) for one in ids]})
    assert "A legal hold covers 1 of them, which stays" in answer.text
    assert "Delete 1 item?" in answer.text


def test_a_form_that_lacks_something_comes_back_with_what_was_typed(house, acme):
    owner = house.signed_in("owner")
    answer = post(owner, "/data/holds", {"scope": "custodian", "name": "<b>Case</b>", "reason": "short"})
    assert answer.status_code == 422
    assert "&lt;b&gt;Case&lt;/b&gt;" in answer.text
    assert "Choose whose data is held" in answer.text
    assert "Say why, in 10 to 500 characters" in answer.text
    with house.inside(acme, write=False):
        assert holds() == []


def test_deleting_says_what_will_go_needs_a_reason_and_does_it(house, acme):
    ids = keep(house, acme, b"a", b"b", b"c")
    owner = house.signed_in("owner")
    chosen = {"ids": [str(one) for one in ids[:2]]}
    page = post(owner, "/data/delete", chosen)
    assert "Delete 2 items?" in page.text
    assert "This cannot be undone" in page.text
    assert numbers(house, acme) == [1, 2, 3]
    assert post(owner, "/data/delete", {**chosen, "confirmed": "yes", "reason": "oops"}).status_code == 422
    done = post(owner, "/data/delete", {**chosen, "confirmed": "yes", "reason": "Private mail by mistake"})
    assert done.status_code == 303
    assert numbers(house, acme) == [3]
    assert "2 items were deleted" in owner.get("/data").text


def test_nothing_ticked_is_told_and_another_customers_items_are_not_there(house, acme):
    theirs = keep(house, house["birch_owner"].tenant_id, b"a")
    owner = house.signed_in("owner")
    assert post(owner, "/data/delete").status_code == 422
    assert "Nothing can be deleted" in post(owner, "/data/delete", {"ids": [str(theirs[0])]}).text
    done = post(owner, "/data/delete", {"ids": [str(theirs[0])], "confirmed": "yes", "reason": "Trying to reach over"})
    assert done.status_code == 303
    assert numbers(house, house["birch_owner"].tenant_id) == [1]


def test_retention_is_reviewed_before_it_is_saved_and_kept_as_versions(house, acme):
    keep(house, acme, b"a")
    owner = house.signed_in("owner")
    assert "Everything is kept for ever" in owner.get("/data/retention").text
    assert "30 to 36,525 days" in post(owner, "/data/retention/review", {"days": "7"}).text
    page = post(owner, "/data/retention/review", {"days": "365"})
    assert page.status_code == 200
    assert "Nothing is that old" in page.text
    fields = {"days": "365", "based_on": re.search(r'name="based_on" value="(\d+)"', page.text).group(1)}
    assert post(owner, "/data/retention", {**fields, "reason": "short"}).status_code == 422
    assert post(owner, "/data/retention", {**fields, "reason": "Mail is kept for a year"}).status_code == 303
    with house.inside(acme, write=False):
        assert present_rules().days == 365
    mail = next(one for one in house.mails(house["admin"].email) if "how long data is kept" in str(one["Subject"]))
    assert "everybody: for ever → 365 days" in " ".join(mail.get_body(("plain",)).get_content().split())
    shown = owner.get("/data/retention").text
    assert "365 days" in shown
    assert "Mail is kept for a year" in shown
    late = post(owner, "/data/retention", {**fields, "days": "400", "reason": "Made from an old form"})
    assert late.status_code == 409
    with house.inside(acme, write=False):
        assert present_rules().days == 365


def test_a_custodian_is_given_a_term_or_kept_for_ever(house, acme):
    keep(house, acme, b"a")
    with house.inside(acme, write=False):
        custodian_id = db.session.execute(select(Item.custodian_id)).scalar_one()
    owner = house.signed_in("owner")
    fields = {"days": "365", f"custodian_{custodian_id}_for_ever": "y", "based_on": "0"}
    assert "Cleo Custodian: for ever" in post(owner, "/data/retention/review", fields).text
    assert post(owner, "/data/retention", {**fields, "reason": "The board keeps everything"}).status_code == 303
    with house.inside(acme, write=False):
        assert present_rules().by_custodian == {custodian_id: 0}


def test_auditors_read_and_change_nothing_and_others_see_nothing(house, acme):
    keep(house, acme, b"a")
    url = placed(house, house.signed_in("owner"))
    auditor, member = house.signed_in("auditor"), house.signed_in("member")
    for page in ("/data/holds", url, "/data/retention"):
        assert auditor.get(page).status_code == 200
        assert member.get(page).status_code == 403
    for act in ("/data/holds", f"{url}/ask-to-lift", f"{url}/lift", "/data/retention", "/data/delete"):
        assert post(auditor, act).status_code == 403
    assert "Place a hold" not in auditor.get("/data/holds").text
