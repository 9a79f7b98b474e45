"""What is left of confirmations, browsers and networks that nobody needs any more is removed, Customer by Customer."""

from datetime import timedelta

from sqlalchemy import delete, select

from console.core import clock
from console.core.db import db, unit_of_work
from console.core.jobs import Run
from console.core.lookups import forget_lookups
from console.identity.confirmation_models import Confirmation
from console.identity.models import Browser
from console.identity.networks import KEPT_DAYS, drop_old_networks
from console.tenants.models import Tenant
from console.users.models import User

SWEEP_JOB = "identity-sweep"
SWEEP_EVERY_SECONDS = 6 * 3600
CODE_DAYS = 30
BATCH = 1000


def sweep_identity(run: Run) -> None:
    """Codes of a month ago, and browsers and networks that nobody came back with, are gone."""
    with unit_of_work(write=False):
        tenant_ids = list(db.session.execute(select(Tenant.id)).scalars())
    for done, tenant_id in enumerate(tenant_ids):
        with unit_of_work(tenant_id):
            _drop_codes()
            _drop_browsers()
            drop_old_networks()
            run.checkpoint(done, len(tenant_ids))


def _drop_codes() -> None:
    old = select(Confirmation.id).where(Confirmation.created_at < clock.now() - timedelta(days=CODE_DAYS)).limit(BATCH)
    ids = list(db.session.execute(old).scalars())
    forget_lookups("denial", ids)
    _delete(Confirmation, Confirmation.id.in_(ids))


def _drop_browsers() -> None:
    """Those that count no more because the person was suspended or changed since, and those that stayed away."""
    stale = select(Browser.id).join(User, (User.tenant_id == Browser.tenant_id) & (User.id == Browser.user_id))
    ids = db.session.execute(stale.where(Browser.epoch != User.sign_in_epoch).limit(BATCH)).scalars()
    _delete(Browser, Browser.id.in_(list(ids)))
    _delete(Browser, Browser.last_seen_at < clock.now() - timedelta(days=KEPT_DAYS))


def _delete(kind: type[Confirmation] | type[Browser], condition: object) -> None:
    db.session.execute(delete(kind).where(condition).execution_options(synchronize_session=False))  # type: ignore[arg-type]
