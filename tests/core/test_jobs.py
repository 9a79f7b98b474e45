"""Long work as rows: taken over after a kill, never done twice at once, cancelled, retried, repeated."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import time_machine
from sqlalchemy import select, update

from console.core import clock, jobs
from console.core.db import db, unit_of_work
from console.core.jobs import LEASE_SECONDS, MAX_ATTEMPTS, Job, LostLease, TryLater, claim, work_once
from console.registry import PERIODIC
from tests import databases
from tests.commands.processes import ROOT, environment, wait_until

KIND = "test-work"


def enqueue(house, **facts):
    with house.inside():
        return jobs.enqueue(KIND, **facts)


def job(house, job_id):
    with house.inside(write=False):
        row = db.session.get(Job, job_id)
        db.session.expunge(row)
        return row


def work(house, handler):
    with house.app.app_context():
        return work_once({KIND: handler})


def later(seconds):
    return time_machine.travel(clock.now().timestamp() + seconds, tick=True)


def test_a_job_is_done_once_and_says_so(house):
    job_id, seen = enqueue(house, total=3), []
    assert work(house, seen.append)
    assert not work(house, seen.append)
    assert [run.job_id for run in seen] == [job_id]
    done = job(house, job_id)
    assert (done.state, done.attempts, done.lease_until_at) == ("done", 1, None)
    assert done.finished_at is not None


def test_a_job_of_an_act_that_was_rolled_back_does_not_exist(house):
    with pytest.raises(RuntimeError), house.inside():
        jobs.enqueue(KIND)
        raise RuntimeError
    assert not work(house, lambda _run: None)


def test_a_delayed_job_waits_for_its_time(house):
    enqueue(house, delay_seconds=60)
    assert not work(house, lambda _run: None)
    with later(61):
        assert work(house, lambda _run: None)


def test_a_leased_job_is_nobody_elses_until_the_lease_ends(house):
    enqueue(house)
    with house.app.app_context():
        first = claim([KIND])
        assert claim([KIND]) is None
        with later(LEASE_SECONDS + 1):
            second = claim([KIND])
    assert second.job_id == first.job_id
    assert second.fence == first.fence + 1


def test_a_worker_whose_job_was_taken_over_is_stopped_and_its_work_rolled_back(house):
    job_id = enqueue(house)
    with house.app.app_context():
        slow = claim([KIND])
        with later(LEASE_SECONDS + 1):
            fast = claim([KIND])
            with unit_of_work():
                fast.checkpoint(5, 10)
        with pytest.raises(LostLease), unit_of_work():
            jobs.enqueue("written-by-the-slow-one")
            slow.checkpoint(1, 10)
    assert job(house, job_id).done == 5
    with house.inside(write=False):
        kinds = list(db.session.execute(select(Job.kind)).scalars())
    assert "written-by-the-slow-one" not in kinds


def test_a_checkpoint_prolongs_the_lease_and_the_next_run_goes_on_from_it(house):
    job_id = enqueue(house, total=10)
    with house.app.app_context():
        run = claim([KIND])
        with later(LEASE_SECONDS - 1), unit_of_work():
            run.checkpoint(4, 10)
        with later(LEASE_SECONDS + 1):
            assert claim([KIND]) is None
        with later(2 * LEASE_SECONDS + 1):
            assert claim([KIND]).done == 4
    assert job(house, job_id).done == 4


def test_a_cancelled_job_never_starts(house):
    job_id = enqueue(house)
    with house.inside():
        assert jobs.cancel(job_id)
        assert not jobs.cancel(job_id)
    assert not work(house, lambda _run: None)
    assert job(house, job_id).state == "cancelled"


def test_a_running_job_that_is_cancelled_stops_at_its_next_checkpoint(house):
    job_id, reached = enqueue(house), []

    def handler(run):
        with unit_of_work():
            run.checkpoint(1, 3)
        with unit_of_work():
            jobs.cancel(job_id)
        with unit_of_work():
            run.checkpoint(2, 3)
        reached.append("past the checkpoint")

    assert work(house, handler)
    assert not reached
    assert (job(house, job_id).state, job(house, job_id).done) == ("cancelled", 1)


def test_what_fails_is_tried_again_ever_later_and_given_up_in_the_end(house):
    job_id, waits = enqueue(house), []

    def handler(_run):
        raise ValueError("secret detail")

    with time_machine.travel(clock.now(), tick=True) as traveller:
        while job(house, job_id).state == "queued":
            assert work(house, handler)
            row = job(house, job_id)
            waits.append(round((row.run_after_at - clock.now()).total_seconds()))
            traveller.shift(3601)
    assert job(house, job_id).state == "failed"
    assert len(waits) == MAX_ATTEMPTS
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) <= 3600
    assert job(house, job_id).reason == "ValueError (the log has the details)"


def test_why_something_is_tried_later_is_told(house):
    job_id = enqueue(house)

    def handler(_run):
        raise TryLater("the mail server is down")

    work(house, handler)
    assert job(house, job_id).reason == "the mail server is down"
    with later(6):
        work(house, lambda _run: None)
    assert (job(house, job_id).state, job(house, job_id).reason) == ("done", None)


def test_a_job_that_ends_its_worker_each_time_is_given_up_and_the_next_one_is_done(house):
    poison = enqueue(house)
    with house.app.app_context(), time_machine.travel(clock.now(), tick=True) as traveller:
        for attempt in range(MAX_ATTEMPTS):
            assert claim([KIND]).attempt == attempt + 1
            traveller.shift(LEASE_SECONDS + 1)
        with unit_of_work():
            good = jobs.enqueue(KIND)
        assert claim([KIND]).job_id == good
    assert job(house, poison).state == "failed"
    assert "the worker ended" in job(house, poison).reason


def test_a_periodic_job_comes_back_whether_it_worked_or_not(house):
    with house.inside():
        jobs.ensure_periodic(KIND, every_seconds=600)
        jobs.ensure_periodic(KIND, every_seconds=600)
    seen = []
    assert work(house, seen.append)
    assert not work(house, seen.append), "there are two of it, or it came back at once"
    with later(601):
        assert work(house, lambda _run: 1 / 0)
        with later(6):
            assert work(house, seen.append)
            with later(601):
                assert work(house, seen.append)


def test_every_installation_has_its_periodic_jobs_once(house):
    from console.install import initialise

    initialise(house.settings)
    with house.inside(write=False):
        kinds = list(db.session.execute(select(Job.kind).where(Job.every_seconds.is_not(None))).scalars())
    assert sorted(kinds) == sorted(PERIODIC)


def test_two_workers_never_run_the_same_job(house):
    count = 40
    with house.inside():
        for _number in range(count):
            jobs.enqueue(KIND)
    seen, at_once, most = [], [], []

    def handler(run):
        at_once.append(run.job_id)
        most.append(len(at_once) - len(set(at_once)))
        seen.append(run.job_id)
        at_once.remove(run.job_id)

    def loop():
        with house.app.app_context():
            while work_once({KIND: handler}):
                pass

    threads = [threading.Thread(target=loop) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(seen) == len(set(seen)) == count
    assert not any(most)


WORKER = """
import sys, time
from console.commands.base import installation
from console.core import jobs
from console.core.db import unit_of_work
def handler(run):
    with unit_of_work():
        jobs.enqueue("effect-" + sys.argv[1])
        run.checkpoint(run.done + 1, 2)
    print("half done", flush=True)
    time.sleep(120)
with installation():
    jobs.work_once({"test-work": handler})
"""


def test_a_job_whose_worker_was_killed_is_taken_over_after_the_lease_and_nothing_is_doubled(house):
    job_id = enqueue(house, total=2)
    database = house.settings.database_url.rsplit("/", 1)[1] if databases.POSTGRESQL else None
    env = environment(house.settings.instance, database)
    killed = subprocess.Popen(
        [sys.executable, "-c", WORKER, "killed"], env=env, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert killed.stdout.readline() == "half done\n"
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert not work(house, lambda _run: None), "the lease still runs"

    def rest(run):
        assert run.done == 1
        with unit_of_work():
            jobs.enqueue("effect-rest")
            run.checkpoint(2, 2)

    with later(LEASE_SECONDS + 1):
        assert work(house, rest)
    assert (job(house, job_id).state, job(house, job_id).done) == ("done", 2)
    with house.inside(write=False):
        kinds = sorted(kind for kind in db.session.execute(select(Job.kind)).scalars() if kind.startswith("effect"))
    assert kinds == ["effect-killed", "effect-rest"]


def test_a_worker_that_wakes_up_after_its_lease_writes_nothing_more(house):
    job_id = enqueue(house, total=2)
    database = house.settings.database_url.rsplit("/", 1)[1] if databases.POSTGRESQL else None
    sleepy = WORKER.replace(
        "time.sleep(120)",
        "sys.stdin.readline()\n    with unit_of_work():\n"
        "        jobs.enqueue('effect-late')\n        run.checkpoint(2, 2)",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", sleepy, "sleepy"],
        env=environment(house.settings.instance, database),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout.readline() == "half done\n"
    with later(LEASE_SECONDS + 1):
        assert work(house, lambda _run: None)
    _out, errors = process.communicate("go on\n", timeout=120)
    assert process.returncode == 0
    assert "was taken over or cancelled" in errors
    with house.inside(write=False):
        assert "effect-late" not in set(db.session.execute(select(Job.kind)).scalars())
    assert job(house, job_id).state == "done"


def test_the_newest_job_about_something_is_found(house):
    from console.core.ids import new_id

    target = new_id()
    enqueue(house, target_id=target)
    second = enqueue(house, target_id=target)
    with house.inside(write=False):
        assert jobs.job_for(KIND, target).id == second
        assert jobs.job_for(KIND, new_id()) is None
        assert jobs.job_for("other", target) is None


def test_a_job_that_others_hold_locked_is_passed_over(house):
    if not databases.POSTGRESQL:
        pytest.skip("SQLite has one writer at a time")
    first, second = enqueue(house), enqueue(house)
    with house.inside():
        db.session.execute(select(Job).where(Job.id == first).with_for_update())
        found = []
        thread = threading.Thread(target=lambda: work(house, found.append))
        thread.start()
        thread.join(120)
        assert [run.job_id for run in found] == [second]


def test_heartbeats_are_written_with_each_checkpoint(house):
    job_id = enqueue(house)
    with house.app.app_context():
        run = claim([KIND])
        with unit_of_work():
            db.session.execute(update(Job).where(Job.id == job_id).values(heartbeat_at=None))
        with unit_of_work():
            run.checkpoint(1, 2)
    assert wait_until(lambda: job(house, job_id).heartbeat_at)
    assert time.time() - job(house, job_id).heartbeat_at.timestamp() < 60


def test_a_job_whose_worker_is_told_to_end_goes_back_to_the_queue_and_goes_on_from_its_checkpoint(house):
    job_id, told = enqueue(house, total=3), threading.Event()

    def handler(run):
        for done in range(run.done + 1, 4):
            with unit_of_work():
                run.checkpoint(done, 3)
            if done == 2:
                told.set()

    with house.app.app_context():
        assert work_once({KIND: handler}, stopping=told.is_set)
    stopped = job(house, job_id)
    assert (stopped.state, stopped.done, stopped.attempts, stopped.lease_until_at) == ("queued", 2, 0, None)
    told.clear()
    assert work(house, handler)
    assert (job(house, job_id).state, job(house, job_id).done) == ("done", 3)


def test_work_that_waits_for_a_time_is_no_failed_attempt_and_goes_on_then(house):
    job_id, runs = enqueue(house), []

    def handler(run):
        runs.append(run.attempt)
        if len(runs) <= MAX_ATTEMPTS + 1:
            raise jobs.NotYet(90)

    for turn in range(MAX_ATTEMPTS + 2):
        with later(91 * turn):
            assert work(house, handler)
            assert not work(house, handler), "not before its time"
    assert set(runs) == {1}
    assert job(house, job_id).state == "done"


def test_work_that_gets_on_may_be_interrupted_any_number_of_times(house):
    job_id = enqueue(house)
    for turn in range(MAX_ATTEMPTS + 3):
        with later((LEASE_SECONDS + 1) * turn), house.app.app_context():
            run = claim([KIND])
            assert run is not None, turn
            with unit_of_work():
                run.checkpoint(turn, 100, progressed=True)
    assert job(house, job_id).state == "running"
