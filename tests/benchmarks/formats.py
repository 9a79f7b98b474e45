"""What reading costs beside what else could be used: `python -m tests.benchmarks.formats`. Ratios count, times do not."""

import email
import mailbox
import random
import tempfile
import time
from email.policy import compat32
from pathlib import Path

from console.formats.headers import read_headers
from console.formats.mbox import raw_of, split, survey
from console.formats.message import read_message
from console.formats.words import distinct_words, words

MESSAGES = 1000
WORDS = ["the", "invoice", "of", "Müller", "&", "Søn", "was", "paid", "on", "Tuesday,", "see", "attached", "table", "for", "Zażółć", "gęślą", "jaźń", "and", "東京都", "please", "reply", "regards", "Anna", "Example", "anna@example.org", "contract", "number", "4711", "delivery", "weekly", "report", "meeting", "budget"]  # fmt: skip


def main() -> None:
    """Print the table."""
    chance = random.Random(7)
    messages = [_message(chance, number) for number in range(MESSAGES)]
    size = sum(map(len, messages))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "all.mbox"
        with path.open("wb") as file:
            for message in messages:
                file.write(b"From a@example.org Tue Nov 24 10:00:00 2026\n" + message + b"\n")
        print(f"{MESSAGES:,} messages, {size / 2**20:.0f} MiB")
        _mbox(path)
    _reading(messages)
    text = " ".join(chance.choices(WORDS, k=200_000))
    seconds = _seconds(lambda: sum(1 for _ in words(text)))
    distinct = _seconds(lambda: distinct_words(text))
    print(f"distinct_words: {sum(1 for _ in words(text)) / distinct:,.0f} words/s")
    print(
        f"words: {sum(1 for _ in words(text)) / seconds:,.0f} words/s; str.split {200_000 / _seconds(text.split):,.0f}"
    )


def _message(chance: random.Random, number: int) -> bytes:
    body = " ".join(chance.choices(WORDS, k=chance.randint(800, 8000)))
    lines = "\n".join(body[at : at + 76] for at in range(0, len(body), 76))
    head = "".join(
        f"Received: from mx{hop}.example.org by mx{hop + 1}.example.org; Tue, 24 Nov 2026 10:00:0{hop} +0000\n"
        for hop in range(6)
    )
    return (
        head + f"From: Anna Example <anna{number}@example.org>\nTo: Bert <bert@example.org>, Carl <carl@example.org>\n"
        f"Subject: =?utf-8?q?Rechnung_f=C3=BCr_{number}?=\nDate: Tue, 24 Nov 2026 10:00:00 +0100\nMessage-ID: <{number}@example.org>\n"
        f"MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{lines}\n"
    ).encode()


def _mbox(path: Path) -> None:
    ours = _seconds(lambda: _through(path, lambda file: sum(1 for _ in split(file))))
    first = _seconds(lambda: _through(path, survey))
    both = _seconds(lambda: _two_passes(path))
    theirs = _seconds(lambda: _stdlib(path))
    plain = _seconds(lambda: _find(path))
    for name, seconds in (
        ("split", ours), ("survey (dialect)", first), ("survey, split and read", both),
        ("mailbox.mbox keys and get_bytes", theirs), ("plain block find, no rules", plain),
    ):  # fmt: skip
        print(f"  {name:<34} {MESSAGES / seconds:>10,.0f} messages/s   {theirs / seconds:.1f}x mailbox")


def _two_passes(path: Path) -> int:
    with path.open("rb") as file, path.open("rb") as reading:
        dialect = survey(file).dialect
        file.seek(0)
        return sum(len(raw_of(reading, cut, dialect)) for cut in split(file))


def _through(path: Path, act) -> None:
    with path.open("rb") as file:
        act(file)


def _stdlib(path: Path) -> int:
    box = mailbox.mbox(path)
    try:
        return sum(len(box.get_bytes(key)) for key in box.keys())  # noqa: SIM118 (a mailbox iterates over messages)
    finally:
        box.close()


def _find(path: Path) -> int:
    found, tail = 0, b"\n"
    with path.open("rb", buffering=0) as file:
        while block := file.read(2**20):
            data, at = tail + block, -1
            while (at := data.find(b"\n\nFrom ", at + 1)) >= 0:
                found += 1
            tail = data[-6:]
    return found


def _reading(messages: list[bytes]) -> None:
    full = _seconds(lambda: [email.message_from_bytes(raw, policy=compat32) for raw in messages])
    for name, act in (
        ("read_headers", read_headers),
        ("read_message", read_message),
        ("read_message and distinct_words", lambda raw: len(distinct_words(read_message(raw).text))),
    ):
        seconds = _seconds(lambda act=act: [act(raw) for raw in messages])
        print(f"  {name:<34} {len(messages) / seconds:>10,.0f} messages/s   {full / seconds:.1f}x email's full parse")


def _seconds(act) -> float:
    best = float("inf")
    for _ in range(2):
        start = time.process_time()
        act()
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    main()
