"""`safekeep keys`: what keys there are and what each still seals; replace a Customer's key, or the root under all."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from uuid import UUID

import click

from console.commands.base import answer, every_tenant, fail, find_tenant, installation, json_option, operator
from console.core.db import unit_of_work
from console.core.ids import PLATFORM_TENANT_ID
from console.core.jobs import work_once
from console.keys import roots as root_keys
from console.keys.actions import start_rotation
from console.keys.models import JOB, KeyRotation, State, given_up, progress, rotation, under_way
from console.keys.places import counts_by_version
from console.keys.work import rotate_keys
from console.vault.access import keyring
from console.vault.keystore import StoredKey

PLATFORM = "platform"
"""Names the host's own key where commands take a Customer."""
LOOK_SECONDS = 0.5


@click.group()
def keys() -> None:
    """Keys: what exists, what each still seals, and replacing them while everything goes on."""


@keys.command("status", epilog="Example: safekeep keys status Acme --json")
@click.argument("tenant", required=False)
@json_option
def keys_status(tenant: str | None, as_json: bool) -> None:
    """List key versions, of TENANT (or "platform") or of all, with what each still seals. Keys are never shown."""
    with installation():
        wanted = [_find(tenant)] if tenant else _with_keys()
        rows = [row for tenant_id in wanted for row in _status_of(tenant_id)]
        answer(as_json, rows, "\n".join(_status_line(row) for row in rows))


def _status_of(tenant_id: UUID) -> list[dict[str, Any]]:
    """The versions of one tenant's key: as stored, and what was counted under each."""
    stored = keyring().store.stored_keys([tenant_id])
    with unit_of_work(tenant_id, write=False):
        counts = counts_by_version() if any(key.usable for key in stored) else {}
        found = under_way()
        present = asdict(progress(found)) if found else None
    return [_row(key, counts.get(key.version, {}), present) for key in stored]


def _row(key: StoredKey, counts: dict[str, int], present: dict[str, Any] | None) -> dict[str, Any]:
    names = ("tenant_id", "version", "state", "fingerprint", "root_version", "created_at", "destroyed_at")
    facts = {name: getattr(key, name) for name in names}
    seals = {"seals": sum(counts.values()), "seals_by_kind": counts}
    return {**facts, **seals, "replacement": present if key.state == "primary" else None}


def _status_line(row: dict[str, Any]) -> str:
    line = (
        f"{row['tenant_id']}  v{row['version']}  {row['state']:<12} root {row['root_version']}  {row['fingerprint']}"
        f"  seals {row['seals']}"
    )
    present = row["replacement"]
    return f"{line}  being replaced: {_spoken(present)}" if present else line


@keys.command("rotate", epilog="Example: safekeep keys rotate Acme --reason 'An administrator left'")
@click.argument("tenant")
@click.option("--reason", default="Asked for by the operator", show_default=True, help="Stands in the audit record.")
@click.option("--detach", is_flag=True, help="Only start it: the worker does the rest.")
@json_option
def keys_rotate(tenant: str, reason: str, detach: bool, as_json: bool) -> None:
    """Replace the key of TENANT (or "platform") by a new version, and everything under it; nobody has to stop.

    Waits until the old version is destroyed, some minutes; interrupted, the worker goes on, and so does this command
    when it is run again.
    """
    with installation():
        tenant_id = _find(tenant)
        rotation_id = _started(tenant_id, reason)
        if not detach:
            _work_until_ended(tenant_id, rotation_id)
        with unit_of_work(tenant_id, write=False):
            found = rotation(rotation_id)
            facts, problem = _facts(found), _problem(found)
        answer(as_json, facts, _text(facts))
    if problem:
        fail(problem)


def _started(tenant_id: UUID, reason: str) -> UUID:
    """The replacement that is under way, or that was started now."""
    with unit_of_work(tenant_id):
        found = under_way()
        if found is not None and found.state != State.STOPPED and not given_up(found):
            return found.id
        return start_rotation(reason, by=operator()).id


def _work_until_ended(tenant_id: UUID, rotation_id: UUID) -> None:
    """Do what a worker would do, beside those that run, and tell how far it is."""
    told = ""
    while True:
        busy = work_once({JOB: rotate_keys})
        with unit_of_work(tenant_id, write=False):
            now = asdict(progress(rotation(rotation_id)))
        if now["finished"]:
            return
        if (line := _spoken(now)) != told and (not busy or line.split(",", 1)[0] != told.split(",", 1)[0]):
            click.echo(line, err=True)
            told = line
        if not busy:
            time.sleep(LOOK_SECONDS)


def _facts(found: KeyRotation) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "tenant_id": str(found.tenant_id),
        "state": found.state,
        "version": found.version,
        "moved": found.moved,
        "remaining": found.remaining,
        "unreadable": found.unreadable,
        "counted_at": found.counted_at,
    }


def _text(facts: dict[str, Any]) -> str:
    if facts["state"] == State.DONE:
        counted = "\n".join(f"  {name}: {rows}" for name, rows in sorted(facts["remaining"].items()))
        return (
            f"Key version {facts['version']} seals everything; {sum(facts['moved'].values())} were moved."
            f" Left under older versions when they were destroyed:\n{counted}"
        )
    return f"The replacement is {facts['state']}. `safekeep keys status` shows how far it is."


def _problem(found: KeyRotation) -> str | None:
    if found.state == State.STOPPED:
        left = ", ".join(f"{name} ({rows})" for name, rows in found.remaining.items() if rows)
        rows = ", ".join(f"{name} {row_id}" for name, row_id in found.unreadable)
        named = f" These do not open: {rows}." if rows else ""
        return f"the old key was kept, because something still lies under it: {left}.{named}"
    return "the work failed in the same step many times; the log says why." if given_up(found) else None


@keys.command("roots", epilog="Example: safekeep keys roots")
@json_option
def keys_roots(as_json: bool) -> None:
    """List the root keys: fingerprint, state, and how many keys each wraps."""
    with installation():
        rows = [asdict(root) for root in root_keys.roots()]
        answer(as_json, rows, _root_lines(rows))


@keys.command("rewrap", epilog="Example: safekeep keys rewrap, and after a backup: safekeep keys rewrap --retire")
@click.option("--retire", is_flag=True, help="Destroy the old roots, once nothing is wrapped under them.")
@json_option
def keys_rewrap(retire: bool, as_json: bool) -> None:
    """Make a new root key and wrap every key under it. Nobody has to stop; interrupted, run it again.

    With the root in a folder, running processes find the new one by themselves. With the root in a variable, first put
    the new one in front of the old one in it, for every process, and start them again; then run this.
    """
    with installation():
        if retire:
            with unit_of_work(PLATFORM_TENANT_ID):
                gone = root_keys.retire_roots(by=operator())
            facts: dict[str, Any] = {"retired": [root.version for root in gone]}
        else:
            facts = _rewrapped()
        rows = [asdict(root) for root in root_keys.roots()]
        answer(as_json, {**facts, "roots": rows}, _root_lines(rows))
    if facts.get("remaining"):
        fail(f"{facts['remaining']} keys do not open and were left under an old root. `safekeep doctor` names them.")


def _rewrapped() -> dict[str, Any]:
    with unit_of_work(PLATFORM_TENANT_ID):
        root_keys.ensure_new_root(by=operator())
    done = root_keys.wrap_anew(_telling())
    with unit_of_work(PLATFORM_TENANT_ID):
        root_keys.record_wrapped(done, by=operator())
    return {"rewrapped": done.done, "remaining": done.remaining}


def _telling() -> Callable[[int, int], None]:
    def told(done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            click.echo(f"{done} of {total} keys", err=True)

    return told


def _root_lines(rows: list[dict[str, Any]]) -> str:
    return "\n".join(
        f"root {row['version']}  {row['state']:<8} wraps {row['wraps']}  {row['fingerprint']}" for row in rows
    )


def _find(text: str) -> UUID:
    return PLATFORM_TENANT_ID if text == PLATFORM else find_tenant(text)


def _with_keys() -> list[UUID]:
    with unit_of_work(write=False):
        return [PLATFORM_TENANT_ID, *(tenant.id for tenant in every_tenant())]


def _spoken(now: dict[str, Any]) -> str:
    left = f", about {now['seconds_left']:.0f} seconds left" if now["seconds_left"] is not None else ""
    return f"{now['message']}, {now['done']} of {now['total']}{left}"
