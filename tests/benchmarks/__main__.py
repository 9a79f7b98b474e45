"""Measure the console at several sizes beside a bare Flask page on the same server, and print one table."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from console.app import bare_app
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.identity.browsers import remember_browser
from console.install import initialise
from console.users.models import user
from tests import cast
from tests.benchmarks import people
from tests.benchmarks.imports import measure_import
from tests.benchmarks.ranges import measure_ranges
from tests.benchmarks.server import Client, measure, serving
from tests.databases import POSTGRESQL, new_database, settings_for
from tests.gate.postgres import throwaway_server

DOMAIN = "bench.example"
SIGN_IN_SECONDS = 8
REAL_ARGON2 = {"SAFEKEEP_ARGON2_MEMORY_KIB": "19456", "SAFEKEEP_ARGON2_PASSES": "2"}


def main() -> int:
    """Run every size, then sign-ins and imports."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of users, separated by commas")
    parser.add_argument("--times", type=int, default=30, help="requests a figure")
    parser.add_argument("--postgresql", action="store_true", help="on the gate's PostgreSQL instead of SQLite")
    chosen = parser.parse_args()
    if chosen.postgresql and not POSTGRESQL:
        return _once_more_on_postgresql()
    print(f"on {'PostgreSQL' if POSTGRESQL else 'SQLite'}; CPU is the web server's alone", flush=True)
    for size in (int(text) for text in chosen.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            _run_size(Path(folder), size, chosen.times)
    with tempfile.TemporaryDirectory() as folder:
        _run_sign_ins(Path(folder))
    check, parse, _compile = measure_ranges()
    print(f"IP ranges: one check at 10,000 ranges {check:.2f} µs, parsing the address {parse:.2f} µs", flush=True)
    for rows in (1000, 10_000, 50_000):
        with tempfile.TemporaryDirectory() as folder:
            checked, applied = measure_import(Path(folder), rows)
        print(f"import of {rows:,} rows: {checked:,.0f} checked and {applied:,.0f} applied a second", flush=True)
    return 0


def _once_more_on_postgresql() -> int:
    """The same run in a process of its own, which finds the addresses of the server in its environment."""
    with throwaway_server() as server:
        command = [sys.executable, "-m", "tests.benchmarks", *sys.argv[1:]]
        return subprocess.run(command, env={**os.environ, **server.environment()}, check=False).returncode


def _run_size(folder: Path, size: int, times: int) -> None:
    with new_database() as database:
        _measure_size(folder, size, times, _installation(folder, size, database))


def _measure_size(folder: Path, size: int, times: int, made: tuple[dict[str, str], str, str]) -> None:
    environ, admin, browser = made
    print(f"\n{size:,} users in one tenant" + " " * 20 + "CPU ms   wall ms   against the bare page", flush=True)
    with serving("console.app:create_app()", **environ) as (port, pid):
        client = Client(port)
        client.cookies["safekeep_browser"] = browser
        client.sign_in(admin, cast.PASSWORD)
        start = time.perf_counter()
        page = client.get("/users")
        cold_ms = (time.perf_counter() - start) * 1000
        acts = _acts(client, size)
        rows = [(name, *measure(pid, act, times=times)) for name, act in acts]
    bare = _bare(folder, size, len(page), times)
    print(f"  {'the same number of bytes from a bare page':<44}{bare[0]:7.2f}{bare[1]:10.2f}")
    print(f"  {'first page, directory not yet in memory':<44}{'':7}{cold_ms:10.2f}")
    for name, cpu, wall in rows:
        print(f"  {name:<44}{cpu:7.2f}{wall:10.2f}{cpu / bare[0]:12.2f}x", flush=True)


def _installation(folder: Path, size: int, database: str | None) -> tuple[dict[str, str], str, str]:
    """(environment, the administrator's username, the secret of a browser in which the administrator is recognised)."""
    settings = settings_for(folder / "instance", database)
    keyring, _new = initialise(settings)
    app = bare_app(settings, keyring)
    with app.app_context():
        cast_people = cast.build()
        admin = cast_people["admin"]
        people.add_people(admin.tenant_id, size, domain=DOMAIN)
        with unit_of_work(admin.tenant_id):
            [browser] = remember_browser(user(admin.id), [], by=system("benchmark"), confirmed=True, first=True)
        db.engine.dispose()
    environ = {
        "SAFEKEEP_INSTANCE": str(folder / "instance"),
        "SAFEKEEP_PROFILE": "demo",
        "SAFEKEEP_DATABASE_URL": settings.database_url,
        "SAFEKEEP_ANONYMOUS_REQUESTS": "1000000 per minute",
        **REAL_ARGON2,
    }
    return environ, admin.email, browser


def _acts(client: Client, size: int):
    ids = re.findall(r'href="/users/([0-9a-f-]{36})"', client.get(f"/users?q=u0@{DOMAIN}"))
    deep = client.get("/users?sort=-name")
    last = re.search(r'href="(/users\?[^"]*after=[^"]+)"', deep).group(1).replace("&amp;", "&")
    rename = iter(range(10**6))

    def edit() -> None:
        form = client.get(f"/users/{ids[0]}/edit")
        fields = {
            "csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', form).group(1),
            "given_name": f"Name{next(rename)}",
            "family_name": "Aaa",
            "email": f"u0@{DOMAIN}",
            "role": "member",
            "version": re.search(r'name="version"[^>]* value="(\d+)"', form).group(1),
            "time_zone": "UTC",
        }
        status, _location, text = client.request("POST", f"/users/{ids[0]}/edit", fields)
        if status != 303:
            raise RuntimeError(f"edit answered {status}: {re.sub('<[^>]+>', ' ', text)[:500]}")

    return (
        ("first page, 50 rows", lambda: client.get("/users")),
        ("a page in the depth", lambda: client.get(last)),
        ("sorted by name, Z to A", lambda: client.get("/users?sort=-name")),
        ("sorted by last sign-in", lambda: client.get("/users?sort=-last_sign_in")),
        ("filtered by role and state", lambda: client.get("/users?role=member&state=active")),
        ("search by part of a name", lambda: client.get("/users?q=ovak12")),
        ("search that finds nobody", lambda: client.get("/users?q=zzzzzz")),
        ("exact e-mail address", lambda: client.get(f"/users?q=u{size - 1}@{DOMAIN}")),
        ("one person's page", lambda: client.get(f"/users/{ids[0]}")),
        ("an edit: the form and the save", edit),
    )


def _bare(folder: Path, size: int, page_bytes: int, times: int) -> tuple[float, float]:
    people.plain_table(folder / "bare.sqlite", size)
    filler = str(max((page_bytes - 10_000) // 50, 0))
    environ = {"BARE_DATABASE": str(folder / "bare.sqlite"), "BARE_FILLER_BYTES": filler}
    with serving("tests.benchmarks.bare:create_app()", **environ) as (port, pid):
        client = Client(port)
        return measure(pid, lambda: client.get("/"), times=times * 3)


def _run_sign_ins(folder: Path) -> None:
    with new_database() as database:
        _measure_sign_ins(*_installation(folder, 10, database))


def _measure_sign_ins(environ: dict[str, str], admin: str, browser: str) -> None:
    counts = []
    with serving("console.app:create_app()", workers=2, **environ) as (port, _pid):
        deadline = time.monotonic() + SIGN_IN_SECONDS

        def one_browser() -> None:
            done = 0
            while time.monotonic() < deadline:
                client = Client(port)
                client.cookies["safekeep_browser"] = browser
                client.sign_in(admin, cast.PASSWORD)
                client.connection.close()
                done += 1
            counts.append(done)

        threads = [threading.Thread(target=one_browser) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(f"\nsign-ins: {sum(counts) / SIGN_IN_SECONDS:.1f} a second, four browsers, Argon2id 19 MiB, 2 passes")


if __name__ == "__main__":
    sys.exit(main())
