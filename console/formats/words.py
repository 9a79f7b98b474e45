"""The words of a text as the search index holds them: no word is left out for being frequent or short."""

import re
from collections.abc import Iterator

from console.formats.folding import fold

WORD_CHARACTERS = 40
"""A longer word counts by its beginning."""
MOST_WORDS = 200_000
"""Of one text, repetitions included."""
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
ADDRESS = re.compile(r"(?<![\w.+'-])[\w.+'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}")


def words(text: str) -> Iterator[str]:
    """The words in the order in which they stand, with repetitions: folded, at most `WORD_CHARACTERS` long.

    Scripts without spaces give each character and each pair of neighbours. An e-mail address gives its parts, and itself
    as a whole (never cut).
    """
    count = 0
    for part in slices(text[:TEXT_CHARACTERS]):
        folded = fold(part)
        for word in _words(folded):
            yield word
            count += 1
            if count >= MOST_WORDS:
                return


def _words(folded: str) -> Iterator[str]:
    for match in TOKEN.finditer(folded):
        unspaced = match[1]
        if unspaced is None:
            yield match[0][:WORD_CHARACTERS]
        else:
            yield from unspaced
            for at in range(len(unspaced) - 1):
                yield unspaced[at : at + 2]
    if "@" in folded:
        for match in ADDRESS.finditer(folded):
            yield match[0].rstrip(".")


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
