"""What is taken away counts with the next request in every worker of a running server, not only where it was done.

One worker at a time is let run, the others are stopped by the operating system meanwhile, so that it is known which one
answered. Each has answered the session with its page before, and holds whatever it keeps in memory.
"""

import http.client
import os
import signal
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select

from console.core.db import db
from console.sessions.models import Session
from console.users.models import State, user
from tests.cast import PASSWORD
from tests.commands.processes import answers, environment, free_port, running, wait_until
from tests.commands.test_people_commands import database_of
from tests.commands.test_serving import children
from tests.house import TOKEN
from tests.ip_ranges.acts import enforce
from tests.ip_ranges.acts import save as save_ranges
from tests.security.test_settings_pages import save
from tests.users.acts import open_edit, send_edit

WORKERS = 2
REQUESTS = 10
"""To each worker, after the session was worth something there and something was taken away."""


class Server:
    """A running server, of which one worker at a time answers."""

    def __init__(self, house, port, workers):
        self.house, self.port, self.workers = house, port, workers

    @contextmanager
    def only(self, worker):
        """Nobody but that worker answers."""
        others = [pid for pid in self.workers if pid != worker]
        for pid in others:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)

    def ask(self, path, cookies, body=None):
        """The status, the place it leads to and the text, over a connection of its own."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        pairs = "; ".join(f"{name}={value}" for name, value in cookies.items())
        headers = {"Host": f"localhost:{self.port}", "Cookie": pairs, "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        line.request("POST" if body is not None else "GET", path, body, headers)
        answer = line.getresponse()
        for name, value in answer.getheaders():
            if name == "Set-Cookie":
                key, _is, rest = value.partition("=")
                cookies[key] = rest.partition(";")[0]
        text = answer.read().decode()
        line.close()
        return answer.status, answer.getheader("Location"), text

    def statuses(self, cookies, path="/me", requests=REQUESTS):
        """What each worker answers, one after the other."""
        found = []
        for worker in self.workers:
            with self.only(worker):
                found += [self.ask(path, dict(cookies))[0] for _each in range(requests)]
        return found


@pytest.fixture
def server(house):
    port = free_port()
    base = {"SAFEKEEP_BASE_URL": f"http://localhost:{port}"}
    env = environment(house.settings.instance, database_of(house.settings), **base)
    with running(env, "run", "--port", str(port), "--workers", str(WORKERS)) as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz") == 200 or process.poll() is not None)
        workers = sorted(map(int, wait_until(lambda: len(found := children(process.pid)) == WORKERS and found)))
        found = Server(house, port, workers)
        for worker in workers:
            with found.only(worker):
                wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz", seconds=20) == 200)
        yield found


def cookies_of(visitor):
    return {cookie.key: cookie.value for cookie in visitor.client._cookies.values()}


def newest_session(user_id):
    query = select(Session).where(Session.user_id == user_id).order_by(Session.started_at.desc()).limit(1)
    return db.session.execute(query).scalar_one()


def suspended(house, owner, _cookies):
    assert owner.post(f"/users/{house['admin'].id}/suspend").status_code == 303


def other_role(house, owner, _cookies):
    fields = open_edit(owner, house["admin"].id)
    assert send_edit(owner, house["admin"].id, fields, role="member").status_code == 303


def session_ended(house, owner, _cookies):
    with house.inside(house["admin"].tenant_id, write=False):
        session_id = newest_session(house["admin"].id).id
    assert owner.post(f"/security/sessions/{session_id}/end").status_code == 303


def all_ended(_house, owner, _cookies):
    assert owner.post("/security/sessions/end-all", form="/security/sessions/end-all").status_code == 303


def outside_the_ranges(house, _owner, _cookies):
    enforce(house)


def shorter_sessions(house, owner, _cookies):
    with house.inside(house["admin"].tenant_id):
        newest_session(house["admin"].id).started_at -= timedelta(hours=2)
    assert save(owner, session_absolute_hours="1", session_idle_minutes="30").status_code == 303


def signed_out(house, _owner, cookies):
    visitor = house.visitor()
    for name, value in cookies.items():
        visitor.client.set_cookie(name, value)
    assert visitor.post("/sign-out", form="/me").status_code == 303


WAYS = [suspended, other_role, session_ended, all_ended, outside_the_ranges, shorter_sessions, signed_out]


def test_what_is_taken_away_is_gone_with_the_next_request_in_every_worker(house, server):
    """One server for all ways: each is tried on a session of its own, and undone by signing in again."""
    bystander = cookies_of(house.signed_in("birch_owner"))
    for way in WAYS:
        with house.inside(house["admin"].tenant_id):
            admin = user(house["admin"].id)
            admin.role, admin.state = "administrator", State.ACTIVE
        cookies, owner = cookies_of(house.signed_in("admin")), house.signed_in("owner")
        assert set(server.statuses(cookies)) == {200}, f"{way.__name__}: it must be worth something before"
        way(house, owner, cookies)
        found = server.statuses(cookies)
        assert len(found) == WORKERS * REQUESTS
        assert not [status for status in found if 200 <= status < 300], (way.__name__, found)
        assert set(server.statuses(bystander, requests=1)) == {200}, f"{way.__name__} touched another Customer"
        if way is outside_the_ranges:
            owner.post("/security/ip-ranges/switches", {"mode": "off", "every_request": "yes"})
            assert save_ranges(owner).status_code == 303


def test_a_second_factor_that_becomes_required_is_asked_for_at_the_next_sign_in_in_every_worker(house, server):
    def arrives_at():
        found = []
        for worker in server.workers:
            visitor = house.usual_browser("admin")
            cookies = cookies_of(visitor)
            with server.only(worker):
                token = TOKEN.search(server.ask("/sign-in", cookies)[2]).group(1)
                body = f"csrf_token={token}&username={house['admin'].email}&password={PASSWORD}"
                _status, place, _text = server.ask("/sign-in", cookies, body)
                found.append((place.partition("?")[0], server.ask("/overview", cookies)[0]))
        return found

    assert arrives_at() == [("/overview", 200)] * WORKERS
    assert save(house.signed_in("owner"), factor_required="administrators").status_code == 303
    assert arrives_at() == [("/sign-in/factor", 303)] * WORKERS


def test_control_a_worker_that_remembers_sessions_would_be_noticed(house, server):
    """The planted fault: nothing is taken away at all, as if the workers had not heard of it."""
    assert set(server.statuses(cookies_of(house.signed_in("admin")))) == {200}
