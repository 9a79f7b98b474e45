"""The list of messages and documents: who sees what, words and filters, pages, and what it says where there is nothing."""

import re

import pytest

from tests.customer_data.bring import bring as import_through_the_door
from tests.customer_data.looks import main_text, titles
from tests.customer_data.mails import PNG, bring, document, letter, owner_of
from tests.doors import opened as opened_house


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    """A house whose member has five messages and two documents, and whose shared box has one."""
    with opened_house(stage, tmp_path_factory.mktemp("list")) as house:
        attached = [("a.png", "image/png", PNG)]
        mails = [letter(f"Letter {n}", f"about {'apples' if n % 2 else 'pears'}", days=n) for n in range(4)]
        mails.append(letter("Große Rechnung", "x" * 200_000, days=9, attachments=attached))
        bring(house, "member", [*mails, document(PNG, "plan.png", days=20), document(b"apples", "note.txt", days=30)])
        bring(house, "owner", [letter("Shared", "about plums", days=40)], "shared@box.example")
        bring(house, "birch_owner", [letter("Foreign", "about apples")])
        yield house


@pytest.fixture(scope="module")
def owner(house):
    return house.signed_in("owner")


EVERYTHING = ["Shared", "note.txt", "plan.png", "Große Rechnung", "Letter 3", "Letter 2", "Letter 1", "Letter 0"]


@pytest.mark.promise("P14")
@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("owner", EVERYTHING),
        ("admin", EVERYTHING),
        ("auditor", EVERYTHING),
        ("member", EVERYTHING[1:]),
        ("other_member", []),
        ("user_manager", []),
        ("security_manager", []),
        ("birch_owner", ["Foreign"]),
    ],
)
def test_each_role_sees_what_it_may_read_and_nothing_else(house, who, seen):
    visitor = house.signed_in(who)
    assert titles(visitor.get("/data")) == seen
    assert set(titles(visitor.get("/data?q=apples"))) <= set(seen)


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("q=apples", ["note.txt", "Letter 3", "Letter 1"]),
        ("q=apples+-subject:3", ["note.txt", "Letter 1"]),
        ("q=grosse+rechnung", ["Große Rechnung"]),
        ("kind=document", ["note.txt", "plan.png"]),
        ("kind=image", ["plan.png"]),
        ("kind=message&attachments=yes", ["Große Rechnung"]),
        ("attachments=no&kind=message&until=2025-03-02", ["Letter 1", "Letter 0"]),
        ("from=2025-03-03&until=2025-03-04", ["Letter 3", "Letter 2"]),
        ("size=medium", ["Große Rechnung"]),
        ("sort=date&kind=document", ["plan.png", "note.txt"]),
        ("kind=nonsense&size=nonsense&custodian=x&label=y&limit=z&import=w", EVERYTHING),
    ],
)
def test_words_and_filters_narrow_the_list(owner, asked, seen):
    assert titles(owner.get(f"/data?{asked}")) == seen


def test_the_list_of_one_custodian(house, owner):
    shared = owner_of(house, "owner", "shared@box.example")
    assert titles(owner.get(f"/data?custodian={shared}")) == ["Shared"]
    assert titles(house.signed_in("member").get(f"/data?custodian={shared}")) == [], "not the member's to read"


@pytest.mark.parametrize("sort", ["-date", "date"])
@pytest.mark.parametrize("q", ["", "about"])
def test_pages_lead_through_everything_once_and_back(owner, sort, q):
    url, seen, last = f"/data?limit=2&sort={sort}&q={q}", [], None
    while url:
        page = owner.get(url)
        seen += titles(page)
        last, url = page, link(page, "next")
    everything = titles(owner.get(f"/data?sort={sort}&q={q}"))
    assert seen == everything
    back = []
    while last is not None:
        back = titles(last) + back
        url = link(last, "prev")
        last = owner.get(url) if url else None
    assert back == everything


def link(page, rel):
    import html

    found = re.search(rf'href="([^"]+)" rel="{rel}"', page.text)
    return html.unescape(found.group(1)) if found else None


def test_a_row_leads_to_the_item_and_keeps_the_filters(owner):
    page = owner.get("/data?q=apples&kind=message")
    assert re.search(r'href="/data/[0-9a-f-]{36}\?q=apples&amp;kind=message" data-row-link', page.text)
    assert "<mark>" not in page.text
    assert "<mark>Letter</mark> 3" in owner.get("/data?q=letter").text


def test_what_was_not_understood_is_said(owner):
    text = main_text(owner.get("/data?from=2025-99-99"))
    assert "“2025-99-99” is not a date" in text
    assert "first day is after the last" in main_text(owner.get("/data?from=2025-03-05&until=2025-03-01"))


def test_titles_of_strangers_are_text(house, owner):
    bring(house, "owner", [letter("<script>alert(1)</script>", "script words")], "strange@box.example")
    page = owner.get("/data?q=alert")
    assert "<script>alert" not in page.text
    assert titles(page) == ["<script>alert(1)</script>"]


def test_where_nothing_is_the_page_says_what_comes_next(house):
    assert "Nothing matches" in main_text(house.signed_in("owner").get("/data?q=zzzzz"))
    assert "Nothing of yours is here" in main_text(house.signed_in("other_member").get("/data"))


def test_an_empty_archive_leads_administrators_to_the_import(house, stage, tmp_path):
    with opened_house(stage, tmp_path / "empty") as empty:
        page = empty.signed_in("admin").get("/data")
        assert "Nothing imported yet" in main_text(page)
        assert 'href="/data/import"' in page.text
        assert 'href="/data/import"' not in empty.signed_in("auditor").get("/data").text
        assert "Nothing imported yet" in main_text(empty.signed_in("owner").get("/data/overview"))


def test_what_came_through_the_real_import_is_listed_found_and_read(house):
    raw = letter("From the import", "kumquats ripen").raw
    import_id = import_through_the_door(house, "acme", [("one.eml", raw), ("notes.txt", b"more kumquats")])
    member = house.signed_in("member")
    page = member.get("/data?q=kumquats")
    assert set(titles(page)) == {"From the import", "notes.txt"}
    assert titles(house.signed_in("owner").get(f"/data?import={import_id}&kind=message")) == ["From the import"]
    [item_url] = re.findall(r'href="(/data/[0-9a-f-]{36})\?[^"]*"[^>]*><bdi>From the import', page.text)
    assert member.get(f"{item_url}/raw").data == raw
    assert "kumquats ripen" in main_text(member.get(item_url))


def test_the_overview_shows_counters(house, owner):
    text = main_text(owner.get("/data/overview"))
    assert re.search(r"Custodians\s*\d", text)
    assert "shared@box.example" in text
    assert "Growth in the last 12 months" in text
    assert house.signed_in("member").get("/data/overview").status_code == 403


def test_the_navigation_shows_data_to_everybody_of_the_customer_and_to_no_staff(house):
    for who in ("owner", "member", "user_manager"):
        assert re.search(r'href="/data"[^>]*data-shortcut="g d"', house.signed_in(who).get("/me").text), who
    assert 'href="/data"' not in house.signed_in("agent").get("/me").text
