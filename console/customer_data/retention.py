"""How long items are kept: by custodian or for all, as numbered versions; and the sweep that lets old ones go."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_

from console.core import clock
from console.core.actor import Actor, system
from console.core.db import db, unit_of_work
from console.core.errors import Invalid
from console.core.jobs import Run
from console.customer_data.holds import held
from console.customer_data.models import Custodian, Item, custodians
from console.customer_data.removal import Cause, remove_items
from console.policies.actions import save
from console.policies.models import in_force, version
from console.tenants.models import tenant_ids
from console.vault.errors import KeyUnavailable

SWEEP_JOB = "data-retention"
SWEEP_EVERY_SECONDS = 6 * 3600
GRACE_DAYS = 7
"""Nothing goes before a rule has stood for so long: a slip of the keyboard can be taken back."""
LEAST_DAYS, MOST_DAYS = 30, 36_525
REASON_CHARACTERS = 300
_BATCH = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rules:
    """How many days an item is kept from its date on. 0 keeps for ever."""

    days: int = 0
    by_custodian: Mapping[UUID, int] = field(default_factory=dict)
    """Custodians with a term of their own, which counts in place of the general one."""

    def term(self, custodian_id: UUID) -> int:
        """The days for that custodian's items."""
        return self.by_custodian.get(custodian_id, self.days)

    def as_document(self) -> dict[str, Any]:
        """As a version keeps them."""
        return {"days": self.days, "custodians": {str(key): days for key, days in sorted(self.by_custodian.items())}}


@dataclass(frozen=True)
class Leaving:
    """What would go of one custodian."""

    custodian: str
    days: int
    items: int
    size_bytes: int
    oldest_at: datetime | None


def rules_of(document: Mapping[str, Any]) -> Rules:
    """The rules that a version says; an empty document keeps everything for ever."""
    own = {UUID(key): int(days) for key, days in document.get("custodians", {}).items()}
    return Rules(int(document.get("days", 0)), own)


def present_rules() -> Rules:
    """The rules in force for this tenant."""
    return rules_of(in_force("retention").document)


def acts_from() -> datetime | None:
    """From when on the rules in force remove anything; None where they keep everything."""
    now = in_force("retention")
    rules = rules_of(now.document)
    if not rules.days and not any(rules.by_custodian.values()):
        return None
    return version("retention", now.number).made_at + timedelta(days=GRACE_DAYS)


def check_days(text: str) -> int:
    """The number of days that was typed; nothing typed keeps for ever. **Raises:** ValueError, with what to do."""
    text = text.strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdecimal() or not LEAST_DAYS <= int(text[:9]) <= MOST_DAYS:
        raise ValueError(f"Give {LEAST_DAYS} to {MOST_DAYS:,} days, or leave it empty to keep for ever.")
    return int(text)


def preview(rules: Rules) -> list[Leaving]:
    """What would go today under these rules, by custodian, as if no hold were open. Counts what would go, nothing else."""
    found = []
    for owner in custodians():
        days = rules.term(owner.id)
        if not days:
            continue
        columns = (func.count(Item.id), func.coalesce(func.sum(Item.size_bytes), 0), func.min(Item.dated_at))
        query = select(*columns).where(Item.custodian_id == owner.id, Item.dated_at < _horizon(days))
        items, size, oldest = db.session.execute(query).one()
        if items:
            found.append(Leaving(owner.label, days, items, int(size), oldest))
    return found


def save_rules(rules: Rules, *, based_on: int, reason: str, by: Actor) -> int:
    """The rules are in force; they remove nothing for `GRACE_DAYS`. Answers the version's number.

    **Raises:** Invalid; Stale. **Records:** policies:version:saved.
    """
    reason = " ".join(reason.split())
    if not 10 <= len(reason) <= REASON_CHARACTERS or not reason.isprintable():
        text = f"Say why, in 10 to {REASON_CHARACTERS} characters. It stands in the audit record."
        raise Invalid("This needs a change.", {"reason": text})
    old = present_rules()
    changes = _changes(old, rules)
    if not changes:
        raise Invalid("Nothing was changed.", {})
    return save("retention", rules.as_document(), based_on=based_on, reason=reason, by=by, changes=changes)


def _changes(old: Rules, new: Rules) -> dict[str, tuple[object, object]]:
    names = {owner.id: owner.label for owner in custodians()}
    changes: dict[str, tuple[object, object]] = {}
    if old.days != new.days:
        changes["everybody"] = (spoken_days(old.days), spoken_days(new.days))
    for key in sorted({*old.by_custodian, *new.by_custodian}):
        before, after = old.by_custodian.get(key), new.by_custodian.get(key)
        if before != after:
            label = names.get(key, str(key))
            changes[label] = (_own_term(before), _own_term(after))
    return changes


def _own_term(days: int | None) -> str:
    return "as everybody" if days is None else spoken_days(days)


def spoken_days(days: int) -> str:
    """A term as people say it."""
    return f"{days:,} days" if days else "for ever"


def sweep_retention(run: Run) -> None:
    """What is older than its Customer's rules say is gone, but for what is held. The handler of `SWEEP_JOB`."""
    with unit_of_work(write=False):
        wanted = tenant_ids()
    for done, tenant_id in enumerate(wanted):
        try:
            for custodian_id, days in _terms(tenant_id):
                _sweep(run, tenant_id, custodian_id, days, (done, len(wanted)))
        except KeyUnavailable:  # its rules cannot be read any more, nor its data; the others' count all the same
            log.warning("retention of %s stands still: its key is gone", tenant_id)
        with unit_of_work():
            run.checkpoint(done + 1, len(wanted))


def _terms(tenant_id: UUID) -> list[tuple[UUID, int]]:
    """The custodians of whom something may go now, with their days."""
    with unit_of_work(tenant_id, write=False):
        since = acts_from()
        if since is None or clock.now() < since:
            return []
        rules = present_rules()
        ids = db.session.execute(select(Custodian.id).order_by(Custodian.id)).scalars()
        return [(custodian_id, rules.term(custodian_id)) for custodian_id in ids if rules.term(custodian_id)]


def _sweep(run: Run, tenant_id: UUID, custodian_id: UUID, days: int, progress: tuple[int, int]) -> None:
    for ids in _old(tenant_id, custodian_id, days):
        with unit_of_work(tenant_id):
            # Asked again in the transaction that removes: rules that were changed meanwhile count at once.
            since = acts_from()
            if since is None or clock.now() < since or present_rules().term(custodian_id) != days:
                return
            reason = f"Older than {days} days"
            remove_items(ids, cause=Cause.RETENTION, by=system("retention", tenant_id), reason=reason)
            run.checkpoint(*progress)


def _old(tenant_id: UUID, custodian_id: UUID, days: int) -> Iterator[list[UUID]]:
    """Items of that custodian that are too old and not held, oldest first, some at a time."""
    after: tuple[datetime, UUID] | None = None
    while True:
        with unit_of_work(tenant_id, write=False):
            query = select(Item.dated_at, Item.id).where(
                Item.custodian_id == custodian_id, Item.dated_at < _horizon(days)
            )
            if after is not None:
                query = query.where(tuple_(Item.dated_at, Item.id) > after)
            rows = db.session.execute(query.order_by(Item.dated_at, Item.id).limit(_BATCH)).all()
            covered = held((row.id, custodian_id) for row in rows)
        if not rows:
            return
        after = (rows[-1].dated_at, rows[-1].id)
        if going := [row.id for row in rows if row.id not in covered]:
            yield going


def _horizon(days: int) -> datetime:
    return clock.now() - timedelta(days=days)
