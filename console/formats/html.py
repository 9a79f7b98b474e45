"""HTML of strangers: made safe for a sandboxed frame, or turned into text. Both by the parser that browsers agree on."""

import html as entities
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import nh3

from console.formats.charsets import printable
from console.formats.html_limits import costs_too_much

HTML_CHARACTERS = 2_000_000
"""More of one page is not read."""
LINK_CHARACTERS = 4_000
FONT_CHARACTERS = 100
"""Longer values of links and fonts are dropped: a broken page repeats them."""
LINK_REL = "noopener noreferrer nofollow"

_TAGS = set(
    (  # noqa: SIM905 (reads as a list)
        "a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details"
        " dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p"
        " pre q rp rt ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr"
        " tt u ul var wbr"
    ).split()
)
_GONE = set(
    (  # noqa: SIM905
        "applet audio base canvas embed frame frameset iframe link math meta noembed noframes noscript object param"
        " script style svg template title video"
    ).split()
)
"""Gone with all that is in them. Other unknown tags go, and their text stays."""
_BLOCKS = set(
    (  # noqa: SIM905
        "address article aside blockquote br caption center dd details div dl dt figcaption figure footer h1 h2 h3 h4 h5"
        " h6 header hr li main nav ol p pre section summary table td th tr ul"
    ).split()
)
_CELL = {"align", "bgcolor", "colspan", "height", "rowspan", "valign", "width"}
_ATTRIBUTES = {
    "*": {"dir", "lang"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "table": {"align", "bgcolor", "border", "cellpadding", "cellspacing", "width"},
    "td": _CELL,
    "th": _CELL,
    "tr": {"align", "bgcolor", "valign"},
    "col": {"span", "width"},
    "colgroup": {"span"},
    "font": {"color", "face", "size"},
    "div": {"align"},
    "p": {"align"},
    "ol": {"start", "type"},
    "time": {"datetime"},
}
_LEADS_OUT = re.compile(r"https?://|mailto:", re.IGNORECASE)
_LINK = re.compile(r'<a href="([^"]*)"([^>]*)>(.*?)</a>', re.DOTALL)
_TAG = re.compile(r"<(/?)([a-z0-9]+)[^>]*>")
_ANYTHING_LIKE_A_TAG = re.compile(r"<[^<>]*>?")
_SPACES = re.compile(r"[ \t\r\f\v\xa0]+")
_LINES = re.compile(r" ?\n[ \n]*\n ?")


def safe_html(html: str, picture: Callable[[str], str | None] | None = None) -> str:
    """A fragment that loads nothing, runs nothing, and says where its links lead.

    `picture` answers the address for a Content-ID (an inline picture of the same message), or None; it must be one of
    ours. All other pictures lose their source. Styles go entirely: they can load, hide and cover.
    """

    def attribute(tag: str, name: str, value: str) -> str | None:
        if tag == "img" and name == "src":
            identity = value.strip()
            return picture(identity[4:]) if picture and identity[:4].lower() == "cid:" else None
        if tag == "font" and len(value) > FONT_CHARACTERS:
            return None
        if name == "href" and len(value) > LINK_CHARACTERS:
            return None
        if name == "href":
            return value.strip() if _LEADS_OUT.match(value.strip()) else None
        return value

    page = printable(html[:HTML_CHARACTERS])
    if costs_too_much(page):
        return f"<pre>{entities.escape(_crude(page))}</pre>"
    clean = nh3.clean(
        page,
        tags=_TAGS,
        clean_content_tags=_GONE,
        attributes=_ATTRIBUTES,
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "cid"},
        link_rel=LINK_REL,
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return _LINK.sub(_shown, clean)


def _shown(match: re.Match[str]) -> str:
    target, others, text = match.groups()
    host = entities.escape(_host(entities.unescape(target)))
    told = f" [{host}]" if host and host not in text else ""
    return f'<a href="{target}" title="{target}"{others}>{text}</a>{told}'


def _host(target: str) -> str:
    try:
        parts = urlsplit(target)
    except ValueError:
        return "?"
    if parts.scheme == "mailto":
        return parts.path[:200]
    return (parts.netloc.rpartition("@")[2] or "?")[:200]


def html_text(html: str) -> str:
    """The text that a reader would see, with line breaks where blocks end. Scripts, styles and comments are dropped."""
    page = printable(html[:HTML_CHARACTERS])
    if costs_too_much(page):
        return entities.unescape(_crude(page)).strip()
    clean = nh3.clean(page, tags=_BLOCKS, clean_content_tags=_GONE, attributes={}, link_rel=None)
    text = entities.unescape(_TAG.sub(_break, clean.replace("\n", " ")))
    return _LINES.sub("\n\n", _SPACES.sub(" ", printable(text))).strip()


def _crude(page: str) -> str:
    """The page without what looks like a tag. Only for pages that are not parsed."""
    return _ANYTHING_LIKE_A_TAG.sub(" ", page)


def _break(match: re.Match[str]) -> str:
    closing, tag = match.groups()
    if tag in ("td", "th"):
        return "\t" if closing else ""
    return "\n" if closing or tag in ("br", "hr") else ""
