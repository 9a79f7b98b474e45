"""That an address is used by another Customer is told a few times an hour; after that nothing about new addresses is."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from console.users.actions import INVITATIONS_AN_HOUR
from console.users.usernames import TOLD_AN_HOUR
from tests.cast import PASSWORD
from tests.users.acts import add, edit, main_text, problems
from tests.users.csv_uploads import csv_bytes, uploaded

TAKEN = "birch.admin@birch.example"
HEADER = "given_name,family_name,email"


def use_up(house, visitor):
    for number in range(TOLD_AN_HOUR):
        answer = add(visitor, email=TAKEN)
        assert answer.status_code == 422, number
        assert "cannot be used as a username here" in problems(answer)["email"]


@pytest.fixture
def asked_out(house):
    admin = house.signed_in("admin")
    use_up(house, admin)
    return admin


def test_over_the_budget_a_taken_and_a_free_address_get_the_same_answer(house, asked_out):
    answers = [add(asked_out, email=email) for email in (TAKEN, "quite.free@acme.example")]
    assert [answer.status_code for answer in answers] == [429, 429]
    for answer in answers:
        assert "Try again in 60 minutes." in main_text(answer)
        assert 3000 < int(answer.headers["Retry-After"]) <= 3600


@pytest.mark.parametrize("email", [TAKEN, "quite.free@acme.example"])
def test_over_the_budget_no_door_tells(house, asked_out, email):
    assert edit(asked_out, house["member"].id, email=email).status_code == 429
    assert edit(asked_out, house["invited"].id, email=email).status_code == 429
    own = house.signed_in("member")
    assert own.post("/me/e-mail", {"email": email, "present": PASSWORD}, form="/me/e-mail").status_code == 429
    page = main_text(asked_out.get(uploaded(asked_out, csv_bytes(f"Eve,Else,{email}", header=HEADER))))
    assert "Not checked: too many" in page
    assert "again in 60 minutes" in page


def test_what_concerns_the_customers_own_people_goes_on(house, asked_out):
    assert edit(asked_out, house["member"].id, title="Pilot").status_code == 303
    row = f"Mika,Member,{house['member'].email}"
    assert "Not checked" not in main_text(asked_out.get(uploaded(asked_out, csv_bytes(row, header=HEADER))))


def test_every_door_counts(house):
    admin, own = house.signed_in("admin"), house.signed_in("member")
    for number in range(TOLD_AN_HOUR // 2):
        assert edit(admin, house["auditor"].id, email=TAKEN).status_code == 422, number
    for number in range(TOLD_AN_HOUR // 2):
        answer = own.post("/me/e-mail", {"email": TAKEN, "present": PASSWORD}, form="/me/e-mail")
        assert answer.status_code == 422, number
    assert add(admin, email=TAKEN).status_code == 429


def test_an_import_is_told_as_much_as_is_left_and_no_more(house):
    admin = house.signed_in("admin")
    people = [house[key].email for key in ("birch_owner", "birch_admin", "birch_member", "birch_invited")]
    for _time in range(TOLD_AN_HOUR // 4 - 1):
        uploaded(admin, csv_bytes(*(f"A,B,{email}" for email in people), header=HEADER))
    add(admin, email=TAKEN)
    rows = [*(f"A,B,{email}" for email in people), "A,B,quite.free@acme.example"]
    page = main_text(admin.get(uploaded(admin, csv_bytes(*rows, header=HEADER))))
    assert page.count("cannot be used as a username here") == 3
    assert page.count("Not checked: too many") == 2


def test_an_hour_later_it_is_told_again_and_other_customers_never_waited(house, asked_out):
    assert add(house.signed_in("birch_admin"), email="free@birch.example").status_code == 303
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=61), tick=True):
        admin = house.signed_in("admin")
        assert add(admin, email="quite.free@acme.example").status_code == 303


def test_an_address_of_ones_own_people_costs_nothing(house):
    admin = house.signed_in("admin")
    for _time in range(TOLD_AN_HOUR + 1):
        assert "is the username of Audrey Auditor" in problems(add(admin, email=house["auditor"].email))["email"]
    assert add(admin, email="quite.free@acme.example").status_code == 303


def test_a_person_is_sent_a_few_invitations_an_hour(house):
    admin, invited = house.signed_in("admin"), house["invited"]
    answers = [admin.post(f"/users/{invited.id}/invitation") for _time in range(INVITATIONS_AN_HOUR + 1)]
    assert [answer.status_code for answer in answers] == [303] * INVITATIONS_AN_HOUR + [429]
    assert "Try again in 60 minutes." in main_text(answers[-1])
    assert len(house.mails(invited.email)) == INVITATIONS_AN_HOUR
    assert house.visitor().get(house.link(invited.email, "invites you")).status_code == 200, "the last one still works"
