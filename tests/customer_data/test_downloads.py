"""What leaves as bytes: exact, under a type that never runs and a name that harms nobody, whole or by ranges."""

import hashlib

import pytest

from blueprints.data.names import download_name
from blueprints.data.ranges import NotSatisfiable, wanted_range
from console.customer_data.contents import INLINE_BYTES
from tests.customer_data.looks import opened
from tests.customer_data.mails import PNG, Brought, bring, document, letter
from tests.doors import opened as opened_house

LARGE = b"".join(bytes([n % 251]) * 1000 for n in range(3000))


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened_house(stage, tmp_path_factory.mktemp("downloads")) as house:
        yield house


@pytest.fixture(scope="module")
def owner(house):
    return house.signed_in("owner")


@pytest.fixture(scope="module")
def large(house):
    assert len(LARGE) > INLINE_BYTES
    return bring(house, "owner", [document(LARGE, "large.bin")])[0]


RUNS = ("text/html", "application/xhtml", "svg", "xml", "javascript", "application/pdf")


@pytest.mark.parametrize(
    "data",
    [
        b"<html><script>alert(1)</script>",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<?xml version='1.0'?><x/>",
        b"%PDF-1.4",
        b"alert(1)",
        PNG,
        b"",
    ],
)
@pytest.mark.parametrize("told", ["text/html", "image/svg+xml", "image/png", "application/octet-stream"])
def test_no_answer_has_a_type_that_runs_whatever_its_sender_says(house, owner, data, told):
    mail = letter("Types", "x", attachments=[("file.html", told, data)])
    item_id, document_id = bring(house, "owner", [mail, document(data, "page.html")])
    for url in (f"{item_id}/raw", f"{item_id}/parts/2/download", f"{item_id}/parts/2/picture", f"{document_id}/raw"):
        answer = owner.get(f"/data/{url}")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if answer.status_code == 200:
            assert not any(kind in answer.content_type for kind in RUNS), url
            assert "sandbox; default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert url.endswith("/picture") or answer.headers["Content-Disposition"].startswith("attachment")
        else:
            assert answer.status_code == 404
            assert url.endswith("/picture")


def test_the_source_is_byte_exact_in_both_stores(house, owner, large):
    raw = b"From: a@b.example\r\nSubject: mixed\n\rends\r\n\r\n\0\xff body\r"
    [small] = bring(house, "owner", [Brought(raw)])
    for item_id, data in ((small, raw), (large, LARGE)):
        answer = owner.get(f"/data/{item_id}/raw")
        assert answer.data == data
        assert int(answer.headers["Content-Length"]) == len(data)
        assert answer.headers["ETag"] == f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    head = owner.client.head(f"/data/{large}/raw")
    assert (head.status_code, head.data, int(head.headers["Content-Length"])) == (200, b"", len(LARGE))


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-", 5, None),
        ("bytes=-7", -7, None),
        ("bytes=1000000-1999999", 1_000_000, 2_000_000),
        ("bytes=2999990-99999999999", 2_999_990, None),
        ("bytes=-99999999999", 0, None),
        ("BYTES = 3-4", 3, 5),
    ],
)
def test_a_range_is_answered_with_just_these_bytes(owner, large, asked, start, end):
    answer = owner.get(f"/data/{large}/raw", headers={"Range": asked})
    wanted = LARGE[start:end]
    assert (answer.status_code, answer.data) == (206, wanted)
    first = len(LARGE) + start if start < 0 else start
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(wanted) - 1}/{len(LARGE)}"


@pytest.mark.parametrize("asked", ["bytes=3000000-", "bytes=-0", "bytes=0-1,5-6", "bytes=0-,0-,0-,0-"])
def test_what_lies_outside_and_many_ranges_at_once_are_refused(owner, large, asked):
    answer = owner.get(f"/data/{large}/raw", headers={"Range": asked})
    assert (answer.status_code, answer.data) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{len(LARGE)}"


@pytest.mark.parametrize(
    "asked", ["", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=1-2-3", "bytes=+1-2"]
)
def test_what_is_no_range_is_answered_with_everything(owner, large, asked):
    answer = owner.get(f"/data/{large}/raw", headers={"Range": asked})
    assert (answer.status_code, len(answer.data)) == (200, len(LARGE))


def test_a_browser_that_has_it_already_is_told_so_and_resumes_only_the_same_bytes(owner, large):
    etag = owner.get(f"/data/{large}/raw").headers["ETag"]
    url = f"/data/{large}/raw"
    assert owner.get(url, headers={"If-None-Match": etag}).status_code == 304
    assert owner.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    assert owner.get(url, headers={"Range": "bytes=1-2", "If-Range": etag}).status_code == 206
    assert owner.get(url, headers={"Range": "bytes=1-2", "If-Range": '"other"'}).status_code == 200
    assert owner.get(url, headers={"Range": "bytes=1-2", "If-Range": f"W/{etag}"}).status_code == 200


def test_what_hands_out_no_byte_is_no_opening(house, owner):
    [item_id] = bring(house, "owner", [document(b"some bytes", "n.txt")])
    url = f"/data/{item_id}/raw"
    etag = owner.client.head(url).headers["ETag"]
    owner.get(url, headers={"Range": "bytes=99-"})
    owner.get(url, headers={"If-None-Match": etag})
    assert opened(house, "owner", item_id) == []
    owner.get(url)
    assert opened(house, "owner", item_id) == ["raw"]


NAMES = {
    "../../etc/passwd": "passwd",
    "C:\\Windows\\evil.exe": "evil.exe",
    "a\r\nSet-Cookie: x=1": "aSet-Cookie_ x=1",
    "inv\u202efdp.exe": "invfdp.exe",
    ".htaccess": "htaccess",
    "con.txt": "file-con.txt",
    "": "file",
    "...": "file",
    'a"b;c.txt': "a_b_c.txt",
    "résumé 東京.pdf": "résumé 東京.pdf",
    "x\0y.txt": "xy.txt",
}


@pytest.mark.parametrize(("written", "safe"), NAMES.items())
def test_names_are_made_harmless(written, safe):
    assert download_name(written, "file") == safe


def test_a_long_name_keeps_its_ending_and_none_is_too_long():
    assert download_name("x" * 400 + ".pdf", "f").endswith("x.pdf")
    assert all(len(download_name(name, "f")) <= 120 for name in ("x" * 400, "x" * 400 + ".pdf", "." + "y" * 300))


def test_a_hostile_name_reaches_no_header(house, owner):
    mail = letter("Named", "x", attachments=[("../inv\u202efdp.exe\r\nX-Evil: 1", "application/pdf", b"x")])
    raw = mail.raw.replace(b"Named", b'a/..\\b"; filename=evil.html')
    [item_id] = bring(house, "owner", [Brought(raw)])
    for url in ("parts/2/download", "raw"):
        answer = owner.get(f"/data/{item_id}/{url}")
        assert "X-Evil" not in answer.headers
        assert "/" not in answer.headers["Content-Disposition"].partition("filename=")[2]
        assert "\\" not in answer.headers["Content-Disposition"].replace('\\"', "")


@pytest.mark.parametrize("size", [0, 1, 10])
def test_ranges_never_reach_beyond_what_there_is(size):
    for first in ("", *range(12)):
        for last in ("", *range(12)):
            try:
                found = wanted_range(f"bytes={first}-{last}", size)
            except NotSatisfiable:
                continue
            if found is not None:
                start, length = found
                assert 0 <= start < size
                assert 1 <= length <= size - start
