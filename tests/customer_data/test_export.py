"""Exports: what leaves is byte exact and checks itself; damaged items stop nothing; it is asked, limited and on record."""

import csv
import io
import shutil
import subprocess
import zipfile
from datetime import timedelta

import pytest
import time_machine

from console.audit.tags import Tag
from console.core import clock
from console.core.ids import new_id
from console.customer_data import exports
from tests.customer_data.looks import damage, integrity, main_text, opened, recorded
from tests.customer_data.mails import PNG, bring, document, letter

BIG = b"0123456789abcdef" * 40_000


@pytest.fixture
def held(house):
    """Items of every kind: {id: raw bytes}."""
    brought = [
        letter("=cmd|' /C calc'!A0", "formula", days=1),
        letter("Größe 東京", "words", days=2, attachments=[("a.png", "image/png", PNG)]),
        document(PNG, "-plan.png", days=3),
        document(BIG, "big.bin", days=4),
        document(b"", "empty.txt", days=5),
    ]
    return dict(zip(bring(house, "member", brought), [one.raw for one in brought], strict=True))


def export(visitor, ids, **more):
    fields = {"ids": [str(each) for each in ids], "confirmed": "yes", **more}
    answer = visitor.post("/data/export", fields)
    assert answer.status_code == 200, main_text(answer)
    assert answer.mimetype == "application/zip", main_text(answer)
    return answer.data


def rows(archive, name="manifest.csv"):
    return list(csv.DictReader(io.StringIO(archive.read(name).decode("utf-8-sig"))))


def test_the_zip_holds_every_item_byte_for_byte_and_checks_itself(house, held, tmp_path):
    data = export(house.signed_in("owner"), held)
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    for item_id, raw in held.items():
        name = next(name for name in archive.namelist() if str(item_id) in name)
        assert archive.read(name) == raw
        assert archive.getinfo(name).compress_type == zipfile.ZIP_STORED
    assert {name.split("/")[0] for name in archive.namelist()} == {
        "mail", "documents", "manifest.csv", "exceptions.csv", "manifest-sha256.txt", "README.txt",
    }  # fmt: skip
    archive.extractall(tmp_path)
    checked = subprocess.run(
        ["sha256sum", "-c", "--strict", "manifest-sha256.txt"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count(": OK") == len(held) + 3
    (tmp_path / next(name for name in archive.namelist() if name.startswith("mail/"))).write_bytes(b"planted")
    planted = subprocess.run(["sha256sum", "-c", "manifest-sha256.txt"], cwd=tmp_path, capture_output=True, check=False)
    assert planted.returncode == 1


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed here")
def test_unzip_finds_nothing_wrong_with_it(house, held, tmp_path):
    (tmp_path / "data.zip").write_bytes(export(house.signed_in("owner"), held))
    tested = subprocess.run(["unzip", "-t", tmp_path / "data.zip"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert "No errors detected" in tested.stdout


def test_the_manifest_says_what_each_is_and_runs_no_formula(house, held):
    archive = zipfile.ZipFile(io.BytesIO(export(house.signed_in("owner"), held)))
    found = {row["item_id"]: row for row in rows(archive)}
    assert set(found) == {str(item_id) for item_id in held}
    first, second, picture, *_rest = [found[str(item_id)] for item_id in held]
    assert first["subject"].startswith("'=cmd")
    assert (second["subject"], second["custodian"], second["folder"]) == ("Größe 東京", house["member"].email, "Inbox")
    assert picture["original_name"] == "'-plan.png"
    assert first["date"] == "2025-03-02T09:30:00Z"
    assert rows(archive, "exceptions.csv") == []


def test_a_damaged_item_is_left_out_named_and_stops_nothing(house, held):
    spoiled, *others = held
    damage(house, "member", spoiled)
    archive = zipfile.ZipFile(io.BytesIO(export(house.signed_in("owner"), held)))
    [exception] = rows(archive, "exceptions.csv")
    assert exception["item_id"] == str(spoiled)
    assert "damaged" in exception["problem"]
    assert {row["item_id"] for row in rows(archive)} == {str(item_id) for item_id in others}
    assert not any(str(spoiled) in name for name in archive.namelist())
    assert integrity(house, "member", spoiled) == "damaged"


def test_a_page_says_first_what_will_leave_and_nothing_leaves_by_it(house, held):
    owner = house.signed_in("owner")
    for answer in (owner.post("/data/export", {"ids": [str(item_id) for item_id in held]}), owner.get("/data/export")):
        assert "Export 5 items?" in main_text(answer)
        assert "626 KiB" in main_text(answer)
        assert answer.mimetype == "text/html"
    assert recorded(house, "member", Tag.DATA_ITEMS_EXPORTED) == []


def test_a_search_is_exported_as_a_whole_and_recorded_in_words(house, held):
    owner = house.signed_in("owner")
    assert "Export 2 items?" in main_text(owner.get("/data/export?kind=message&from=2025-03-01"))
    fields = {"of": "search", "kind": "message", "from": "2025-03-01", "confirmed": "yes", "reason": "For the court"}
    archive = zipfile.ZipFile(io.BytesIO(owner.post("/data/export", fields).data))
    assert len(rows(archive)) == 2
    [(facts, reason, who)] = recorded(house, "member", Tag.DATA_ITEMS_EXPORTED)
    assert facts["items"] == 2
    assert facts["asked_for"] == "messages, from 2025-03-01"
    assert (reason, who) == ("For the court", house["owner"].name)
    assert opened(house, "member", next(iter(held))) == ["export"]


def test_it_is_asked_again_who_it_is_when_that_was_long_ago(house, held):
    owner = house.signed_in("owner")
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        asked = owner.get("/data/export")
        assert asked.location.startswith("/confirm-it-is-you")
        answer = owner.post("/data/export", {"ids": [str(item_id) for item_id in held], "confirmed": "yes"})
        assert answer.status_code == 403
        assert "proof_password" in answer.text
    assert recorded(house, "member", Tag.DATA_ITEMS_EXPORTED) == []


def test_a_reason_is_needed_where_openings_need_one(house, held):
    house.choose(house["owner"].tenant_id, reason_to_open=True)
    owner = house.signed_in("owner")
    fields = {"ids": [str(item_id) for item_id in held], "confirmed": "yes"}
    refused = owner.post("/data/export", fields)
    assert refused.status_code == 422
    assert "asks for a reason" in main_text(refused)
    assert len(export(owner, held, reason="Court order")) > len(BIG)


@pytest.mark.parametrize(("limit", "value"), [("MOST_ITEMS", 4), ("MOST_BYTES", 1000)])
def test_what_is_too_much_is_refused_with_the_limit_named(house, held, monkeypatch, limit, value):
    monkeypatch.setattr(exports, limit, value)
    owner = house.signed_in("owner")
    for fields in ({"ids": [str(item_id) for item_id in held]}, {"of": "search"}):
        answer = owner.post("/data/export", {**fields, "confirmed": "yes"})
        assert answer.status_code == 422
        assert "at most" in main_text(answer)
    assert recorded(house, "member", Tag.DATA_ITEMS_EXPORTED) == []


@pytest.mark.promise("P14")
def test_nobody_exports_what_is_not_the_own_companys(house, held):
    [foreign] = bring(house, "birch_owner", [letter("Foreign", "x")])
    owner = house.signed_in("owner")
    answers = [
        owner.post("/data/export", {"ids": [str(next(iter(held))), str(other)], "confirmed": "yes"})
        for other in (foreign, new_id())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert (
        len(rows(zipfile.ZipFile(io.BytesIO(owner.post("/data/export", {"of": "search", "confirmed": "yes"}).data))))
        == 5
    )


def test_nothing_ticked_is_said_and_nothing_found_too(house, held):
    owner = house.signed_in("owner")
    assert owner.post("/data/export", {"confirmed": "yes"}).status_code == 409
    assert "There is nothing to export" in main_text(owner.get("/data/export?q=zzzzz"))


@pytest.mark.parametrize(("who", "status"), [("auditor", 200), ("member", 403), ("user_manager", 403), ("agent", 403)])
def test_who_may_export(house, held, who, status):
    assert house.signed_in(who).get("/data/export").status_code == status


def test_sizes_beyond_32_bits_have_room_in_the_file():
    """The zip writer itself, with an entry that says it is large: its header leaves room, and readers agree."""
    from console.customer_data.export_zip import _entry, _Sink

    sink = _Sink()
    large = _entry("large.bin", clock.now(), 2**33)
    with (
        zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive,
        archive.open(large, "w", force_zip64=True) as entry,
    ):
        entry.write(b"only a little of it")
    read = zipfile.ZipFile(io.BytesIO(sink.taken()))
    assert read.read("large.bin") == b"only a little of it"
    assert read.getinfo("large.bin").extract_version >= 45
