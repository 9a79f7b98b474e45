"""The words of a text as the search index holds them: no word is left out for being frequent or short."""

import re
from collections.abc import Iterator

from console.formats.folding import fold

WORD_CHARACTERS = 40
"""A longer word counts by its beginning."""
MOST_WORDS = 200_000
"""Of one text, repetitions included; the slice in which it is reached is still read."""
TEXT_CHARACTERS = 2_000_000
_SLICE_CHARACTERS = 65_536
"""Texts are folded in slices, so that a long one does not lie in memory several times."""

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f"
    "\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Scripts that are searched by pairs of characters: Thai, Lao, Burmese, Khmer, Japanese, Chinese, Korean."""
_INDIC = "\u0900-\u0963\u0966-\u0dff"
"""Scripts whose vowel signs are no letters to `\\w`, and still part of the word."""
TOKEN = re.compile(rf"([{UNSPACED}]+)|(?:[^\W_{UNSPACED}]|[{_INDIC}])+")
_RUNS = re.compile(f"[{UNSPACED}]+")
_SPACED = re.compile(r"[^\W_]+")
_ANY_INDIC = re.compile(f"[{_INDIC}]")
_WITH_SIGNS = re.compile(rf"(?:[^\W_]|[{_INDIC}])+")
_LOCAL_CHARACTERS = 64
_LOCAL = re.compile(r"[\w.+'-]+\Z")
_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")


def words(text: str) -> Iterator[str]:
    """The words with repetitions, in no order that means anything: folded, at most `WORD_CHARACTERS` long.

    Scripts without spaces give each character and each pair of neighbours. An e-mail address gives its parts, and itself
    as a whole (never cut).
    """
    count = 0
    for part in slices(text[:TEXT_CHARACTERS]):
        spaced, runs, addresses = _found(fold(part))
        for word in spaced:
            yield word[:WORD_CHARACTERS]
        for run in runs:
            yield from run
            yield from pairs_of(run)
        yield from addresses
        count += len(spaced) + 2 * sum(map(len, runs)) + len(addresses)
        if count >= MOST_WORDS:
            return


def distinct_words(text: str) -> set[str]:
    """The same words, each once: what an index asks for."""
    found: set[str] = set()
    count = 0
    for part in slices(text[:TEXT_CHARACTERS]):
        spaced, runs, addresses = _found(fold(part))
        found.update(spaced, *runs, *map(pairs_of, runs))
        long = [word for word in found if len(word) > WORD_CHARACTERS and "@" not in word]
        found.difference_update(long)
        found.update(addresses, (word[:WORD_CHARACTERS] for word in long))
        count += len(spaced) + 2 * sum(map(len, runs)) + len(addresses)
        if count >= MOST_WORDS:
            break
    return found


def pairs_of(run: str) -> list[str]:
    """The overlapping pairs of neighbours in a run of an unspaced script."""
    return [run[at : at + 2] for at in range(len(run) - 1)]


def addresses_in(folded: str) -> list[str]:
    """The e-mail addresses in folded text, looked for around each @ alone."""
    found, at = [], -1
    while (at := folded.find("@", at + 1)) >= 0:
        before, after = _LOCAL.search(folded, max(0, at - _LOCAL_CHARACTERS), at), _DOMAIN.match(folded, at + 1)
        if before and after:
            found.append(f"{before[0]}@{after[0]}")
    return found


def _found(folded: str) -> tuple[list[str], list[str], list[str]]:
    """Spaced words, runs of unspaced scripts, and whole addresses."""
    addresses = addresses_in(folded) if "@" in folded else []
    runs = _RUNS.findall(folded)
    rest = _RUNS.sub(" ", folded) if runs else folded
    return (_WITH_SIGNS if _ANY_INDIC.search(rest) else _SPACED).findall(rest), runs, addresses


def slices(text: str) -> Iterator[str]:
    """The text in pieces that end where a word does, as far as there are spaces."""
    start = 0
    while start < len(text):
        end = start + _SLICE_CHARACTERS
        if end < len(text):
            space = max(text.rfind(" ", start, end), text.rfind("\n", start, end))
            end = space + 1 if space > start else end
        yield text[start:end]
        start = end


def spine(text: str) -> str:
    """The folded words, one space between each and at both ends; characters of unspaced scripts count as words."""
    found = [match[0] if match[1] is None else " ".join(match[1]) for match in TOKEN.finditer(fold(text))]
    return f" {' '.join(found)} "


def contains_phrase(text: str, phrase: str) -> bool:
    """The words of the phrase stand in the text side by side, in that order, whatever lies between them."""
    wanted = spine(phrase)
    return bool(wanted.strip()) and wanted in spine(text)
