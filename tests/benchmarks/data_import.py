"""Import of mail: messages and MiB a second from an mbox file to sealed and searchable, beside its parts alone.

`python -m tests.benchmarks.data_import [MIB]` prints what one run measured: the parse of Python's `email`, SHA-256 and
AES-GCM over the same messages, the import without and with the index, bytes on disk for each byte of mail, and memory.
Messages are generated: 1 to 100 KiB, most of them small, a third with an attachment, words by Zipf's law.
"""

import email
import email.policy
import hashlib
import os
import random
import resource
import sys
import time
from base64 import encodebytes
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from console.app import bare_app
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.ids import new_id
from console.core.jobs import work_once
from console.customer_data import batches, taking
from console.customer_data.importing import PATH_JOB, run_import
from console.customer_data.imports import DataImport, data_import
from console.customer_data.path_import import open_path_import
from console.formats.headers import read_headers
from console.formats.mbox import raw_of, split
from console.formats.message import Message
from console.install import initialise
from console.tenants.actions import add_tenant
from tests.databases import settings_for

MIB = 2**20
BY = system("benchmark")
_WORDS = [f"{chr(97 + number % 26)}{number:x}word"[: 3 + number % 9] for number in range(20_000)]


def write_mbox(path: Path, size: int, *, seed: int = 1) -> int:
    """An mbox file of about that size. Answers how many messages it holds."""
    rng = random.Random(seed)
    count = 0
    with path.open("wb") as file:
        while file.tell() < size:
            count += 1
            file.write(b"From ada@acme.example Tue Nov 24 10:00:00 2026\n")
            file.write(_message(rng, count))
            file.write(b"\n")
    return count


def _message(rng: random.Random, number: int) -> bytes:
    words = " ".join(
        _WORDS[min(int(rng.paretovariate(0.6)), len(_WORDS) - 1)] for _ in range(rng.choice((60, 150, 400)))
    )
    head = (
        f"Return-Path: <ada{number % 97}@acme.example>\nReceived: from mx{number % 7}.acme.example by mail.acme.example"
        f" with ESMTP id {number:08x}; Tue, 24 Nov 2026 10:{number % 60:02}:00 +0000\n"
        f"From: Ada {number % 97} <ada{number % 97}@acme.example>\nTo: Bob <bob{number % 89}@birch.example>\n"
        f"Subject: {words[:60]} {number}\nDate: Tue, {1 + number % 28:02} Nov 2026 10:00:00 +0100\n"
        f"Message-ID: <{number}@acme.example>\nMIME-Version: 1.0\n"
    )
    text = "\n".join(words[start : start + 72] for start in range(0, len(words), 72)) + "\n"
    if rng.random() > 0.33:
        return f"{head}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()
    attached = encodebytes(rng.randbytes(rng.choice((5, 20, 60)) * 1024)).decode()
    return (
        f'{head}Content-Type: multipart/mixed; boundary="b{number}"\n\n--b{number}\nContent-Type: text/plain\n\n{text}\n'
        f'--b{number}\nContent-Type: application/pdf; name="plan{number}.pdf"\nContent-Transfer-Encoding: base64\n'
        f'Content-Disposition: attachment; filename="plan{number}.pdf"\n\n{attached}\n--b{number}--\n'
    ).encode()


@contextmanager
def installation(folder: Path) -> Iterator[tuple[Path, UUID]]:
    """An installation with one Customer in that folder."""
    settings = settings_for(folder / "instance")
    keyring, _new = initialise(settings)
    app = bare_app(settings, keyring)
    with app.app_context():
        tenant_id = new_id()
        with unit_of_work():
            add_tenant("Acme", tenant_id=tenant_id, by=BY)
        yield settings.instance, tenant_id
        db.engine.dispose()


def import_path(tenant_id: UUID, path: Path, custodian: str = "ada@acme.example") -> DataImport:
    """The path is imported by this process. Answers the import at its end."""
    import_id, _goes_on = open_path_import(tenant_id, path, custodian, by=BY)
    while work_once({PATH_JOB: run_import}):
        pass
    with unit_of_work(tenant_id, write=False):
        found = data_import(import_id)
        assert found.state == "done", found.state
        db.session.expunge(found)
        return found


class Watch:
    """Time on the clock, and time of the processor: on a machine with other work to do only the second says something."""

    def __init__(self) -> None:
        self._clock, self._cpu = time.perf_counter(), time.process_time()

    def told(self, what: str, messages: int, size: int) -> float:
        """Print both. Answers messages a second of the processor."""
        seconds, cpu = time.perf_counter() - self._clock, time.process_time() - self._cpu
        print(
            f"{what:42} {messages / seconds:9,.0f} messages/s {size / MIB / seconds:7.1f} MiB/s"
            f" | of the processor {messages / cpu:9,.0f} messages/s {size / MIB / cpu:7.1f} MiB/s",
            flush=True,
        )
        return messages / cpu


def _alone(raws: list[bytes]) -> float:
    size, count = sum(map(len, raws)), len(raws)
    watch = Watch()
    for raw in raws:
        email.message_from_bytes(raw, policy=email.policy.compat32)
    parsed = watch.told("email, compat32, parse alone", count, size)
    watch = Watch()
    for raw in raws:
        hashlib.sha256(raw).digest()
    watch.told("SHA-256 alone", count, size)
    cipher, watch = AESGCM(os.urandom(32)), Watch()
    for raw in raws:
        cipher.encrypt(os.urandom(12), raw, None)
    watch.told("AES-256-GCM alone", count, size)
    return parsed


def _messages(path: Path, most: int) -> list[bytes]:
    data = path.read_bytes()[: most * MIB]
    file = BytesIO(data)
    return [raw_of(BytesIO(data), cut, "mboxo") for cut in split(file)]


@contextmanager
def without_index() -> Iterator[None]:
    """Imports as if there were nothing to search: what the index costs is the difference. For measuring only."""
    kept = taking.terms_of_message, batches.prepare_segment
    taking.terms_of_message = lambda *_: frozenset()
    batches.prepare_segment = lambda _terms: None
    try:
        yield
    finally:
        taking.terms_of_message, batches.prepare_segment = kept


@contextmanager
def headers_alone() -> Iterator[None]:
    """Imports that read no further than the headers: what parsing the rest costs is the difference. For measuring only."""
    kept = taking.read_message
    taking.read_message = lambda raw: Message(read_headers(raw))
    try:
        with without_index():
            yield
    finally:
        taking.read_message = kept


def disk_bytes(folder: Path) -> int:
    """What lies in that folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(mib: int) -> None:
    with TemporaryDirectory() as place:
        path = Path(place) / "mail.mbox"
        count, size = write_mbox(path, mib * MIB), path.stat().st_size
        print(f"{count:,} messages, {size / MIB:.0f} MiB, {size / count / 1024:.1f} KiB each on average")
        parsed = _alone(_messages(path, 64))
        watch = Watch()
        with path.open("rb") as file:
            sum(1 for _cut in split(file))
        watch.told("mbox cut, one pass", count, size)
        kinds = (("headers alone", headers_alone), ("without index", without_index), ("with index", nullcontext))
        for name, measure in kinds:
            with installation(Path(place) / name) as (instance, tenant_id):
                before, watch = disk_bytes(instance), Watch()
                with measure():
                    found = import_path(tenant_id, path)
                rate = watch.told(f"import, sealed and stored, {name}", count, size)
                assert found.imported_items == count, (found.imported_items, count)
                grown = disk_bytes(instance) - before
                print(
                    f"    {rate / parsed:.2f} x the parse of email (processor); {grown / size:.2f} bytes on disk for a byte of mail"
                )
        print(f"memory at its highest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
