"""The piece of a text around the words that were searched for, with these marked."""

import re
import unicodedata
from itertools import pairwise

from console.formats.folding import fold
from console.formats.queries import Query
from console.formats.words import TOKEN, slices

SNIPPET_CHARACTERS = 240
TEXT_CHARACTERS = 500_000
_LEAD_CHARACTERS = 60


def snippet(text: str, query: Query, characters: int = SNIPPET_CHARACTERS) -> list[tuple[str, bool]]:
    """Pieces of the text in order, and whether each is a hit; the beginning of the text where nothing is.

    A text that is shown from its middle begins with an ellipsis.
    """
    pattern = _pattern(query)
    flat = " ".join(unicodedata.normalize("NFC", text[:TEXT_CHARACTERS]).split())
    if pattern is None:
        return _whole(flat, 0, characters, [])
    offset = 0
    for part in slices(flat):
        hits = _hits(part, pattern)
        if hits:
            start = max(0, offset + hits[0][0] - _LEAD_CHARACTERS)
            start = flat.find(" ", start, offset + hits[0][0]) + 1 or start if start else 0
            shown = flat[start : start + characters]
            return _whole(flat, start, characters, _hits(shown, pattern))
        offset += len(part)
    return _whole(flat, 0, characters, [])


def _whole(flat: str, start: int, characters: int, hits: list[tuple[int, int]]) -> list[tuple[str, bool]]:
    shown = flat[start : start + characters]
    edges = [0, *(edge for hit in hits for edge in hit), len(shown)]
    pieces = [(shown[a:b], bool(number % 2)) for number, (a, b) in enumerate(pairwise(edges)) if b > a]
    if start:
        pieces.insert(0, ("…", False))
    if start + characters < len(flat):
        pieces.append(("…", False))
    return pieces


def _pattern(query: Query) -> re.Pattern[str] | None:
    """What counts as a hit in folded text."""
    whole: list[str] = []
    for term in query.wanted:
        if term.field in ("attachment", "type"):
            continue
        tokens = list(TOKEN.finditer(fold(term.text)))
        for number, match in enumerate(tokens):
            last = term.prefix and number == len(tokens) - 1
            word = re.escape(match[0])
            whole.append(word if match[1] else rf"(?<![^\W_]){word}" + ("" if last else r"(?![^\W_])"))
    return re.compile("|".join(sorted(set(whole), key=len, reverse=True))) if whole else None


def _hits(text: str, pattern: re.Pattern[str]) -> list[tuple[int, int]]:
    """Places in the text itself, found in its folded form."""
    if not pattern.search(fold(text)):
        return []
    folded, places = [], []
    for at, letter in enumerate(text):
        piece = fold(letter)
        folded.append(piece)
        places.extend([at] * len(piece))
    places.append(len(text))
    hits: list[tuple[int, int]] = []
    for match in pattern.finditer("".join(folded)):
        start, end = places[match.start()], places[match.end() - 1] + 1
        if match.end() > match.start() and (not hits or start >= hits[-1][1]):
            hits.append((start, end))
    return hits
