"""One web server process, its processor time, and a client that walks through the front door."""

import os
import re
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60


@contextmanager
def serving(application: str, *, workers: int = 1, **environ: str):
    """`application` behind the production server on a free port; yields (port, process id)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        application,
        "--bind",
        f"127.0.0.1:{port}",
        "--workers",
        str(workers),
        "--worker-class",
        "gthread",
        "--threads",
        "4",
        "--log-level",
        "warning",
        "--no-control-socket",
    ]
    process = subprocess.Popen(command, env={**os.environ, **environ})
    try:
        _wait(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the server did not start")


def processor_seconds(pid: int) -> float:
    """User and system time of the server's processes, on Linux; elsewhere the wall clock stands in."""
    if not Path("/proc/self/stat").exists():
        return time.monotonic()
    return sum(_ticks(folder, pid) for folder in Path("/proc").iterdir() if folder.name.isdecimal()) / TICKS


def _ticks(folder: Path, pid: int) -> int:
    """The ticks of one process if it is the server or one of its workers."""
    try:
        fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return 0
    return int(fields[11]) + int(fields[12]) if int(folder.name) == pid or int(fields[1]) == pid else 0


class Client:
    """A browser without a screen: one connection, cookies, form tokens."""

    def __init__(self, port: int) -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, location and body of the answer."""
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = urlencode(fields) if fields is not None else None
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name == "Set-Cookie":
                key, _equals, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        return answer.status, answer.getheader("Location") or "", text

    def get(self, path: str) -> str:
        """The page; an answer other than 200 ends the run."""
        status, _location, text = self.request("GET", path)
        if status != 200:
            raise RuntimeError(f"GET {path} answered {status}")
        return text

    def token(self, path: str) -> str:
        """The form token of a page."""
        return re.search(r'name="csrf_token" value="([^"]+)"', self.get(path)).group(1)

    def sign_in(self, username: str, password: str) -> None:
        """Sign in through the form."""
        fields = {"csrf_token": self.token("/sign-in"), "username": username, "password": password}
        status, location, _text = self.request("POST", "/sign-in", fields)
        if status != 303 or location != "/overview":
            raise RuntimeError(f"sign-in answered {status} {location}")


def measure(pid: int, act, *, times: int) -> tuple[float, float]:
    """(processor ms of the server a request, median wall ms), after one warm-up."""
    act()
    walls = []
    before = processor_seconds(pid)
    for _ in range(times):
        start = time.perf_counter()
        act()
        walls.append((time.perf_counter() - start) * 1000)
    return (processor_seconds(pid) - before) / times * 1000, statistics.median(walls)
