"""What a search should find, worked out from the decrypted items one by one, without any index."""

from console.customer_data.contents import open_content
from console.customer_data.models import Item, Kind
from console.customer_data.phrases import texts_of_document, texts_of_message
from console.formats.queries import Query, Term
from console.formats.words import contains_phrase, words


def texts_of(item: Item) -> dict[str, list[str]]:
    """The item's texts by field."""
    raw = open_content(item).whole()
    return texts_of_message(raw) if item.kind == Kind.MESSAGE else texts_of_document(item.summary.title, raw)


def matches(texts: dict[str, list[str]], query: Query) -> bool:
    """Whether those texts match the query."""
    return bool(query.wanted) and all(_holds(texts, term) is not term.exclude for term in query.terms)


def _holds(texts: dict[str, list[str]], term: Term) -> bool:
    told = texts.get(term.field, []) if term.field else [one for some in texts.values() for one in some]
    known = {word for text in told for word in words(text)}
    return set(term.words) <= known and (not term.phrase or any(contains_phrase(text, term.text) for text in told))
