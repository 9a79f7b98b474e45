"""How fast mail is found: the sealed index beside SQLite's FTS5 over the same text in clear, in the same run.

`python -m tests.benchmarks.search [--tiles N] [messages …]` generates messages of 90 words on average, drawn from 200,000
words by Zipf's law, and puts them into one Customer's archive: rows, sealed bytes and index are the product's own, only
parsing is skipped. Times are processor milliseconds of one page of 50, opened.

A million messages in reasonable time: with `--tiles` the first 8,000 are repeated, at new dates and under new numbers, in
segments of 128,000 as merges make them. Every row is sealed by itself; buckets are as long as 128,000 messages make them
but for words that stand in one message only (here: in sixteen). FTS5 does not take part then.
"""

import argparse
import hashlib
import itertools
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

from console.app import bare_app
from console.core.db import bound_tenant, db, unit_of_work
from console.core.ids import new_id
from console.core.jobs import work_once
from console.customer_data.contents import seal_inline
from console.customer_data.finding import ItemQuery, find_items
from console.customer_data.index import add_segment
from console.customer_data.models import DataTotal, Item, ItemContent, Summary, totals
from console.customer_data.segments import SearchBucket, SearchSegment
from console.customer_data.terms import terms_of_message
from console.formats.message import read_message
from console.install import initialise
from console.registry import HANDLERS
from console.vault.access import tenant_keys
from tests import cast
from tests.customer_data.archive import _import, actor, custodian
from tests.databases import settings_for

SIZES = (10_000, 100_000, 1_000_000)
BATCH = 500
VOCABULARY = 200_000
ROUNDS = 9
START = datetime(2015, 1, 1, tzinfo=UTC)
SPAN_SECONDS = 10 * 365 * 86_400


class Writer:
    """Draws messages: the same ones for the same seed."""

    def __init__(self, seed: int = 4) -> None:
        self.random = random.Random(seed)
        letters = "abcdefghijklmnopqrstuvwxyz"
        made: dict[str, None] = {}
        while len(made) < VOCABULARY:
            made["".join(self.random.choices(letters, k=self.random.randint(3, 9)))] = None
        self.words = list(made)
        self.weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(VOCABULARY)))

    def message(self) -> tuple[str, str, str, str, datetime]:
        """Subject, text, sender, recipient, date."""
        drawn = self.random.choices(self.words, cum_weights=self.weights, k=5 + self.random.randint(20, 150))
        first, last = self.random.sample(range(2_000), 2)
        sender, to = (f"{self.words[100 + place]}@{self.words[place % 50]}.example" for place in (first, last))
        moment = START + timedelta(seconds=self.random.randrange(SPAN_SECONDS))
        return " ".join(drawn[:5]), " ".join(drawn[5:]), sender, to, moment


def terms(message: tuple[str, str, str, str, datetime]) -> set[str]:
    """What `terms_of_message` says of it, without parsing."""
    subject, text, sender, to, _moment = message
    found = {"b:" + word for word in text.split()} | {"s:" + word for word in subject.split()}
    for field, address in (("f:", sender), ("t:", to)):
        found |= {field + part for part in (address, *address.replace("@", ".").split("."))}
    return found | {"y:message", "y:mail", "y:rfc822"}


def raw(message: tuple[str, str, str, str, datetime]) -> bytes:
    """The message as it would have come in."""
    subject, text, sender, to, moment = message
    return f"Subject: {subject}\r\nFrom: {sender}\r\nTo: {to}\r\nDate: {moment:%a, %d %b %Y %H:%M:%S +0000}\r\n\r\n{text}\r\n".encode()


class Archive:
    """One Customer's archive that grows, and the same text in an FTS5 table."""

    def __init__(self, folder: Path) -> None:
        settings = settings_for(folder / "instance", None)
        keyring, _new = initialise(settings)
        self.app = bare_app(settings, keyring)
        self.path = folder / "instance"
        self.writer = Writer()
        self.count = 0
        self.tiled = False
        self.seconds = {"rows": 0.0, "index": 0.0, "merge": 0.0, "fts": 0.0}
        self.fts_path = folder / "fts.db"
        self.fts = sqlite3.connect(self.fts_path)
        self.fts.execute("CREATE VIRTUAL TABLE mail USING fts5(subject, body, sender, recipient, content='')")
        with self.app.app_context():
            self.owner = cast.build()["owner"]
            self.work()
            with unit_of_work(self.owner.tenant_id):
                self.custodian = custodian()
                self.import_id = _import(self.custodian)
                db.session.add(DataTotal(id=bound_tenant(), last_number=0, items=0, size_bytes=0, damaged=0))

    def work(self) -> None:
        """Whatever jobs are due are done."""
        while work_once(HANDLERS):
            pass

    def grow(self, to: int) -> None:
        """The archive holds so many messages, all merged."""
        with self.app.app_context():
            while self.count < to:
                batch = [self.writer.message() for _number in range(BATCH)]
                with unit_of_work(self.owner.tenant_id):
                    self._rows(batch)
                    start = time.process_time()
                    add_segment([(self.count + place, terms(one)) for place, one in enumerate(batch, 1)])
                    self.seconds["index"] += time.process_time() - start
                self._clear(batch)
                self.count += BATCH
                start = time.process_time()
                self.work()
                self.seconds["merge"] += time.process_time() - start
            db.engine.dispose()

    def _rows(self, batch: list) -> None:
        start, tenant_id, keys = time.process_time(), bound_tenant(), tenant_keys()
        rows, contents = [], []
        for number, message in enumerate(batch, self.count + 1):
            data, row_id = raw(message), new_id()
            summary = Summary(hashlib.sha256(data).hexdigest(), message[0], message[2], message[3])
            rows.append(
                {
                    "tenant_id": tenant_id,
                    "id": row_id,
                    "number": number,
                    "custodian_id": self.custodian,
                    "import_id": self.import_id,
                    "kind": "message",
                    "media": "mail",
                    "dated_at": message[4],
                    "received_at": message[4],
                    "size_bytes": len(data),
                    "attachments": 0,
                    "fingerprint": number.to_bytes(16),
                    "sealed": keys.seal(Item.__tablename__, row_id, summary.as_dict()),
                    "integrity": "sound",
                }
            )
            contents.append({"tenant_id": tenant_id, "id": row_id, "sealed": seal_inline(row_id, data)})
        db.session.execute(insert(Item), rows)
        db.session.execute(insert(ItemContent), contents)
        totals(lock=True).last_number = self.count + BATCH
        self.seconds["rows"] += time.process_time() - start

    def _clear(self, batch: list) -> None:
        start = time.process_time()
        rows = [(self.count + place, *one[:4]) for place, one in enumerate(batch, 1)]
        with self.fts:
            self.fts.executemany("INSERT INTO mail(rowid, subject, body, sender, recipient) VALUES (?,?,?,?,?)", rows)
        self.seconds["fts"] += time.process_time() - start

    def page(self, **asked: object) -> int:
        """One page as the list shows it: found, opened, titles read."""
        with unit_of_work(self.owner.tenant_id, write=False):
            page = find_items(ItemQuery(**asked), by=actor(self.owner))
            return len([item.summary.title for item in page.items])

    def clear_page(self, query: str) -> int:
        """What FTS5 does for the same: the newest 50 rows that match."""
        sql = "SELECT rowid FROM mail WHERE mail MATCH ? ORDER BY rowid DESC LIMIT 50"
        return len(self.fts.execute(sql, (query,)).fetchall())

    def measure(self) -> None:
        """Print what a page costs for each kind of question."""
        words, fts_too = self.writer.words, not self.tiled
        rare, common, other = words[30_000], words[5], words[9]
        asked = {
            "no words": ("", None),
            "rare word": (rare, rare),
            "word of the middle": (words[1_000], words[1_000]),
            "common word": (common, common),
            "two common words": (f"{common} {other}", f"{common} AND {other}"),
            "field": (f"from:{words[150]}", f"sender:{words[150]}"),
            "exclusion": (f"{words[300]} -{common}", f"{words[300]} NOT {common}"),
            "phrase": (f'"{words[3]} {words[40]}"', f'"{words[3]} {words[40]}"'),
            "no such word": ("qqqqqqqq", "qqqqqqqq"),
        }
        print(f"\n{self.count:,} messages")
        with self.app.app_context():
            for name, (query, clear) in asked.items():
                sealed, rows = _median(lambda query=query: self.page(q=query))
                line = f"  {name:20} {sealed:8.2f} ms  {rows:3} rows"
                if clear and fts_too:
                    line += f"   FTS5 {_median(lambda clear=clear: self.clear_page(clear))[0]:8.2f} ms"
                print(line, flush=True)
            self._sizes()
            db.engine.dispose()

    def _sizes(self) -> None:
        with unit_of_work(self.owner.tenant_id, write=False):
            length = db.session.execute(select(func.sum(func.length(SearchBucket.sealed)))).scalar_one()
            levels = db.session.execute(
                select(SearchSegment.level, func.count()).group_by(SearchSegment.level).order_by(SearchSegment.level)
            ).all()
        speed = {name: self.count / seconds if seconds else 0 for name, seconds in self.seconds.items()}
        print(f"  index {length / self.count:.0f} bytes a message")
        print("  segments by level:", ", ".join(f"{level}: {many}" for level, many in levels))
        print(f"  memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB", flush=True)
        if not self.tiled:
            speed = {name: self.count / seconds if seconds else 0 for name, seconds in self.seconds.items()}
            print(f"  FTS5 {self.fts_path.stat().st_size / self.count:.0f} bytes a message")
            print("  messages a second: " + ", ".join(f"{name} {value:,.0f}" for name, value in speed.items()))


def _median(act) -> tuple[float, int]:
    act()
    times = []
    for _round in range(ROUNDS):
        start = time.process_time()
        rows = act()
        times.append((time.process_time() - start) * 1000)
    return statistics.median(times), rows


def parsing() -> None:
    """What making terms costs, beside parsing alone."""
    writer = Writer()
    messages = [raw(writer.message()) for _number in range(1_000)]
    start = time.process_time()
    parsed = [read_message(one) for one in messages]
    read = time.process_time()
    for one in parsed:
        terms_of_message(one, Summary(""))
    done = time.process_time()
    print(f"a message: parsed in {(read - start):.2f} ms, its terms made in {(done - read):.2f} ms")


def main() -> None:
    """Grow and measure."""
    from tests.benchmarks.search_tiles import tile

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.search", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, help="numbers of messages, growing")
    parser.add_argument("--tiles", nargs="*", type=int, default=[], help="then so many segments of 128,000, growing")
    chosen = parser.parse_args()
    parsing()
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder))
        for size in chosen.sizes:
            archive.grow(size)
            archive.measure()
        done = 0
        for tiles in chosen.tiles:
            tile(archive, tiles - done)
            archive.measure()
            done = tiles


if __name__ == "__main__":
    main()
