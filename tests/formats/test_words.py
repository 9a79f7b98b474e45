"""Words, queries, phrases and snippets in many scripts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.formats.folding import fold
from console.formats.queries import MOST_TERMS, QUERY_CHARACTERS, parse_query, query_words
from console.formats.snippets import snippet
from console.formats.words import MOST_WORDS, WORD_CHARACTERS, contains_phrase, distinct_words, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Crème BRÛLÉE", {"creme", "brulee"}),
        ("Straße Łódź Ærø", {"strasse", "lodz", "aero"}),
        ("ﬁle ＡＢＣ １２３", {"file", "abc", "123"}),
        ("ΣΊΣΥΦΟΣ σίσυφος", {"σισυφοσ"}),
        ("Ёлка ёлка йод", {"елка", "йод"}),
        ("שָׁלוֹם שלום", {"שלום"}),
        ("مُحَمَّد محمد أحمد احمد", {"محمد", "احمد"}),
        ("١٢٣ 123 १२३", {"123"}),
        ("हिन्दी", {"हिन्दी"}),
        ("東京都", {"東", "京", "都", "東京", "京都"}),
        ("ไทย", {"ไ", "ท", "ย", "ไท", "ทย"}),
        ("a_b-c d's", {"a", "b", "c", "d", "s"}),
        ("Anna.B+x@Example.org.", {"anna", "b", "x", "example", "org", "anna.b+x@example.org"}),
        ("東京anna", {"東", "京", "東京", "anna"}),
        ("", set()),
        ("!!! ...", set()),
    ],
)
def test_words_of_a_text(text, expected):
    assert set(words(text)) == expected
    assert distinct_words(text) == expected


def test_long_words_count_by_their_beginning_and_addresses_as_they_are():
    assert set(words("x" * 100)) == {"x" * WORD_CHARACTERS}
    address = "a" * 60 + "@" + "b" * 60 + ".org"
    assert address in set(words(address))


def test_texts_without_end_are_capped():
    assert sum(1 for _ in words("ab " * 600_000)) < 2 * MOST_WORDS


@given(st.text(max_size=300))
@settings(deadline=None, max_examples=300)
def test_any_text_has_the_same_words_folded_or_not(text):
    found = distinct_words(text)
    assert found == set(words(text))
    assert all(word for word in found)
    assert fold(fold(text)) == fold(text)
    if len(text) < 100 and "@" not in text:
        assert set(query_words(text)) <= found
    parse_query(text)


def test_a_query_is_taken_apart():
    query = parse_query('from:anna "to be" -draft subject:"two words" rep* type:pdf')
    assert [(term.field, term.words, term.phrase, term.exclude, term.prefix) for term in query.terms] == [
        ("from", ("anna",), False, False, False),
        (None, ("to", "be"), True, False, False),
        (None, ("draft",), False, True, False),
        ("subject", ("two", "words"), True, False, False),
        (None, ("rep",), False, False, True),
        ("type", ("pdf",), False, False, False),
    ]
    assert query.errors == ()
    assert len(query.wanted) == 5
    assert len(query.excluded) == 1


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("subject:", "holds no word"),
        ('"open phrase', "never closed"),
        ("-only", "Everything here is excluded"),
        ("form:anna", "is no field"),
        ("ab*", "at least 3 characters"),
        ("!!!", "holds no word"),
        ("w " * (MOST_TERMS + 1), f"More than {MOST_TERMS} words"),
        ("w" * (QUERY_CHARACTERS + 1), "Only the first"),
    ],
)
def test_what_cannot_be_understood_is_said(typed, told):
    assert any(told in error for error in parse_query(typed).errors)


def test_addresses_and_links_are_no_fields():
    assert parse_query("http://example.org/x").errors == ()
    assert parse_query("anna@example.org").terms[0].words == ("anna@example.org",)
    assert parse_query("10:30").errors == ()


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("A Crème-Brûlée, here", "creme brulee", True),
        ("brulee creme", "creme brulee", False),
        ("cremes brulee", "creme brulee", False),
        ("東京都庁", "京都", True),
        ("東京 都庁", "東京都", True),
        ("anything", "", False),
        ("to\nbe or", "to be", True),
    ],
)
def test_a_phrase_stands_side_by_side(text, phrase, found):
    assert contains_phrase(text, phrase) == found


def test_a_snippet_marks_hits_in_the_text_as_written():
    pieces = snippet("x " * 1000 + "the Crème Brûlée of Łódź " + "y " * 1000, parse_query("creme lodz -x"))
    assert [text for text, hit in pieces if hit] == ["Crème", "Łódź"]
    assert pieces[0] == ("…", False)
    assert sum(len(text) for text, _hit in pieces) < 300


def test_a_snippet_without_hits_is_the_beginning():
    assert snippet("Some text", parse_query("absent")) == [("Some text", False)]
    assert snippet("Some text", parse_query("")) == [("Some text", False)]
    assert [text for text, hit in snippet("one reporter reports", parse_query("report*")) if hit] == [
        "report",
        "report",
    ]
    assert [text for text, hit in snippet("の東京都庁", parse_query("東京")) if hit] == ["東京"]


@given(st.text(max_size=400), st.text(max_size=20))
@settings(deadline=None, max_examples=200)
def test_any_snippet_is_a_piece_of_the_text(text, typed):
    shown = "".join(piece for piece, _hit in snippet(text, parse_query(typed)) if piece != "…")
    assert len(shown) <= 240
