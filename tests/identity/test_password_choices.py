"""Passwords as each Customer chose: how long, which not again, how many wrong ones. Promise: P08."""

from console.identity.models import credential_of
from tests.cast import PASSWORD
from tests.security.test_settings_pages import save

LONG = "nine-Copper-kettles-4-sing"


def choose(house, **values):
    assert save(house.signed_in("security_manager"), **values).status_code == 303


def change(visitor, present, new):
    fields = {"present": present, "password": new, "password_again": new}
    return visitor.post("/me/password", fields, form="/me/password")


def test_a_new_password_has_as_many_characters_as_the_customer_asks_for(house):
    choose(house, password_characters="24")
    visitor = house.signed_in("member")
    refused = change(visitor, PASSWORD, "nine-Copper-kettles-4")
    assert refused.status_code == 422
    assert "Use at least 24 characters" in refused.text
    assert change(visitor, PASSWORD, LONG).status_code == 303


def test_a_password_of_before_is_refused_as_far_back_as_the_customer_chose(house):
    choose(house, password_history="2")
    visitor = house.signed_in("member")
    first, second, third = LONG, "eleven-Amber-lanterns-8", "four-Wooden-cellos-27"
    assert change(visitor, PASSWORD, PASSWORD).status_code == 422
    for before, new in ((PASSWORD, first), (first, second)):
        assert change(visitor, before, new).status_code == 303
    refused = change(visitor, second, first)
    assert refused.status_code == 422
    assert "You had this password before" in refused.text
    assert change(visitor, second, third).status_code == 303
    assert change(visitor, third, first).status_code == 303, "two back is far enough"


def test_hashes_of_before_are_kept_sealed_and_not_without_end(house):
    with house.inside(house["member"].tenant_id):
        credential = credential_of(house["member"].id)
        for number in range(40):
            credential.replace_hash(f"hash {number}")
        assert credential.password_hash == "hash 39"
        assert credential.earlier_hashes == [f"hash {number}" for number in range(38, 14, -1)]
        assert b"hash" not in credential.sealed


def test_after_the_customers_own_limit_even_the_right_password_is_refused_in_the_words_of_a_wrong_one(house):
    choose(house, sign_in_tries="3")
    visitor = house.visitor(address="203.0.113.77")
    answers = [visitor.sign_in(house["member"].email, "wrong-password-here") for _try in range(3)]
    right = visitor.sign_in(house["member"].email)
    assert right.status_code == 422
    assert len(right.text) == len(answers[0].text)
    assert "After several wrong tries even the right one is refused" in right.text
    assert house.visitor().sign_in(house["other_member"].email).status_code == 303


def test_a_customer_without_a_limit_of_its_own_has_the_installations(house):
    visitor = house.visitor(address="203.0.113.78")
    for _try in range(5):
        visitor.sign_in(house["member"].email, "wrong-password-here")
    assert visitor.sign_in(house["member"].email).status_code == 303
