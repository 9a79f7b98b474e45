"""Links from mails work once, for a while, for what they are for. Promise: P02."""

from datetime import timedelta

import pytest
import time_machine

from console.core import clock as product_clock
from console.core.db import db
from console.core.lookups import Lookup, digest_of
from console.users.links import OneTimeLink
from tests.cast import PASSWORD
from tests.security.at_once import all_at_once

NEW_PASSWORD = "nine-Loud-otters-4-lunch"
OTHER_PASSWORD = "six-Brown-badgers-2-tea"


def _invitation(house):
    admin = house.signed_in("owner")
    assert admin.post(f"/users/{house['invited'].id}/invitation").status_code == 303
    return house.link(house["invited"].email, "invit")


def _reset(house, key="member"):
    visitor = house.visitor()
    visitor.post("/password/forgot", {"username": house[key].email}, form="/password/forgot")
    return house.link(house[key].email, "password")


KINDS = {"invitation": _invitation, "password reset": _reset}


def _fields(password=NEW_PASSWORD):
    return {"password": password, "password_again": password}


def _use(house, link, password=NEW_PASSWORD):
    visitor = house.visitor()
    token = visitor.token("/sign-in")
    return visitor.client.post(link, data={**_fields(password), "csrf_token": token}).status_code


@pytest.fixture(params=KINDS)
def link(request, house):
    return KINDS[request.param](house)


@pytest.mark.promise("P02")
def test_a_link_works_once(house, link):
    assert _use(house, link) == 303
    assert _use(house, link, OTHER_PASSWORD) == 410
    assert house.visitor().get(link).status_code == 410


def test_looking_at_a_link_uses_nothing_up(house, link):
    visitor = house.visitor()
    for _ in range(5):
        assert visitor.get(link).status_code == 200
        assert visitor.client.head(link).status_code == 200
    assert _use(house, link) == 303


def test_a_link_is_kept_as_its_digest_only(house, link):
    token = link.rsplit("/", 1)[1]
    with house.inside(house["member"].tenant_id):
        assert db.session.query(Lookup).filter(Lookup.digest == digest_of(token)).count() == 1
        rows = db.session.query(OneTimeLink).all()
        assert all(token.encode() not in str(vars(row)).encode() for row in rows)


def test_twenty_at_once_use_a_link_once(house, link):
    visitors = [house.visitor() for _ in range(20)]
    tokens = [visitor.token("/sign-in") for visitor in visitors]
    passwords = [f"{NEW_PASSWORD}-{number}" for number in range(20)]

    def post(visitor, token, password):
        return visitor.client.post(link, data={**_fields(password), "csrf_token": token}).status_code

    acts = [lambda a=trio: post(*a) for trio in zip(visitors, tokens, passwords, strict=True)]
    statuses = all_at_once(*acts)
    assert statuses.count(303) == 1, statuses
    assert set(statuses) <= {303, 409, 410, 503}


def test_a_password_that_is_refused_leaves_the_link_in_force(house, link):
    assert _use(house, link, "short") == 422
    assert _use(house, link, "password1234") == 422
    assert _use(house, link) == 303


def test_a_newer_link_replaces_the_older(house):
    for make in KINDS.values():
        old, new = make(house), make(house)
        assert old != new
        assert _use(house, old) == 410
        assert _use(house, new) == 303


@pytest.mark.parametrize(("kind", "life"), [("invitation", timedelta(days=7)), ("password reset", timedelta(hours=1))])
def test_a_link_expires_to_the_second(house, kind, life):
    with time_machine.travel(product_clock.now(), tick=False) as traveller:
        link = KINDS[kind](house)
        traveller.shift(life - timedelta(seconds=1))
        assert house.visitor().get(link).status_code == 200
        traveller.shift(timedelta(seconds=1))
        assert house.visitor().get(link).status_code == 410
        assert _use(house, link) == 410


def test_a_changed_password_kills_an_open_reset_link(house):
    link = _reset(house)
    member = house.signed_in("member")
    fields = {"present": PASSWORD, **_fields(OTHER_PASSWORD)}
    assert member.post("/me/password", fields, form="/me/password").status_code == 303
    assert _use(house, link) == 410


def test_a_revoked_invitation_and_a_deleted_person_s_links_are_dead(house):
    owner = house.signed_in("owner")
    link = _invitation(house)
    assert owner.post(f"/users/{house['invited'].id}/invitation/revoke").status_code == 303
    assert _use(house, link) == 410
    reset = _reset(house)
    assert owner.post(f"/users/{house['member'].id}/delete").status_code == 303
    assert _use(house, reset) in (409, 410)


def test_a_suspended_person_cannot_come_back_by_a_link(house):
    reset = _reset(house)
    assert house.signed_in("owner").post(f"/users/{house['member'].id}/suspend").status_code == 303
    assert _use(house, reset) in (409, 410)
    assert house.visitor().sign_in(house["member"].email, NEW_PASSWORD).status_code == 422


def test_a_link_of_one_kind_is_unknown_to_the_others(house):
    invitation, reset = (make(house).rsplit("/", 1)[1] for make in KINDS.values())
    unknown = house.visitor().get("/invitations/" + "x" * 43)
    for path in (f"/invitations/{reset}", f"/password/reset/{invitation}", f"/me/e-mail/confirm/{reset}"):
        answer = house.visitor().get(path)
        assert answer.status_code == 404
        assert len(answer.data) == len(unknown.data), path


def test_a_change_of_address_needs_both_links_and_each_works_once(house):
    member = house.signed_in("member")
    fields = {"email": "mika.new@acme.example"}
    assert member.post("/me/e-mail", fields, form="/me/e-mail").status_code == 303
    old, new = house.link(house["member"].email, ""), house.link("mika.new@acme.example", "")
    stranger = house.visitor()
    assert stranger.post(old, form=old).status_code == 200
    assert stranger.client.post(old, data={"csrf_token": stranger.token("/sign-in")}).status_code == 410
    assert house.visitor().sign_in("mika.new@acme.example").status_code == 422
    assert stranger.post(new, form=new).status_code == 200
    assert house.visitor().sign_in("mika.new@acme.example").status_code == 303
    assert house.visitor().sign_in(house["member"].email).status_code == 422
