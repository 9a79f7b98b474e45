"""A throwaway S3 server: OpenStack Swift on one node, found or installed. Alone: `python -m tests.gate.swift`."""

import getpass
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError

from tests.gate.parts import PartMissing, interrupt_once, is_root, say
from tests.gate.swift_files import RINGS, configurations

VARIABLE = "SAFEKEEP_TEST_S3"
BUCKET = "blobs"
ACCOUNT, USER = "test", "tester"
REGION = "us-east-1"
PROGRAMS = (
    "swift-ring-builder",
    "swift-proxy-server",
    "swift-account-server",
    "swift-container-server",
    "swift-object-server",
    "memcached",
)
PACKAGES = ("swift-proxy", "swift-account", "swift-container", "swift-object", "python3-swift", "memcached")
INSTALL_SECONDS = 900
START_SECONDS = 120
STOP_SECONDS = 20
LOG_CHARACTERS = 2000
REMEDY = f"on Debian, apt install {' '.join(PACKAGES)}"


@contextmanager
def throwaway_s3() -> Iterator[dict[str, str]]:
    """Yields the variable that names a running server's empty bucket; afterwards it and all its files are gone.

    **Raises** PartMissing when the programs cannot be had or do not start.
    """
    _ensure_programs()
    with ExitStack() as stack:
        home = _home(stack)
        try:
            yield {VARIABLE: _started(home, stack)}
        except (OSError, KeyError, subprocess.SubprocessError) as error:
            raise PartMissing("Swift", f"{error}; {_last_words(home)}", REMEDY) from error


def _home(stack: ExitStack) -> Path:
    """A folder for all that the servers write, gone with the stack, where files take attributes as Swift needs them."""
    for parent in (tempfile.gettempdir(), "/var/tmp"):
        home = Path(tempfile.mkdtemp(prefix="safekeep-swift-", dir=parent)).resolve()
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        with suppress(OSError, AttributeError):
            os.setxattr(home, "user.safekeep", b"yes")
            return home
    raise PartMissing("Swift", "no temporary folder takes extended attributes", "set TMPDIR to a folder that does")


def _started(home: Path, stack: ExitStack) -> str:
    """The servers run, the bucket exists; answers its address. What `stack` holds ends them."""
    ports = _free_ports(5)
    secret = secrets.token_hex(16)
    account = getpass.getuser()
    for name, text in configurations(home, ports, account=ACCOUNT, user=USER, secret=secret, runs_as=account).items():
        (home / name).write_text(text)
    (home / "disks" / "sdb").mkdir(parents=True)
    for ring in RINGS:
        _build_ring(home, ring, ports[ring])
    _start(stack, home, "memcached", "-l", "127.0.0.1", "-p", str(ports["cache"]), "-U", "0", "-u", account)
    servers = [
        _start(stack, home, f"swift-{name}-server", str(home / f"{name}-server.conf"), "-v")
        for name in (*RINGS, "proxy")
    ]
    _make_bucket(f"http://127.0.0.1:{ports['proxy']}", secret, servers)
    login = f"{ACCOUNT}%3A{USER}:{secret}"
    return f"s3://{login}@{BUCKET}?endpoint=http://127.0.0.1:{ports['proxy']}&region={REGION}"


def _build_ring(home: Path, ring: str, port: int) -> None:
    builder = str(home / f"{ring}.builder")
    for arguments in (("create", "4", "1", "0"), ("add", f"r1z1-127.0.0.1:{port}/sdb", "1"), ("rebalance",)):
        command = [_program("swift-ring-builder"), builder, *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=home, env=_environment(home))


def _start(stack: ExitStack, home: Path, program: str, *arguments: str) -> subprocess.Popen[bytes]:
    with (home / f"{program}.log").open("wb") as output:
        process = subprocess.Popen(
            [_program(program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=_environment(home),
            start_new_session=True,
        )
    stack.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server and whatever it started in its own session have ended, at worst by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
            break
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _make_bucket(address: str, secret: str, servers: list[subprocess.Popen[bytes]]) -> None:
    """The bucket exists, made through Swift's own interface. **Raises** OSError when no server comes to answer."""
    login = {"X-Auth-User": f"{ACCOUNT}:{USER}", "X-Auth-Key": secret}
    deadline, last = time.monotonic() + START_SECONDS, "it did not answer in time"
    while time.monotonic() < deadline and all(server.poll() is None for server in servers):
        try:
            answer = _ask("GET", f"{address}/auth/v1.0", login)
            _ask("PUT", f"{answer['X-Storage-Url']}/{BUCKET}", {"X-Auth-Token": answer["X-Auth-Token"]})
            return
        except (HTTPError, URLError, ConnectionError, TimeoutError) as error:
            last = str(error)
            time.sleep(0.2)
    raise OSError(f"Swift does not answer: {last}")


def _ask(method: str, url: str, headers: dict[str, str]) -> dict[str, str]:
    request = urllib.request.Request(url, method=method, headers={**headers, "Content-Length": "0"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=30) as answer:
        return dict(answer.headers)


def _ensure_programs() -> None:
    """The programs are there, installed if need be and possible. **Raises** PartMissing with the reason."""
    missing = [name for name in PROGRAMS if _found(name) is None]
    if not missing:
        return
    reason = f"{', '.join(missing)} not found"
    if is_root() and platform.system() == "Linux" and shutil.which("apt-get"):
        say(f"No Swift here: installing {', '.join(PACKAGES)} with apt-get")
        reason = _tried("update") or _tried("install", "-y", "--no-install-recommends", *PACKAGES) or reason
    if any(_found(name) is None for name in PROGRAMS):
        raise PartMissing("Swift", reason, REMEDY)


def _tried(*arguments: str) -> str:
    """Nothing when apt-get ended well, else the last line that it printed."""
    command = ("apt-get", *arguments)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_SECONDS, env=env)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else f"{' '.join(command)}: {lines[-1] if lines else done.returncode}"


def _found(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin:/usr/local/bin")


def _program(name: str) -> str:
    found = _found(name)
    if found is None:
        raise OSError(f"{name} is gone")
    return found


def _environment(home: Path) -> dict[str, str]:
    """Only what the servers need, so that no virtual environment of ours reaches into the system's Python."""
    return {"HOME": str(home), "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _free_ports(count: int) -> dict[str, int]:
    """A port for each server, all different: each is held until all are found."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        numbers = [int(probe.getsockname()[1]) for probe in probes]
    return dict(zip((*RINGS, "proxy", "cache"), numbers, strict=True))


def _last_words(home: Path) -> str:
    """The end of what the servers printed, for the reason that is shown."""
    texts = [path.read_text(errors="replace").strip() for path in sorted(home.glob("*.log"))]
    return "\n".join(text for text in texts if text)[-LOG_CHARACTERS:]


def main() -> int:
    """A server is up, its address is printed as an export line, and it is gone after Ctrl-C."""
    interrupt_once()
    try:
        with throwaway_s3() as variables:
            for name, value in variables.items():
                say(f"export {name}='{value}'")
            say("# Swift runs until Ctrl-C")
            signal.pause()
    except PartMissing as missing:
        say(f"{missing}\n  {missing.remedy}")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
