"""A worker that is killed at any moment loses nothing and doubles nothing; the next one goes on behind the last whole batch."""

import hashlib
import os
import signal
from datetime import timedelta

import pytest
from sqlalchemy import event, select, update

from console.app import bare_app
from console.core import clock, jobs
from console.core.db import db, unit_of_work
from console.customer_data import batches
from console.customer_data.importing import run_import
from console.customer_data.imports import JOB, ImportFinding, data_import
from console.customer_data.models import Item, totals
from console.vault.setup import open_vault
from tests.customer_data.bring import report, upload
from tests.customer_data.test_import_items import balances, findings, held, mbox, message

KILLS = 26


def archive():
    """Messages of which some are large, some come twice, some are held and some are cut in doubt."""
    messages = [message(number) for number in range(150)]
    messages += [message(1000 + number) + bytes(range(256)) * 300 + b"\n" for number in range(5)]
    messages[40:40] = [messages[3], messages[4]]
    doubtful = b"Subject: doubt\n\ntext\nFrom b@x.example Tue Nov 24 10:00:00 2026\nX-Header: or none\n"
    return [
        ("a.mbox", mbox(messages[:80])),
        ("held.eml", b"no header at all"),
        ("b.mbox", mbox([*messages[80:], doubtful])),
        ("again/a.mbox", mbox(messages[:20])),
    ]


def killed_at(settings, moment):
    """A process that works on what is due and kills itself at that moment: a statement, a commit or a forced write.

    Answers whether it came so far; otherwise it did all the work there was.
    """
    child = os.fork()
    if child == 0:
        try:
            _work_until(settings, moment)
        finally:
            os._exit(3)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return os.WIFSIGNALED(status)


def _work_until(settings, moment):
    app = bare_app(settings, open_vault(settings.root_key, settings.keystore_url))
    batches.BATCH_ITEMS = 5
    passed = 0

    def count(*_args):
        nonlocal passed
        passed += 1
        if passed == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    fsync = os.fsync

    def counted(descriptor):
        count()
        fsync(descriptor)
        count()

    os.fsync = counted
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", count)
        event.listen(db.engine, "commit", count)
        while jobs.work_once({JOB: run_import}):
            pass
    os._exit(0)


def let_the_lease_end(house, import_id):
    """As if a minute had passed."""
    with house.inside():
        past = clock.now() - timedelta(seconds=1)
        statement = update(jobs.Job).where(jobs.Job.target_id == import_id, jobs.Job.state == "running")
        db.session.execute(statement.values(lease_until_at=past))


@pytest.mark.promise("P17")
def test_no_kill_loses_or_doubles_an_item(house):
    files = archive()
    import_id = upload(house.signed_in("owner"), files, "ada@x.example")
    with house.app.app_context():
        db.engine.dispose()  # a process that is forked brings connections of its own
    kills, progress = 0, set()
    for number in range(KILLS):
        moment = 4 + 3 * number if number % 2 else 55 + 2 * number
        if not killed_at(house.settings, moment):
            break
        kills += 1
        found = report(house, "acme", import_id)
        balances(found)
        progress.add(found.seen_items)
        let_the_lease_end(house, import_id)
        with house.app.app_context():
            db.engine.dispose()
    assert kills >= 20
    assert len(progress) >= 8  # at many places of the import, not at its beginning only
    assert not killed_at(house.settings, 0)
    found = report(house, "acme", import_id)
    assert found.state == "done"
    assert balances(found) == {"imported": 176, "duplicate": 2, "quarantined": 1, "refused": 0}
    rows = held(house)
    assert len(rows) == 177
    assert all(now == then for now, then, *_ in rows)
    wanted = {hashlib.sha256(message(number)).hexdigest() for number in range(150)}
    assert wanted <= {row[0] for row in rows}
    told = [outcome for outcome, _code, _facts in findings(house, import_id)]
    assert sorted(told) == ["ambiguous", "duplicate", "duplicate", "quarantined"]
    with house.inside(house["owner"].tenant_id, write=False):
        assert totals().items == 176
        query = select(Item.number).where(Item.quarantined_for.is_(None))
        searched = searched_numbers()
        assert searched == set(db.session.execute(query).scalars())


def searched_numbers():
    """The numbers of all items that the index finds by a word that each message has."""
    from console.customer_data.index import look_up

    found = look_up(["message", "doubt"]).found
    return {number for fields in found.values() for numbers in fields.values() for number in numbers}


def test_a_batch_that_is_written_twice_adds_nothing(house):
    import_id = upload(house.signed_in("owner"), [("a.mbox", mbox([message(1), message(2)]))], "ada@x.example")
    owner = house["owner"].tenant_id
    with house.app.app_context():
        run = jobs.claim([JOB])
        from console.customer_data.custody import Custody
        from console.customer_data.importing import acting
        from console.customer_data.sliced import uploaded_entries

        with unit_of_work(owner):
            found = data_import(import_id, lock=True)
            custody = Custody(owner, found.custodian_id, "", acting(found))
        for attempt in range(2):
            entries = uploaded_entries(owner, import_id, None)
            if attempt == 0:
                with unit_of_work(owner):
                    assert batches.write(batches.gather(entries, custody, import_id, None), import_id, run)
                continue
            with pytest.raises(jobs.LostLease), unit_of_work(owner):
                batches.write(batches.gather(entries, custody, import_id, None), import_id, run)
    assert balances(report(house, "acme", import_id))["imported"] == 2
    assert len(held(house)) == 2


def test_a_worker_that_lost_its_lease_writes_nothing_more(house):
    import_id = upload(house.signed_in("owner"), [("a.mbox", mbox([message(1)]))], "ada@x.example")
    with house.app.app_context():
        slow = jobs.claim([JOB])
        let_the_lease_end(house, import_id)
        assert jobs.work_once({JOB: run_import})
        with pytest.raises(jobs.LostLease):
            slow.checkpoint(0, 0)
    assert balances(report(house, "acme", import_id))["imported"] == 1


def test_two_imports_at_once_hold_each_item_once(house):
    data = [("a.mbox", mbox([message(number) for number in range(60)]))]
    owner = house.signed_in("owner")
    first, second = (upload(owner, data, "ada@x.example") for _ in range(2))
    with house.app.app_context():
        db.engine.dispose()
    children = []
    for _ in range(2):
        child = os.fork()
        if child == 0:
            try:
                _work_until(house.settings, 0)
            finally:
                os._exit(3)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
    counts = [balances(report(house, "acme", one)) for one in (first, second)]
    assert sum(one["imported"] for one in counts) == sum(one["duplicate"] for one in counts) == 60
    assert len(held(house)) == 60
    with house.inside(house["owner"].tenant_id, write=False):
        query = select(ImportFinding.item_id).where(ImportFinding.outcome == "duplicate")
        assert len(set(db.session.execute(query).scalars())) == 60
