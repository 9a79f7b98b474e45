"""What a typed query means to the index: the numbers of the items that may match, and what is still to be verified."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pyroaring import BitMap

from console.customer_data.index import FIELD_LETTERS, Lookup, look_up
from console.formats.queries import Query, Term

INCOMPLETE = "A part of the search index is damaged and is being looked after: results may be incomplete."
NO_PREFIX = "The search finds whole words: “{}” was searched without the *."
PHRASE_WORDS = 6
"""So many words of a phrase are looked up, the longest ones; its candidates are read anyway."""
_FIELDS = {"subject": "s", "body": "b", "from": "f", "to": "t", "attachment": "a", "type": "y"}
_ANYWHERE = tuple(FIELD_LETTERS.index(letter) for letter in "sbfta")
"""A word without a field is looked for everywhere but among types."""


@dataclass(frozen=True)
class Found:
    """The candidates of a query. Exact where `checks` is empty."""

    numbers: BitMap
    checks: tuple[Term, ...] = ()
    """Phrases: each candidate that holds the words must be read to tell. Excluded ones say so themselves."""
    doubtful: Mapping[Term, BitMap] = field(default_factory=dict)
    """For each excluded phrase, the candidates that hold its words; the others hold it surely not."""
    notes: tuple[str, ...] = ()
    among: int = 0
    """How many items are in the index."""


def find_numbers(query: Query) -> Found:
    """The numbers of the bound tenant's items that match, deleted or quarantined ones perhaps among them."""
    if not query.wanted:
        return Found(BitMap(), notes=query.errors)
    lookup = look_up({word for term in query.terms for word in _looked_up(term)})
    numbers = _all_of(_holding(lookup, term) for term in query.wanted)
    checks = [term for term in query.wanted if _must_be_read(term)]
    doubtful: dict[Term, BitMap] = {}
    for term in query.excluded:
        holding = _holding(lookup, term)
        if not _must_be_read(term):
            numbers -= holding
        elif touched := holding & numbers:
            checks.append(term)
            doubtful[term] = touched
    notes = [*query.errors, *(NO_PREFIX.format(term.text) for term in query.terms if term.prefix)]
    if lookup.damaged:
        notes.append(INCOMPLETE)
    return Found(numbers, tuple(checks), doubtful, tuple(notes), lookup.items)


def _must_be_read(term: Term) -> bool:
    """Whether the index cannot tell. Types are told by their words alone, `application/pdf` as well."""
    return term.phrase and term.field != "type"


def _looked_up(term: Term) -> Sequence[str]:
    return sorted(term.words, key=len, reverse=True)[:PHRASE_WORDS] if _must_be_read(term) else term.words


def _holding(lookup: Lookup, term: Term) -> BitMap:
    """The items that hold all words of the term that are looked up, each in one of its fields."""
    fields = _ANYWHERE if term.field is None else (FIELD_LETTERS.index(_FIELDS[term.field]),)
    return _all_of(_any_of(lookup.found[word], fields) for word in _looked_up(term))


def _any_of(found: Mapping[int, BitMap], fields: tuple[int, ...]) -> BitMap:
    lists = [found[name] for name in fields if name in found]
    return BitMap.union(*lists) if lists else BitMap()


def _all_of(lists: Iterable[BitMap]) -> BitMap:
    smallest_first = sorted(lists, key=len)
    return BitMap.intersection(*smallest_first) if smallest_first else BitMap()
