"""Whatever comes in is held byte for byte or its refusal is told; everything that was seen is accounted for."""

import hashlib
import importlib.util
import io
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import select

from console.core.db import db
from console.customer_data import batches
from console.customer_data.contents import open_content
from console.customer_data.imports import ImportFinding
from console.customer_data.models import Custodian, Item, MonthCount, totals
from tests.customer_data.bring import bring, report
from tests.formats.hostile import hostile_messages

SIMPLE = b"From: Ada <ada@x.example>\nTo: bob@x.example\nSubject: Plan %d\nDate: Tue, 24 Nov 2026 10:00:00 +0100\n\nBody %d\n"


def message(number=1):
    return SIMPLE % (number, number)


def mbox(messages):
    return b"".join(b"From ada@x.example Tue Nov 24 10:00:00 2026\n" + one + b"\n" for one in messages)


def zipped(*members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return data.getvalue()


def held(house, tenant="acme"):
    """(SHA-256 of the bytes as read back, SHA-256 noted at receipt, facts) of every item, in the order of numbers."""
    with house.inside(house["owner" if tenant == "acme" else "birch_owner"].tenant_id, write=False):
        rows = list(db.session.execute(select(Item).order_by(Item.number)).scalars())
        return [(hashlib.sha256(open_content(one).whole()).hexdigest(), one.summary.sha256, one.summary, one.media,
                 one.quarantined_for, one.size_bytes, one.dated_at, one.blob_id) for one in rows]  # fmt: skip


def findings(house, import_id):
    with house.inside(house["owner"].tenant_id, write=False):
        query = select(ImportFinding).where(ImportFinding.import_id == import_id).order_by(ImportFinding.place)
        return [(one.outcome, one.facts["code"], one.facts) for one in db.session.execute(query).scalars()]


def balances(found):
    """The report adds up, in items and in bytes."""
    parts = ("imported", "duplicate", "quarantined", "refused")
    assert found.seen_items == sum(getattr(found, f"{part}_items") for part in parts)
    assert found.seen_bytes == sum(getattr(found, f"{part}_bytes") for part in parts)
    return {part: getattr(found, f"{part}_items") for part in parts}


def samples_of_python():
    found = importlib.util.find_spec("test.test_email")
    folder = Path(found.origin).parent / "data" if found and found.origin else None
    return sorted((one.name, one.read_bytes()) for one in folder.glob("*.txt")) if folder and folder.is_dir() else []


@pytest.mark.promise("P17")
def test_every_hostile_message_comes_in_and_is_read_back_byte_for_byte(house):
    messages = [(f"{number}.eml", raw) for number, (_name, raw) in enumerate(hostile_messages())]
    messages += [(f"python-{name}.eml", raw) for name, raw in samples_of_python()]
    import_id = bring(house, "acme", messages)
    found = report(house, "acme", import_id)
    counts = balances(found)
    assert found.state == "done"
    assert found.seen_items == len(messages)
    assert counts["refused"] == 0
    assert counts["imported"] > 300
    wanted = {hashlib.sha256(raw).hexdigest() for _name, raw in messages}
    rows = held(house)
    assert {row[0] for row in rows} == wanted  # read back, decrypted
    assert all(now == then for now, then, *_ in rows)
    assert counts["duplicate"] == len(messages) - len(wanted)
    codes = {code for outcome, code, _facts in findings(house, import_id) if outcome == "quarantined"}
    assert codes == {"no_headers", "headers_cut", "too_deep", "too_many_parts"}


@pytest.mark.promise("P13")
def test_mail_of_every_shape_is_taken_apart_and_read_back(house):
    one, two, three, four, five = (message(number) for number in range(5))
    quoted = b"Subject: quoted\n\n>From here on\n"
    rd = b"From x Tue Nov 24 10:00:00 2026\nSubject: rd\n\n>>From a\n>From b\n\n" * 2
    files = [
        ("plain.mbox", mbox([one, two])),
        ("quoted.mbox", mbox([quoted])),
        ("rd.mbox", rd),
        ("box/cur/1700000000.M1.host:2,RS", three),
        ("box/.Sent.2024/cur/1700000001.M1.host:2,", four),
        ("letters.zip", zipped(("in/five.eml", five), ("in/notes.txt", b"some words"), ("b.mbox", mbox([one])))),
        ("report.csv", b"a,b\n1,2\n"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100)),
    ]
    found = report(house, "acme", bring(house, "acme", files))
    assert balances(found)["refused"] == 0
    rows = held(house)
    assert all(now == then for now, then, *_ in rows)
    raws = {row[0] for row in rows}
    for raw in (one, two, three, four, five, quoted, b"some words", b"a,b\n1,2\n", b"Subject: rd\n\n>From a\nFrom b\n"):
        assert hashlib.sha256(raw).hexdigest() in raws, raw
    places = {row[2].title or row[2].name: row for row in rows}
    assert places["Plan 2"][2].folder == "box"
    assert places["Plan 2"][2].flags == "replied seen"
    assert places["Plan 3"][2].folder == "box/Sent/2024"
    assert places["notes.txt"][2].folder == "letters.zip/in"
    assert (places["notes.txt"][3], places["picture.png"][3], places["Plan 2"][3]) == ("text", "image", "mail")
    summary = places["Plan 2"][2]
    assert (summary.sender, summary.recipients) == ("Ada <ada@x.example>", "bob@x.example")
    assert places["Plan 2"][6].isoformat() == "2026-11-24T09:00:00+00:00"


def test_large_items_lie_in_blobs_and_small_ones_in_rows(house):
    large = message() + bytes(range(256)) * 400
    bring(house, "acme", [("large.eml", large), ("small.eml", message(2))])
    rows = {row[5]: row[7] for row in held(house)}
    assert rows[len(large)] is not None
    assert rows[len(message(2))] is None


def test_the_same_bytes_in_the_same_place_are_held_once(house):
    files = [
        ("a.mbox", mbox([message(1), message(2), message(1)])),
        ("x/one.eml", message(1)),
        ("y/one.eml", message(1)),
    ]
    first = report(house, "acme", bring(house, "acme", files))
    assert balances(first) == {"imported": 4, "duplicate": 1, "quarantined": 0, "refused": 0}
    again = bring(house, "acme", files)
    assert balances(report(house, "acme", again)) == {"imported": 0, "duplicate": 5, "quarantined": 0, "refused": 0}
    assert len(held(house)) == 4
    twins = [facts for outcome, _code, facts in findings(house, again) if outcome == "duplicate"]
    assert sorted(one["offset"] for one in twins if one["offset"] is not None) == [0, 151, 302]
    with house.inside(house["owner"].tenant_id, write=False):
        total, months = totals(), list(db.session.execute(select(MonthCount)).scalars())
        keeper = db.session.execute(select(Custodian)).scalar_one()
        assert total.items == keeper.items == sum(one.items for one in months) == 4
        assert total.size_bytes == keeper.size_bytes == sum(one.size_bytes for one in months) == 4 * len(message())
        assert keeper.user_id == house["member"].id  # matched by the address


def test_another_custodian_has_its_own_copy_and_another_customer_too(house):
    for custodian in ("ada@x.example", "ADA@x.example", "bob@x.example"):
        bring(house, "acme", [("a.eml", message())], custodian)
    bring(house, "birch", [("a.eml", message())])
    assert len(held(house)) == 2
    assert len(held(house, "birch")) == 1


def test_traps_are_refused_with_the_limit_named_and_stop_nothing(house):
    bomb = zipped(("zeros.bin", bytes(4 * 2**20)), ("good.eml", message(1)))
    inner = zipped(("in.zip", zipped(("deep.zip", zipped(("x.eml", message(9)))))))
    files = [
        ("bomb.zip", bomb),
        ("deep.zip", inner),
        ("paths.zip", zipped(("../up.eml", message(2)), ("/abs.eml", message(3)), ("ok/fine.eml", message(4)))),
        ("broken.zip", b"PK\x03\x04" + b"x" * 200),
        ("after.eml", message(5)),
        ("empty.zip", zipped()),
    ]
    import_id = bring(house, "acme", files)
    counts = balances(report(house, "acme", import_id))
    told = {code: facts["reason"] for outcome, code, facts in findings(house, import_id) if outcome == "refused"}
    assert counts["imported"] == 3
    assert set(told) == {"ratio", "zip_depth", "name_parent", "name_absolute", "bad_zip"}
    assert "200 times" in told["ratio"]
    assert "1 deep" in told["zip_depth"]


def test_doubtful_cuts_are_imported_and_listed_with_their_offsets(house):
    data = mbox([b"Subject: one\n\ntext\nFrom b@x.example Tue Nov 24 10:00:00 2026\nX-Header: or none\n", message(2)])
    import_id = bring(house, "acme", [("doubtful.mbox", data)])
    assert balances(report(house, "acme", import_id))["imported"] == 2
    [(outcome, _code, facts)] = findings(house, import_id)
    assert outcome == "ambiguous"
    assert "offset 63" in facts["reason"]


def test_quarantined_items_are_held_unseen_until_somebody_releases_them(house):
    owner = house.signed_in("owner")
    import_id = bring(house, "acme", [("odd.eml", b"zebrafinch without any header")], visitor=owner)
    [row] = held(house)
    assert row[4] == "no_headers"
    with house.inside(house["owner"].tenant_id, write=False):
        item_id = db.session.execute(select(Item.id)).scalar_one()
        assert totals().items == 0
    page = owner.get(f"/data/import/{import_id}?outcome=quarantined").text
    assert f"/data/import/{import_id}/release/{item_id}" in page
    where = f"/data/import/{import_id}/release/{item_id}"
    assert "cannot be put back" in owner.get(where).text
    assert owner.post(where, {"reason": "It is a plain note."}, form=where).status_code == 303
    assert owner.get(where).status_code == 409
    assert "Released from quarantine" in owner.get(f"/data/import/{import_id}?outcome=quarantined").text
    assert held(house)[0][4] is None
    from console.core.actor import Actor
    from console.customer_data.finding import ItemQuery, find_items

    who = house["owner"]
    by = Actor(kind="person", tenant_id=who.tenant_id, user_id=who.id, role=who.role)
    with house.inside(who.tenant_id, write=False):
        assert totals().items == 1
        assert [one.id for one in find_items(ItemQuery(q="zebrafinch"), by=by).items] == [item_id]


def test_an_item_that_breaks_a_parser_is_quarantined_and_the_others_come_in(house, monkeypatch):
    from console.customer_data import taking

    parse = taking.read_message

    def breaks(raw):
        if b"Plan 2" in raw:
            raise RecursionError(raw)
        return parse(raw)

    monkeypatch.setattr(taking, "read_message", breaks)  # a planted fault
    import_id = bring(house, "acme", [("three.mbox", mbox([message(1), message(2), message(3)]))])
    assert balances(report(house, "acme", import_id)) == {"imported": 2, "duplicate": 0, "quarantined": 1, "refused": 0}
    assert [code for _outcome, code, _facts in findings(house, import_id)] == ["not_understood"]


def test_many_batches_add_up_like_one(house, monkeypatch):
    monkeypatch.setattr(batches, "BATCH_ITEMS", 3)
    messages = [message(number) for number in range(20)]
    files = [("a.mbox", mbox(messages)), ("b.zip", zipped(*((f"{n}.eml", one) for n, one in enumerate(messages))))]
    found = report(house, "acme", bring(house, "acme", files))
    assert balances(found)["imported"] == 40
    assert sorted(row[0] for row in held(house)) == sorted(2 * [hashlib.sha256(one).hexdigest() for one in messages])
    with house.inside(house["owner"].tenant_id, write=False):
        numbers = list(db.session.execute(select(Item.number).order_by(Item.number)).scalars())
    assert numbers == list(range(1, 41))
