"""An mbox file is cut where its messages are, whatever the dialect, and every doubt is named."""

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.formats.mbox import LOOK_AHEAD_BYTES, pieces_of, raw_of, split, survey
from console.formats.mbox_window import BLOCK_BYTES

FROM = b"From anna@example.org Tue Nov 24 10:00:00 2026"


def joined(messages, dialect, end=b"\n"):
    """An mbox file of these messages, as a writer of that dialect makes it."""
    pieces = []
    for raw in messages:
        body = raw
        if dialect == "mboxrd":
            body = re.sub(rb"(?m)^(>*From )", rb">\1", raw)
        elif dialect in ("mboxo", "mboxcl"):
            body = re.sub(rb"(?m)^(From )", rb">\1", raw)
        if dialect.startswith("mboxcl"):
            head, blank, text = body.partition(end + end)
            body = head + end + b"Content-Length: %d" % len(text) + blank + text
        pieces += [FROM, end, body, end]
    return b"".join(pieces)


def cuts_of(data):
    cuts = list(split(io.BytesIO(data)))
    assert sum(cut.length for cut in cuts) == len(data), "the cuts are not the whole file"
    at = 0
    for cut in cuts:
        assert cut.offset == at
        assert cut.from_line_end + cut.message_bytes <= cut.offset + cut.length
        at += cut.length
    return cuts


def read(data, dialect=None):
    dialect = dialect or survey(io.BytesIO(data)).dialect
    return [raw_of(io.BytesIO(data), cut, dialect) for cut in cuts_of(data)]


MESSAGES = [b"Subject: %d\nFrom: a@example.org\n\nBody %d\n\nMore\n" % (number, number) for number in range(5)]


@pytest.mark.parametrize("dialect", ["mboxo", "mboxrd", "mboxcl", "mboxcl2"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_what_was_joined_is_split_again_byte_for_byte(dialect, end):
    messages = [raw.replace(b"\n", end) for raw in MESSAGES]
    found = read(joined(messages, dialect, end))
    assert [re.sub(rb"Content-Length: \d+\r?\n", b"", raw) for raw in found] == messages


def test_mboxrd_gives_back_quoted_lines_of_every_depth():
    messages = [
        b"Subject: q\n\nFrom here\n>From there\n>>From beyond\n",
        b"Subject: r\n\nx\n\nFrom a@b Tue Nov 24 10:00:00 2026\nTo: c\n",
    ]
    data = joined(messages, "mboxrd")
    assert survey(io.BytesIO(data)).dialect == "mboxrd"
    assert read(data) == messages


def test_other_dialects_are_not_touched():
    data = joined([b"Subject: q\n\nFrom here\n"], "mboxo")
    assert survey(io.BytesIO(data)).dialect == "mboxo"
    assert read(data) == [b"Subject: q\n\n>From here\n"]
    assert read(data, "mboxrd") == [b"Subject: q\n\nFrom here\n"]


def test_a_length_that_leads_to_the_next_message_is_believed_and_told():
    inner = b"Subject: q\n\nx\n\n" + FROM + b"\nTo: inside\n\ny\n"
    data = joined([inner, MESSAGES[0]], "mboxcl2")
    assert survey(io.BytesIO(data)).dialect == "mboxcl2"
    cuts = cuts_of(data)
    assert len(cuts) == 2
    assert f"offset {data.index(FROM, 10)}" in cuts[0].ambiguous
    assert cuts[1].ambiguous is None


@pytest.mark.parametrize("length", [b"0", b"3", b"99999999", b"999999999999", b"-1", b"x"])
def test_a_length_that_leads_nowhere_is_not_believed(length):
    data = FROM + b"\nContent-Length: " + length + b"\n\nbody\n\n" + FROM + b"\nTo: x\n\ny\n\n"
    assert [cut.by_length for cut in cuts_of(data)] == [False, False]


@pytest.mark.parametrize(
    ("data", "count", "doubt"),
    [
        (FROM + b"\nA: b\n\ntext\n" + FROM + b"\nC: d\n\ny\n", 1, "no blank line stands before it"),
        (FROM + b"\nA: b\n\ntext\n\n" + FROM + b"\nno header here\n", 1, "no header follows it"),
        (FROM + b"\nA: b\n\ntext\n\nFrom here on\nNote: this\n", 2, "has no time"),
        (b"A: b\n\ntext\n", 1, "does not begin with a From line"),
        (b"preface\n\n" + FROM + b"\nA: b\n\ntext\n", 2, "does not begin with a From line"),
        (FROM + b"\nA: b\n\ntext\n\nFrom the start\nit was so\n", 1, None),
    ],
)
def test_doubts_are_named_with_their_offset(data, count, doubt):
    cuts = cuts_of(data)
    assert len(cuts) == count
    told = "; ".join(cut.ambiguous for cut in cuts if cut.ambiguous)
    assert (doubt in told and "offset " in told) if doubt else not told
    assert survey(io.BytesIO(data)).ambiguous == (1 if doubt else 0)


@pytest.mark.parametrize(
    ("line", "sender", "date"),
    [
        (b"From anna@example.org Tue Nov 24 10:00:00 2026", "anna@example.org", "2026-11-24T10:00:00+00:00"),
        (b"From - Tue Nov 24 10:00:00 2026", "", "2026-11-24T10:00:00+00:00"),
        (b"From 1234567890@xxx Tue Nov 24 10:00:00 +0000 2026", "1234567890@xxx", "2026-11-24T10:00:00+00:00"),
        (b"From anna", "", None),
    ],
)
def test_the_envelope_is_kept(line, sender, date):
    data = line + b"\n>From - Tue Nov 24 10:00:00 2026\nSubject: x\n\ny\n\n" + line + b"\nSubject: z\n\ny\n"
    cuts = cuts_of(data)
    assert len(cuts) == 2
    assert cuts[0].sender == sender
    assert (cuts[0].date and cuts[0].date.isoformat()) == date


def test_files_that_are_no_mbox_have_an_answer():
    assert cuts_of(b"") == []
    assert len(cuts_of(b"\n\n\n")) == 1
    assert read(bytes(range(256)) * 5000) == [bytes(range(256)) * 5000]
    line = b"x" * (30 * 2**20)
    assert read(line) == [line]
    [cut] = cuts_of(FROM + b"\nA: b\n\n" + line)
    assert cut.message_bytes == len(line) + 6


def test_the_last_message_needs_no_line_end():
    assert read(FROM + b"\nA: b\n\ntext") == [b"A: b\n\ntext"]
    assert read(FROM) == [FROM]
    assert read(FROM + b"\n") == [b""]


def test_old_macintosh_files_are_cut():
    data = joined(MESSAGES, "mboxo").replace(b"\n", b"\r")
    assert read(data) == [raw.replace(b"\n", b"\r") for raw in MESSAGES]


@pytest.mark.parametrize("shift", range(0, 60, 7))
def test_cuts_at_the_edges_of_blocks_are_found(shift):
    filler = b"Subject: big\n\n" + b"y" * (BLOCK_BYTES - shift) + b"\n"
    messages = [filler, MESSAGES[1], b"Subject: q\n\n" + b"z" * (BLOCK_BYTES - 60) + b"\nFrom here\n"]
    data = joined(messages, "mboxrd")
    cuts = cuts_of(data)
    assert [raw_of(io.BytesIO(data), cut, "mboxrd") for cut in cuts] == messages
    for size in (1, 7, 64):
        small = joined([b"Subject: q\n\nFrom here\n>From there\n\nFrom x\r\nz"], "mboxrd")
        [cut] = cuts_of(small)
        assert b"".join(pieces_of(io.BytesIO(small), cut, "mboxrd", size)) == raw_of(io.BytesIO(small), cut, "mboxrd")


class _Endless(io.RawIOBase):
    """A file of many gigabytes that is made while it is read."""

    def __init__(self, count):
        self._left, self._held = count, b""
        self._one = (
            FROM + b"\nSubject: x\nContent-Length: %d\n\n" % (BLOCK_BYTES // 2) + b"y" * (BLOCK_BYTES // 2) + b"\n\n"
        )

    def readable(self):
        return True

    def read(self, size=-1):
        while len(self._held) < size and self._left:
            self._held += self._one
            self._left -= 1
        block, self._held = self._held[:size], self._held[size:]
        return block


def test_memory_stays_flat_on_a_file_larger_than_it():
    import tracemalloc

    tracemalloc.start()
    try:
        assert sum(1 for _cut in split(_Endless(400))) == 400
        few = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert sum(1 for _cut in split(_Endless(1200))) == 1200
        assert tracemalloc.get_traced_memory()[1] < 1.5 * few
    finally:
        tracemalloc.stop()
    assert few < 16 * BLOCK_BYTES < LOOK_AHEAD_BYTES


_BODY = st.lists(
    st.sampled_from([b"text", b"From here", b">From there", b">>From x", b"", b"To: x", FROM, b"\xff\0"]), max_size=12
).map(b"\n".join)


@given(st.lists(_BODY, min_size=1, max_size=6))
@settings(deadline=None, max_examples=200)
def test_mboxrd_round_trip_of_any_bodies(bodies):
    messages = [b"Subject: s\n\n" + body + b"\n" for body in bodies]
    assert read(joined(messages, "mboxrd"), "mboxrd") == messages


_PIECES = st.sampled_from(
    [
        FROM,
        b"From ",
        b"From - x",
        b">From ",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"\r",
        b"A: b",
        b"Content-Length: 5\n",
        b"Content-Length: 12\n",
        b"text",
        b"\0",
    ]
)


@given(st.one_of(st.binary(max_size=2000), st.lists(_PIECES, max_size=60).map(b"".join)))
@settings(deadline=None, max_examples=400)
def test_any_bytes_are_cut_without_losing_one(data):
    cuts_of(data)
    read(data)
