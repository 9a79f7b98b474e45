"""HTML of strangers runs nothing, loads nothing, and says where its links lead."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.formats.html import html_text, safe_html
from tests.formats.hostile_html import PAGES, judged


def own_address(content_id):
    return "/data/part" if content_id == "part1" else None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: ascii(page[:50]))
def test_nothing_active_or_remote_survives(page):
    clean = safe_html(page, own_address)
    assert not judged(clean), clean
    assert not judged(safe_html(clean, own_address)), "made safe twice"
    text = html_text(page)
    assert "\0" not in text
    text.encode()


@pytest.mark.parametrize(
    "page",
    [
        "<script>x",
        "<img src=http://e/>",
        "<p onclick=x>",
        "<svg>",
        "<a href='javascript:x'>",
        "<p style=x>",
        "<a href='http://e/'>x</a>",
        "<!-- x -->",
        "<base href=x>",
    ],
)
def test_control_the_judge_sees_what_is_active(page):
    assert judged(page)


def test_what_is_harmless_stays():
    page = '<h1>Hi</h1><p dir="rtl">a <b>bold</b> word</p><table><tr><td colspan="2" bgcolor="#eee">x</td></tr></table><ul><li>y</li></ul>'
    clean = safe_html(page)
    for kept in ("<h1>Hi</h1>", 'dir="rtl"', "<b>bold</b>", 'colspan="2"', "<li>y</li>"):
        assert kept in clean


def test_inline_pictures_come_from_the_message_or_not_at_all():
    assert 'src="/data/part"' in safe_html("<img src='cid:part1' alt=x>", own_address)
    assert "src" not in safe_html("<img src='cid:other' alt=x>", own_address)
    assert "src" not in safe_html("<img src='cid:part1' alt=x>")


def test_a_link_says_where_it_leads():
    clean = safe_html("<a href='http://evil.example/x'>http://bank.example</a>")
    assert clean.endswith("</a> [evil.example]")
    assert 'title="http://evil.example/x"' in clean
    assert "[" not in safe_html("<a href='http://good.example/x'>good.example/x</a>")
    assert safe_html("<a href='http://bank.example@evil.example/'>x</a>").endswith("[evil.example]")


def test_text_is_what_a_reader_sees():
    page = "<head><title>t</title><style>p{}</style></head><p>One&nbsp;two<br>three</p><div>four<script>five</script></div><ul><li>six<li>seven</ul><!-- eight -->&lt;b&gt;"
    assert [line for line in html_text(page).splitlines() if line] == [
        "One two",
        "three",
        "four",
        "six",
        "seven",
        "<b>",
    ]


_PIECES = st.sampled_from(
    [
        "<",
        ">",
        "</",
        "<script>",
        "</script>",
        "<style>",
        "</style>",
        "<svg>",
        "<math>",
        "<mtext>",
        "<table>",
        "<a href='",
        "javascript:",
        "http://e/",
        "'",
        '"',
        "<!--",
        "-->",
        "<img src=",
        " onerror=x",
        "<noscript>",
        "</noscript>",
        "<title>",
        "<p title='",
        "&lt;",
        "\0",
        "x",
        "<form>",
        "</form>",
        "<mglyph>",
        "<template>",
        "<select>",
        "]]>",
        "<![CDATA[",
    ]
)


@given(st.lists(_PIECES, max_size=30).map("".join))
@settings(deadline=None, max_examples=500)
def test_any_order_of_what_attacks_are_made_of_is_harmless(page):
    clean = safe_html(page, own_address)
    assert not judged(clean), clean
    html_text(page)


@given(st.text(max_size=500))
@settings(deadline=None, max_examples=100)
def test_any_text_is_answered(page):
    assert not judged(safe_html(page))
    html_text(page)


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 100_000,
        "<p>" + "".join(f"<font color={number}>" for number in range(3000)) + "</p>" + "<p>x</p>" * 3000,
        "<p>" + "<font title='</font>'>" * 3000 + "</p>" + "<p>x</p>" * 3000,
        "<p>" + "<font><!-- </font> -->" * 3000 + "</p>" + "<p>x</p>" * 3000,
        "<p>" + "<font><style></font></style>" * 3000 + "</p>" + "<p>x</p>" * 3000,
        "&" * 200_000,
        "<p " + " ".join(f"a{number}=1" for number in range(60_000)) + ">",
        "<" * 200_000,
        "<!--" * 50_000,
        "<a '" * 50_000,
        "<style>" * 50_000,
    ],
    ids=lambda page: page[:30],
)
def test_a_page_that_would_grow_without_end_is_shown_as_its_text(page):
    clean = safe_html(page)
    assert len(clean) < 10 * len(page) + 1000
    assert not judged(clean)
    html_text(page)


def test_an_ordinary_page_is_not_taken_for_one():
    page = (
        "<table>"
        + "<tr><td><font face=x><b>word</b></font></td><td><a href='http://e.example/'>link</a></td></tr>" * 3000
        + "</table>"
    )
    assert "<table>" in safe_html(page)
