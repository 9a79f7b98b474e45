"""Take in a Customer."""

from uuid import UUID

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import bind_tenant, db
from console.core.errors import Invalid
from console.core.ids import PLATFORM_TENANT_ID
from console.tenants.models import Tenant
from console.vault.access import keyring

NAME_CHARACTERS = 120
TERM_DAYS = range(1, 3651)


def add_tenant(name: str, *, tenant_id: UUID, term_days: int = 30, by: Actor) -> Tenant:
    """The Customer exists, with a key of its own, and this unit of work is bound to it.

    `term_days` is the agreed time for requests and data return (P24).
    **Raises:** Invalid. **Records:** tenants:tenant:added.
    """
    name = " ".join(name.split())
    if not name or len(name) > NAME_CHARACTERS or not name.isprintable():
        raise Invalid(f"A Customer's name has 1 to {NAME_CHARACTERS} printable characters.", {"name": "Give a name."})
    if term_days not in TERM_DAYS:
        raise Invalid("The term is a whole number of days from 1 to 3650.", {"term_days": "1 to 3650 days."})
    if tenant_id != PLATFORM_TENANT_ID:
        # The key comes first: a key without a Customer is harmless, a Customer without a key is not.
        keyring().create_tenant_key(tenant_id)
    bind_tenant(tenant_id)
    tenant = Tenant(id=tenant_id, term_days=term_days, created_at=clock.now())
    tenant.name = name
    db.session.add(tenant)
    db.session.flush()
    record(Tag.TENANT_ADDED, by=by, subject=("tenant", tenant_id), changes={"name": (None, name)})
    return tenant
