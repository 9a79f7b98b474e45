"""`safekeep run` and `worker` as an init system runs them: start, stop, reload, and requests in hand."""

import re
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

from tests.commands.processes import answers, environment, free_port, refused, running, safekeep, status_of, wait_until
from tests.commands.test_people_commands import database_of
from tests.users.acts import added


@contextmanager
def server(house, **more):
    """A running `safekeep run`; answers the process and its port."""
    port = free_port()
    base = {"SAFEKEEP_BASE_URL": f"http://localhost:{port}"}
    env = environment(house.settings.instance, database_of(house.settings), **{**base, **more})
    with running(env, "run", "--port", str(port), "--workers", "1") as process:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz") == 200 or process.poll() is not None)
        assert process.poll() is None
        yield process, port


def slow_request(port):
    """A request that a worker has begun to read, and whose last byte is still missing."""
    line = socket.create_connection(("127.0.0.1", port), timeout=120)
    line.sendall(
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\n"
    )
    assert line.recv(65536).startswith(b"HTTP/1.1 100 ")
    line.sendall(b"username=")
    return line


def finish(line):
    line.sendall(b"x")
    answer = b""
    while chunk := line.recv(65536):
        answer += chunk
    line.close()
    return answer


def children(pid):
    return set(subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split())


def test_run_answers_health_pages_and_ends_a_request_in_hand_before_it_stops(house):
    with server(house) as (process, port):
        assert answers(f"http://127.0.0.1:{port}/readyz") == 200
        assert answers(f"http://127.0.0.1:{port}/sign-in") == 200
        line = slow_request(port)
        process.send_signal(signal.SIGTERM)
        alive = f"http://127.0.0.1:{port}/healthz"
        wait_until(lambda: answers(alive, seconds=1) is None, seconds=120, why="it still takes requests")
        assert process.poll() is None
        assert re.match(rb"HTTP/1.1 (400|422|500) ", finish(line))
        assert process.wait(120) == 0


def test_sighup_reloads_settings_without_losing_a_request(house):
    with server(house) as (process, port):
        before = wait_until(lambda: children(process.pid))
        (house.settings.instance / "safekeep.toml").write_text('company = "Renamed Hosting"\n')
        failed, done = [], threading.Event()

        def ask():
            while not done.is_set():
                try:
                    assert status_of(f"http://127.0.0.1:{port}/healthz") == 200
                except (OSError, AssertionError) as error:
                    failed.append(repr(error))

        asker = threading.Thread(target=ask)
        asker.start()
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: (now := children(process.pid)) and not now & before, why="the old workers stayed")
        done.set()
        asker.join(120)
        assert not failed
        assert process.poll() is None
        assert answers(f"http://127.0.0.1:{port}/readyz") == 200


def test_a_port_in_use_is_named_in_one_line(house):
    env = environment(house.settings.instance, database_of(house.settings))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(safekeep(env, "run", "--port", port), f"port {port}", "--port takes another one")
        refused(safekeep(env, "run", "--host", "no.such.host.invalid"), "no.such.host.invalid")


def test_the_worker_sends_what_waits_and_stops_when_asked(house):
    added(house.signed_in("admin"))
    env = environment(house.settings.instance, database_of(house.settings))
    folder = house.settings.instance / "mail"
    with running(env, "worker") as process:
        wait_until(lambda: any("nia" in path.read_text() for path in folder.glob("*.eml")))
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0


def test_the_worker_outlives_a_database_that_does_not_answer_for_a_while(house):
    if house.settings.database_url.startswith("postgresql"):
        return  # there the server is shared by all tests and cannot be taken away from one
    env = environment(house.settings.instance)
    database = house.settings.instance / "safekeep.sqlite"
    with running(env, "worker") as process:
        folder = house.settings.instance / "mail"
        wait_until(lambda: list(folder.glob("*.eml")))
        away = database.rename(database.with_suffix(".away"))
        database.mkdir()
        time.sleep(1.2)  # two looks for work must fail meanwhile
        database.rmdir()
        away.rename(database)
        assert process.poll() is None
        added(house.signed_in("admin"))
        wait_until(lambda: any("nia" in path.read_text() for path in folder.glob("*.eml")))


def test_two_workers_share_the_work_and_every_mail_goes_out_once(house):
    admin = house.signed_in("admin")
    house.work()
    folder = house.settings.instance / "mail"
    before = len(list(folder.glob("*.eml")))
    for number in range(10):
        added(admin, email=f"many{number}@acme.example")
    env = environment(house.settings.instance, database_of(house.settings))
    with running(env, "worker"), running(env, "worker"):
        wait_until(lambda: len(list(folder.glob("*.eml"))) >= before + 10)
    assert len(list(folder.glob("*.eml"))) == before + 10
    assert not list(folder.glob("*.part"))
