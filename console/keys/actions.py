"""Start the replacement of a key, or let one that stopped go on."""

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock, jobs
from console.core.actor import Actor
from console.core.db import bound_tenant, db
from console.core.errors import Conflict, Invalid
from console.core.ids import new_id
from console.keys.models import JOB, KeyRotation, State, given_up, under_way
from console.tenants.models import lock_people
from console.vault import rotation as versions
from console.vault.access import keyring

REASON_CHARACTERS = 300


def start_rotation(reason: str, *, by: Actor) -> KeyRotation:
    """A worker will make the next version of this tenant's key, move everything to it, and retire the older ones.

    One that stopped goes on instead. **Raises:** Invalid without a reason; Conflict while one is under way;
    KeyUnavailable where the key was destroyed. **Records:** keys:rotation:started.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > REASON_CHARACTERS or not reason.isprintable():
        raise Invalid(
            "Say why the key is replaced.", {"reason": f"Give a reason of 1 to {REASON_CHARACTERS} characters."}
        )
    lock_people()  # of two who start at once, the second finds what the first has begun
    versions.next_version(keyring(), bound_tenant())
    found = under_way(lock=True)
    if found is None:
        found = KeyRotation(id=new_id(), tenant_id=bound_tenant(), created_at=clock.now(), started_by=by.user_id)
        found.set_words(reason=reason, by=by.label)
        db.session.add(found)
    elif found.state == State.STOPPED or given_up(found):
        _go_on(found)
    else:
        raise Conflict("The key is being replaced already. Wait until that is done.")
    db.session.flush()
    jobs.enqueue(JOB, tenant_id=found.tenant_id, target_id=found.id, total=found.total_rows)
    record(Tag.KEY_REPLACEMENT_STARTED, by=by, subject=("key_rotation", found.id), reason=reason)
    return found


def _go_on(found: KeyRotation) -> None:
    """Whatever it stopped at is looked at again; one that gave up in the middle stands where it stood."""
    if found.state == State.STOPPED:
        found.state, found.place, found.after_id, found.walks = State.CHECKING, None, None, 1
    found.unreadable = []
