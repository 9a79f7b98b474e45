"""One item, as it is read: by whom, in which views, with which headers, and what a damaged one shows. Promise: P14."""

import hashlib
import re
from email.message import EmailMessage

import pytest

from blueprints.data.frame import FRAME_POLICY, FRAME_STYLE
from console.audit.tags import Tag
from console.core.ids import new_id
from tests.customer_data.looks import damage, integrity, main_text, opened, recorded
from tests.customer_data.mails import PNG, Brought, bring, document, letter
from tests.doors import opened as opened_house
from tests.doors import scrubbed
from tests.formats.hostile import hostile_messages
from tests.formats.hostile_html import PAGES, judged

PAGES_OF_ONE = ("", "/raw", "/html", "/picture", "/parts/2", "/parts/2/download", "/parts/2/picture", "/parts/2/html")


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened_house(stage, tmp_path_factory.mktemp("item")) as house:
        yield house


@pytest.fixture(scope="module")
def owner(house):
    return house.signed_in("owner")


def forwarded():
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "Inner subject", "Ines <ines@inner.example>"
    inner.set_content("The inner text.")
    inner.add_attachment(PNG, "image", "png", filename="deep.png")
    return inner


@pytest.mark.promise("P14")
@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("owner", 200),
        ("admin", 200),
        ("auditor", 200),
        ("member", 200),
        ("other_member", 404),
        ("user_manager", 404),
        ("security_manager", 404),
        ("birch_owner", 404),
    ],
)
def test_owners_administrators_and_auditors_read_all_and_others_their_own(house, who, status):
    [item_id] = bring(house, "member", [letter("Mine", "My own words")])
    page = house.signed_in(who).get(f"/data/{item_id}")
    assert page.status_code == status
    assert ("My own words" in page.text) is (status == 200)


@pytest.mark.promise("P14")
@pytest.mark.parametrize("who", ["agent", "platform_administrator"])
def test_staff_reads_nothing(house, who):
    [item_id] = bring(house, "member", [letter("Mine", "My own words")])
    staff = house.signed_in(who)
    for part in PAGES_OF_ONE:
        assert staff.get(f"/data/{item_id}{part}").status_code == 403, part
    assert staff.get("/data").status_code == 403


@pytest.mark.promise("P14")
def test_somebody_elses_item_answers_like_an_unknown_one_at_every_address(house):
    [item_id] = bring(house, "member", [letter("Mine", "My own words", attachments=[("a.png", "image/png", PNG)])])
    for who in ("other_member", "birch_owner", "user_manager"):
        visitor = house.signed_in(who)
        visitor.token("/me")
        for part in PAGES_OF_ONE:
            unknown = str(new_id())
            answers = [scrubbed(visitor.get(f"/data/{one}{part}"), one) for one in (str(item_id), unknown)]
            assert answers[0] == answers[1], f"{who} {part}"
            assert answers[0][0] == 404, f"{who} {part}"
    assert opened(house, "member", item_id) == [], "a refused opening is no opening"


def test_a_message_shows_its_headers_its_text_and_the_date_in_utc_on_hover(house, owner):
    [item_id] = bring(house, "owner", [letter("Grüße aus 東京", "Первая строка\nשורה שנייה")])
    page = owner.get(f"/data/{item_id}")
    text = main_text(page)
    for words in ("Grüße aus 東京", "Первая строка", "Ada Lovelace", "ada@sender.example", "bob@receiver.example"):
        assert words in text
    assert 'title="2025-03-01 09:30:00 UTC"' in page.text
    assert re.search(r"[0-9a-f]{16}@sender\.example", page.text)
    raw = owner.get(f"/data/{item_id}/raw").data
    assert hashlib.sha256(raw).hexdigest() in page.text


def test_the_views_show_all_headers_and_the_source(house, owner):
    [item_id] = bring(house, "owner", [letter("Views", "Words <b>not bold</b>", html="<p>painted</p>")])
    assert "Message-ID" in main_text(owner.get(f"/data/{item_id}?view=headers"))
    source = owner.get(f"/data/{item_id}?view=source")
    assert "Content-Type: multipart/alternative" in main_text(source)
    assert "&lt;p&gt;painted&lt;/p&gt;" in source.text
    assert "<b>not bold</b>" not in owner.get(f"/data/{item_id}").text
    framed = owner.get(f"/data/{item_id}?view=html")
    assert f'src="/data/{item_id}/html" sandbox=""' in framed.text
    assert "painted" not in framed.text
    assert framed.headers["Content-Security-Policy"].endswith("; frame-src 'self'")


def test_no_hostile_page_brings_anything_that_runs_or_loads(house, owner):
    pages = [page.encode("utf-8", "replace").decode() for page in PAGES]
    ids = bring(house, "owner", [letter(f"Hostile {n}", "text", html=page) for n, page in enumerate(pages)])
    faults = []
    for item_id, page in zip(ids, pages, strict=True):
        frame = owner.get(f"/data/{item_id}/html")
        body = frame.text.split("<body>", 1)[1].rsplit("</body>", 1)[0]
        faults += [f"{page[:80]!r}: {fault}" for fault in judged(body)]
        if frame.text.count("<style>") != 1 or FRAME_STYLE not in frame.text:
            faults.append(f"{page[:80]!r}: a style")
        if frame.headers["Content-Security-Policy"] != FRAME_POLICY or frame.status_code != 200:
            faults.append(f"{page[:80]!r}: {frame.status_code} {frame.headers}")
        assert (frame.headers["X-Frame-Options"], frame.headers["X-Content-Type-Options"]) == ("SAMEORIGIN", "nosniff")
    assert not faults, "\n".join(faults)


def test_control_the_judge_finds_what_was_not_cleaned():
    assert judged("<p onclick=alert(1)>x<img src='http://evil.example/x'>")


def test_the_policy_of_the_frame_lets_in_nothing_but_pictures_in_the_mail_and_the_one_style():
    rules = dict(part.strip().partition(" ")[::2] for part in FRAME_POLICY.split(";"))
    assert rules.pop("style-src").startswith("'sha256-")
    assert rules == {
        "sandbox": "",
        "default-src": "'none'",
        "img-src": "data:",
        "frame-ancestors": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_pictures_of_the_mail_itself_stand_in_it_and_no_others(house, owner):
    html = "<img src='cid:own'><img src='cid:unknown'><img src='https://evil.example/x.png'>"
    [item_id] = bring(house, "owner", [letter("Pictures", "x", html=html, inline=[("own", PNG)])])
    frame = owner.get(f"/data/{item_id}/html").text
    assert frame.count("data:image/png;base64,") == 1
    assert "evil.example" not in frame


def test_what_only_says_that_it_is_a_picture_does_not_stand_in_the_mail(house, owner):
    html = "<p>x</p><img src='cid:own'>"
    [item_id] = bring(house, "owner", [letter("Faked", "x", html=html, inline=[("own", b"<svg onload=alert(1)>")])])
    assert "data:" not in owner.get(f"/data/{item_id}/html").text.split("<body>")[1]


@pytest.mark.promise("P13")
def test_every_hostile_message_is_shown_and_given_back_byte_for_byte(house, owner):
    found = [each for place, each in enumerate(hostile_messages()) if "charset" not in each[0] or place % 12 == 0]
    ids = bring(house, "owner", [Brought(raw) for _name, raw in found])
    faults = []
    for item_id, (name, raw) in zip(ids, found, strict=True):
        if owner.get(f"/data/{item_id}/raw").data != raw:
            faults.append(f"{name}: other bytes")
        for view in ("text", "headers", "source"):
            answer = owner.get(f"/data/{item_id}?view={view}")
            if answer.status_code != 200:
                faults.append(f"{name}, {view}: {answer.status_code}")
    assert not faults, "\n".join(faults)
    assert len(found) > 20


def test_attachments_are_opened_and_attached_messages_read(house, owner):
    attached = [("paper.pdf", "application/pdf", b"%PDF-1.4 x"), ("fwd.eml", "message/rfc822", forwarded())]
    [item_id] = bring(house, "owner", [letter("Outer", "outer text", attachments=attached)])
    page = main_text(owner.get(f"/data/{item_id}"))
    assert "2 attachments" in page
    assert "paper.pdf" in page
    inner = owner.get(f"/data/{item_id}/parts/3")
    assert "Inner subject" in main_text(inner)
    assert "The inner text." in main_text(inner)
    deep = owner.get(f"/data/{item_id}/parts/3-2")
    assert f'src="/data/{item_id}/parts/3-2/picture"' in deep.text
    picture = owner.get(f"/data/{item_id}/parts/3-2/picture")
    assert (picture.data, picture.mimetype) == (PNG, "image/png")
    assert opened(house, "owner", item_id)[-1] == "attachment"


@pytest.mark.parametrize("way", ["9", "1.9", "2-1", "3-9", "0", "x", "..", "2--1", "-".join(["2"] * 30), "1" * 500])
def test_a_way_to_no_part_is_unknown(house, owner, way):
    [item_id] = bring(house, "owner", [letter("Ways", "x", attachments=[("a.txt", "text/plain", b"a")])])
    for after in ("", "/download", "/picture", "/html"):
        assert owner.get(f"/data/{item_id}/parts/{way}{after}").status_code in (404, 308), after


def test_documents_show_pictures_texts_or_say_that_there_is_no_preview(house, owner):
    ids = bring(
        house,
        "owner",
        [
            document(PNG, "chart.png"),
            document("Zeile eins: Grüße".encode(), "notes.txt"),
            document(bytes(range(256)) * 20, "blob.dat"),
            document(b"<html><script>alert(1)</script><p>words</p></html>", "page.html"),
        ],
    )
    picture, text, other, page = [owner.get(f"/data/{item_id}") for item_id in ids]
    assert f'<img src="/data/{ids[0]}/picture"' in picture.text
    assert "Zeile eins: Grüße" in main_text(text)
    assert "There is no preview" in main_text(other)
    assert "<script>alert(1)</script>" not in page.text
    assert "words" in main_text(page)
    assert owner.get(f"/data/{ids[0]}/picture").mimetype == "image/png"
    assert [owner.get(f"/data/{item_id}/picture").status_code for item_id in ids[1:]] == [404] * 3


def test_a_damaged_item_is_named_with_a_reference_and_shows_nothing(house, owner):
    [item_id] = bring(house, "owner", [letter("Spoiled", "secret words", html="<p>secret words</p>")])
    before = len(recorded(house, "owner", Tag.DATA_ITEM_DAMAGED))
    damage(house, "owner", item_id)
    for part in ("", "?view=source", "/raw", "/html"):
        answer = owner.get(f"/data/{item_id}{part}")
        assert answer.status_code == 410, part
        assert "secret words" not in answer.text
        assert "damaged" in main_text(answer)
        assert 'id="reference"' in answer.text
    assert opened(house, "owner", item_id) == []
    assert integrity(house, "owner", item_id) == "damaged"
    assert len(recorded(house, "owner", Tag.DATA_ITEM_DAMAGED)) == before + 1, "noted once"
    assert "1 item is damaged" in main_text(owner.get("/data/overview"))


def test_control_the_same_item_undamaged_is_read(house, owner):
    [item_id] = bring(house, "owner", [letter("Sound", "secret words")])
    assert "secret words" in owner.get(f"/data/{item_id}").text
    assert integrity(house, "owner", item_id) == "sound"


def test_a_quarantined_item_is_read_by_administrators_and_by_its_custodian_not(house):
    from dataclasses import replace

    [item_id] = bring(house, "member", [replace(letter("Odd", "held words"), quarantined_for="too_deep")])
    assert "quarantine" in main_text(house.signed_in("admin").get(f"/data/{item_id}"))
    assert house.signed_in("member").get(f"/data/{item_id}").status_code == 404


def test_the_page_leads_to_the_neighbours_in_the_list_it_came_from(house, owner):
    ids = bring(
        house, "owner", [letter(f"Chain {n}", f"linked {'odd' if n % 2 else 'even'}", days=n) for n in range(5)]
    )
    page = owner.get(f"/data/{ids[2]}?q=linked+even")
    assert re.search(rf'href="/data/{ids[4]}\?q=linked\+even"[^>]*data-key="k"', page.text)
    assert re.search(rf'href="/data/{ids[0]}\?q=linked\+even"[^>]*data-key="j"', page.text)
    last = owner.get(f"/data/{ids[0]}?q=linked+even")
    assert 'data-key="j"' not in last.text
