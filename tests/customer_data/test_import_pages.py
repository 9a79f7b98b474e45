"""The pages of imports: what they say at each stage, to whom, and the report that a spreadsheet may open."""

import csv
import html
import io
import re
from datetime import timedelta

import time_machine
from sqlalchemy import select

from blueprints.data import imports as pages
from console.audit.models import EntryFilter, entries
from console.core import clock, jobs
from console.core.db import db
from console.customer_data import importing
from tests.customer_data.bring import bring, report, upload
from tests.customer_data.test_import_items import balances, held, mbox, message


def neighbour(text, which):
    """The address of the next or previous page."""
    found = re.search(rf'href="([^"]+)" rel="{which}"', text)
    return html.unescape(found[1]).partition("#")[0] if found else None


def tags(house):
    with house.inside(house["owner"].tenant_id, write=False):
        return [(entry.tag, entry.details.get("facts", {})) for entry in entries(EntryFilter(), limit=50)]


def test_before_the_first_import_the_list_says_what_to_do_next(house):
    assert "Choose mailboxes" in house.signed_in("owner").get("/data/imports").text
    auditor = house.signed_in("auditor").get("/data/imports").text
    assert "When an administrator imports" in auditor
    assert '/data/import"' not in auditor


def test_an_import_waits_for_its_turn_runs_and_is_recorded(house):
    owner = house.signed_in("owner")
    import_id = upload(owner, [("mail.mbox", mbox([message(1), message(2)]))], "ada@x.example")
    page = f"/data/import/{import_id}"
    assert "Waiting for its turn" in owner.get(page).text
    told = owner.get(f"{page}/progress").json
    assert (told["finished"], told["done"], told["unit"]) == (False, 0, "bytes")
    house.work()
    told = owner.get(f"{page}/progress").json
    assert (told["finished"], told["items"], told["state"]) == (True, 2, "done")
    text = owner.get(page).text
    assert "2 = 2 + 0 + 0 + 0 items" in text
    assert "nothing doubled, nothing held, nothing refused" in text
    assert "mail.mbox" in owner.get("/data/imports").text
    assert "mail.mbox" in house.signed_in("auditor").get(page).text
    seen = dict(reversed(tags(house)))
    assert seen["customer_data:import:started"]["label"] == "mail.mbox"
    assert seen["customer_data:import:finished"]["imported"] == 2
    assert seen["customer_data:custodian:added"]["address"] == "ada@x.example"


def test_the_report_is_a_file_without_formulas_that_balances(house):
    name = "=HYPERLINK(1).eml"
    import_id = bring(house, "acme", [(name, b"no header"), ("a.mbox", mbox([message(1), message(1)]))])
    auditor = house.signed_in("auditor")
    answer = auditor.get(f"/data/import/{import_id}/report.csv", buffered=True)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=import-")
    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\N{ZERO WIDTH NO-BREAK SPACE}"))))
    counts = {row[0]: (int(row[1]), int(row[2])) for row in rows[1:6]}
    seen = counts.pop("seen")
    assert seen == (sum(items for items, _bytes in counts.values()), sum(size for _items, size in counts.values()))
    assert rows[7][0] == "outcome"
    told = {row[0]: row for row in rows[8:]}
    assert told["quarantined"][1] == f"'{name}"
    assert told["duplicate"][3] == "151"


def test_findings_are_paged_and_filtered(house, monkeypatch):
    monkeypatch.setattr(pages, "FINDINGS_A_PAGE", 3)
    files = [("a.mbox", mbox([message(1)] * 6)), *((f"{number}.eml", f"odd {number}".encode()) for number in range(3))]
    owner = house.signed_in("owner")
    page = f"/data/import/{bring(house, 'acme', files, visitor=owner)}"
    seen, url = [], page
    while url:
        text = owner.get(url).text
        seen += [line for line in text.splitlines() if 'class="cell-primary break"' in line]
        url = neighbour(text, "next")
    assert len(seen) == 8
    assert len(set(seen)) == 8
    text = owner.get(f"{page}?outcome=quarantined").text
    assert text.count('class="cell-primary break"') == 3
    assert "a.mbox" not in text.partition('id="findings"')[2]
    assert "No item of this import had that outcome" in owner.get(f"{page}?outcome=refused").text
    for odd in ("outcome=x", "after=-1", "before=0", "after=999999", "before=x", f"after={10**30}", f"before={10**30}"):
        assert owner.get(f"{page}?{odd}").status_code == 200


def test_a_cancelled_import_keeps_what_came_in_and_stops_at_the_next_batch(house, monkeypatch):
    from console.customer_data import batches

    monkeypatch.setattr(batches, "BATCH_ITEMS", 2)
    owner = house.signed_in("owner")
    import_id = upload(owner, [("a.mbox", mbox([message(number) for number in range(9)]))], "ada@x.example")
    step = importing._next_batch
    taken = []

    def one_then_cancel(*args):
        goes_on = step(*args)
        if not taken:
            taken.append(owner.post(f"/data/import/{import_id}/cancel", form=f"/data/import/{import_id}/cancel"))
        return goes_on

    monkeypatch.setattr(importing, "_next_batch", one_then_cancel)
    house.work()
    assert taken[0].status_code == 303
    found = report(house, "acme", import_id)
    assert found.state == "cancelled"
    assert balances(found)["imported"] == len(held(house)) == 2
    page = owner.get(f"/data/import/{import_id}").text
    assert "2 items had come in by then; they stay." in page
    assert owner.get(f"/data/import/{import_id}/cancel").status_code == 409


def test_an_import_that_was_given_up_says_so_and_goes_on_when_asked(house, monkeypatch):
    owner = house.signed_in("owner")
    import_id = upload(owner, [("a.mbox", mbox([message(1)]))], "ada@x.example")
    with house.inside():
        for job in db.session.execute(select(jobs.Job).where(jobs.Job.target_id == import_id)).scalars():
            job.state, job.finished_at = "failed", clock.now()
    page = f"/data/import/{import_id}"
    assert "The work on this import stopped" in owner.get(page).text
    assert owner.get(f"{page}/progress").json["finished"] is True
    assert owner.post(f"{page}/resume", form=page).status_code == 303
    assert owner.post(f"{page}/resume", form="/data/import").status_code == 409
    house.work()
    assert balances(report(house, "acme", import_id))["imported"] == 1


def test_a_silent_worker_is_named(house):
    owner = house.signed_in("owner")
    import_id = upload(owner, [("a.mbox", mbox([message(1)]))], "ada@x.example")
    with house.app.app_context():
        assert jobs.claim(["data-import"])
    with time_machine.travel(clock.now() + timedelta(seconds=50)):
        told = owner.get(f"/data/import/{import_id}/progress").json
    assert told["message"].startswith("The worker does not answer")


def test_the_list_of_imports_is_paged(house, monkeypatch):
    monkeypatch.setattr(pages, "IMPORTS_A_PAGE", 2)
    owner = house.signed_in("owner")
    for number in range(5):
        upload(owner, [(f"file{number}.txt", b"x")], "ada@x.example")
    seen, url = [], "/data/imports"
    while url:
        text = owner.get(url).text
        seen.append([number for number in range(5) if f"file{number}.txt" in text])
        url, back = neighbour(text, "next"), neighbour(text, "prev")
    assert seen == [[3, 4], [1, 2], [0]]
    assert "file1.txt" in owner.get(back).text
    assert owner.get("/data/imports?after=x").status_code == 200
