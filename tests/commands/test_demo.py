"""`safekeep demo`: one command to a console with people in it, which keeps its data and harms no other."""

import re
import signal
import socket
from contextlib import contextmanager

import pytest

from console.demo import PASSWORD
from tests import databases
from tests.commands.processes import answer_of, answers, environment, free_port, refused, running, safekeep, wait_until
from tests.commands.test_people_commands import database_of

pytestmark = pytest.mark.skipif(databases.POSTGRESQL, reason="the demo's own database is SQLite")


@pytest.fixture
def env(tmp_path):
    found = environment(tmp_path / "instance")
    del found["SAFEKEEP_PROFILE"]
    return found


@contextmanager
def demo(env, *more):
    """A running demo; answers its process, port and what it printed up to the logins."""
    port = free_port()
    with running(env, "demo", "--port", str(port), *more) as process:
        printed = ""
        while "Stop with Ctrl-C" not in printed:
            line = process.stdout.readline()
            assert line, printed + process.stderr.read()
            printed += line
        yield process, port, printed


def test_the_demo_prints_its_address_and_logins_keeps_its_data_and_starts_over_when_asked(env, tmp_path):
    with demo(env) as (process, port, printed):
        assert f"Safekeep is at http://localhost:{port}" in printed
        assert f"Password of everybody: {PASSWORD}" in printed
        assert "amara@harbourlane.example" in printed
        assert re.search(r"key [A-Z2-7]{32}   code now \d{6}", printed)
        assert answers(f"http://localhost:{port}/sign-in") == 200
        assert answers(f"http://localhost:{port}/dev/mail") == 200
        rows = {row["name"]: row["users"] for row in answer_of(env, "tenant", "list")}
        assert rows == {"Harbour & Lane Shipping": 29, "Orchard Trust": 8}
        link = answer_of(
            env,
            "user",
            "add",
            "orchard",
            "new@orchardtrust.example",
            "--given-name",
            "New",
            "--family-name",
            "One",
            "--role",
            "member",
        )["activation_link"]
        assert link.startswith(f"http://localhost:{port}/invitations/")
        assert answers(link) == 200
        second = safekeep(env, "demo", "--port", str(free_port()))
        refused(second, "A demo runs on")
        refused(safekeep(env, "demo", "--fresh", "--port", str(free_port())), "A demo runs on")
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(120) == 0
        assert "The demo's data stays in" in rest
    with demo(env) as (process, port, printed):
        assert "Filling the demo" not in printed
        assert {row["users"] for row in answer_of(env, "tenant", "list")} == {29, 9}
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
        assert answers(f"http://localhost:{port}/healthz") is None
    (tmp_path / "instance" / "safekeep.toml").write_text('company = "Kept"\n')
    with demo(env, "--fresh") as (_process, _port, printed):
        assert "Filling the demo" in printed
        assert {row["users"] for row in answer_of(env, "tenant", "list")} == {29, 8}
    assert (tmp_path / "instance" / "safekeep.toml").exists()


def test_the_demo_never_touches_an_installation_that_it_did_not_make(house):
    env = environment(house.settings.instance, database_of(house.settings))
    before = sorted(str(path) for path in house.settings.instance.rglob("*"))
    for more in ((), ("--fresh",)):
        refused(safekeep(env, "demo", "--port", str(free_port()), *more), "was not made by `safekeep demo`")
    assert sorted(str(path) for path in house.settings.instance.rglob("*")) == before


def test_a_demo_that_was_killed_while_it_was_filled_starts_over(env, tmp_path):
    port = str(free_port())
    with running(env, "demo", "--port", port) as process:
        wait_until(lambda: "Filling" in process.stdout.readline())
        wait_until((tmp_path / "instance" / "safekeep.sqlite").exists)
        process.kill()
        process.wait(120)
    with demo(env) as (_process, _port, printed):
        assert "Filling the demo" in printed
        assert {row["users"] for row in answer_of(env, "tenant", "list")} == {29, 8}


def test_a_port_in_use_is_named_before_anything_is_made(env, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused(safekeep(env, "demo", "--port", port), f"port {port}", "--port takes another one")
    assert not (tmp_path / "instance").exists()
