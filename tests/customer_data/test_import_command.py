"""`safekeep import`: a path on the server, in the foreground; killed, the same command goes on where it was."""

import json
import signal
import subprocess
import sys
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select, update

from console.core import clock, jobs
from console.core.db import db
from console.customer_data.imports import DataImport
from console.customer_data.models import Custodian, Item
from tests.commands.processes import answer_of, environment, here, refused, running, safekeep, wait_until
from tests.commands.test_people_commands import database_of
from tests.customer_data.test_import_items import mbox, message
from tests.formats.hostile import with_attachment
from tests.memory import PEAK

MIB = 2**20


@pytest.fixture
def env(house):
    return environment(house.settings.instance, database_of(house.settings))


def imports(house):
    with house.inside(house["owner"].tenant_id, write=False):
        rows = db.session.execute(select(DataImport).order_by(DataImport.id)).scalars()
        return [(one.state, one.seen_items, one.imported_items, one.duplicate_items) for one in rows]


def test_a_folder_is_imported_and_the_answer_counts(house, env, tmp_path):
    (tmp_path / "mail" / "sub").mkdir(parents=True)
    (tmp_path / "mail" / "a.eml").write_bytes(message(1))
    (tmp_path / "mail" / "sub" / "b.mbox").write_bytes(mbox([message(2), message(3)]))
    (tmp_path / "mail" / "link").symlink_to("a.eml")
    data = answer_of(env, "import", "Acme", str(tmp_path / "mail"), "--custodian", house["member"].email)
    assert data["state"] == "done"
    assert data["seen"] == {"items": 4, "bytes": 3 * len(message())}
    assert (data["imported"]["items"], data["refused"]["items"]) == (3, 1)
    done = safekeep(env, "import", "Acme", str(tmp_path / "mail"), "--custodian", house["member"].email)
    assert done.returncode == 0
    assert "4 items seen (318 bytes): 0 imported, 3 duplicate, 0 quarantined, 1 refused." in done.stdout
    page = house.signed_in("owner").get(f"/data/import/{data['id']}").text
    assert "The command line" in page
    assert str(tmp_path / "mail") in page


def test_names_of_files_and_folders_say_whose_it_is(house, env, tmp_path):
    root = tmp_path / "export"
    (root / "bob@birch.example" / "Inbox").mkdir(parents=True)
    (root / "bob@birch.example" / "Inbox" / "1.eml").write_bytes(message(1))
    (root / f"{house['member'].email}.mbox").write_bytes(mbox([message(2)]))
    (root / "loose.eml").write_bytes(message(3))
    done = here(env, "import", "Acme", str(root), "--json")
    assert json.loads(done.stdout)["imported"]["items"] == 3, done.stderr
    with house.inside(house["owner"].tenant_id, write=False):
        found = {one.details["address"]: one.user_id for one in db.session.execute(select(Custodian)).scalars()}
    assert found == {"bob@birch.example": None, house["member"].email: house["member"].id, "export": None}


def test_what_cannot_be_done_is_said_in_one_line(house, env, tmp_path):
    (tmp_path / "a.eml").write_bytes(message(1))
    path = str(tmp_path / "a.eml")
    refused(here(env, "import", "Acme", str(tmp_path / "none")), "none cannot be imported: No such file")
    refused(here(env, "import", "Nobody", path), "no Customer 'Nobody'")
    refused(here(env, "import", "Acme", path, "--custodian", "ada"), "Give an e-mail address")
    refused(here(env, "import", "Acme", "/dev/null"), "neither a file nor a folder")
    assert here(env, "import", "Acme").returncode == 2
    assert imports(house) == []


def test_a_killed_command_goes_on_where_it_was_and_loses_nothing(house, env, tmp_path):
    path = tmp_path / "mail.mbox"
    path.write_bytes(mbox([message(number) for number in range(2000)]))
    arguments = ("import", "Acme", str(path), "--custodian", "ada@x.example")
    seen = 0
    for _kill in range(2):
        with running(env, *arguments) as process:
            wait_until(partial(moved_on, house, seen, process), seconds=120)
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        [(state, seen, _imported, _duplicate)] = imports(house)
        if state == "done":
            break
        with house.inside():  # as if a minute had passed
            past = clock.now() - timedelta(seconds=1)
            statement = update(jobs.Job).where(jobs.Job.state == "running", jobs.Job.kind == "data-import-path")
            db.session.execute(statement.values(lease_until_at=past))
    done = safekeep(env, *arguments)
    assert done.returncode == 0, done.stderr
    with house.inside(house["owner"].tenant_id, write=False):
        assert len(list(db.session.execute(select(Item.id)).scalars())) == 2000
    assert imports(house)[0][:2] == ("done", 2000)


def moved_on(house, seen, process):
    """Whether more was imported than that, or the process has ended."""
    return (imports(house) or [("", 0)])[0][1] > seen or process.poll() is not None


def test_a_command_that_is_asked_to_stop_hands_the_work_back(house, env, tmp_path):
    path = tmp_path / "mail.mbox"
    path.write_bytes(mbox([message(number) for number in range(1500)]))
    arguments = ("import", "Acme", str(path), "--custodian", "ada@x.example")
    with running(env, *arguments) as process:
        wait_until(lambda: (imports(house) or [("", 0)])[0][1] > 0, seconds=120)
        process.send_signal(signal.SIGTERM)
        _out, said = process.communicate(timeout=60)
    if process.returncode:
        assert said.strip().splitlines()[-1].startswith("safekeep: stopped. Run the same command again")
        again = safekeep(env, *arguments)  # at once: nobody holds the lease
        assert again.returncode == 0
        assert "it goes on where it was" in again.stderr
    assert [one[:2] for one in imports(house)] == [("done", 1500)]


def test_memory_stays_flat(house, env, tmp_path):
    path = tmp_path / "large.mbox"
    with path.open("wb") as file:
        for number in range(2100):  # 210 MiB, and one message of 90 MiB
            file.write(mbox([with_attachment(74 * 1024).replace(b"Subject:", b"Subject: %d" % number, 1)]))
        file.write(b"From x Tue Nov 24 10:00:00 2026\nSubject: huge\n\n")
        for _ in range(90):
            file.write(b"x" * 79 + b"\n" + bytes(MIB))
    size = path.stat().st_size
    assert size > 290 * MIB
    script = PEAK + (
        "import sys\nfrom console.cli import main\n"
        "try:\n    main()\nfinally:\n    print(peak() // 1024**2, file=sys.stderr)"
    )
    arguments = ["import", "Acme", str(path), "--custodian", "ada@x.example", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], env=env, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["imported"]["items"] == 2101
    assert int(done.stderr.split()[-1]) < 400, f"{done.stderr} MiB"
    with house.inside(house["owner"].tenant_id, write=False):
        assert max(db.session.execute(select(Item.size_bytes)).scalars()) > 90 * MIB
