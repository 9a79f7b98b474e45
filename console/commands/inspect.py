"""`safekeep audit`, `safekeep doctor`: look at an installation, and check it."""

from pathlib import Path
from typing import Any
from uuid import UUID

import click
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from console.app import check_settings, create_app
from console.audit import verify as checks
from console.audit.actions import take_checkpoint
from console.commands.base import (
    answer,
    every_tenant,
    fail,
    find_tenant,
    installation,
    json_option,
    open_app,
    operator,
    refusals,
)
from console.core.db import db, unit_of_work
from console.core.errors import ConsoleError, Misconfigured
from console.core.ids import PLATFORM_TENANT_ID
from console.core.settings import load_settings
from console.customer_data.integrity import Damage, check_items, finish_check
from console.customer_data.models import totals
from console.tenants.models import Tenant, tenant_ids
from console.vault.access import keyring
from console.vault.blob_care import foreign_blobs
from console.vault.blob_store import blob_store_from_url


@click.group()
def audit() -> None:
    """The audit record: verify it, sign its end."""


@audit.command("verify", epilog="Example: safekeep audit verify Acme --checkpoint acme-checkpoint.json")
@click.argument("tenant", required=False)
@click.option(
    "--checkpoint",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint signed earlier and kept elsewhere: shows truncation, too.",
)
@json_option
def audit_verify(tenant: str | None, checkpoint: Path | None, as_json: bool) -> None:
    """Check the chain of TENANT, or of all; names the first bad entry."""
    with installation():
        if checkpoint and not tenant:
            raise click.UsageError("--checkpoint needs a TENANT.")
        signed = checks.read_checkpoint(checkpoint.read_bytes()) if checkpoint else None
        with unit_of_work(write=False):
            wanted = [find_tenant(tenant)] if tenant else [PLATFORM_TENANT_ID, *(row.id for row in every_tenant())]
        rows: list[dict[str, Any]] = []
        for tenant_id in wanted:
            with unit_of_work(tenant_id, write=False):
                verdict = checks.verify(signed)
            rows.append(
                {
                    "tenant": str(tenant_id),
                    "sound": verdict.sound,
                    "entries_checked": verdict.checked,
                    "first_bad_entry": verdict.bad_number,
                    "problem": verdict.problem,
                    "checkpoint_entry": verdict.checkpoint_number,
                    "details_checked": verdict.details_checked,
                }
            )
        lines = [_verdict_line(row) for row in rows]
        answer(as_json, rows, "\n".join(lines))
    bad = [row for row in rows if not row["sound"]]
    if bad:
        fail(f"the audit record of {bad[0]['tenant']} is not sound: {bad[0]['problem']}.")


def _verdict_line(row: dict[str, Any]) -> str:
    """One Customer's line: sound or not, how many entries, and against what."""
    if not row["sound"]:
        before = f"({row['entries_checked']} sound entries before it)"
        return f"{row['tenant']}  NOT SOUND: {row['problem']}  {before}"
    notes = [f"{row['entries_checked']} entries"]
    if row["checkpoint_entry"] is not None:
        notes.append(f"holds the checkpoint at entry {row['checkpoint_entry']}")
    if not row["details_checked"]:
        notes.append("the chain only: the keys to the details are not available")
    return f"{row['tenant']}  sound  ({'; '.join(notes)})"


@audit.command("checkpoint", epilog="Example: safekeep audit checkpoint Acme > acme-checkpoint.json")
@click.argument("tenant")
def audit_checkpoint(tenant: str) -> None:
    """Print a signed checkpoint of TENANT's record as JSON. Keep it outside this installation."""
    with installation():
        with unit_of_work(find_tenant(tenant)):
            signed = take_checkpoint(by=operator())
        answer(True, signed, "")  # once the entry that says so is committed


@click.command(epilog="Example: safekeep doctor --json; safekeep doctor --data Acme")
@click.option("--data", is_flag=True, help="Also read all Customer Data through, of TENANT or of all.")
@click.argument("tenant", required=False)
@json_option
def doctor(data: bool, tenant: str | None, as_json: bool) -> None:
    """Is this installation safe to run? Checks settings, keys, blob store, database, role, and that every key opens.

    With --data every byte of Customer Data is read and compared with the SHA-256 of the day it came in; what is damaged,
    missing or foreign is named.
    """
    if tenant and not data:
        raise click.UsageError("TENANT goes with --data.")
    if data:
        check_data(tenant, as_json)
        return
    findings: list[dict[str, Any]] = []
    with refusals():
        settings = load_settings()
    steps = (
        ("settings", lambda: check_settings(settings)),
        ("keys", lambda: open_app(settings)),
        ("blob store", lambda: blob_store_from_url(settings.blobs).check()),
        ("pages", create_app),
        ("tenants' keys", lambda: _check_keys(settings)),
    )
    for name, step in steps:
        try:
            step()
            findings.append({"check": name, "ok": True, "problem": None})
        except (Misconfigured, ConsoleError, SQLAlchemyError, OSError) as error:
            findings.append({"check": name, "ok": False, "problem": str(getattr(error, "orig", None) or error)})
            break
    sound = all(found["ok"] for found in findings)
    lines = [
        f"{'ok ' if found['ok'] else 'BAD'} {found['check']}{': ' + found['problem'] if found['problem'] else ''}"
        for found in findings
    ]
    answer(as_json, {"safe": sound, "checks": findings}, "\n".join(lines))
    if not sound:
        raise SystemExit(1)


def check_data(tenant: str | None, as_json: bool) -> None:
    """All data of the tenant, or of all, is read through. Ends with status 1 if anything is not as it should be."""
    rows: list[dict[str, Any]] = []
    with installation():
        wanted = [find_tenant(tenant)] if tenant else _tenant_ids()
        for tenant_id in wanted:
            found = [_named(finding) for checked in check_items(tenant_id) for finding in checked.damage]
            found += [{"kind": finding.kind, "blob": finding.name} for finding in foreign_blobs(tenant_id)]
            with unit_of_work(tenant_id):
                finish_check()
                total = totals()
                items = total.items if total is not None else 0
            rows.append({"tenant": str(tenant_id), "items": items, "findings": found})
        answer(as_json, rows, "\n".join(line for row in rows for line in _data_lines(row)))
    bad = sum(len(row["findings"]) for row in rows)
    if bad:
        fail(f"{bad} of the things that were read are not as they should be; they are named above.")


def _tenant_ids() -> list[UUID]:
    with unit_of_work(write=False):
        return tenant_ids()


def _named(finding: Damage) -> dict[str, Any]:
    return {"kind": str(finding.integrity), "item": str(finding.item_id), "problem": finding.problem}


def _data_lines(row: dict[str, Any]) -> list[str]:
    head = f"{row['tenant']}  {row['items']} items read, {len(row['findings']) or 'nothing'} wrong"
    return [head, *(f"  {one['kind']:<8} {one.get('item') or one.get('blob')}" for one in row["findings"])]


def _check_keys(settings: Any) -> None:
    app = open_app(settings)
    with app.app_context():
        with unit_of_work(write=False):
            tenant_ids = list(db.session.execute(select(Tenant.id).where(Tenant.state != "destroyed")).scalars())
        bad = keyring().check(tenant_ids)
        db.engine.dispose()
    if bad:
        raise Misconfigured(f"The keys of these Customers are missing or cannot be opened: {', '.join(map(str, bad))}.")
