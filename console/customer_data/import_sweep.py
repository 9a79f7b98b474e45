"""What imports leave behind: slices of those that are over, and those to which nobody sends files any more."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select

from console.core import clock
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.jobs import Run
from console.customer_data.importing import end_import
from console.customer_data.imports import OPEN, DataImport, ImportFile, ImportSlice, ImportState, data_import
from console.tenants.models import tenant_ids
from console.vault.blob_store import blob_name
from console.vault.blobs import Blob, blob_store

SWEEP_JOB = "data-import-sweep"
SWEEP_EVERY_SECONDS = 6 * 3600
RECEIVING_DAYS = 7
BATCH = 100


def clean_import(run: Run) -> None:
    """The uploaded slices of an import that is over are gone, from the database and then from the store. Safe to repeat."""
    if run.tenant_id is None or run.target_id is None:
        return
    store, more = blob_store(), True
    while more:
        with unit_of_work(run.tenant_id):
            dropped = _drop_some(run.target_id)
            run.checkpoint(0, 0, progressed=bool(dropped))
        for blob_id in dropped:
            store.delete(blob_name(run.tenant_id, blob_id))  # what a kill leaves here has no row, and is swept
        more = len(dropped) == BATCH


def _drop_some(import_id: UUID) -> list[UUID]:
    if data_import(import_id, lock=True).state in OPEN:
        return []
    query = select(ImportSlice.id, ImportSlice.blob_id).join(ImportFile, ImportFile.id == ImportSlice.file_id)
    rows = db.session.execute(query.where(ImportFile.import_id == import_id).limit(BATCH)).all()
    if rows:
        kept = {"synchronize_session": False}
        db.session.execute(
            delete(ImportSlice).where(ImportSlice.id.in_([row.id for row in rows])).execution_options(**kept)
        )
        db.session.execute(delete(Blob).where(Blob.id.in_([row.blob_id for row in rows])).execution_options(**kept))
    return [row.blob_id for row in rows]


def sweep_data_imports(run: Run) -> None:
    """Imports that have waited for files for a week are cancelled, and what came of them is dropped.

    **Records:** customer_data:import:cancelled.
    """
    horizon = clock.now() - timedelta(days=RECEIVING_DAYS)
    with unit_of_work(write=False):
        tenants = tenant_ids()
    for done, tenant_id in enumerate(tenants):
        with unit_of_work(tenant_id):
            query = select(DataImport).where(DataImport.state == ImportState.RECEIVING, DataImport.created_at < horizon)
            for found in db.session.execute(query.limit(BATCH).with_for_update()).scalars():
                reason = f"Not all of its files came within {RECEIVING_DAYS} days."
                end_import(found, ImportState.CANCELLED, by=system("retention", tenant_id), reason=reason)
            run.checkpoint(done, len(tenants))
