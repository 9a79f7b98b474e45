"""Labels: on one item or many, seen by those who read everything, renamed and deleted everywhere at once. Promise: P14."""

import pytest

from console.audit.tags import Tag
from console.core.db import db
from console.core.ids import new_id
from console.customer_data.labels import Label, labels
from tests.customer_data.looks import main_text, recorded, titles
from tests.customer_data.mails import bring, letter


@pytest.fixture
def ids(house):
    return bring(house, "member", [letter(f"Letter {n}", "words", days=n) for n in range(3)])


@pytest.fixture
def admin(house):
    return house.signed_in("admin")


def put(visitor, ids, name="", verb="put_on", **more):
    return visitor.post("/data/labelled", {"ids": [str(each) for each in ids], "verb": verb, "new_label": name, **more})


def known(house, key="owner"):
    with house.inside(house[key].tenant_id, write=False):
        return {each.name: (str(each.id), each.items) for each in labels()}


def test_a_label_is_put_on_and_taken_off_counted_and_recorded(house, admin, ids):
    assert put(admin, ids[:2], "Case 7").status_code == 303
    assert put(admin, ids, "case  7").status_code == 303, "the same name in another spelling is the same label"
    [(label_id, count)] = known(house).values()
    assert count == 3
    assert titles(admin.get(f"/data?label={label_id}")) == ["Letter 2", "Letter 1", "Letter 0"]
    put(admin, ids[:1], verb="take_off", label=label_id)
    put(admin, ids[:1], verb="take_off", label=label_id)
    assert known(house)["Case 7"][1] == 2
    assert titles(admin.get(f"/data?label={label_id}")) == ["Letter 2", "Letter 1"]
    acts = [facts["act"] for facts, _reason, _who in recorded(house, "owner", Tag.DATA_ITEMS_LABELLED)]
    assert acts == ["put on"] * 3 + ["taken off"]


def test_the_items_page_shows_them_and_leads_back_to_itself(house, admin, ids):
    answer = put(admin, ids[:1], "Contract", item=str(ids[0]), place="q=letter")
    assert answer.location == f"/data/{ids[0]}?q=letter"
    assert "Contract" in main_text(admin.get(f"/data/{ids[0]}"))
    assert "Contract" in main_text(house.signed_in("auditor").get(f"/data/{ids[0]}"))


def test_the_custodian_whose_mail_it_is_sees_no_label(house, admin, ids):
    put(admin, ids, "Investigation of Mika")
    [(label_id, _count)] = known(house).values()
    member = house.signed_in("member")
    for url in ("/data", f"/data/{ids[0]}", f"/data?label={label_id}"):
        page = member.get(url)
        assert "Investigation" not in page.text, url
    assert len(titles(member.get(f"/data?label={label_id}"))) == 3, "what the filter leaves out would tell"
    assert member.get("/data/labels").status_code == 403


def test_a_label_is_renamed_and_its_old_name_is_free(house, admin, ids):
    put(admin, ids, "Old")
    [(label_id, _count)] = known(house).values()
    put(admin, ids[:1], "Other")
    assert admin.post(f"/data/labels/{label_id}", {"name": "other"}).status_code == 409
    assert admin.post(f"/data/labels/{label_id}", {"name": "  "}).status_code == 422
    assert admin.post(f"/data/labels/{label_id}", {"name": "x" * 61}).status_code == 422
    assert admin.post(f"/data/labels/{label_id}", {"name": "New"}).status_code == 303
    assert set(known(house)) == {"New", "Other"}
    assert admin.post("/data/labels", {"name": "Old"}).status_code == 303


def test_deleting_says_how_many_have_it_and_leaves_the_items(house, admin, ids):
    put(admin, ids, "Gone soon")
    [(label_id, _count)] = known(house).values()
    page = admin.get(f"/data/labels/{label_id}/delete")
    assert "3 items have this label" in main_text(page)
    assert admin.post(f"/data/labels/{label_id}/delete").status_code == 303
    assert known(house) == {}
    assert len(titles(admin.get("/data"))) == 3
    assert recorded(house, "owner", Tag.DATA_LABEL_DELETED)[0][0] == {"name": "Gone soon", "items": 3}
    assert admin.post(f"/data/labels/{label_id}/delete").status_code == 404


def test_nothing_happens_to_items_of_others_or_without_a_choice(house, admin, ids):
    [foreign] = bring(house, "birch_owner", [letter("Foreign", "x")])
    answers = [put(admin, [ids[0], other], "Case") for other in (foreign, new_id())]
    assert [answer.status_code for answer in answers] == [404, 404]
    for fields in ({}, {"label": "x"}, {"label": str(new_id())}):
        assert put(admin, ids, **fields).status_code in (303, 404)
    assert put(admin, [], "Case").status_code == 303
    assert known(house) == {}
    assert known(house, "birch_owner") == {}


@pytest.mark.promise("P14")
def test_another_customers_label_is_unknown_and_its_name_is_free(house, admin, ids):
    put(admin, ids, "Secret")
    [(label_id, _count)] = known(house).values()
    birch = house.signed_in("birch_owner")
    assert birch.post(f"/data/labels/{label_id}", {"name": "Mine"}).status_code == 404
    assert birch.get(f"/data/labels/{label_id}/delete").status_code == 404
    assert birch.post("/data/labels", {"name": "Secret"}).status_code == 303
    assert known(house)["Secret"][1] == 3


def test_names_are_sealed_and_two_customers_digests_of_one_name_differ(house, admin, ids):
    put(admin, ids, "Zebra crossing")
    house.signed_in("birch_owner").post("/data/labels", {"name": "Zebra crossing"})
    digests = []
    for key in ("owner", "birch_owner"):
        with house.inside(house[key].tenant_id, write=False):
            [row] = db.session.query(Label).all()
            assert b"Zebra" not in row.sealed + row.digest
            digests.append(row.digest)
    assert digests[0] != digests[1]


@pytest.mark.parametrize("who", ["auditor", "member", "user_manager", "security_manager"])
def test_only_owners_and_administrators_change_labels(house, ids, who):
    assert put(house.signed_in(who), ids, "Case").status_code == 403


def test_two_who_make_the_same_label_at_once_get_one(house):
    import threading

    from console.core.actor import Actor
    from console.customer_data.labels import add_label, labels

    who, together, made = house["owner"], threading.Barrier(2), []

    def add(key):
        by = Actor("person", tenant_id=who.tenant_id, user_id=house[key].id, role=house[key].role)
        together.wait(30)
        with house.inside(who.tenant_id):
            made.append(add_label("Claims", by=by).id)

    threads = [threading.Thread(target=add, args=(key,)) for key in ("owner", "admin")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 2
    with house.inside(who.tenant_id, write=False):
        assert [one.id for one in labels()] == list(set(made))
