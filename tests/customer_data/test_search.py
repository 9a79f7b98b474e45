"""Words find the items that hold them, and nothing else."""

from datetime import timedelta

import pytest

from console.core.errors import Invalid
from console.customer_data import finding, phrases
from console.customer_data.finding import ItemQuery, find_items
from tests.customer_data.archive import START, Letter, actor, hold

LETTERS = [
    Letter("Invoice for March", "please pay the invoice by friday", days=1),
    Letter("Re: Invoice", "paid already, thank you", sender="Bob <bob@receiver.example>", days=2),
    Letter("Müller's naïve Café", "Größe und Maß", days=3),
    Letter("東京都の会議", "明日の会議は中止です", days=4),
    Letter("Contract", "see the file", attachments=("contract-final.pdf",), days=5),
    Letter("notes.txt", "meeting notes about the invoice", document=True, days=6),
    Letter("Held", "quarantined invoice", quarantined_for="encrypted", days=7),
]


def found(house, q, *, person="owner", **filters):
    with house.inside(house[person].tenant_id):
        page = find_items(ItemQuery(q=q, **filters), by=actor(house[person]))
        return [LETTERS.index(next(one for one in LETTERS if one.subject == item.summary.title)) for item in page.items]


@pytest.fixture
def archive(house):
    with house.inside(house["owner"].tenant_id):
        hold(LETTERS)
    return house


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("invoice", [5, 1, 0]),
        ("INVOICE pay", [0]),
        ("invoice -friday", [5, 1]),
        ("subject:invoice", [1, 0]),
        ("body:invoice", [5, 0]),
        ("from:bob", [1]),
        ("to:bob@receiver.example", [4, 3, 2, 1, 0]),
        ("muller cafe", [2]),
        ("grosse", [2]),
        ("会議", [3]),
        ("東京都", [3]),
        ("京東", []),
        ("attachment:final", [4]),
        ("type:pdf", [4]),
        ("type:document", [5]),
        ("type:application/pdf", [4]),
        ("-type:application/pdf contract", []),
        ('"the invoice"', [5, 0]),
        ('"invoice the"', []),
        ('invoice -"meeting notes"', [1, 0]),
        ('subject:"invoice for"', [0]),
        ("nowhere", []),
    ],
)
def test_words_fields_phrases_and_exclusions_find_what_they_say(archive, q, expected):
    assert found(archive, q) == expected


def walk(house, step, **asked):
    """The titles of all pages in that direction, page by page, and the page it ended on."""
    owner, pages, cursor = actor(house["owner"]), [], None
    while True:
        with house.inside(owner.tenant_id, write=False):
            page = find_items(ItemQuery(**asked, **({step: cursor} if cursor else {})), by=owner)
            pages.append([item.summary.title for item in page.items])
        cursor = page.next_after if step == "after" else page.previous_before
        if not cursor:
            return pages, page
        assert len(pages) < 200


@pytest.fixture
def many(house):
    letters = [Letter(f"n{place}", "common words" if place % 3 else "words", days=place // 4) for place in range(60)]
    with house.inside(house["owner"].tenant_id):
        hold(letters)
    return house


@pytest.mark.parametrize("q", ["", "words", "common", '"common words"', "n7", "-common words"])
@pytest.mark.parametrize("oldest_first", [False, True])
def test_pages_show_each_item_once_in_order_and_go_both_ways(many, q, oldest_first):
    everything = walk(many, "after", q=q, limit=200, oldest_first=oldest_first)[0][0]
    pages, last = walk(many, "after", q=q, limit=7, oldest_first=oldest_first)
    assert [title for page in pages for title in page] == everything
    assert not last.has_next
    if len(pages) > 1:
        owner = actor(many["owner"])
        with many.inside(owner.tenant_id, write=False):
            before = find_items(
                ItemQuery(q=q, limit=7, oldest_first=oldest_first, before=last.previous_before), by=owner
            )
            assert [item.summary.title for item in before.items] == pages[-2]
            assert before.has_next


@pytest.mark.parametrize("few", [True, False])
def test_candidates_are_fetched_or_met_on_a_walk_with_the_same_answer(many, monkeypatch, few):
    monkeypatch.setattr(finding, "FEW", 10_000 if few else -1)
    monkeypatch.setattr(finding, "MANY", 10_000 if few else -1)
    found = walk(many, "after", q="common", limit=7)[0]
    assert [title for page in found for title in page] == walk(many, "after", q="common", limit=200)[0][0]
    assert sum(map(len, found)) == 40


def test_a_walk_that_is_given_up_says_so_and_the_next_page_goes_on(many, monkeypatch):
    monkeypatch.setattr(finding, "FEW", -1)
    monkeypatch.setattr(finding, "MANY", -1)
    monkeypatch.setattr(finding, "MOST_WALKED", 8)
    owner = actor(many["owner"])
    with many.inside(owner.tenant_id, write=False):
        page = find_items(ItemQuery(q="n0", limit=1), by=owner)
        assert (page.items, page.has_next) == ([], True)
        assert any("Looked through as far as" in note for note in page.notes)
    pages, _last = walk(many, "after", q="n0", limit=1)
    assert [title for page in pages for title in page] == ["n0"]


def test_a_phrase_that_needs_much_reading_is_spread_over_pages(many, monkeypatch):
    monkeypatch.setattr(phrases, "MOST_READ", 5)
    pages, _last = walk(many, "after", q='"common words"', limit=50)
    assert sum(map(len, pages)) == 40
    assert len(pages) >= 8
    assert sorted(title for page in pages for title in page) == sorted(
        title for page in walk(many, "after", q="common", limit=50)[0] for title in page
    )


def test_a_cursor_that_is_none_is_refused(many):
    owner = actor(many["owner"])
    for cursor in ("x", "1.2", "99999999999999999999.0", "." * 40, f"{10**25}.{'0' * 32}"):
        with many.inside(owner.tenant_id, write=False), pytest.raises(Invalid):
            find_items(ItemQuery(after=cursor), by=owner)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"kind": "document"}, [5]),
        ({"media": "mail"}, [4, 3, 2, 1, 0]),
        ({"attachments": True}, [4]),
        ({"attachments": False}, [5, 3, 2, 1, 0]),
        ({"since": START + timedelta(days=3)}, [5, 4, 3, 2]),
        ({"until": START + timedelta(days=3)}, [1, 0]),
        ({"min_bytes": 100_000}, []),
        ({"max_bytes": 60}, [5]),
        ({"oldest_first": True}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_filters_narrow_the_list_with_and_without_words(archive, filters, expected):
    assert found(archive, "", **filters) == expected
    with_words = [place for place in expected if place in (0, 1, 5)]
    assert found(archive, "invoice", **filters) == with_words


def test_what_was_not_understood_is_said(archive):
    owner = actor(archive["owner"])
    with archive.inside(owner.tenant_id, write=False):
        for q in ("-invoice", "!!!", "*"):
            page = find_items(ItemQuery(q=q), by=owner)
            assert page.items == []
            assert page.notes
        page = find_items(ItemQuery(q="invoic*"), by=owner)
        assert any("whole words" in note for note in page.notes)
