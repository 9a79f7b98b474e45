"""No other site can make a signed-in browser do something. Generated from the URL map."""

import pytest

from tests.doors import Ledger, changes, doors, expired, half_signed_in, opened, token_of, unconfirmed

RECORDED = ("audit_entries", "audit_heads")
"""A refused act of a signed-in person is in the record."""


@pytest.fixture(scope="module")
def house(stage, tmp_path_factory):
    with opened(stage, tmp_path_factory.mktemp("csrf"), still=True) as house:
        yield house


def unsafe_doors(house):
    found = doors(house.app, "POST", "PUT", "PATCH", "DELETE")
    assert len(found) > 15
    return found


def fields_for(door):
    """What would do something, if the form were believed."""
    return {
        "verb": "suspend",
        "confirmed": "yes",
        "given_name": "Eve",
        "family_name": "Evil",
        "email": "eve@evil.example",
    }


def whoever_may(house):
    """For each door the browser of somebody who may use it: half signed in, service staff, or the owner."""
    owner, staff, half = house.signed_in("owner"), house.signed_in("platform_administrator"), half_signed_in(house)
    new, old = unconfirmed(house), expired(house)

    def choose(door):
        access = house.app.view_functions[door.endpoint].access
        if access.stages & {"factor"}:
            return half
        if access.stages == {"confirm"}:
            return new
        if access.stages == {"renew"}:
            return old
        return staff if door.endpoint.startswith("support.") else owner

    return choose


def attempt(house, choose, headers=None, token=None):
    ledger, faults = Ledger(house), []
    found = [(door, door.of(house, "acme")) for door in unsafe_doors(house)]
    after = ledger.rows()
    for door, url in found:
        visitor = choose(door)
        fields = fields_for(door)
        if token is not None:
            fields["csrf_token"] = token(visitor)
        before = after
        answer = visitor.client.open(url, method=door.method, data=fields, headers=headers)
        if answer.status_code not in (400, 403):
            faults.append(f"{door}: {answer.status_code}")
        after = ledger.rows()
        faults += [f"{door}: {line}" for line in changes(before, after, without=RECORDED)]
    assert not faults, "\n".join(faults)


def test_a_form_without_its_token_does_nothing(house):
    attempt(house, whoever_may(house))


def test_a_form_with_another_browsers_token_does_nothing(house):
    attacker = house.signed_in("admin")
    attempt(house, whoever_may(house), token=lambda _visitor: token_of(attacker))


def test_a_form_with_a_token_that_was_made_up_does_nothing(house):
    attempt(house, whoever_may(house), token=lambda _visitor: "ImFiYyI.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb")


def test_a_form_sent_from_another_site_does_nothing_even_with_its_token(house):
    attempt(house, whoever_may(house), headers={"Sec-Fetch-Site": "cross-site"}, token=token_of)


def test_a_form_with_the_token_in_the_address_does_nothing(house):
    owner, ledger = house.signed_in("owner"), Ledger(house)
    before = ledger.rows()
    answer = owner.client.post(f"/me/sessions/end-others?csrf_token={token_of(owner)}")
    assert answer.status_code == 400
    assert changes(before, ledger.rows()) == []


def test_nobody_signed_in_is_sent_to_sign_in_or_refused_and_nothing_happens(house):
    ledger, faults = Ledger(house), []
    for door in unsafe_doors(house):
        url = door.of(house, "acme")
        before = ledger.rows()
        answer = house.visitor().client.open(url, method=door.method, data=fields_for(door))
        to_sign_in = answer.status_code == 303 and answer.location.startswith("/sign-in")
        public = not house.app.view_functions[door.endpoint].access.stages
        if answer.status_code != 400 if public else not to_sign_in:
            faults.append(f"{door}: {answer.status_code} {answer.location}")
        faults += [f"{door}: {line}" for line in changes(before, ledger.rows())]
    assert not faults, "\n".join(faults)


def test_control_the_same_form_with_its_token_is_believed(house):
    owner = house.signed_in("owner")
    ledger = Ledger(house)
    answer = owner.client.post("/me", data={"csrf_token": token_of(owner), "given_name": "Ola", "family_name": "Owner"})
    assert answer.status_code == 303
    assert answer.location == "/me"
    assert any(row["tag"] == "users:user:changed" for row in ledger.rows()["audit_entries"].values())
