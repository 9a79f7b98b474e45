"""Headers are read from whatever stands there."""

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.formats.charsets import codec_of, header_text, to_text
from console.formats.headers import HEADER_BYTES, read_headers
from tests.formats.hostile import DATES, UNKNOWN_LABELS, codec_labels, hostile_messages, in_charset

HOSTILE = dict(hostile_messages())


@pytest.mark.parametrize(
    "name",
    [
        "CRLF",
        "CR only",
        "CR CR LF",
        "BOM",
        "blank lines first",
        "leading From line",
        "mangled From line",
        "mangled From line in the middle",
        "From in the body",
    ],
)
def test_the_same_headers_are_found_whatever_ends_a_line_or_stands_before(name):
    headers = read_headers(HOSTILE[name])
    assert headers.subject == "simple"
    assert headers.sender == ("", "a@example.org")
    assert headers.to == (("", "b@example.org"),)
    assert headers.date == datetime.fromisoformat("2026-11-24T10:00:00+00:00")


@pytest.mark.parametrize(("value", "meant"), DATES.items(), ids=lambda value: repr(value)[:40])
def test_a_date_is_what_was_meant_or_nothing(value, meant):
    headers = read_headers(b"Date: " + value + b"\n\n")
    assert headers.date == (datetime.fromisoformat(meant) if meant else None)
    assert ("bad_date" in headers.defects) == (meant is None and bool(value))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"=?utf-8?q?H=C3=A9llo?=\n =?utf-8?q?_world?=", "Héllo world"),
        (b"=?utf-8?b?5p2x5Lo=?=\n =?utf-8?b?rOmDvQ==?=", "東京都"),
        (b"=?iso-8859-1?q?caf=E9?= and =?koi8-r?b?8NLJ18XU?=", "café and Привет"),
        (b"plain =?us-ascii?q?text?= here", "plain text here"),
        (b"=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"not =?a word", "not =?a word"),
        ("Grüße".encode("latin-1"), "Grüße"),
        ("Grüße".encode(), "Grüße"),
        (b"=?chinesebig5?b?pKQ=?=", "中"),
        (b"folded\r\n\tonce", "folded once"),
    ],
)
def test_encoded_words_are_decoded(written, read):
    assert read_headers(b"Subject: " + written + b"\n\n").subject == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b'"Last, First" <a@b.c>, d@e.f', (("Last, First", "a@b.c"), ("", "d@e.f"))),
        (b"undisclosed-recipients:;", ()),
        (b'team: a@b.c, "X" <x@y.z>;, q@r.s', (("", "a@b.c"), ("X", "x@y.z"), ("", "q@r.s"))),
        (b"a@b.c (Anna (the first))", (("Anna the first", "a@b.c"),)),
        (b"=?utf-8?q?Doe=2C_J=C3=B6?= <j@d.e>", (("Doe, Jö", "j@d.e"),)),
        (b'"quo\\"ted" <a@b.c>', (('quo"ted', "a@b.c"),)),
        (b"just a name", (("just a name", ""),)),
        (b"<>", ()),
    ],
)
def test_addresses_are_taken_apart_before_they_are_decoded(written, read):
    assert read_headers(b"To: " + written + b"\n\n").to == read


@pytest.mark.parametrize("label", UNKNOWN_LABELS)
def test_an_unknown_charset_is_guessed_and_flagged(label):
    headers = read_headers(in_charset(label))
    assert headers.subject
    if label and label.isascii() and label.isprintable() and codec_of(label) is None and not set(label) & set("?' "):
        assert len(label) > 80 or "unknown_charset" in headers.flags


@pytest.mark.parametrize("label", codec_labels())
def test_every_charset_that_python_knows_reads_what_it_wrote(label):
    if codec_of(label) is None or label.startswith(("utf_16", "utf_32", "u16", "u32", "utf16", "utf32")):
        return  # not text, or not within a header's bytes
    data = "plain words".encode(label)
    assert to_text(data, label)[0].lstrip("\ufeff") == "plain words"


def test_no_label_reaches_a_codec_that_is_no_text():
    assert not [
        label
        for label in (
            "base64",
            "zlib",
            "bz2",
            "hex",
            "rot13",
            "idna",
            "punycode",
            "unicode_escape",
            "raw_unicode_escape",
            "undefined",
            "uu",
            "quopri",
            "mbcs",
            "charmap",
            "oem",
        )
        if codec_of(label)
    ]


def test_a_block_without_end_is_cut_and_says_so():
    headers = read_headers(b"Subject: s\nX: " + b"y" * (2 * HEADER_BYTES))
    assert headers.subject == "s"
    assert "headers_cut" in headers.defects


def test_texts_hold_nothing_that_a_store_refuses():
    for name, raw in HOSTILE.items():
        headers = read_headers(raw)
        for text in (
            headers.subject,
            *(value for pair in headers.all for value in pair),
            *(part for one in headers.to for part in one),
        ):
            assert "\0" not in text, name
            assert "\n" not in text, name
            assert "\r" not in text, name
            text.encode()


@given(st.binary(max_size=3000))
@settings(deadline=None, max_examples=300)
def test_any_bytes_have_headers(raw):
    read_headers(raw)
    header_text(raw)


_PIECES = st.sampled_from(
    [
        b"From ",
        b"From:",
        b"Subject: ",
        b"Date: ",
        b">From ",
        b"=?utf-8?q?",
        b"?=",
        b"\n",
        b"\r",
        b"\r\n",
        b" ",
        b"\t",
        b"<",
        b">",
        b"(",
        b")",
        b'"',
        b",",
        b";",
        b":",
        b"a@b",
        b"\0",
        b"\xff",
        b"=C3",
        b"\\",
    ]
)


@given(st.lists(_PIECES, max_size=80).map(b"".join))
@settings(deadline=None, max_examples=300)
def test_any_order_of_what_headers_are_made_of_has_headers(raw):
    headers = read_headers(raw)
    for name, value in headers.all:
        assert "\n" not in name + value
        assert "\r" not in name + value
