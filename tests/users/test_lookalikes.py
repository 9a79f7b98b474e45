"""No address is taken that people would read as somebody else's."""

import pytest

from tests.users.acts import accept, add, added, edit, main_text, problems
from tests.users.csv_uploads import csv_bytes, uploaded

PLAIN = "amara@acme.example"
HEADER = "given_name,family_name,email"
FULLWIDTH = "\uff41\uff4d\uff41\uff52\uff41@acme.example"


@pytest.fixture
def admin(house):
    visitor = house.signed_in("admin")
    added(visitor, given_name="Amara", family_name="Okafor", email=PLAIN)
    return visitor


@pytest.mark.parametrize(
    "email",
    [
        FULLWIDTH,
        "am\uff41ra@acme.example",
        "o\ufb03ce@acme.example",
        "\U0001d41a\U0001d426\U0001d41a@acme.example",
        "amar\u00aa@acme.example",
        "\u2460amara@acme.example",
    ],
    ids=["fullwidth", "one fullwidth letter", "ligature", "mathematical bold", "ordinal", "circled"],
)
def test_a_mailbox_in_an_unusual_form_of_plain_letters_is_refused(house, email):
    visitor = house.signed_in("admin")
    assert "unusual form" in problems(add(visitor, email=email))["email"]
    assert "unusual form" in problems(edit(visitor, house["member"].id, email=email))["email"]


def test_fullwidth_letters_count_as_latin():
    from console.users.rules import _scripts_of

    assert _scripts_of("\uff41") == {"LATIN"}
    assert _scripts_of("\uff41\u0430") == {"LATIN", "CYRILLIC"}


@pytest.mark.parametrize("email", ["am\u00e1ra@acme.example", "amar\u0101@acme.example", "AM\u00c1RA@acme.example"])
def test_an_address_that_reads_like_a_colleagues_is_refused(house, admin, email):
    answer = add(admin, email=email)
    assert answer.status_code == 422
    assert f"reads like {PLAIN}, which is the username of Amara Okafor" in problems(answer)["email"]
    assert "reads like" in problems(edit(admin, house["member"].id, email=email))["email"]
    page = main_text(admin.get(uploaded(admin, csv_bytes(f"Eve,Else,{email}", header=HEADER))))
    assert f"reads like {PLAIN}" in page
    assert "Amara Okafor" not in page


def test_a_dotless_i_reads_like_one_with_a_dot(house, admin):
    added(admin, given_name="Iris", email="iris@acme.example")
    assert "reads like iris@acme.example" in problems(add(admin, email="\u0131r\u0131s@acme.example"))["email"]


def test_both_in_one_file_are_not_both_taken(house, admin):
    rows = ["Nora,New,nora@acme.example", "Nora,New,n\u00f3ra@acme.example"]
    page = main_text(admin.get(uploaded(admin, csv_bytes(*rows, header=HEADER))))
    assert page.count("reads like nora@acme.example") == 1


@pytest.mark.parametrize(
    "email", ["jos\u00e9@acme.example", "m\u00fcller@acme.example", "\u043c\u0430\u0448\u0430@acme.example"]
)
def test_an_honest_address_with_accents_or_in_another_script_is_taken(house, admin, email):
    assert add(admin, email=email).status_code == 303
    assert accept(house, email).status_code == 303


def test_the_same_spelling_at_another_customer_is_no_reason(house, admin):
    birch = house.signed_in("birch_admin")
    assert add(birch, email="am\u00e1ra@acme.example").status_code == 303


def test_ones_own_address_may_get_its_accent(house, admin):
    assert edit(admin, house["member"].id, email="m\u00e9mber@acme.example").status_code == 303
