"""Save, confirm, fall back: under the lock that every door of the lock-out guard takes (`lock_people`)."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor, system
from console.core.db import bound_tenant, db, unit_of_work
from console.core.errors import Conflict
from console.core.ids import new_id
from console.core.jobs import Run, enqueue
from console.policies.models import Kind, PolicyHead, PolicyVersion, version
from console.policies.rules import number_in_force
from console.tenants.models import lock_people

TRIAL_JOB = "policies-trial"
SAVED_JOB = "policies-saved"
REVERTED_JOB = "policies-reverted"
"""Whoever answers for security is told by mail; who that is, and in which words, is decided above (security)."""


class Stale(Conflict):
    """Raised when somebody saved another version meanwhile; nothing was changed."""


def save(
    kind: Kind,
    new: dict[str, Any],
    *,
    based_on: int,
    reason: str,
    by: Actor,
    trial_minutes: int = 0,
    changes: dict[str, tuple[object, object]] | None = None,
) -> int:
    """`new` is in force, as a version of its own; for `trial_minutes` only, unless somebody confirms it by then.

    Answers its number. `based_on` is the version in force that the change was made from. A version that is saved
    while another is on trial falls back to the one before that trial.

    **Raises:** Stale. **Records:** policies:version:saved.
    """
    lock_people()
    head = _head(kind)
    _settle(head, clock.now())
    if head.number != based_on:
        raise Stale("Somebody saved another version meanwhile. Look at it, then make your change again.")
    before = head.fallback if head.fallback is not None else head.number
    head.latest += 1
    row = PolicyVersion(
        id=new_id(), tenant_id=bound_tenant(), kind=kind, number=head.latest, made_at=clock.now(), made_by=by.user_id
    )
    words = {"document": new, "reason": reason, "by": by.label, "address": by.address}
    said = {name: [str(old), str(new_)] for name, (old, new_) in (changes or {}).items()}
    row.content = {**words, "before": based_on, "trial_minutes": trial_minutes, "changes": said}
    db.session.add(row)
    head.number = head.latest
    head.fallback = head.trial_ends_at = head.trial_by = None
    if trial_minutes:
        head.fallback, head.trial_by = before, by.user_id
        head.trial_ends_at = clock.now() + timedelta(minutes=trial_minutes)
        enqueue(TRIAL_JOB, tenant_id=bound_tenant(), target_id=head.id, delay_seconds=trial_minutes * 60 + 1)
    db.session.flush()
    enqueue(SAVED_JOB, tenant_id=bound_tenant(), target_id=row.id)
    minutes = trial_minutes or None
    record(
        Tag.POLICY_SAVED,
        by=by,
        changes=changes,
        reason=reason or None,
        policy=kind,
        number=head.number,
        trial_minutes=minutes,
    )
    return head.number


def keep(kind: Kind, *, number: int, by: Actor) -> None:
    """The version on trial stays in force. Confirming one that stays already is no error.

    **Raises:** Conflict if it was reverted or replaced. **Records:** policies:version:kept.
    """
    lock_people()
    head = _head(kind)
    _settle(head, clock.now())
    if head.number != number:
        raise Conflict("This version is not in force any more: its trial is over or another version was saved.")
    if head.fallback is None:
        return
    head.fallback = head.trial_ends_at = head.trial_by = None
    db.session.flush()
    record(Tag.POLICY_KEPT, by=by, policy=kind, number=number)


def fall_back(kind: Kind, *, number: int, by: Actor) -> None:
    """The trial is over at once, and the version before it is in force.

    **Raises:** Conflict if that version is not on trial. **Records:** policies:version:reverted.
    """
    lock_people()
    head = _head(kind)
    _settle(head, clock.now())
    if head.number != number or head.fallback is None:
        raise Conflict("This version is not on trial any more.")
    _revert(head, by=by)


def lift(kind: Kind, *, until: datetime, reason: str, by: Actor) -> None:
    """What was chosen does not count until then (break-glass). **Records:** policies:policy:lifted."""
    lock_people()
    head = _head(kind)
    head.lifted_until = until
    db.session.flush()
    record(Tag.POLICY_LIFTED, by=by, reason=reason, policy=kind, until_at=until)


def end_lift(kind: Kind, *, by: Actor) -> None:
    """What was chosen counts again. **Raises:** Conflict if it was not lifted. **Records:** policies:policy:restored."""
    lock_people()
    head = _head(kind)
    if head.lifted_until is None or head.lifted_until <= clock.now():
        raise Conflict("This is in force already.")
    head.lifted_until = None
    db.session.flush()
    record(Tag.POLICY_RESTORED, by=by, policy=kind)


def finish_trial(run: Run) -> None:
    """A lapsed trial is written down as reverted. It counts no more since its time was over; this is the record of it."""
    assert run.tenant_id is not None  # noqa: S101 (every such job is made with one)
    with unit_of_work(run.tenant_id):
        lock_people()
        query = select(PolicyHead).where(PolicyHead.id == run.target_id).with_for_update()
        head = db.session.execute(query).scalar_one_or_none()
        if head is not None:
            _settle(head, clock.now())


def _head(kind: Kind) -> PolicyHead:
    """This tenant's head, locked; a new one begins at 0. The caller holds the people lock, so nobody makes another."""
    query = select(PolicyHead).where(PolicyHead.kind == kind).with_for_update()
    head = db.session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()
    if head is None:
        head = PolicyHead(id=new_id(), tenant_id=bound_tenant(), kind=kind, number=0, latest=0)
        db.session.add(head)
        db.session.flush()
    return head


def _settle(head: PolicyHead, now: datetime) -> None:
    """Write down what the clock has decided already."""
    if number_in_force(head.number, head.fallback, head.trial_ends_at, now) != head.number:
        _revert(head, by=system("nobody confirmed the trial"))


def _revert(head: PolicyHead, *, by: Actor) -> None:
    kind: Kind = head.kind  # type: ignore[assignment]
    gone = head.number
    row = version(kind, gone)
    row.outcome = "reverted"
    head.number = head.fallback or 0
    ended = {"by": by.label, "address": by.address, "at": clock.now().isoformat(), "to_number": head.number}
    row.content = {**row.content, "ended": ended}
    enqueue(REVERTED_JOB, tenant_id=bound_tenant(), target_id=row.id)
    head.fallback = head.trial_ends_at = head.trial_by = None
    db.session.flush()
    record(Tag.POLICY_REVERTED, by=by, policy=kind, number=gone, to_number=head.number)
