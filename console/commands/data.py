"""`safekeep import`: bring in e-mail and documents from a path on the server."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from console.commands.base import answer, fail, find_tenant, installation, json_option, operator
from console.core.db import unit_of_work
from console.core.jobs import LostLease, Run, TryLater, carry_out, give_back
from console.customer_data.import_report import progress
from console.customer_data.importing import run_import
from console.customer_data.imports import DataImport, ImportState, Outcome, data_import
from console.customer_data.path_import import beat_at, check_path, lease, open_path_import

BY = operator()
SHOWN_EVERY_SECONDS = 1.0
WAIT_SECONDS = 1.0
_MIB = 2**20


@click.command(
    "import",
    epilog="Example: safekeep import Acme /srv/mail/ada.mbox --custodian ada@acme.example. Stopped or killed, it goes on"
    " where it was when the same command is run again.",
)
@click.argument("tenant")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--custodian", help="Whose data it is; without it, folders and files that are named like an address say so."
)
@json_option
def import_data(tenant: str, path: Path, custodian: str | None, as_json: bool) -> None:
    """Import PATH (a folder, Maildir, mbox, zip file, message or document) for TENANT (an id or a name)."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # both signals stop it with everything in order
    with installation():
        tenant_id = find_tenant(tenant)
        whole = check_path(path)
        import_id, goes_on = open_path_import(tenant_id, whole, custodian, by=BY)
        if goes_on:
            click.echo(f"An import of {whole} was begun before and not finished; it goes on where it was.", err=True)
        while (state := _one_leg(tenant_id, import_id, whole)) == ImportState.RUNNING:
            time.sleep(WAIT_SECONDS)
        data = _result(tenant_id, import_id)
        if state != ImportState.DONE:
            fail(f"the import was {state}. {data['imported']['items']:,} items had come in; they stay.")
        answer(as_json, data, _text(data))


def _one_leg(tenant_id: UUID, import_id: UUID, path: Path) -> str:
    """Work on it as long as this process has the lease. Answers the state in which the import is then."""
    run = _leased(tenant_id, import_id)
    problems: list[Exception] = []

    def handler(leased: Run) -> None:
        try:
            run_import(leased)
        except Exception as problem:
            problems.append(problem)
            raise

    try:
        with _shown(tenant_id, import_id):
            carry_out(run, handler)
    except KeyboardInterrupt:
        give_back(run)
        fail(f"stopped. Run the same command again, and the import of {path} goes on where it is.")
    for problem in problems:
        if not isinstance(problem, (TryLater, LostLease)):
            fail(f"the import stopped ({type(problem).__name__}). Run the same command again to go on where it is.")
        if isinstance(problem, TryLater):
            click.echo(f"safekeep: {problem}", err=True)
    with unit_of_work(tenant_id, write=False):
        return data_import(import_id).state


def _leased(tenant_id: UUID, import_id: UUID) -> Run:
    """The lease; waits for one that a killed command left behind. Ends the command where another process is at work."""
    heard, told = beat_at(tenant_id, import_id), False
    while True:
        found = lease(tenant_id, import_id)
        if isinstance(found, Run):
            return found
        if beat_at(tenant_id, import_id) != heard:
            fail("another process is at work on this import. Its page shows how far it is.")
        if not told:
            click.echo(f"It goes on in at most {found:.0f} seconds.", err=True)
            told = True
        time.sleep(min(max(found, 0.1), WAIT_SECONDS))


@contextmanager
def _shown(tenant_id: UUID, import_id: UUID) -> Iterator[None]:
    """Meanwhile a terminal shows how far it is."""
    if not sys.stderr.isatty():
        yield
        return
    over = threading.Event()

    def show() -> None:
        while not over.wait(SHOWN_EVERY_SECONDS):
            with unit_of_work(tenant_id, write=False):
                click.echo(f"\r\x1b[K{_line(data_import(import_id))}", nl=False, err=True)

    thread = threading.Thread(target=copy_context().run, args=(show,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        click.echo("\r\x1b[K", nl=False, err=True)


def _line(found: DataImport) -> str:
    now = progress(found)
    parts = [f"{now.read_bytes / _MIB:,.1f} of {now.total_bytes / _MIB:,.1f} MiB", f"{now.items:,} items"]
    if now.bytes_per_second:
        parts.append(f"{now.bytes_per_second / _MIB:,.1f} MiB a second")
    if now.seconds_left is not None:
        parts.append(f"{now.seconds_left / 60:,.0f} minutes left")
    return ", ".join(parts)


def _result(tenant_id: UUID, import_id: UUID) -> dict[str, Any]:
    with unit_of_work(tenant_id, write=False):
        found = data_import(import_id)
        counts = {
            name: {"items": getattr(found, f"{name}_items"), "bytes": getattr(found, f"{name}_bytes")}
            for name in ("seen", *map(str, Outcome))
        }
        return {"id": str(found.id), "state": found.state, **counts}


def _text(data: dict[str, Any]) -> str:
    parts = ", ".join(f"{data[str(one)]['items']:,} {one}" for one in Outcome)
    seen = f"{data['seen']['items']:,} items seen ({data['seen']['bytes']:,} bytes)"
    return f"{seen}: {parts}.\nThe report is on the import's page: /data/import/{data['id']}"
