"""What must hold for any text: quick ways answer as the slow ones do, and cells come back as they were."""

from hypothesis import given, settings
from hypothesis import strategies as st

from console.core.spreadsheet import DANGEROUS, neutral, original
from console.users import rules
from console.users.csv_rows import BadFile, CsvFile
from console.users.exports import csv_text

ATOM = st.text("abcXYZ019_!#$%&'*+-/=?^`{|}~.@", max_size=12)
LABEL = st.one_of(
    st.text("abzAZ09-", min_size=1, max_size=8),
    st.sampled_from(
        ["xn--bcher-kva", "test", "local", "invalid", "arpa", "Example", "onion", "a" * 63, "a" * 64, "ab--c", "com"]
    ),
)
MAILBOX = st.one_of(
    ATOM, st.sampled_from(["Postmaster", "INFO", "Www", "a" * 64, "a" * 65, "a" * 250, '"a b"', "a..b", ".a"])
)
ADDRESS = st.builds(lambda box, labels: f"{box}@{'.'.join(labels)}", MAILBOX, st.lists(LABEL, max_size=4))


def answer(check, text):
    try:
        return check(text)
    except ValueError as error:
        return type(error), str(error)


@settings(max_examples=1500, deadline=None)
@given(st.one_of(ADDRESS, st.text(max_size=30), st.emails()))
def test_the_quick_way_for_plain_addresses_answers_as_the_full_validator(text):
    quick = rules._plain_email(text) if len(text) <= rules.EMAIL_CHARACTERS else None
    if quick is not None:
        assert answer(rules._other_email, text) == quick


def test_most_real_addresses_take_the_quick_way():
    for text in ("anna.lind@company.com", "o'neil+tag@Mail.Company.co.uk", "x@a1.b-c.example"):
        assert rules._plain_email(text) is not None


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=20))
def test_the_quick_way_for_printable_names_refuses_nothing_more_and_nothing_less(text):
    def refused(character):
        hidden = rules.unicodedata.category(character) in rules._HIDDEN and character not in rules._JOINERS
        return hidden or character == rules._LOST

    slow = next(filter(refused, text), None)
    try:
        rules._printable(text, "It", 100)
    except ValueError:
        assert slow is not None
    else:
        assert slow is None


@settings(max_examples=500)
@given(st.text(st.sampled_from("'=+-@a|%\t\r\n ＝"), max_size=6))
def test_a_neutralised_cell_comes_back_as_it_was_and_is_never_a_formula(text):
    assert original(neutral(text)) == text
    assert not neutral(text).startswith(DANGEROUS)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12), min_size=3, max_size=3),
        min_size=1,
        max_size=5,
    )
)
def test_what_we_write_as_csv_reads_back_the_same(rows):
    rows = [[given, family, email or "x"] for given, family, email in rows]
    data = csv_text([("given_name", "family_name", "email"), *rows]).encode()
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    assert [row.values[:3] for row in CsvFile(data)] == filled


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_rows_or_one_clear_refusal(data, headed):
    rows, refusal = [], ""
    try:
        rows = list(CsvFile((b"given_name,family_name,email\n" if headed else b"") + data))
    except BadFile as problem:
        refusal = problem.message
    assert bool(rows) != bool(refusal)
    assert len(refusal) < 600
    assert refusal.isprintable()
    assert all(len(row.values) == 7 for row in rows)
