"""People go on working while keys are replaced: no page fails, no edit is lost, nobody is signed out."""

import threading
from datetime import timedelta

import pytest
import time_machine

from console.app import create_app
from console.core import clock
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.ids import PLATFORM_TENANT_ID
from console.core.jobs import work_once
from console.keys import roots, work
from console.keys.models import JOB, State
from console.registry import HANDLERS
from console.users.models import user
from console.vault.access import keyring
from console.vault.rotation import SETTLING
from tests.house import House
from tests.keys.test_rotation import states

THREADS = 20
BY = system("test")


class Crowd:
    """Twenty browsers, spread over two web servers that share nothing but the installation."""

    def __init__(self, house, second):
        self.houses = (house, second)
        self.stop, self.failures, self.requests = threading.Event(), [], 0
        keys = ("owner", "admin")
        self.visitors = [self.houses[number % 2].signed_in(keys[number % 2]) for number in range(THREADS)]
        self.people = [house["member"], house["other_member"]]
        self.titles = {}
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.live, args=(number,)) for number in range(THREADS)]

    def live(self, number):
        """One person: reads pages; two of them also change a colleague's own row, each change built on the last."""
        visitor, round_ = self.visitors[number], 0
        while not self.stop.is_set():
            round_ += 1
            try:
                for page in ("/overview", "/users", "/security/keys", "/me"):
                    self.expect(visitor.get(page), page)
                if number < len(self.people):
                    self.edit(visitor, self.people[number], f"Round {round_}")
            except Exception as error:  # noqa: BLE001 (whatever it is, it is a failure of the service)
                self.failures.append(repr(error))

    def edit(self, visitor, person, title):
        page = f"/users/{person.id}/edit"
        text = visitor.get(page).text
        version = text.split('name="version"')[1].split('value="')[1].split('"')[0]
        fields = {"given_name": person.given_name, "family_name": person.family_name, "role": person.role}
        answer = visitor.post(page, {**fields, "title": title, "version": version, "time_zone": "UTC"}, form=page)
        self.expect(answer, page)
        self.titles[person.id] = title

    def expect(self, answer, page):
        with self.lock:
            self.requests += 1
        sent_away = answer.status_code == 303 and "/sign-in" in answer.location
        if answer.status_code not in (200, 303) or sent_away:
            self.failures.append(f"{page}: {answer.status_code} {answer.headers.get('Location')}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self.stop.set()
        for thread in self.threads:
            thread.join()

    def until_everybody_had_a_turn(self):
        seen = self.requests
        while self.requests < seen + 2 * THREADS and not self.failures:
            self.stop.wait(0.05)

    def check(self, house):
        assert self.failures == []
        assert self.requests > 10 * THREADS
        for person in self.people:
            with house.inside(person.tenant_id, write=False):
                assert user(person.id).details.title == self.titles[person.id], "an edit was lost"


@pytest.fixture
def process(house):
    """Makes further processes of the installation: applications with a keyring of their own."""
    made = []

    def make():
        made.append(House(create_app(house.settings), house.settings, house.people))
        return made[-1]

    yield make
    for each in made:
        with each.app.app_context():
            db.engine.dispose()


def test_nobody_notices_that_the_key_is_replaced(house, process, replacing, monkeypatch):
    monkeypatch.setattr(work, "BATCH", 3)  # so that many batches meet the crowd
    tenant_id = house["owner"].tenant_id
    crowd, third = Crowd(house, process()), process()
    with crowd:
        crowd.until_everybody_had_a_turn()
        rotation_id = replacing.start(tenant_id)
        with third.app.app_context():
            work_once({JOB: HANDLERS[JOB]})
        assert replacing.at(tenant_id, rotation_id).state == State.SETTLING
        crowd.until_everybody_had_a_turn()
        with time_machine.travel(clock.now() + SETTLING + timedelta(seconds=5), tick=True):
            # What SETTLING promises: by now every process has opened the keys anew.
            for running in crowd.houses:
                running.app.extensions["safekeep.keyring"].drop(tenant_id)
            with third.app.app_context():
                work_once({JOB: HANDLERS[JOB]})
            crowd.until_everybody_had_a_turn()
    crowd.check(house)
    assert replacing.at(tenant_id, rotation_id).state == State.DONE
    assert states(house, tenant_id) == {1: "destroyed", 2: "primary"}


def test_nobody_notices_that_the_root_is_replaced_and_the_old_one_retired(house, process):
    crowd, third = Crowd(house, process()), process()
    with crowd, third.app.app_context():
        crowd.until_everybody_had_a_turn()
        with unit_of_work(PLATFORM_TENANT_ID):
            assert roots.ensure_new_root(by=BY) == 2
        done = roots.wrap_anew()
        with unit_of_work(PLATFORM_TENANT_ID):
            roots.record_wrapped(done, by=BY)
        assert (done.done, done.remaining) == (3, 0), "the host's key and two Customers'"
        for running in crowd.houses:  # as their time in memory would end
            for tenant_id in (PLATFORM_TENANT_ID, house["owner"].tenant_id):
                running.app.extensions["safekeep.keyring"].drop(tenant_id)
        crowd.until_everybody_had_a_turn()
        with unit_of_work(PLATFORM_TENANT_ID):
            assert [gone.version for gone in roots.retire_roots(by=BY)] == [1]
        for running in crowd.houses:
            running.app.extensions["safekeep.keyring"].drop(house["owner"].tenant_id)
        crowd.until_everybody_had_a_turn()
        assert {root.version: root.state for root in roots.roots()} == {2: "current", 1: "gone"}
        assert {key.root_version for key in keyring().store.stored_keys()} == {2}
    crowd.check(house)
