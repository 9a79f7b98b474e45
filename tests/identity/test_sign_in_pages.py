"""Signing in and out through the real form."""

import pytest


@pytest.mark.promise("P01")
def test_an_administrator_signs_in_with_username_and_password(house):
    visitor = house.usual_browser("admin")
    answer = visitor.sign_in(house["admin"].email)
    assert (answer.status_code, answer.location) == (303, "/overview")
    assert "Adam Admin" in visitor.get("/overview").text


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(house):
    wrong = house.visitor().sign_in(house["admin"].email, "not-the-password")
    unknown = house.visitor().sign_in("nobody@acme.example", "not-the-password")
    assert wrong.status_code == unknown.status_code == 422
    assert "The username or the password is not right." in wrong.text
    assert "The username or the password is not right." in unknown.text


def test_signing_out_ends_the_session_on_the_server(house):
    visitor = house.signed_in("admin")
    stolen = visitor.client.get_cookie("safekeep_session").value
    assert visitor.post("/sign-out").status_code == 303
    thief = house.visitor()
    thief.client.set_cookie("safekeep_session", stolen)
    assert thief.get("/overview").location.startswith("/sign-in")


def test_staff_need_their_second_factor_before_anything_is_reachable(house):
    visitor = house.visitor()
    assert visitor.sign_in(house["agent"].email).location.startswith("/sign-in/factor")
    assert visitor.get("/support/tenants").location.startswith("/sign-in/factor")
    answer = visitor.post("/sign-in/factor", {"code": house.totp_code("agent")}, form="/sign-in/factor")
    assert answer.location == "/support/tenants"
    assert "Acme Corporation" in visitor.get("/support/tenants").text
