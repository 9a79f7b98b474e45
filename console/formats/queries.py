"""What somebody typed into the search, understood; and where it stands in a text."""

import re
from dataclasses import dataclass
from functools import cached_property

from console.formats.folding import fold
from console.formats.words import TOKEN, WORD_CHARACTERS, addresses_in, pairs_of

FIELDS = ("from", "to", "subject", "body", "attachment", "type")
MOST_TERMS = 32
QUERY_CHARACTERS = 1_000
SHORTEST_PREFIX = 3

_PIECE = re.compile(r'(-?)(?:([A-Za-z]+):(?!//))?(?:["“”„]([^"“”„]*)(["“”„]?)|([^\s"“”„]+)|(?=\s|$))')


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that must, or must not, stand in an item."""

    field: str | None
    """One of `FIELDS`; None: anywhere."""
    text: str
    """As typed, without quotation marks, minus and field."""
    words: tuple[str, ...]
    """All of these are in the index of an item that holds the term."""
    phrase: bool = False
    """The words must stand side by side: `words.contains_phrase(text, term.text)` decides."""
    exclude: bool = False
    prefix: bool = False
    """The last word is the beginning of one."""


@dataclass(frozen=True)
class Query:
    """Everything typed. `errors` are sentences for the person; what could be understood is still in `terms`."""

    terms: tuple[Term, ...] = ()
    errors: tuple[str, ...] = ()

    @cached_property
    def wanted(self) -> tuple[Term, ...]:
        """What must be there."""
        return tuple(term for term in self.terms if not term.exclude)

    @cached_property
    def excluded(self) -> tuple[Term, ...]:
        """What must not be there."""
        return tuple(term for term in self.terms if term.exclude)


def parse_query(text: str) -> Query:
    """The query: plain words (all of them), "a phrase", -exclusion, field:word, and begin* of a word. Never raises."""
    errors: list[str] = []
    terms: list[Term] = []
    if len(text) > QUERY_CHARACTERS:
        errors.append(f"Only the first {QUERY_CHARACTERS:,} characters were searched for.")
    for match in _PIECE.finditer(text[:QUERY_CHARACTERS]):
        if not match[0]:
            continue
        term = _term(match, errors)
        if term and len(terms) < MOST_TERMS:
            terms.append(term)
        elif term:
            errors.append(f"More than {MOST_TERMS} words: “{_short(term.text)}” was left out.")
            break
    if terms and all(term.exclude for term in terms):
        errors.append("Everything here is excluded. Add a word that must be there.")
    return Query(tuple(terms), tuple(errors))


def _term(match: re.Match[str], errors: list[str]) -> Term | None:
    minus, field, phrase, closing, word = match.groups()
    quoted = phrase is not None
    value = (phrase if quoted else word) or ""
    known = field.lower() if field and field.lower() in FIELDS else None
    if field and not known:
        value = f"{field}:{value}"
        if not quoted and word:
            errors.append(f"“{_short(field)}:” is no field and was searched as a word; fields are {_listed()}.")
    if quoted and not closing:
        errors.append(
            f"The quotation mark before “{_short(value)}” is never closed; the phrase goes on to the end."
            if value
            else "A quotation mark begins a phrase, and nothing follows it."
        )
    prefix = not quoted and value.endswith("*")
    found = query_words(value)
    if not found:
        told = f"{minus}{known}:" if known else f"{minus}{value}"
        if told.strip():
            errors.append(f"“{_short(told)}” holds no word to search for.")
        return None
    if prefix and len(found[-1]) < SHORTEST_PREFIX:
        errors.append(f"“{_short(value)}”: at least {SHORTEST_PREFIX} characters must stand before the *.")
        prefix = False
    pieces = len(TOKEN.findall(fold(value)))
    together = (quoted and pieces > 1) or (pieces > 1 and fold(value).rstrip(".") not in found) or _long_run(value)
    return Term(known, value.rstrip("*") if prefix else value, found, together, bool(minus), prefix)


def query_words(text: str) -> tuple[str, ...]:
    """The words of the index that a text to search for needs, each once: of unspaced scripts the pairs alone."""
    folded = fold(text)
    found: dict[str, None] = {}
    rest = folded
    for address in addresses_in(folded):
        found[address] = None
        rest = rest.replace(address, " ")
    for match in TOKEN.finditer(rest):
        run = match[1]
        if run is None:
            found[match[0][:WORD_CHARACTERS]] = None
        elif len(run) == 1:
            found[run] = None
        else:
            found.update(dict.fromkeys(pairs_of(run)))
    return tuple(found)


def _long_run(value: str) -> bool:
    return any(match[1] and len(match[1]) > 2 for match in TOKEN.finditer(fold(value)))


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"


def _listed() -> str:
    return ", ".join(f"{name}:" for name in FIELDS)
