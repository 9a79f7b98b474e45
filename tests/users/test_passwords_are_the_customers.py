"""Username and password belong to the Customer: nobody else sees or sets a password (P05)."""

import re

import pytest

from tests.cast import PASSWORD
from tests.doors import unknown_id
from tests.users.acts import NEW_PASSWORD, added, edit, main_text, person_fields

OWN = ("/me/password", "/me/e-mail", "/sign-in", "/password/reset/", "/invitations/")


def pages(house, **ids):
    """Every page of the URL map that can be opened with GET, ids filled in."""
    for rule in house.app.url_map.iter_rules():
        if "GET" not in rule.methods or rule.endpoint == "static":
            continue
        values = {name: ids.get(name, unknown_id(rule, name)) for name in rule.arguments}
        with house.app.test_request_context():
            yield rule, house.app.url_map.bind("localhost").build(rule.endpoint, values)


@pytest.mark.promise("P05")
@pytest.mark.parametrize("key", ["owner", "admin", "user_manager", "agent", "platform_administrator"])
def test_promise_p05_no_page_asks_anybody_for_the_password_of_somebody_else(house, key):
    visitor = house.signed_in(key)
    ids = {"user_id": house["member"].id, "tenant_id": house["member"].tenant_id}
    opened = 0
    for rule, url in pages(house, **ids):
        page = visitor.get(url)
        opened += page.status_code == 200
        asks = re.search(r'type="password"|name="password"', page.text)
        assert not asks or rule.rule.startswith(OWN), f"{url} asks for a password"
        assert "$argon2" not in page.text
    assert opened > 5


@pytest.mark.promise("P05")
@pytest.mark.parametrize("key", ["owner", "admin"])
def test_promise_p05_a_password_smuggled_into_a_form_about_somebody_else_is_ignored(house, key):
    visitor, member = house.signed_in(key), house["member"]
    smuggled = {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD, "password_hash": "x", "present": PASSWORD}
    assert edit(visitor, member.id, title="x", **smuggled).status_code == 303
    for verb in ("suspend", "reinstate"):
        assert visitor.post(f"/users/{member.id}/{verb}", smuggled).status_code == 303
    assert house.visitor().sign_in(member.email, NEW_PASSWORD).status_code == 422
    assert house.visitor().sign_in(member.email, PASSWORD).status_code == 303
    visitor.post("/users/new", {**person_fields(), **smuggled}, form="/users/new")
    assert house.visitor().sign_in("nia@acme.example", NEW_PASSWORD).status_code == 422


@pytest.mark.promise("P05")
def test_promise_p05_the_link_to_choose_a_password_reaches_the_persons_mailbox_and_no_page(house):
    admin = house.signed_in("admin")
    user_id = added(admin)
    house.visitor().post("/password/forgot", {"username": house["member"].email}, form="/password/forgot")
    tokens = [
        house.link("nia@acme.example").rsplit("/", 1)[1],
        house.link(house["member"].email, "new password").rsplit("/", 1)[1],
    ]
    for key in ("owner", "admin", "agent", "platform_administrator"):
        visitor = house.signed_in(key)
        for _rule, url in pages(house, user_id=user_id, tenant_id=house["admin"].tenant_id):
            if url.startswith("/dev/mail"):
                continue  # the demo's mailbox: it exists in the demo profile only
            assert not any(token in visitor.get(url).text for token in tokens), url


@pytest.mark.promise("P05")
@pytest.mark.parametrize("key", ["agent", "platform_administrator"])
def test_promise_p05_staff_reach_no_page_about_a_customers_user(house, key):
    visitor, member = house.signed_in(key), house["member"]
    for path in ("", "/edit", "/suspend", "/delete"):
        assert visitor.get(f"/users/{member.id}{path}").status_code == 403
        assert visitor.post(f"/users/{member.id}{path or '/invitation'}", person_fields()).status_code == 403
    assert visitor.get("/users").status_code == 403


def test_a_profile_page_says_that_only_the_person_knows_the_password(house):
    assert "Known to you only" in main_text(house.signed_in("member").get("/me"))
