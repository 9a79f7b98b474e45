"""Whoever is outside the allowed ranges is turned away: at sign-in, at links, on every request of every kind."""

import re

import pytest

from console.audit.models import EntryFilter, entries
from console.audit.tags import Tag
from tests.cast import PASSWORD
from tests.doors import doors, token_of
from tests.ip_ranges.acts import ELSEWHERE, HERE, OFFICE, draft, enforce, is_refusal, move, save
from tests.users.acts import main_text

LEAVES = ("sign_in.sign_out", "sign_in.submit")


def refusals_recorded(house, key="member"):
    with house.inside(house[key].tenant_id, write=False):
        return [entry.id for entry in entries(EntryFilter(tags=(Tag.ADDRESS_REFUSED,)), limit=100)]


@pytest.mark.promise("P06")
def test_nobody_signs_in_from_outside_and_everybody_from_inside(house):
    enforce(house)
    assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))
    assert house.signed_in("member", address=OFFICE).get("/me").status_code == 200


def test_the_refusal_says_which_address_was_seen_its_reference_and_whom_to_ask(house):
    enforce(house)
    page = house.visitor(address=ELSEWHERE).sign_in(house["member"].email)
    text = main_text(page)
    assert ELSEWHERE in text
    assert "Ask an owner, administrator or security manager of Acme Corporation" in text
    assert re.search(r"Reference number [A-Z2-7]{8}", text)


def test_a_wrong_password_from_outside_is_answered_as_for_an_unknown_name(house):
    enforce(house)
    known = house.visitor(address=ELSEWHERE).sign_in(house["member"].email, "wrong-Password-12345")
    unknown = house.visitor(address=ELSEWHERE).sign_in("nobody@acme.example", "wrong-Password-12345")
    assert known.status_code == unknown.status_code == 422
    assert main_text(known).replace(house["member"].email, "") == main_text(unknown).replace("nobody@acme.example", "")


def test_being_refused_for_the_address_costs_no_try_of_the_password(house):
    enforce(house)
    for _ in range(12):
        assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))


def test_a_session_that_leaves_the_ranges_stops_at_every_door_and_goes_on_when_it_returns(house):
    enforce(house)
    member, faults, tried = house.signed_in("owner"), [], 0
    token = token_of(member)
    move(member, ELSEWHERE)
    for door in doors(house.app, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        access = house.app.view_functions[door.endpoint].access
        if not access.stages:
            continue
        tried += 1
        data = {"csrf_token": token} if door.method == "POST" else None
        answer = member.client.open(door.of(house, "acme"), method=door.method, data=data, buffered=True)
        if answer.status_code != 403 or (door.method != "HEAD" and "Not from this network" not in answer.text):
            faults.append(f"{door}: {answer.status_code}")
    assert not faults, "\n".join(faults)
    assert tried > 60
    assert move(member, OFFICE).get("/me").status_code == 200


def test_control_without_the_check_the_same_doors_open(house):
    enforce(house, every_request=False)
    assert move(house.signed_in("owner"), ELSEWHERE).get("/users").status_code == 200


def test_from_outside_the_session_can_still_be_ended(house):
    enforce(house)
    member = house.signed_in("member")
    token = token_of(member)
    answer = move(member, ELSEWHERE).client.post("/sign-out", data={"csrf_token": token})
    assert answer.status_code == 303
    assert move(member, OFFICE).get("/me").status_code == 303


def test_checked_at_sign_in_only_a_session_may_move_but_not_begin_elsewhere(house):
    enforce(house, every_request=False)
    member = house.signed_in("member")
    assert move(member, ELSEWHERE).get("/me").status_code == 200
    assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["member"].email))


def test_programs_are_told_in_json(house):
    enforce(house)
    member = move(house.signed_in("member"), ELSEWHERE)
    answer = member.get("/me", headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.json["address"] == ELSEWHERE
    assert answer.json["reference"]


@pytest.mark.parametrize("kind", ["invitation", "password"])
def test_links_from_mails_open_inside_only(house, kind):
    owner = enforce(house)
    if kind == "invitation":
        owner.post(f"/users/{house['invited'].id}/invitation")
        link = house.link(house["invited"].email)
    else:
        house.visitor().post("/password/forgot", {"username": house["member"].email}, form="/password/forgot")
        link = house.link(house["member"].email, "password")
    new = {"password": "nine-Copper-kettles-4", "password_again": "nine-Copper-kettles-4"}
    outside = house.visitor(address=ELSEWHERE)
    assert is_refusal(outside.get(link))
    assert is_refusal(outside.post(link, new, form="/sign-in"))
    assert house.visitor().get(link).status_code == 200
    assert house.visitor().post(link, new, form=link).status_code == 303


def test_the_links_that_confirm_an_address_open_inside_only(house):
    owner = enforce(house)
    owner.post("/me/e-mail", {"email": "olga@new.example", "present": PASSWORD})
    link = house.link("olga@new.example")
    assert is_refusal(house.visitor(address=ELSEWHERE).get(link))
    assert is_refusal(house.visitor(address=ELSEWHERE).post(link, form="/sign-in"))
    assert house.visitor().get(link).status_code == 200


def test_ipv6_and_ipv4_written_as_ipv6_are_judged_alike(house):
    enforce(house, f"::ffff:{OFFICE}/128", "2001:db8:7::/48")
    assert house.signed_in("member", address=f"::ffff:{OFFICE}")
    assert house.signed_in("member", address="2001:db8:7::99")
    assert is_refusal(house.visitor(address="2001:db8:8::1").sign_in(house["member"].email))
    assert is_refusal(house.visitor(address=f"::ffff:{ELSEWHERE}").sign_in(house["member"].email))


def test_a_range_for_administrators_leaves_members_alone(house):
    owner = house.signed_in("owner")
    fields = {"range": f"{OFFICE}/24", "strength": "allowed", "on": "y", "roles": ["owner", "administrator"]}
    assert owner.post(f"{HERE}/new", fields, form=f"{HERE}/new").status_code == 303
    draft(owner)
    assert save(owner).status_code == 303
    assert house.signed_in("member", address=ELSEWHERE)
    assert is_refusal(house.visitor(address=ELSEWHERE).sign_in(house["admin"].email))


def test_another_customers_list_concerns_nobody_else(house):
    enforce(house)
    assert house.signed_in("birch_member", address=ELSEWHERE)
    assert house.signed_in("agent", address=ELSEWHERE)


def test_a_half_signed_in_session_is_judged_as_well(house):
    enforce(house, every_request=False)
    member = house.visitor()
    assert member.sign_in(house["member"].email).location.startswith("/sign-in/confirm")
    assert is_refusal(move(member, ELSEWHERE).get("/sign-in/confirm"))
    assert move(member, OFFICE).get("/sign-in/confirm").status_code == 200


def test_from_a_trusted_range_nobody_is_asked_to_confirm_and_from_an_over_wide_one_everybody(house):
    owner = house.signed_in("owner")
    draft(owner, f"{ELSEWHERE}/32", "192.0.0.0/7", strength="trusted", mode="off")
    assert save(owner, "No codes in the office").status_code == 303
    email = house["member"].email
    assert house.visitor(address=ELSEWHERE).sign_in(email).location == "/overview"
    for address in ("192.0.2.1", "203.0.113.51"):
        assert house.visitor(address=address).sign_in(email).location.startswith("/sign-in/confirm"), address


def test_a_refusal_is_recorded_once_an_hour_and_address_and_every_one_is_counted(house):
    owner = enforce(house)
    member = move(house.signed_in("member"), ELSEWHERE)
    for _ in range(5):
        assert is_refusal(member.get("/me"))
    assert is_refusal(move(member, "203.0.113.51").get("/me"))
    assert len(refusals_recorded(house)) == 2
    listed = main_text(owner.get(f"{HERE}/refusals"))
    assert "6 times" in listed
    assert ELSEWHERE in listed


def test_the_reference_is_found_and_its_address_can_be_allowed_from_there(house):
    owner = enforce(house)
    refused = house.visitor(address=ELSEWHERE).sign_in(house["member"].email)
    reference = re.search(r'<code id="reference">([A-Z2-7]+)', refused.text).group(1)
    found = owner.get(f"{HERE}/refusals?q={reference.lower()}", follow_redirects=True)
    assert f"Refusal {reference}" in found.text
    assert "Mika Member" in main_text(found)
    assert owner.get(f"/audit?who={reference.lower()}").location == f"{HERE}/refusals/{reference}"
    entry_id = refusals_recorded(house)[0]
    assert f"{HERE}/refusals/{reference}" in owner.get(f"/audit/{entry_id}").text
    assert owner.post(f"{HERE}/allow", {"address": ELSEWHERE}).location == f"{HERE}/review"
    assert save(owner, "Home office of Mika").status_code == 303
    assert house.signed_in("member", address=ELSEWHERE)


def test_an_unknown_reference_is_not_found(house):
    owner = enforce(house)
    assert "No refusal has this reference number" in owner.get(f"{HERE}/refusals?q=AAAAAAAA").text
    assert owner.get(f"{HERE}/refusals/AAAAAAAA").status_code == 404


def test_report_only_refuses_nobody_and_lists_who_would_have_been(house):
    from blueprints.address_gate import _report

    _report.forget()
    owner = enforce(house, mode="report")
    member = house.signed_in("member", address=ELSEWHERE)
    for _ in range(3):
        assert member.get("/me").status_code == 200
    listed = main_text(owner.get(f"{HERE}/refusals?mode=report"))
    assert "Mika Member" in listed
    assert "Would be refused" in listed
    assert not refusals_recorded(house)


def test_a_failing_list_lets_nobody_in(house, monkeypatch):
    enforce(house)
    member = house.signed_in("member")
    house.app.config["PROPAGATE_EXCEPTIONS"] = False

    def fails(*_args):
        raise ZeroDivisionError

    monkeypatch.setattr("console.ip_ranges.models.decide", fails)
    assert member.get("/me").status_code == 500
    assert house.visitor().sign_in(house["member"].email).status_code == 500


@pytest.mark.parametrize("text", ["%00%FF", "%00", "'", "x" * 99, "%E2%80%AE"])
def test_a_reference_that_can_be_none_is_answered_with_a_page(house, text):
    visitor = house.signed_in("security_manager")
    assert visitor.get(f"{HERE}/refusals?q={text}").status_code in (200, 303)
    assert visitor.get(f"{HERE}/refusals/{text}", follow_redirects=True).status_code == 404
    assert visitor.get(f"/audit?who={text}").status_code == 200
