"""Messages are opened within limits, and nothing in them is lost."""

import importlib.util
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.formats.message import NoSuchPart, part_bytes, read_message
from console.formats.mime import MOST_PARTS, NESTING
from tests.formats.hostile import (
    ALTERNATIVE,
    DELIVERY_REPORT,
    IN_MESSAGE,
    hostile_messages,
    many_parts,
    nested,
    nested_messages,
    with_attachment,
)


def read_all(raw):
    """The message, every attachment opened, and attached messages opened in turn."""
    message = read_message(raw)
    for part in message.attachments:
        data = part_bytes(raw, part.path)
        assert len(data) == part.size_bytes
        if part.content_type == "message/rfc822" and len(data) < 10_000:
            read_message(data)
    for text in (message.text, message.html or "", *(part.name for part in message.attachments)):
        assert "\0" not in text
        text.encode()
    return message


@pytest.mark.parametrize(
    ("name", "raw"), hostile_messages(), ids=lambda value: value[:40] if isinstance(value, str) else ""
)
def test_every_hostile_message_is_opened(name, raw):
    read_all(raw)


def own_messages():
    found = importlib.util.find_spec("test.test_email")
    folder = Path(found.origin).parent / "data" if found and found.origin else None
    return sorted(folder.glob("msg_*.txt")) if folder and folder.is_dir() else []


def test_pythons_own_messages_are_opened_and_agree_with_it():
    paths = own_messages()
    if not paths:
        pytest.skip("this Python ships without its own test messages (test.test_email.data)")
    import email

    assert len(paths) > 40
    for path in paths:
        raw = path.read_bytes()
        message = read_all(raw)
        theirs = email.message_from_bytes(raw)
        assert [name for name, _value in message.headers.all] == list(theirs.keys()), path.name


def test_a_text_is_taken_from_the_plain_part_and_html_is_kept_apart():
    message = read_message(ALTERNATIVE)
    assert message.text == "plain words"
    assert message.html.startswith("<p>rich words</p>")
    assert not message.attachments


def test_html_alone_gives_the_text():
    message = read_message(b"Content-Type: text/html\n\n<style>p{}</style><p>Seen<br>words</p><script>steal()</script>")
    assert message.text == "Seen\nwords"


def test_text_beside_html_that_is_no_alternative_is_not_lost():
    raw = b"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n\n<p>letter\n--x\n\nfooter\n--x--\n"
    assert read_message(raw).text == "letter\nfooter"


def test_an_attached_message_is_opened_in_turn():
    outer = read_message(IN_MESSAGE)
    [attached] = outer.attachments
    assert (attached.path, attached.name, attached.content_type) == ("2", "inner.eml", "message/rfc822")
    inner_raw = part_bytes(IN_MESSAGE, "2")
    inner = read_message(inner_raw)
    assert inner.headers.subject == "inner"
    assert inner.text == "Inner text"
    assert part_bytes(inner_raw, inner.attachments[0].path) == b"1,2"


def test_a_delivery_report_shows_its_text_and_keeps_what_it_returns():
    report = read_message(DELIVERY_REPORT)
    assert report.text == "Your message could not be delivered."
    assert [part.content_type for part in report.attachments] == ["message/delivery-status", "message/rfc822"]
    assert read_message(part_bytes(DELIVERY_REPORT, "3")).headers.subject == "the original"


@pytest.mark.parametrize(
    ("depth", "reached"), [(NESTING - 1, True), (NESTING, True), (NESTING + 1, False), (1_000, False), (5_000, False)]
)
def test_nesting_is_followed_to_the_limit_and_then_kept_whole(depth, reached):
    message = read_all(nested(depth))
    assert ("at the bottom" in message.text) == reached
    assert ("too_deep" in message.defects) == (not reached)
    if not reached:
        [closed] = message.attachments
        assert b"at the bottom" in part_bytes(nested(depth), closed.path)


def test_messages_within_messages_are_opened_one_by_one():
    raw = nested_messages(150)
    for _step in range(150):
        raw = part_bytes(raw, "1")
    assert read_message(raw).headers.subject == "innermost"


def test_parts_are_counted():
    assert "too_many_parts" not in read_message(many_parts(MOST_PARTS - 1)).defects
    message = read_message(many_parts(MOST_PARTS + 500))
    assert "too_many_parts" in message.defects
    assert message.text.count("hello") == MOST_PARTS


def test_a_large_attachment_comes_out_byte_for_byte():
    size = 30 * 2**20
    raw = with_attachment(size)
    message = read_message(raw)
    assert message.attachments[0].size_bytes == size
    assert part_bytes(raw, "2") == (bytes(range(256)) * (size // 256 + 1))[:size]


def test_bad_base64_is_read_as_far_as_it_goes():
    raw = b"Content-Type: application/x\nContent-Transfer-Encoding: base64\n\nQUJD\n@@@@\nRA==\nRUZH\nSQ"
    message = read_message(raw)
    assert part_bytes(raw, "1") == b"ABCDEFGI"
    assert "bad_base64" in message.defects


def test_an_unknown_part_is_an_answer_of_its_own():
    with pytest.raises(NoSuchPart):
        part_bytes(ALTERNATIVE, "7.7")


@given(st.binary(max_size=3000))
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_a_message(raw):
    read_all(raw)


_PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=x\n",
        b"Content-Type: multipart/alternative; boundary=xx\n",
        b"\n",
        b"\r\n",
        b"--x\n",
        b"--x--\n",
        b"--xx\r\n",
        b"--xx--",
        b"Content-Type: text/html\n",
        b"Content-Type: message/rfc822\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b"Content-Disposition: attachment; filename*0*=a''b\n",
        b"text ",
        b"=3D=\n",
        b"QUJD",
        b"=",
        b"\xff\0",
        b"<p>",
    ]
)


@given(st.lists(_PIECES, max_size=60).map(b"".join))
@settings(deadline=None, max_examples=300)
def test_any_order_of_what_messages_are_made_of_is_a_message(raw):
    read_all(raw)
