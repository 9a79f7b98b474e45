"""Work that may take hours has a lane of its own in every worker, so that mail never waits for it."""

import threading

from console.commands.serve import work_in_lanes
from console.core import jobs
from console.core.db import db
from console.core.jobs import Job
from console.registry import HANDLERS, LANES
from tests.commands.processes import wait_until

WAIT_SECONDS = 60


def test_every_kind_of_job_is_in_exactly_one_lane():
    kinds = [kind for handlers in LANES.values() for kind in handlers]
    assert sorted(kinds) == sorted(HANDLERS)


def test_a_long_job_that_is_at_work_holds_up_no_mail(house):
    begun, stopping = threading.Event(), threading.Event()
    with house.inside():
        long_id, quick_id = jobs.enqueue("test-long"), None

    def long(run):
        begun.set()
        while True:  # until the worker is told to end
            with house.inside():
                run.checkpoint(1, 2)

    lanes = {"quick": {"test-quick": lambda _run: None}, "long": {"test-long": long}}

    def worker():
        with house.app.app_context():
            work_in_lanes(lanes, stopping)

    thread = threading.Thread(target=worker)
    thread.start()
    try:
        assert begun.wait(WAIT_SECONDS)
        with house.inside():
            quick_id = jobs.enqueue("test-quick")
        wait_until(lambda: state(house, quick_id) == "done", seconds=WAIT_SECONDS)
        assert state(house, long_id) == "running"
    finally:
        stopping.set()
        thread.join(WAIT_SECONDS)
    assert not thread.is_alive()
    assert state(house, long_id) == "queued"


def state(house, job_id):
    with house.inside(write=False):
        return db.session.get(Job, job_id).state
