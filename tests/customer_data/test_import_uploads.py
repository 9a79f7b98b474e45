"""Slices from the browser: in order, sealed at once, safe to send again, refused where they do not fit."""

import os
import sys
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import func, select

from blueprints.data import import_files
from console.core import clock
from console.core.db import db
from console.customer_data import uploads
from console.customer_data.imports import ImportSlice
from console.vault.blobs import Blob
from tests.customer_data.bring import report, send_form, upload
from tests.customer_data.test_import_items import balances, held, mbox, message

JSON = {"Accept": "application/json"}


@pytest.fixture
def sender(house):
    return Sender(house, house.signed_in("owner"))


class Sender:
    """What static/js/upload.js does, step by step."""

    def __init__(self, house, visitor):
        self.house, self.visitor, self.client = house, visitor, visitor.client
        self.token = visitor.token("/data/import")

    def post(self, url, **fields):
        headers = {**JSON, "X-CSRFToken": self.token}
        return self.client.post(url, data=fields, headers=headers)

    def open(self, custodian="ada@x.example"):
        answer = self.post("/data/import/new", custodian=custodian)
        assert answer.status_code == 201, answer.text
        self.urls = answer.json
        return UUID(answer.json["id"])

    def announce(self, *files, first=0):
        names, sizes = [name for name, _size in files], [str(size) for _name, size in files]
        return self.post(self.urls["files"], name=names, size=sizes, modified=["0"] * len(files), first=str(first))

    def put(self, place, start, data, **headers):
        url = f"{self.urls['files']}/{place}?start={start}"
        kept = {**JSON, "X-CSRFToken": self.token, "Content-Type": "application/octet-stream", **headers}
        return self.client.put(url, data=data, headers=kept)

    def start(self):
        return self.post(self.urls["start"])


def stored(house):
    """(rows of slices, rows of blobs, files in the store)."""
    with house.inside(house["owner"].tenant_id, write=False):
        slices = db.session.execute(select(func.count()).select_from(ImportSlice)).scalar_one()
        blobs = db.session.execute(select(func.count()).select_from(Blob)).scalar_one()
    files = [path for path in (house.settings.instance / "blobs").rglob("*") if path.is_file()]
    return slices, blobs, len(files)


def test_a_file_in_slices_is_imported_and_its_slices_are_dropped(house, sender):
    data = mbox([message(number) for number in range(50)])
    import_id = sender.open()
    [told] = sender.announce(("mail.mbox", len(data))).json
    assert told["received"] == 0
    for start in range(0, len(data), 1000):
        answer = sender.put(0, start, data[start : start + 1000])
        assert answer.status_code == 200, answer.text
        assert answer.json["received"] == min(start + 1000, len(data))
    assert stored(house) == (8, 8, 8)
    assert sender.start().json == {"page": f"/data/import/{import_id}"}
    assert sender.start().status_code == 200  # asked again, nothing more happens
    house.work()
    found = report(house, "acme", import_id)
    assert (found.state, found.source, balances(found)["imported"]) == ("done", "upload", 50)
    assert len(held(house)) == 50
    assert stored(house) == (0, 0, 0)


def test_slices_that_do_not_fit_are_refused_and_say_where_to_go_on(house, sender):
    import_id = sender.open()
    sender.announce(("a.txt", 30), ("b.txt", 0))
    assert sender.put(0, 10, b"x" * 10).status_code == 409  # out of order
    assert sender.put(0, 0, b"x" * 31).status_code == 409  # too long
    assert sender.put(0, 0, b"").status_code == 422
    assert sender.put(0, 0, b"x" * 10).status_code == 200
    assert sender.put(0, 0, b"x" * 10).json["received"] == 10  # once more, the same
    for start, size in ((0, 9), (0, 11), (5, 10), (9, 1), (11, 1)):
        refused = sender.put(0, start, b"y" * size)
        assert refused.status_code == 409, (start, size)
        assert "up to byte 10" in refused.json["message"]
    assert sender.put(0, 10, b"z" * 20).json["received"] == 30
    assert sender.put(0, 30, b"z").status_code == 409
    assert sender.put(1, 0, b"z").status_code == 409
    assert sender.put(2, 0, b"z").status_code == 404
    assert sender.put(0, -1, b"z").status_code == 422
    assert stored(house) == (2, 2, 2)  # nothing of what was refused is kept
    sender.start()
    house.work()
    assert balances(report(house, "acme", import_id))["imported"] == 2


def test_a_slice_is_bounded_needs_a_token_and_its_own_format(house, sender):
    sender.open()
    sender.announce(("a.txt", 2**30))
    assert sender.put(0, 0, bytes(uploads.SLICE_BYTES)).status_code == 200
    assert sender.put(0, uploads.SLICE_BYTES, bytes(uploads.SLICE_BYTES + 1)).status_code == 422
    assert sender.put(0, uploads.SLICE_BYTES, bytes(uploads.SLICE_BYTES + 2**20)).status_code == 413
    assert sender.put(0, 0, b"x", **{"X-CSRFToken": "none"}).status_code == 400
    assert sender.put(0, 0, b"x", **{"Content-Type": "text/plain"}).status_code == 415


def test_an_import_does_not_start_before_everything_is_here(house, sender):
    sender.open()
    assert sender.start().status_code == 409
    sender.announce(("a.txt", 3))
    refused = sender.start()
    assert refused.status_code == 409
    assert "a.txt is not here as a whole" in refused.json["message"]
    assert sender.client.get(sender.urls["files"]).json["missing"][0]["name"] == "a.txt"


def test_files_are_announced_again_without_harm_and_not_otherwise(house, sender):
    sender.open()
    sender.announce(("a.txt", 3), ("b.txt", 4))
    sender.put(0, 0, b"abc")
    told = sender.announce(("a.txt", 3), ("b.txt", 4), ("c.txt", 5)).json
    assert [(one["place"], one["received"]) for one in told] == [(0, 3), (1, 0), (2, 0)]
    assert sender.announce(("a.txt", 9)).status_code == 409
    assert sender.announce(("d.txt", 1), first=7).status_code == 422
    assert sender.announce(("d.txt", 1), first=10**30).status_code == 422
    assert sender.put(10**30, 0, b"abc").status_code == 404
    assert sender.announce(("d.txt", -1), first=3).status_code == 422
    assert sender.post(sender.urls["files"], name="x", size="many", modified="0").status_code == 422


def test_limits_for_a_file_an_import_and_all_that_waits_are_named(house, monkeypatch):
    from dataclasses import replace

    few = replace(house.settings, import_file_mib=2, import_mib=3, import_waiting_mib=5)
    house.app.extensions["safekeep.settings"] = few
    sender = Sender(house, house.signed_in("owner"))
    sender.open()
    assert "2 MiB, which is the most that one file" in sender.announce(("a", 2 * 2**20 + 1)).json["message"]
    assert sender.announce(("a", 2 * 2**20)).status_code == 200
    assert "3 MiB together" in sender.announce(("b", 2 * 2**20), first=1).json["message"]
    sender.open()
    assert sender.announce(("a", 2 * 2**20), ("b", 2**20)).status_code == 200
    sender.open()
    assert "5 MiB together, which is the limit" in sender.announce(("a", 2**20)).json["message"]


def test_nothing_comes_to_an_import_that_was_cancelled(house, sender):
    import_id = sender.open()
    sender.announce(("a.txt", 6))
    sender.put(0, 0, b"abc")
    page = f"/data/import/{import_id}/cancel"
    assert "What was uploaded" in sender.client.get(page).text
    assert sender.post(page).status_code == 303
    assert sender.put(0, 3, b"def").status_code == 409
    assert sender.announce(("b.txt", 6), first=1).status_code == 409
    assert sender.start().status_code == 409
    assert sender.post(page).status_code == 409
    house.work()
    assert stored(house) == (0, 0, 0)
    assert report(house, "acme", import_id).state == "cancelled"


def test_another_customers_import_takes_nothing_from_here(house, sender):
    sender.open()
    sender.announce(("a.txt", 3))
    other = Sender(house, house.signed_in("birch_owner"))
    other.urls = sender.urls
    for answer in (
        other.put(0, 0, b"abc"),
        other.announce(("a.txt", 3)),
        other.start(),
        other.client.get(other.urls["page"]),
    ):
        assert answer.status_code == 404
    assert stored(house) == (0, 0, 0)


def test_an_import_that_waits_for_a_week_is_cancelled(house, sender):
    import_id = sender.open()
    sender.announce(("a.txt", 6))
    sender.put(0, 0, b"abc")
    with time_machine.travel(clock.now() + timedelta(days=7, minutes=1)):
        house.work()
        house.work()
    found = report(house, "acme", import_id)
    assert (found.state, found.reason) == ("cancelled", "Not all of its files came within 7 days.")
    assert stored(house) == (0, 0, 0)


def test_the_plain_form_seals_each_slice_as_it_arrives(house, monkeypatch):
    seen = []
    seal = import_files.SealedUpload._seal

    def noted(self, size):
        seen.append(size)
        seal(self, size)

    monkeypatch.setattr(import_files.SealedUpload, "_seal", noted)
    owner = house.signed_in("owner")
    data = bytes(2 * uploads.SLICE_BYTES + 5)
    with watched(house.settings.instance) as strangers:
        upload(owner, [("big.bin", data), ("empty.txt", b"")], "ada@x.example")
        assert strangers == []
        with tempfile.TemporaryFile():  # a planted leak is seen
            assert strangers
    assert seen == [uploads.SLICE_BYTES, uploads.SLICE_BYTES, 5]
    house.work()
    assert sorted(row[5] for row in held(house)) == [0, len(data)]


_WATCHES = []


def _hook(event, arguments):
    if event == "open" and _WATCHES and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        for instance, found in _WATCHES:
            if not str(arguments[0]).startswith((str(instance), "/dev/null")):
                found.append(str(arguments[0]))


sys.addaudithook(_hook)


@contextmanager
def watched(instance):
    """Meanwhile, every file that is opened for writing outside the instance folder."""
    found = []
    _WATCHES.append((instance, found))
    try:
        yield found
    finally:
        _WATCHES.clear()


def test_the_plain_form_says_what_is_missing(house):
    owner = house.signed_in("owner")
    answer = send_form(owner, [("x.txt", b"x")], "nobody")
    assert answer.status_code == 422
    assert "Give an e-mail address" in answer.text
    answer = send_form(owner, [("", b"")], "ada@x.example")
    assert answer.status_code == 422
    assert "Choose at least one file." in answer.text
