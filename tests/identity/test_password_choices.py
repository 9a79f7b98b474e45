"""Passwords as each Customer chose: how long, which not again, how many wrong ones. Promise: P08."""

from datetime import timedelta

from console.core import clock
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


def old_password(house, key, days):
    with house.inside(house[key].tenant_id):
        credential_of(house[key].id).changed_at = clock.now() - timedelta(days=days)


def test_an_expired_password_is_replaced_before_anything_is_reachable(house):
    choose(house, password_expiry_days="90")
    old_password(house, "member", 91)
    visitor = house.usual_browser("member")
    assert visitor.sign_in(house["member"].email).location.startswith("/sign-in/new-password")
    assert visitor.get("/me").location.startswith("/sign-in/new-password")
    same = visitor.post("/sign-in/new-password", twice(PASSWORD), form="/sign-in/new-password")
    assert same.status_code == 422
    assert "This is the password that has expired" in same.text
    assert visitor.post("/sign-in/new-password", twice(LONG), form="/sign-in/new-password").status_code == 303
    assert visitor.get("/me").status_code == 200
    again = house.usual_browser("member")
    assert again.sign_in(house["member"].email, LONG).location == "/overview"


def test_a_password_that_is_young_enough_is_let_be(house):
    choose(house, password_expiry_days="90")
    old_password(house, "member", 89)
    visitor = house.usual_browser("member")
    assert visitor.sign_in(house["member"].email).location == "/overview"


def test_a_stolen_expired_password_chooses_no_new_one_without_the_second_factor(house):
    with house.inside(house["agent"].tenant_id):
        from console.core.actor import system
        from console.policies.actions import save as save_policy

        save_policy("settings", {"password_expiry_days": 30}, based_on=0, reason="", by=system("a test"))
    old_password(house, "agent", 31)
    visitor = house.visitor()
    assert visitor.sign_in(house["agent"].email).location.startswith("/sign-in/factor")
    assert visitor.get("/sign-in/new-password").location.startswith("/sign-in/factor")


def twice(password):
    return {"password": password, "password_again": password}
