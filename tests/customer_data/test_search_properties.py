"""Whatever is held and whatever is asked: the search finds exactly what reading every item would find."""

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from console.core.db import db
from console.customer_data.finding import ItemQuery, find_items
from console.customer_data.models import Item
from console.formats.queries import parse_query
from tests.customer_data.archive import Letter, actor, hold
from tests.customer_data.oracle import matches, texts_of

WORDS = [
    "invoice",
    "Invoices",
    "Müller",
    "muller",
    "naïve",
    "don't",
    "a",
    "2024",
    "会議",
    "東京都",
    "東京",
    "договор",
    "ДОГОВОР",
    "عقد",
]
WORDS += ["ราคา", "x-ray", "ada@sender.example", "re:", "straße", "o'neil", "e\u0301t\u0301e", "İstanbul", "συμφωνία"]
text = st.lists(st.sampled_from(WORDS), max_size=7).map(" ".join)
letters = st.builds(
    Letter,
    subject=text,
    body=text,
    sender=st.sampled_from(["Ada Lovelace <ada@sender.example>", "Zoë Müller <zoe@muller.example>"]),
    to=st.sampled_from(["Bob <bob@receiver.example>", "invoice@acme.example, x@y.example"]),
    attachments=st.lists(st.sampled_from(["invoice.pdf", "会議.pdf", "x-ray scan.pdf"]), max_size=2).map(tuple),
    days=st.integers(0, 4),
    document=st.booleans(),
)
piece = st.builds(
    lambda minus, field, some, quoted: f'{minus}{field}"{" ".join(some)}"' if quoted else f"{minus}{field}{some[0]}",
    st.sampled_from(["", "", "", "-"]),
    st.sampled_from(["", "", "", "subject:", "body:", "from:", "to:", "attachment:"]),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
    st.booleans(),
)
queries = st.lists(st.lists(piece, min_size=1, max_size=3).map(" ".join), min_size=1, max_size=6)


@settings(
    max_examples=40,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking through a database takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(held=st.lists(letters, min_size=1, max_size=10), asked=queries, batch=st.integers(1, 10))
def test_the_search_finds_what_reading_everything_would_find(house, held, asked, batch):
    owner = actor(house["owner"])
    with house.inside(owner.tenant_id):
        for start in range(0, len(held), batch):
            hold(held[start : start + batch])
        items = list(db.session.execute(select(Item)).scalars())
        texts = {item.id: texts_of(item) for item in items}
        ordered = sorted(items, key=lambda item: (item.dated_at, item.id), reverse=True)
        for q in asked:
            query = parse_query(q)
            expected = [item.id for item in ordered if matches(texts[item.id], query)]
            page = find_items(ItemQuery(q=q), by=owner)
            assert [item.id for item in page.items] == expected, q
            assert page.total in (None, len(expected)), q
        db.session.rollback()
