"""Real processes of the product: one command to its end, or a server or worker that is stopped at the end."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from click.testing import CliRunner

from console.cli import main
from tests import databases

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 120
"""Long enough for a machine that many share; nothing takes a tenth of it by itself."""


def environment(instance: Path, database: str | None = None, **more: str) -> dict[str, str]:
    """The environment of a command on that installation; nothing of the tests' own SAFEKEEP_ settings leaks in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAFEKEEP_")}
    chosen = {
        **kept,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "SAFEKEEP_INSTANCE": str(instance),
        "SAFEKEEP_PROFILE": "demo",
        "SAFEKEEP_ARGON2_MEMORY_KIB": "64",
        "SAFEKEEP_ARGON2_PASSES": "1",
        **more,
    }
    if database:
        chosen["SAFEKEEP_DATABASE_URL"] = databases._url("SAFEKEEP_TEST_APP_URL", database)
        chosen["SAFEKEEP_DATABASE_OWNER_URL"] = databases._url("SAFEKEEP_TEST_OWNER_URL", database)
    return chosen


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "console.cli", *arguments]


def safekeep(env: dict[str, str], *arguments: str, typed: str | bytes = "") -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    given = typed.encode() if isinstance(typed, str) else typed
    done = subprocess.run(
        command(*arguments), env=env, input=given, capture_output=True, timeout=4 * WAIT_SECONDS, check=False, cwd=ROOT
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def here(env: dict[str, str], *arguments: str, typed: str | bytes = "") -> subprocess.CompletedProcess[str]:
    """The same command without a process of its own, where many variants are tried: a start takes a second."""
    settings = {name: value for name, value in env.items() if name.startswith("SAFEKEEP_")}
    unset = {name: None for name in os.environ if name.startswith("SAFEKEEP_") and name not in settings}
    done = CliRunner().invoke(main, arguments, input=typed, env={**unset, **settings})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def answer_of(env: dict[str, str], *arguments: str, typed: str | bytes = ""):
    """What a command answers with --json; stdout must hold one JSON document and nothing else."""
    done = safekeep(env, *arguments, "--json", typed=typed)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Status 1 and one clear line on stderr."""
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("safekeep: ")
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr, done.stderr


@contextmanager
def running(env: dict[str, str], *arguments: str):
    """A process of the product, stopped at the end if it still runs."""
    process = subprocess.Popen(
        command(*arguments), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def wait_until(true: Callable[[], object], *, seconds: float = WAIT_SECONDS, why: str = "it did not happen"):
    """The first answer that counts as true, asked for again and again."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = true()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(why)


def answers(url: str, *, seconds: float = 5) -> int | None:
    """The status that `url` answers, or nothing while nobody does in that time."""
    with suppress(URLError, ConnectionError, TimeoutError):
        return status_of(url, seconds=seconds)
    return None


def status_of(url: str, *, seconds: float = WAIT_SECONDS) -> int:
    """The status that `url` answers."""
    with urlopen(url, timeout=seconds) as answer:
        return answer.status
