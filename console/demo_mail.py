"""The demo's mail and documents: what people of a shipping company might have written, made anew for each demo.

The same seed gives the same archive, dated backwards from the day of the demo. Nothing in it is of anybody.
"""

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from html import escape

from console.demo_texts import GREETINGS, HTML_LETTER, NOTES, OUTSIDERS, PORTS, TOPICS, VESSELS

DAYS = 400
THREAD = 4
"""Letters in the longest thread."""
_SEED = 20261124


@dataclass(frozen=True)
class Mailbox:
    """One of the demo's people, as mail knows them."""

    name: str
    address: str
    key: str


def archive_of(owner: Mailbox, colleagues: list[Mailbox], threads: int, now: datetime) -> bytes:
    """A zip file of that person's mail, as a mail program would export it."""
    choice = random.Random(f"{_SEED}{owner.address}")  # noqa: S311 (a demo, no secret)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number in range(threads):
            for place, (folder, mail) in enumerate(_thread(owner, colleagues, choice, now)):
                archive.writestr(f"{folder}/{number:03}-{place}.eml", mail.as_bytes())
    return packed.getvalue()


def _thread(
    owner: Mailbox, colleagues: list[Mailbox], choice: random.Random, now: datetime
) -> Iterator[tuple[str, EmailMessage]]:
    """One conversation: the folder of each letter in the owner's mailbox, and the letter."""
    others = [Mailbox(name, address, "") for name, address in OUTSIDERS] + colleagues
    other = choice.choice([each for each in others if each.address != owner.address])
    copied = choice.sample(colleagues, k=choice.choice((0, 0, 1, 2)))
    subject, lines = choice.choice(TOPICS)
    facts = {
        "vessel": choice.choice(VESSELS),
        "port": choice.choice(PORTS),
        "other_port": choice.choice(PORTS),
        "reference": f"HL-{choice.randrange(10_000, 99_999)}",
        "count": choice.randrange(2, 48),
        "amount": f"{choice.randrange(900, 48_000):,}",
    }
    at = now - timedelta(days=choice.uniform(1, DAYS), seconds=choice.randrange(86_400))
    before: EmailMessage | None = None
    for place in range(choice.randint(1, THREAD)):
        writer, reader = (other, owner) if place % 2 == 0 else (owner, other)
        mail = _letter(writer, reader, subject.format(**facts), at, before)
        if copied and place == 0:
            mail["Cc"] = ", ".join(f"{_quoted(each.name)} <{each.address}>" for each in copied)
        text = lines[min(place, len(lines) - 1)].format(**facts)
        _write(mail, writer, reader, text, facts, choice)
        if before is not None and choice.random() < 0.08:
            mail.add_attachment(before, filename="earlier message.eml")
        yield ("Inbox" if reader is owner else "Sent"), mail
        before, at = mail, at + timedelta(hours=choice.uniform(0.4, 40))
        if at > now:
            return


def _letter(writer: Mailbox, reader: Mailbox, subject: str, at: datetime, before: EmailMessage | None) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = f"{_quoted(writer.name)} <{writer.address}>"
    mail["To"] = f"{_quoted(reader.name)} <{reader.address}>"
    mail["Subject"] = subject if before is None else f"Re: {subject}"
    mail["Date"] = format_datetime(at)
    mail["Message-ID"] = f"<{at:%Y%m%d%H%M%S}.{zlib.crc32((writer.address + subject).encode()):08x}@mail.example>"
    if before is not None:
        mail["In-Reply-To"] = before["Message-ID"]
    return mail


def _write(
    mail: EmailMessage, writer: Mailbox, reader: Mailbox, text: str, facts: dict[str, object], choice: random.Random
) -> None:
    """The text, now and then with a designed version and attachments."""
    hello, bye, own = GREETINGS.get(writer.key, GREETINGS[""])
    body = f"{hello.format(name=reader.name)}\n\n{text}\n"
    if own and choice.random() < 0.6:
        body += f"\n{own}\n"
    body += f"\n{bye}\n{writer.name}\n"
    mail.set_content(body)
    if choice.random() < 0.35:
        rows = "".join(
            f"<tr><td>{escape(name.replace('_', ' ').capitalize())}</td><td>{escape(str(value))}</td></tr>"
            for name, value in facts.items()
        )
        mail.add_alternative(HTML_LETTER.format(text=escape(body).replace("\n", "<br>"), rows=rows), subtype="html")
        designed = mail.get_payload()[1]  # type: ignore[index]
        designed.add_related(picture(choice, 360, 60), "image", "png", cid="<banner@mail.example>")  # type: ignore[union-attr]
    if choice.random() < 0.28:
        _attach(mail, facts, choice)


def _attach(mail: EmailMessage, facts: dict[str, object], choice: random.Random) -> None:
    reference = facts["reference"]
    kind = choice.choice(("pdf", "csv", "png", "txt"))
    if kind == "pdf":
        lines = [
            f"Bill of lading {reference}",
            f"Vessel {facts['vessel']}",
            f"{facts['port']} to {facts['other_port']}",
        ]
        mail.add_attachment(paper(lines), maintype="application", subtype="pdf", filename=f"{reference}.pdf")
    elif kind == "csv":
        rows = "".join(f"{reference}-{row:02},{choice.randrange(2, 28)}\n" for row in range(12))
        data = f"container,tonnes\n{rows}".encode()
        mail.add_attachment(data, maintype="text", subtype="csv", filename=f"packing list {reference}.csv")
    elif kind == "png":
        mail.add_attachment(picture(choice), maintype="image", subtype="png", filename=f"seal {reference}.png")
    else:
        data = choice.choice(NOTES)[1].encode()
        mail.add_attachment(data, maintype="text", subtype="plain", filename="notes.txt")


def documents_of(owner: Mailbox, now: datetime) -> list[tuple[str, bytes, datetime]]:
    """A few documents of that person: name, bytes, and when they were last changed."""
    choice = random.Random(f"documents {_SEED}{owner.address}")  # noqa: S311 (a demo, no secret)
    return [
        (f"Documents/{name}", data, now - timedelta(days=choice.uniform(1, DAYS)))
        for name, data in _papers(owner, choice)
    ]


def _papers(owner: Mailbox, choice: random.Random) -> Iterator[tuple[str, bytes]]:
    for name, text in choice.sample(NOTES, k=2):
        yield f"{name}.txt", f"{text}\n\n{owner.name}\n".encode()
    yield f"Berth plan {choice.choice(PORTS)}.png", picture(choice, 640, 260)
    number = choice.randrange(100, 999)
    yield f"Charter party {number}.pdf", paper([f"Charter party {number}", choice.choice(VESSELS), owner.name])


def _quoted(name: str) -> str:
    return f'"{name}"' if name.isascii() else name


def picture(choice: random.Random, width: int = 480, height: int = 200) -> bytes:
    """A small PNG: columns of one hue, as a chart might have."""
    hue = choice.choice(((14, 90, 84), (185, 119, 28), (42, 88, 134)))
    heights = [choice.randrange(height // 5, height - 8) for _column in range(12)]
    rows = []
    column, gap = width // 12, width // 48
    blank = b"\xf6\xf6\xf2"
    for y in range(height):
        colours = (bytes(hue) if height - y < top else blank for top in heights)
        row = b"".join(colour * (column - gap) + blank * gap for colour in colours)
        rows.append(b"\0" + row + blank * (width - 12 * column))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def paper(lines: list[str]) -> bytes:
    """A PDF of one page with those lines, but for those with letters that its font lacks (outside Latin-1)."""
    fitting = [line for line in lines if line.isascii() or max(line) <= "\xff"]
    shown = [line.encode("latin-1").replace(b"(", b"[").replace(b")", b"]") for line in fitting]
    moves = b"".join(b"(" + line + b") Tj 0 -24 Td " for line in shown)
    stream = b"BT /F1 16 Tf 72 760 Td " + moves + b"ET"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(data))
    return data + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + end
