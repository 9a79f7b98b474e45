"""Forget what imports held: a month after, their rows are of no use any more, and they are personal data."""

from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.jobs import Run
from console.tenants.models import Tenant
from console.users.imports import ImportChunk, ImportState, UserImport

SWEEP_JOB = "users-import-sweep"
SWEEP_EVERY_SECONDS = 6 * 3600
KEPT_DAYS = 30
BATCH = 100


def sweep_imports(run: Run) -> None:
    """The rows of imports that ended 30 days ago are gone; those nobody applied for so long are cancelled.

    That an import took place, by whom and with which counts, stays. **Records:** users:import:cancelled.
    """
    horizon = clock.now() - timedelta(days=KEPT_DAYS)
    with unit_of_work(write=False):
        tenant_ids = list(db.session.execute(select(Tenant.id).order_by(Tenant.id)).scalars())
    for done, tenant_id in enumerate(tenant_ids):
        more = True
        while more:
            with unit_of_work(tenant_id):
                more = _sweep_some(horizon)
                run.checkpoint(done, len(tenant_ids))


def _sweep_some(horizon: datetime) -> bool:
    old = (
        select(UserImport)
        .where(
            UserImport.rows_dropped_at.is_(None),
            or_(
                UserImport.finished_at < horizon,
                (UserImport.state == ImportState.READY) & (UserImport.created_at < horizon),
            ),
        )
        .limit(BATCH)
        .with_for_update()
    )
    found = list(db.session.execute(old).scalars())
    for one in found:
        if one.state == ImportState.READY:
            one.finish(ImportState.CANCELLED, f"Nobody applied it for {KEPT_DAYS} days.")
            db.session.flush()
            by = system("retention", one.tenant_id)
            record(Tag.IMPORT_CANCELLED, by=by, subject=("import", one.id), reason=one.reason)
        one.rows_dropped_at = clock.now()
        db.session.execute(
            delete(ImportChunk).where(ImportChunk.import_id == one.id).execution_options(synchronize_session=False)
        )
    return len(found) == BATCH
