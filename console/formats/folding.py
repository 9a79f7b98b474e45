"""Text as a search compares it: width, case, accents and digits of all scripts folded."""
# ruff: noqa: RUF001 (letters that look alike are what this file is about)

import re
import unicodedata

_LETTERS = {
    "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ŧ": "t", "ŋ": "n",
    "\u0640": "",  # the Arabic stroke that only widens
    "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ة": "ه",
    "й": "й", "ї": "ї",  # letters of their own, not accents
    "’": "'", "\u00ad": "", "\u200b": "", "\u200c": "", "\u200d": "", "\ufeff": "",
}  # fmt: skip
_MARKS = re.compile(
    "[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]"
)
"""Marks that a reader leaves out: accents, Hebrew points, Arabic vowels. Those of other scripts are part of the letter."""


class _Table(dict[int, str]):
    """What each character is folded to, worked out once for each that occurs."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        folded = _LETTERS[letter] if letter in _LETTERS else _plain(letter)
        self[code] = folded
        return folded


def _plain(letter: str) -> str:
    digit = unicodedata.decimal(letter, None)
    if digit is not None:
        return str(digit)
    apart = unicodedata.normalize("NFD", letter)
    return letter if not _MARKS.search(apart) else unicodedata.normalize("NFC", _MARKS.sub("", apart))


_TABLE = _Table()
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")


def fold(text: str) -> str:
    """The text folded. Folding it once more changes nothing."""
    if text.isascii():
        return text.lower()
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _BEYOND_ASCII.sub(_folded, once)


def _folded(run: re.Match[str]) -> str:
    return run[0].translate(_TABLE)
