"""Nothing of what is imported is ever in clear on a disk: not in the database, its log, the store, mails or /tmp."""

import logging
import os
import secrets
import tempfile
from pathlib import Path

import pytest

from console.core.actor import Actor
from console.customer_data.finding import ItemQuery, find_items
from tests import databases
from tests.customer_data.bring import bring, send_form
from tests.customer_data.test_import_items import held, mbox, zipped
from tests.customer_data.test_import_uploads import Sender


def scan(folders, canaries, *, since):
    """The files that hold one of the canaries. Of /tmp only what changed since."""
    found = set()
    for folder, whole in folders:
        for path in files_below(folder):
            try:
                if path.is_file() and not path.is_symlink() and (whole or path.stat().st_mtime_ns >= since):
                    data = path.read_bytes()
                    found |= {str(path) for canary in canaries if canary in data}
            except OSError:
                continue  # somebody else's, or gone meanwhile
    return found


def files_below(folder):
    """Every file there; folders that others remove meanwhile are none of ours."""
    for place, _folders, names in os.walk(folder):
        yield from (Path(place, name) for name in names)


def letters(canaries):
    """Each canary in another place: subject, name, address, text, HTML, attachment, file name, folder, zip, document."""
    made = []
    for number, canary in enumerate(canaries):
        word = canary.decode()
        made.append(
            (
                f"Subject: {word if number % 4 == 0 else 'plain'}\n"
                f"From: {word if number % 4 == 1 else 'Ada'} <ada@x.example>\nMIME-Version: 1.0\n"
                f'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain\n\nsee {word} here\n'
                f'--b\nContent-Type: text/plain; name="{word}.txt"\nContent-Disposition: attachment\n\n{word}\n--b--\n'
            ).encode()
        )
    return made


@pytest.mark.promise("P17")
def test_64_canaries_are_nowhere_on_the_disk(house, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    canaries = [f"canary{secrets.token_hex(12)}".encode() for _ in range(64)]
    since = (tmp_path / "clock").write_bytes(b"") or (tmp_path / "clock").stat().st_mtime_ns
    owner = house.signed_in("owner")
    made = letters(canaries)
    names = [canary.decode() for canary in canaries]
    bring(
        house,
        "acme",
        [
            ("first.mbox", mbox(made[:30])),
            (f"{names[30]}/{names[31]}.eml", made[30]),
            (
                f"{names[32]}.zip",
                zipped(*((f"{names[33]}/{number}.eml", one) for number, one in enumerate(made[31:40]))),
            ),
            (f"{names[40]}.csv", b"a,%b\n" % canaries[40]),
            ("odd.eml", b"no header and %b\n" % canaries[41]),
            ("large.eml", made[42] + bytes(200_000) + canaries[43]),
            ("broken.zip", b"PK\x03\x04" + canaries[44]),
        ],
        visitor=owner,
    )
    sender = Sender(house, owner)
    sender.open()
    data = mbox(made[45:])
    sender.announce((f"{names[45]}.mbox", len(data)))
    for start in range(0, len(data), 3000):
        sender.put(0, start, data[start : start + 3000])
    assert sender.put(0, 5, canaries[46]).status_code == 409  # refused, and kept nowhere
    assert send_form(owner, [(f"{names[47]}.txt", canaries[47])], names[48]).status_code == 422
    sender.start()
    house.work()
    who = house["owner"]
    by = Actor(kind="person", tenant_id=who.tenant_id, user_id=who.id, role=who.role)
    with house.inside(who.tenant_id, write=False):
        assert find_items(ItemQuery(q=names[0]), by=by).items
        assert find_items(ItemQuery(q=names[60]), by=by).items
    assert all(now == then for now, then, *_ in held(house))
    owner.get(f"{sender.urls['page']}/report.csv", buffered=True)
    folders = [(house.settings.instance, True), (tempfile.gettempdir(), False)]
    if databases.POSTGRESQL and os.environ.get("SAFEKEEP_TEST_DATA_FOLDER"):
        folders.append((os.environ["SAFEKEEP_TEST_DATA_FOLDER"], True))
    assert scan(folders, canaries, since=since) == set()
    assert not [record for record in caplog.records for name in names if name in record.getMessage()]
    (house.settings.instance / "mail").mkdir(exist_ok=True)
    planted = house.settings.instance / "mail" / "planted.eml"
    planted.write_bytes(b"Subject: " + canaries[5])
    assert scan(folders, canaries, since=since) == {str(planted)}
