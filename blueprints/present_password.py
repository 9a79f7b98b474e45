"""Compare the present password of whoever is signed in. Wrong ones are counted, so that an open session is no oracle."""

from blueprints.visit import actor, signed_in
from console.audit.actions import record
from console.audit.tags import Tag
from console.core import budgets
from console.core.db import unit_of_work
from console.core.errors import Throttled
from console.identity.models import credential_of
from console.identity.passwords import verify_password
from console.vault.access import tenant_keys

TRIES = 10
TRY_WINDOW_SECONDS = 300


def is_present_password(typed: str) -> bool:
    """Whether it is. The hash is compared outside of any transaction: call it before the page's own begins.

    **Raises:** Throttled. **Records:** identity:password:refused.
    """
    tenant_id, user_id = actor().tenant_id, signed_in().user_id
    with unit_of_work(tenant_id):
        key = tenant_keys().index("tries-present", user_id.bytes)
        wait = budgets.spend(key, limit=TRIES, window_seconds=TRY_WINDOW_SECONDS)
        credential = credential_of(user_id)
        stored = credential.password_hash if credential else None
    if wait:
        raise Throttled("Too many wrong passwords. Wait, then try again.", retry_after_seconds=wait)
    right = verify_password(stored, typed)
    with unit_of_work(tenant_id):
        if right:
            budgets.refund(key)
        else:
            record(Tag.PASSWORD_REFUSED, by=actor(), subject=("user", user_id), reason="wrong present password")
    return right
