"""Whatever two administrators do to each other at the same moment, somebody can still administer. Promise: P02."""

import time
from dataclasses import replace

import pytest

from console.core.db import db
from console.core.permissions import ADMINISTRATOR_ROLES
from console.users.models import State, User
from tests.security.at_once import at_once, database_held
from tests.users.acts import edit, open_edit

TRIALS = 21
ACTS = ("suspend", "delete", "demote", "bulk")
PAIR = ("birch_owner", "birch_admin")


def _usable(house):
    with house.inside(house["birch_owner"].tenant_id, write=False):
        return db.session.query(User).filter(User.role.in_(ADMINISTRATOR_ROLES), User.state == State.ACTIVE).count()


def _both_are_owners_again(house):
    with house.inside(house["birch_owner"].tenant_id):
        for key in PAIR:
            person = db.session.query(User).filter(User.id == house[key].id).one()
            person.role, person.state, person.purge_at = "owner", State.ACTIVE, None
            person.sign_in_epoch += 1


def _prepared(house, actor, victim, act):
    """A function that sends the form; everything that can be done before is done."""
    visitor = house.signed_in(actor)
    person = house[victim]
    fields = {"csrf_token": visitor.token("/me")}
    url = f"/users/{person.id}/{act}"
    if act == "demote":
        url = f"/users/{person.id}/edit"
        fields = {**open_edit(visitor, person.id), "role": "member"}
    if act == "bulk":
        url = "/users/bulk"
        fields |= {"verb": "suspend", "confirmed": "yes", "ids": str(person.id)}
    return lambda: visitor.client.post(url, data=fields).status_code


@pytest.mark.promise("P02")
@pytest.mark.parametrize("act", ACTS)
def test_two_owners_at_once_leave_at_least_one(house, act):
    outcomes = []
    many = replace(house.settings, sign_ins_per_account=10_000, sign_ins_per_address=10_000)
    house.app.extensions["safekeep.settings"] = many
    for _ in range(TRIALS):
        _both_are_owners_again(house)
        acts = [_prepared(house, *PAIR, act), _prepared(house, *reversed(PAIR), act)]
        with database_held(house, house["birch_owner"].tenant_id):
            threads, results = at_once(*acts)
            time.sleep(0.15)  # both have read what they read without the lock, and wait for it
        for thread in threads:
            thread.join()
        outcomes.append((_usable(house), tuple(sorted(map(str, results)))))
    assert min(usable for usable, _ in outcomes) >= 1, outcomes
    assert all(set(results) <= {"303", "403", "409", "404"} for _, results in outcomes), outcomes
    assert any("303" in results for _, results in outcomes), "nothing was ever done, so nothing was tried"


def test_counting_before_the_lock_would_have_left_nobody(house):
    """The control: the guard as it is usually written, under the same barrier, ends with none."""
    _both_are_owners_again(house)
    tenant_id = house["birch_owner"].tenant_id
    seen = [(key, _usable(house)) for key in PAIR]
    for key, count in seen:
        if count > 1:
            with house.inside(tenant_id):
                db.session.query(User).filter(User.id == house[key].id).one().state = State.SUSPENDED
    assert _usable(house) == 0


def test_the_last_administrator_cannot_leave_by_any_door(house):
    owner = house.signed_in("birch_owner")
    with house.inside(house["birch_owner"].tenant_id):
        db.session.query(User).filter(User.id == house["birch_admin"].id).one().state = State.SUSPENDED
    person = house["birch_owner"]
    answers = [
        edit(owner, person.id, role="member"),
        owner.post(f"/users/{person.id}/suspend"),
        owner.post(f"/users/{person.id}/delete"),
        owner.post("/users/bulk", {"verb": "delete", "confirmed": "yes", "ids": str(person.id)}),
    ]
    assert [answer.status_code for answer in answers] == [409] * 4
    assert _usable(house) == 1
