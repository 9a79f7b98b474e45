"""A throwaway PostgreSQL with the product's two roles. Alone: `python -m tests.gate.postgres`."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.gate.binaries import REMEDY, Account, candidates, reachable, server_account
from tests.gate.parts import PartMissing, interrupt_once, say
from tests.gate.room import quick_folder

DATABASE = "safekeep_test"
SUPERUSER = "postgres"
OWNER = "safekeep_owner"
APP = "safekeep_app"
START_SECONDS = 60
STOP_SECONDS = 20
OTHER_PORT_ATTEMPTS = 2
LOG_CHARACTERS = 2000
SETTINGS = {"listen_addresses": "127.0.0.1", "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
ROLES = """\
CREATE ROLE {owner} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION CREATEDB
    PASSWORD '{owner_password}';

CREATE ROLE {app} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION NOCREATEDB
    PASSWORD '{app_password}';

CREATE DATABASE {database} OWNER {owner};

"""


class _NotStarted(Exception):
    """Raised when these programs did not give a running server; the message is their own."""


@dataclass(frozen=True)
class Passwords:
    """One random password per role, made of characters that need no quoting in SQL or in a URL."""

    superuser: str = field(default_factory=lambda: secrets.token_hex(16))
    owner: str = field(default_factory=lambda: secrets.token_hex(16))
    app: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True)
class Server:
    """A running server with an empty maintenance database that the owner role owns."""

    process: subprocess.Popen[bytes]
    port: int
    passwords: Passwords

    @property
    def owner_url(self) -> str:
        """For migrations: may create databases and tables, may not bypass row-level security."""
        return self._url(OWNER, self.passwords.owner)

    @property
    def app_url(self) -> str:
        """For the application: owns nothing."""
        return self._url(APP, self.passwords.app)

    @property
    def superuser_url(self) -> str:
        """For tests that must do what the product refuses to run as."""
        return self._url(SUPERUSER, self.passwords.superuser)

    def environment(self) -> dict[str, str]:
        """The variables that tell the tests to use this server."""
        return {
            "SAFEKEEP_TEST_DATABASE": "postgresql",
            "SAFEKEEP_TEST_OWNER_URL": self.owner_url,
            "SAFEKEEP_TEST_APP_URL": self.app_url,
            "SAFEKEEP_TEST_SUPERUSER_URL": self.superuser_url,
        }

    def stop(self) -> None:
        """The server and its connections are gone."""
        _stop(self.process)

    def _url(self, role: str, password: str) -> str:
        return f"postgresql+psycopg://{role}:{password}@127.0.0.1:{self.port}/{DATABASE}"


@dataclass(frozen=True)
class _Installation:
    """PostgreSQL's programs, the account that runs them, and the folder that holds all they write."""

    binaries: Path
    account: Account
    home: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    def environment(self) -> dict[str, str]:
        """This process's variables without those that PostgreSQL's programs read as defaults."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**kept, "HOME": str(self.home), "LC_ALL": "C", "TZ": "UTC"}

    def run(self, program: str, *arguments: str, stdin: str = "") -> None:
        """The program ended well. **Raises** _NotStarted with what it printed when it did not."""
        done = subprocess.run(
            [self.binaries / program, *arguments],
            check=False,
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.home,
            env=self.environment(),
            **self.account.options,
        )
        if done.returncode:
            raise _NotStarted(f"{program}: {(done.stderr or done.stdout).strip()}")


@contextmanager
def throwaway_server() -> Iterator[Server]:
    """Yields a running server; afterwards it and all its files are gone.

    **Raises** PartMissing when no PostgreSQL is installed or none of those installed starts.
    """
    folders = candidates()
    if not folders:
        raise PartMissing("PostgreSQL", "its programs initdb and postgres are nowhere to be found", REMEDY)
    account = server_account()
    home = Path(tempfile.mkdtemp(prefix="safekeep-pg-", dir=quick_folder() or account.temporary_folder)).resolve()
    account.owns(home)
    server = None
    try:
        server = _first_started(folders, account, home)
        yield server
    finally:
        if server:
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


def _first_started(folders: list[Path], account: Account, home: Path) -> Server:
    reasons = []
    for folder in folders:
        try:
            return _started(_Installation(reachable(folder, account, home), account, home))
        except (OSError, subprocess.SubprocessError, _NotStarted) as error:
            reasons.append(f"{folder}: {error}")
            shutil.rmtree(home / "data", ignore_errors=True)
    raise PartMissing("PostgreSQL", "; ".join(reasons), REMEDY)


def _started(installation: _Installation) -> Server:
    passwords = Passwords()
    _initialise(installation, passwords)
    for _ in range(OTHER_PORT_ATTEMPTS):
        with suppress(_NotStarted):
            return _listening(installation, _free_port(), passwords)
    return _listening(installation, _free_port(), passwords)


def _initialise(installation: _Installation, passwords: Passwords) -> None:
    """The data folder holds the roles and the database; no server has listened yet."""
    password_file = installation.home / "superuser-password"
    password_file.touch(mode=0o600)
    password_file.write_text(passwords.superuser + "\n")
    installation.account.owns(password_file)
    installation.run(
        "initdb",
        f"--pgdata={installation.data}",
        f"--username={SUPERUSER}",
        f"--pwfile={password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    )
    password_file.unlink()
    sql = ROLES.format(
        owner=OWNER, app=APP, database=DATABASE, owner_password=passwords.owner, app_password=passwords.app
    )
    options = ("-j", "-c", "exit_on_error=on", "-c", "fsync=off", "-D", str(installation.data))
    installation.run("postgres", "--single", *options, SUPERUSER, stdin=sql)


def _listening(installation: _Installation, port: int, passwords: Passwords) -> Server:
    """The server, ready for connections. **Raises** _NotStarted with the end of its log."""
    log = installation.home / "server.log"
    settings = {**SETTINGS, "port": port, "unix_socket_directories": installation.home}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [installation.binaries / "postgres", "-D", installation.data, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=installation.home,
            env=installation.environment(),
            start_new_session=True,
            **installation.account.options,
        )
    with ExitStack() as on_failure:
        on_failure.callback(_stop, process)
        if not _ready(process, installation.data / "postmaster.pid"):
            raise _NotStarted(log.read_text(errors="replace")[-LOG_CHARACTERS:].strip())
        on_failure.pop_all()
    return Server(process, port, passwords)


def _ready(process: subprocess.Popen[bytes], status_file: Path) -> bool:
    """Whether the server said that it accepts connections, before it ended or the time ran out."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if status_file.exists() and status_file.read_text().rstrip().endswith("ready"):
            return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The server has ended: by closing its connections, or at worst by force."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """A server is up, its addresses are printed as export lines, and it is gone after Ctrl-C."""
    interrupt_once()
    try:
        with throwaway_server() as server:
            for name, value in server.environment().items():
                say(f"export {name}='{value}'")
            say("# PostgreSQL runs until Ctrl-C")
            server.process.wait()
            say("# PostgreSQL ended by itself")
            return 1
    except PartMissing as missing:
        say(f"{missing}\n  {missing.remedy}")
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
