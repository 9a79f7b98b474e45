"""Folders, Maildirs, mbox files and zip files become entries in a stable order; traps become refusals that name the limit."""

import io
import os
import stat
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.formats import zips
from console.formats.entries import HEAD_BYTES, Kind, Position, Unreadable, detect
from console.formats.sources import walk
from console.formats.zips import walk_zip
from tests.formats.test_mbox import MESSAGES, joined

CAP = 10**6


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.eml", b"anything", Kind.MESSAGE),
        ("a", b"Received: from x\nSubject: y\n\n", Kind.MESSAGE),
        ("a", b"From a@b Tue Nov 24 10:00:00 2026\nSubject: x\n", Kind.MBOX),
        ("Inbox", b"From - Tue Nov 24 10:00:00 2026\nX-Mozilla-Status: 0001\n", Kind.MBOX),
        ("a.mbox", b"", Kind.MBOX),
        ("1234567890.M1P2.host:2,S", b"Subject: x\n\n", Kind.MAILDIR),
        ("a.zip", b"PK\x03\x04" + bytes(40), Kind.ZIP),
        ("a.docx", b"PK\x03\x04" + bytes(40), Kind.DOCUMENT),
        ("a", b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml", Kind.DOCUMENT),
        ("a.pdf", b"%PDF-1.4", Kind.DOCUMENT),
        ("notes.txt", b"To: do\n\n", Kind.DOCUMENT),
        ("letter", b"From the start it was so\nnothing\n", Kind.DOCUMENT),
        ("a", b"", Kind.DOCUMENT),
    ],
)
def test_a_file_is_what_its_bytes_say(name, head, kind):
    assert detect(name, head) is kind


@pytest.fixture
def tree(tmp_path):
    """A folder with one of everything."""
    box = tmp_path / "Anna"
    for folder in (box, box / ".Sent.2024", box / ".Entw&APw-rfe"):
        for inner in ("cur", "new", "tmp"):
            (folder / inner).mkdir(parents=True)
    (box / "cur" / "1234567890.M1.host:2,RS").write_bytes(MESSAGES[0])
    (box / "new" / "1234567891.M1.host").write_bytes(MESSAGES[1])
    (box / "tmp" / "1234567892.M1.host").write_bytes(MESSAGES[2])
    (box / ".Sent.2024" / "cur" / "1234567893.M1.host:2,F").write_bytes(MESSAGES[3])
    (box / ".Entw&APw-rfe" / "cur" / "1234567894.M1.host:2,D").write_bytes(MESSAGES[4])
    (box / "dovecot-uidlist").write_bytes(b"3 V1")
    (tmp_path / "all.mbox").write_bytes(joined(MESSAGES, "mboxrd"))
    (tmp_path / "one.eml").write_bytes(MESSAGES[0])
    (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4")
    with zipfile.ZipFile(tmp_path / "box.zip", "w") as archive:
        archive.writestr("Bert/cur/1234567890.M1.host:2,S", MESSAGES[0])
        archive.writestr("in.mbox", joined(MESSAGES, "mboxrd"))
    (tmp_path / "link.eml").symlink_to(tmp_path / "one.eml")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"bad\xff.txt")).write_bytes(b"x")
    return tmp_path


def told(entries):
    return {(entry.folder, entry.name): entry.refusal.code for entry in entries if entry.refusal}


def test_everything_in_a_folder_is_an_entry(tree):
    entries, read = [], {}
    for entry in walk(tree):
        entries.append(entry)
        if not entry.refusal:
            read[entry.position] = entry.read(CAP)
            assert entry.size_bytes == len(read[entry.position])
    assert told(entries) == {
        ((), "link.eml"): "link", ((), "loop"): "link", ((), "pipe"): "not_a_file",
        (("Anna",), "dovecot-uidlist"): "bookkeeping", (("Anna",), "1234567892.M1.host"): "unfinished",
    }  # fmt: skip
    places = {(entry.folder, entry.name): entry for entry in entries}
    assert places[(), "bad\\xff.txt"].kind is Kind.DOCUMENT
    assert places[("Anna",), "1234567890.M1.host:2,RS"].flags == {"replied", "seen"}
    assert places[("Anna", "Sent", "2024"), "1234567893.M1.host:2,F"].flags == {"flagged"}
    assert places[("Anna", "Entwürfe"), "1234567894.M1.host:2,D"].flags == {"draft"}
    assert places[("box.zip", "Bert"), "1234567890.M1.host:2,S"].flags == {"seen"}
    for folder in (("all",), ("box.zip", "in")):
        assert [read[entry.position] for entry in entries if entry.folder == folder] == MESSAGES


def test_positions_are_unique_rising_and_the_same_each_time(tree):
    first = [(entry.position, entry.folder, entry.name) for entry in walk(tree)]
    assert first == [(entry.position, entry.folder, entry.name) for entry in walk(tree)]
    positions = [position for position, _folder, _name in first]
    assert positions == sorted(set(positions))
    for at, position in enumerate(positions):
        assert [entry.position for entry in walk(tree, after=position)] == positions[at + 1 :]


def test_entries_can_be_read_after_the_walk_and_in_any_order(tree):
    entries = [entry for entry in walk(tree) if entry.folder == ("all",)]
    assert [entry.read(CAP) for entry in reversed(entries)] == MESSAGES[::-1]


def test_a_file_above_the_cap_is_not_read_to_its_end(tree):
    [entry] = [entry for entry in walk(tree) if entry.name == "one.eml"]
    with pytest.raises(Unreadable) as refused:
        entry.read(10)
    assert refused.value.code == "too_large"


def test_a_file_that_becomes_a_link_is_not_followed(tree):
    [entry] = [entry for entry in walk(tree) if entry.name == "one.eml"]
    (tree / "one.eml").unlink()
    (tree / "one.eml").symlink_to(tree / "report.pdf")
    with pytest.raises(Unreadable):
        entry.read(CAP)


def test_one_file_is_walked_like_a_folder(tree):
    assert [entry.read(CAP) for entry in walk(tree / "all.mbox")] == MESSAGES
    assert [entry.name for entry in walk(tree / "one.eml")] == ["one.eml"]


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    held.seek(0)
    return held


def link_in_a_zip():
    info = zipfile.ZipInfo("link.eml")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped((info, "/etc/passwd"))


def patched(archive, offset, data, signature=b"PK\x01\x02"):
    """The zip file with bytes of its first list entry (or local header) changed."""
    raw = bytearray(archive.getvalue())
    at = raw.index(signature) + offset
    raw[at : at + len(data)] = data
    return io.BytesIO(bytes(raw))


def overlapping():
    raw = bytearray(zipped(("a.eml", b"x" * 100), ("b.eml", b"x" * 100)).getvalue())
    second = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 1)
    raw[second + 42 : second + 46] = struct.pack("<L", 0)
    return io.BytesIO(bytes(raw))


def nested_in(depth):
    inner = zipped(("a.eml", MESSAGES[0]))
    for _step in range(depth):
        inner = zipped(("inner.zip", inner.getvalue()))
    return inner


def twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped(("a.eml", b"1"), ("a.eml", b"2"))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: zipped(("/etc/passwd", b"x")), "name_absolute"),
        (lambda: zipped(("C:/x.eml", b"x")), "name_absolute"),
        (lambda: zipped(("a/../../x.eml", b"x")), "name_parent"),
        (lambda: zipped(("a\\..\\..\\x.eml", b"x")), "name_parent"),
        (lambda: patched(zipped(("abc.eml", b"x")), 46 + 1, b"\0"), "name_nul"),
        (link_in_a_zip, "link"),
        (lambda: patched(zipped(("a.eml", b"x")), 8, b"\x01\0"), "encrypted"),
        (lambda: zipped(("a.eml", b"x"), method=zipfile.ZIP_BZIP2), "compression"),
        (lambda: zipped(("a.eml", bytes(3 * 2**20))), "ratio"),
        (twice, "duplicate_name"),
        (overlapping, "overlapping"),
        (lambda: nested_in(2), "zip_depth"),
        (lambda: io.BytesIO(b"PK\x03\x04 no zip file"), "bad_zip"),
        (lambda: io.BytesIO(b""), "bad_zip"),
        (lambda: zipped(("__MACOSX/._a.eml", b"x")), "bookkeeping"),
        (lambda: zipped(("x/tmp/123", b"x")), "unfinished"),
    ],
)
def test_traps_in_zip_files_are_refused_by_name(make, code):
    entries = list(walk_zip(make()))
    assert code in {entry.refusal.code for entry in entries if entry.refusal}
    for entry in entries:
        if entry.refusal:
            assert entry.refusal.sentence.endswith(".")
            with pytest.raises(Unreadable):
                entry.read(CAP)


def test_one_zip_file_in_another_is_opened():
    [entry] = walk_zip(nested_in(1))
    assert entry.folder == ("inner.zip",)


def test_the_number_of_entries_is_limited_before_they_are_listed(monkeypatch):
    monkeypatch.setattr(zips, "MOST_ENTRIES", 3)
    [entry] = walk_zip(zipped(*[(f"{number}.eml", b"x") for number in range(4)]))
    assert entry.refusal.code == "count"
    assert len(list(walk_zip(zipped(*[(f"{number}.eml", b"x") for number in range(3)])))) == 3
    lying = zipped(*[(f"{number}.eml", b"x") for number in range(4)])
    [entry] = walk_zip(patched(lying, 8, struct.pack("<HH", 1, 1), b"PK\x05\x06"))
    assert entry.refusal


def test_the_total_size_is_limited(monkeypatch):
    monkeypatch.setattr(zips, "TOTAL_BYTES", 250)
    entries = list(walk_zip(zipped(*[(f"{number}.eml", b"x" * 100) for number in range(4)])))
    assert [entry.refusal.code if entry.refusal else "" for entry in entries] == ["", "", "total_size", "total_size"]


def test_a_zip_file_in_another_has_a_limit_of_its_own(monkeypatch):
    monkeypatch.setattr(zips, "NESTED_BYTES", 10)
    [entry] = walk_zip(nested_in(1))
    assert entry.refusal.code == "nested_size"


def test_a_size_that_lies_does_not_unpack_more_than_it_says():
    archive = zipped(("a.bin", b"x" * 5000))
    lying = patched(patched(archive, 24, struct.pack("<L", 10)), 22, struct.pack("<L", 10), b"PK\x03\x04")
    for entry in walk_zip(lying):
        if not entry.refusal:
            with pytest.raises(Unreadable):
                entry.read(CAP)


def test_an_mbox_that_breaks_off_says_where():
    raw = bytearray(
        zipped(
            ("in.mbox", joined([b"Subject: x\n\n" + os.urandom(3000).hex().encode() + b"\n"] * 3, "mboxrd"))
        ).getvalue()
    )
    raw[2000:2040] = bytes(40)
    entries = list(walk_zip(io.BytesIO(bytes(raw))))
    assert entries[-1].refusal.code == "damaged"
    assert len({entry.position for entry in entries}) == len(entries)


def test_names_in_utf8_that_nobody_declared_are_read():
    info = zipfile.ZipInfo("x.eml")
    info.filename = "Grüße.eml".encode().decode("cp437")
    archive = patched(zipped((info, b"x")), 8, b"\0\0")
    raw = archive.getvalue()
    written = info.filename.encode()
    fixed = raw.replace(written, "Grüße.eml".encode().ljust(len(written), b"_"))
    assert any("Grüße" in entry.name for entry in walk_zip(io.BytesIO(fixed)))


ZIP = zipped(("a/b.eml", MESSAGES[0]), ("in.mbox", joined(MESSAGES, "mboxrd"))).getvalue()


@given(st.integers(0, len(ZIP) - 1), st.integers(0, 255), st.integers(0, len(ZIP)))
@settings(deadline=None, max_examples=300)
def test_a_zip_file_with_a_wrong_byte_or_cut_short_is_answered(place, value, size):
    for data in (ZIP[:place] + bytes((value,)) + ZIP[place + 1 :], ZIP[:size]):
        for entry in walk_zip(io.BytesIO(data)):
            try:
                entry.read(CAP)
            except Unreadable as refused:
                assert refused.code


@given(st.binary(max_size=HEAD_BYTES), st.text(max_size=30))
@settings(deadline=None, max_examples=100)
def test_any_file_is_of_some_kind(head, name):
    detect(name, head)
    assert Position(1, 2) < Position(2)
