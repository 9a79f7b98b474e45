"""Which pages would cost their reader more than their size: found before they are parsed.

Parsers follow the standard for broken pages, and that repeats every open `<font>` in each new paragraph: 100 KB can become
gigabytes. Counting is on the safe side: opening tags count wherever they stand, closing ones only where a parser sees them.
"""

import re

NESTING = 2_000
"""Elements open at once."""
REPEATED = 100_000
"""Formatting elements that are open at other tags, summed up: about as many have to be repeated."""
ENTITIES = 100_000
SIGNS_IN_A_TAG = 50_000
"""Spaces, slashes and equals signs of one tag, each of which may stand before an attribute."""

_FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
_NEVER_AROUND = frozenset(
    (  # noqa: SIM905 (reads as a list)
        "area base br col dd dt embed hr img input li link meta option p param source tbody td tfoot th thead tr wbr"
    ).split()
)
"""Elements that hold nothing, or that the next of their kind closes."""
_PIECE = re.compile(
    r"<!--(?!-?>).*?(?:--!?>|\Z)|<(?P<raw>script|style|title|textarea|xmp|iframe|noembed|noframes)\b.*?(?:</(?P=raw)|\Z)"
    r"|<(?P<closing>/?)(?P<tag>[a-z][a-z0-9]{0,20})"
    r"""(?P<rest>(?:[\s/]++|[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"?+|'[^']*+'?+|[^\s>"'][^\s>]*+|))?+)*+)""",
    re.IGNORECASE | re.DOTALL,
)
_OPENING = re.compile(r"<([a-z][a-z0-9]{0,20})", re.IGNORECASE)


def costs_too_much(page: str) -> bool:
    """The page should be shown as its bare text."""
    if page.count("&") > ENTITIES:
        return True
    depth = formatting = repeated = 0
    for match in _PIECE.finditer(page):
        tag = (match["tag"] or "").lower()
        if tag and match["closing"]:
            formatting -= tag in _FORMATTING and formatting > 0
            depth -= tag not in _NEVER_AROUND and depth > 0
        else:
            opened = [name.lower() for name in _OPENING.findall(match[0])]
            formatting += sum(name in _FORMATTING for name in opened)
            depth += sum(name not in _NEVER_AROUND for name in opened)
        repeated += formatting if tag not in _FORMATTING else 0
        if depth > NESTING or repeated > REPEATED or _signs(match["rest"] or "") > SIGNS_IN_A_TAG:
            return True
    return False


def _signs(rest: str) -> int:
    return sum(map(rest.count, " \n\t/=")) if len(rest) > SIGNS_IN_A_TAG else 0
