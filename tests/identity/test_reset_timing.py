"""Asking for a new password says nothing about who has an account, not by its time either. Promise: P07."""

import random
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from console.core.db import db
from console.core.jobs import Job
from console.identity import reset
from tests.identity.timing import alike, areas_until_alike, auc, spent
from tests.users.acts import history, newest

START = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
PAIRS = 250
WARM_UP = 10
UNKNOWN = "nobody@acme.example"


@pytest.fixture
def clock():
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def _ask(visitor, username):
    return visitor.post("/password/forgot", {"username": username}, form="/password/forgot")


def _jobs(house):
    with house.inside(write=False):
        columns = (Job.tenant_id, Job.target_id, Job.state, Job.sealed)
        return db.session.execute(select(*columns).where(Job.kind == reset.JOB)).all()


@pytest.mark.promise("P07")
def test_the_request_leaves_the_same_behind_for_known_and_unknown_names(house):
    for name in (house["member"].email, UNKNOWN):
        assert _ask(house.visitor(), name).status_code == 200
    first, second = _jobs(house)
    for job in (first, second):
        assert (job.tenant_id, job.target_id, job.state) == (None, None, "queued")
        assert b"acme" not in job.sealed
    assert abs(len(first.sealed) - len(second.sealed)) <= 32
    assert house.work() >= 2
    assert [(job.state, job.sealed) for job in _jobs(house)] == [("done", None)] * 2


def test_the_entry_says_who_asked_from_where_although_a_worker_wrote_it(house):
    member = house["member"]
    _ask(house.visitor(address="203.0.113.77", browser="Mozilla/5.0 (X11; Linux) Firefox/140.0"), member.email)
    assert len(house.mails(member.email)) == 1
    entry = newest(house, member.tenant_id, member.id, "identity:password_reset:asked")
    assert entry["address"] == "203.0.113.77"
    assert "Firefox" in entry["browser"]


def test_a_job_that_is_done_twice_sends_one_mail_that_works(house):
    member = house["member"]
    _ask(house.visitor(), member.email)
    _ask(house.visitor(), member.email.upper())
    house.work()
    link = house.link(member.email, "new password")
    assert house.visitor().get(link).status_code == 200
    tags = [tag for tag, _details in history(house, member.tenant_id, member.id)]
    assert tags.count("identity:password_reset:asked") == 2


@pytest.mark.parametrize("key", ["suspended", "invited"])
def test_who_cannot_sign_in_gets_no_link(house, key):
    before = len(house.mails(house[key].email))
    _ask(house.visitor(), house[key].email)
    assert len(house.mails(house[key].email)) == before


def _times(house, clock, send, first, second, pairs):
    """Times of two kinds of request, interleaved. The clock moves on between pairs, so that no limit is met."""
    taken = {first: [], second: []}
    visitor, order = house.visitor(), random.Random(20260501)
    for number in range(pairs + WARM_UP):
        clock.shift(timedelta(minutes=13))
        for kind in order.sample((first, second), 2):
            token = visitor.token("/password/forgot")
            seconds, status = spent(lambda kind=kind, token=token: send(visitor, kind, token))
            assert status == 200
            if number >= WARM_UP:
                taken[kind].append(seconds)
    return taken[first], taken[second]


def _asks(visitor, username, token):
    fields = {"username": username, "csrf_token": token}
    return visitor.client.post("/password/forgot", data=fields).status_code


def test_the_time_of_the_answer_does_not_tell_whether_a_name_is_known(house, clock, capsys):
    areas = areas_until_alike(lambda pairs: _times(house, clock, _asks, house["admin"].email, UNKNOWN, pairs), PAIRS)
    with capsys.disabled():
        print(f"\n  forgotten password, known against unknown: AUC {', '.join(f'{area:.3f}' for area in areas)}")
    assert alike(areas), areas


def test_the_measurement_would_notice_that_the_work_is_done_at_once(house, clock):
    """The planted oracle: the request waits for the worker's part, as it did when there was no worker's part."""

    def waits(visitor, username, token):
        status = _asks(visitor, username, token)
        house.work()
        return status

    assert auc(*_times(house, clock, waits, house["admin"].email, UNKNOWN, 40)) > 0.9


def test_the_page_says_the_same_when_it_was_asked_too_often(house):
    visitor = house.visitor()
    pages = [re.sub(r'value="[^"]{60,}"', "", _ask(visitor, house["member"].email).text) for _ in range(7)]
    assert len(set(pages)) == 1
    assert len(house.mails(house["member"].email)) == reset.RESETS_AN_HOUR
