"""Words find the items that hold them, and nothing else."""

import pytest

from console.customer_data.finding import ItemQuery, find_items
from tests.customer_data.archive import Letter, actor, hold

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
        ('"the invoice"', [5, 0]),
        ('"invoice the"', []),
        ('invoice -"meeting notes"', [1, 0]),
        ('subject:"invoice for"', [0]),
        ("nowhere", []),
    ],
)
def test_words_fields_phrases_and_exclusions_find_what_they_say(archive, q, expected):
    assert found(archive, q) == expected
