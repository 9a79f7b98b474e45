"""The import at work: entries from where it stands, batch by batch, until they end, it is cancelled, or there is no room.

Whoever works on it holds the lease of its job and prolongs it in each batch's own transaction; a kill at any moment leaves
the last whole batch, and the next worker goes on behind it.
"""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.exc import OperationalError

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock, jobs
from console.core.actor import Actor
from console.core.db import db, unit_of_work
from console.core.errors import Conflict
from console.core.jobs import Run, TryLater
from console.customer_data.batches import gather, standing, write
from console.customer_data.custody import Custody
from console.customer_data.heartbeat import beating
from console.customer_data.imports import JOB, OPEN, DataImport, ImportState, data_import
from console.customer_data.sliced import uploaded_entries
from console.formats.entries import Entry, Position
from console.formats.sources import walk
from console.vault.errors import StoreFull, StoreUnavailable

PATH_JOB = "data-import-path"
"""An import of a path on the server: only the command that was given the path takes it up, no worker."""
CLEAN_JOB = "data-import-clean"
FULL_RETRY_SECONDS = 30
FULL = "There is no room left on the disk. The import goes on by itself when there is."
AWAY = "The store of the data does not answer. The import goes on by itself when it does."
_POSTGRESQL_FULL = ("53100", "53200")

log = logging.getLogger(__name__)


def start_import(found: DataImport, *, by: Actor) -> None:
    """A worker takes the import up once this is committed. **Records:** customer_data:import:started."""
    found.state, found.started_at = ImportState.RUNNING, None
    db.session.flush()
    jobs.enqueue(_kind(found), tenant_id=found.tenant_id, target_id=found.id)
    label = str(found.facts.get("label", ""))
    record(Tag.DATA_IMPORT_STARTED, by=by, subject=("import", found.id), label=label, bytes=found.total_bytes)


def resume_import(found: DataImport) -> None:
    """An import whose job was given up is taken up again."""
    job = job_of(found)
    if found.state != ImportState.RUNNING or (job is not None and job.state not in jobs.FINISHED):
        raise Conflict("This import is under way, or over. There is nothing to resume.")
    jobs.enqueue(_kind(found), tenant_id=found.tenant_id, target_id=found.id)


def job_of(found: DataImport) -> jobs.Job | None:
    """The job that works on the import, or did."""
    return jobs.job_for(_kind(found), found.id)


def _kind(found: DataImport) -> str:
    """The kind of job that works on it: only a command on the server has what lies at a path."""
    return PATH_JOB if found.source == "command" else JOB


def cancel_import(import_id: UUID, *, by: Actor) -> DataImport:
    """The import goes no further than the batch in hand; what came in stays. Uploaded files are dropped.

    **Raises:** NotFound, Conflict where it is over. **Records:** customer_data:import:cancelled.
    """
    found = data_import(import_id, lock=True)
    if found.state not in OPEN:
        raise Conflict(f"This import is {found.state} already, so there is nothing to cancel.")
    job = job_of(found)
    if job is not None:
        jobs.cancel(job.id)
    end_import(found, ImportState.CANCELLED, by=by)
    return found


def end_import(found: DataImport, state: ImportState, *, by: Actor, reason: str | None = None) -> None:
    """The import is over, a job drops its uploaded files, and the record says how it ended.

    **Records:** customer_data:import:finished or :cancelled, with the counts.
    """
    found.finish(state, reason)
    db.session.flush()
    jobs.enqueue(CLEAN_JOB, tenant_id=found.tenant_id, target_id=found.id)
    record(
        Tag.DATA_IMPORT_FINISHED if state == ImportState.DONE else Tag.DATA_IMPORT_CANCELLED,
        by=by,
        subject=("import", found.id),
        reason=reason,
        seen=found.seen_items,
        imported=found.imported_items,
        duplicate=found.duplicate_items,
        quarantined=found.quarantined_items,
        refused=found.refused_items,
        bytes=found.imported_bytes,
    )


def run_import(run: Run) -> None:
    """The worker's part: everything behind where the import stands. Safe to repeat, from any number of workers.

    **Raises:** TryLater while there is no room, or the store does not answer.
    """
    if run.target_id is None or run.tenant_id is None:
        return
    try:
        with beating(run):
            _work(run, run.tenant_id, run.target_id)
    except StoreFull as error:
        raise TryLater(FULL, after_seconds=FULL_RETRY_SECONDS) from error
    except StoreUnavailable as error:
        log.warning("import %s: %s", run.target_id, error.facts)
        raise TryLater(AWAY, after_seconds=FULL_RETRY_SECONDS) from error
    except OperationalError as error:
        if not is_full(error):
            raise
        raise TryLater(FULL, after_seconds=FULL_RETRY_SECONDS) from error


def is_full(error: OperationalError) -> bool:
    """Whether the database refused because its disk is full."""
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    return getattr(error.orig, "sqlstate", None) in _POSTGRESQL_FULL


def _work(run: Run, tenant_id: UUID, import_id: UUID) -> None:
    with unit_of_work(tenant_id):
        found = data_import(import_id, lock=True)
        if found.state != ImportState.RUNNING:
            return
        found.started_at = found.started_at or clock.now()
        found.set_facts({**found.facts, "leg": [clock.now().isoformat(), found.read_bytes]})
        before, by = standing(found), acting(found)
        path = str(found.facts.get("path") or "")
        custody = Custody(tenant_id, found.custodian_id, path, by)
        source = found.source
        run.beat()
    entries = walk(Path(path), before) if source == "command" else uploaded_entries(tenant_id, import_id, before)
    while _next_batch(run, tenant_id, import_id, entries, custody, before):
        with unit_of_work(tenant_id, write=False):
            before = standing(data_import(import_id))


def _next_batch(
    run: Run, tenant_id: UUID, import_id: UUID, entries: Iterator[Entry], custody: Custody, before: Position | None
) -> bool:
    with unit_of_work(tenant_id):
        batch = gather(entries, custody, import_id, before)
        if not write(batch, import_id, run):
            return False
        if batch.at_end:
            found = data_import(import_id, lock=True)
            end_import(found, ImportState.DONE, by=acting(found))
        return not batch.at_end


def whereabouts(by: Actor) -> dict[str, Any]:
    """Who acts from where, for the audit entries that a worker will write on that person's behalf."""
    return {
        "kind": by.kind,
        "actor": by.label,
        "role": by.role,
        "address": by.address,
        "browser": by.browser,
        "reference": by.reference,
        "on_behalf_of": by.on_behalf_of,
    }


def acting(found: DataImport) -> Actor:
    """Whoever started the import, as it was then."""
    facts = found.facts
    return Actor(
        kind=facts.get("kind", "system"),
        tenant_id=found.tenant_id if facts.get("kind") == "person" else None,
        user_id=found.created_by,
        role=facts.get("role"),
        label=facts.get("actor", ""),
        address=facts.get("address"),
        browser=facts.get("browser"),
        reference=facts.get("reference"),
        on_behalf_of=facts.get("on_behalf_of"),
    )
