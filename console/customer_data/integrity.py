"""Reading a Customer's data through and naming what is damaged: by the clock, or when an operator asks (P17)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import or_, select, update

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock, jobs
from console.core.actor import system
from console.core.db import bound_tenant, db, unit_of_work
from console.customer_data.contents import DamagedItem, MissingItem, open_content
from console.customer_data.heartbeat import beating
from console.customer_data.models import DataTotal, Integrity, Item, totals
from console.tenants.models import tenant_ids

SCRUB_JOB = "data-scrub"
DUE_JOB = "data-scrub-due"
DUE_EVERY_SECONDS = 3600
SCRUB_EVERY = timedelta(days=7)
"""Every byte is read once a week: damage is found while a backup that is older still exists."""

_BATCH_ITEMS = 100


@dataclass(frozen=True, slots=True)
class Damage:
    """An item that cannot be read as it came in."""

    item_id: UUID
    number: int
    integrity: Integrity
    problem: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A run of items that was read through: up to which number, how many, and what was wrong."""

    last_number: int
    items: int
    damage: list[Damage]


def check_items(tenant_id: UUID, *, after: int = 0) -> Iterator[Checked]:
    """All items beyond number `after`, read through and compared with the SHA-256 of the day they came in.

    Each batch is noted in a transaction of its own, so whoever stops can go on from `last_number`; memory stays flat.
    One damaged item holds up no other. A store that cannot be reached is no damage. **Raises:** StoreUnavailable;
    KeyUnavailable. **Records:** customer_data:item:damaged for each that was sound before.
    """
    while True:
        with unit_of_work(tenant_id, write=False):
            query = select(Item).where(Item.number > after).order_by(Item.number).limit(_BATCH_ITEMS)
            places: list[tuple[UUID, int]] = []
            damage: list[Damage] = []
            for one in db.session.execute(query).scalars():
                places.append((one.id, one.number))
                damage += _problems(one)
        if not places:
            return
        with unit_of_work(tenant_id):
            damage = _note([item_id for item_id, _number in places], damage)
        after = places[-1][1]
        yield Checked(after, len(places), damage)


def _problems(one: Item) -> list[Damage]:
    try:
        open_content(one).check()
    except MissingItem as error:
        return [Damage(one.id, one.number, Integrity.MISSING, error.message)]
    except DamagedItem as error:
        return [Damage(one.id, one.number, Integrity.DAMAGED, error.message)]
    return []


def _note(item_ids: list[UUID], damage: list[Damage]) -> list[Damage]:
    """The items say what was found of them, and the Customer's figures count those that are not sound.

    Answers the damage that is one: an item that was removed while it was read lacks its bytes, as it should.
    """
    total = totals(lock=True)
    states = db.session.execute(select(Item.id, Item.integrity).where(Item.id.in_(item_ids)))
    was = {row.id: row.integrity for row in states}
    damage = [one for one in damage if one.item_id in was]
    now_bad = {one.item_id: one for one in damage}
    _set(list(was), checked_at=clock.now())
    _set([key for key in was if key not in now_bad and was[key] != Integrity.SOUND], integrity=Integrity.SOUND)
    for kind in (Integrity.DAMAGED, Integrity.MISSING):
        _set([key for key, one in now_bad.items() if one.integrity == kind], integrity=kind)
    if total is not None:
        total.damaged += len(now_bad) - sum(state != Integrity.SOUND for state in was.values())
    db.session.flush()
    for one in damage:
        if was[one.item_id] == Integrity.SOUND:
            by = system("integrity check", bound_tenant())
            record(Tag.DATA_ITEM_DAMAGED, by=by, subject=("item", one.item_id), reason=one.problem)
    return damage


def _set(item_ids: list[UUID], **values: object) -> None:
    if item_ids:
        statement = update(Item).where(Item.id.in_(item_ids)).values(**values)
        db.session.execute(statement.execution_options(synchronize_session=False))


def scrub(run: jobs.Run) -> None:
    """One Customer's data is read through, from where the last attempt stopped. The handler of `SCRUB_JOB`."""
    if run.tenant_id is None:
        raise ValueError("a scrub is for one tenant")
    last = run.done
    with beating(run):  # a batch may be many GiB
        for checked in check_items(run.tenant_id, after=run.done):
            last = checked.last_number
            with unit_of_work(run.tenant_id):
                run.checkpoint(last, _last_number(), progressed=True)
    with unit_of_work(run.tenant_id):
        finish_check()
        run.checkpoint(last, _last_number())


def finish_check() -> None:
    """All of this tenant's data was read through just now."""
    total = totals(lock=True)
    if total is not None:
        total.checked_at = clock.now()


def _last_number() -> int:
    total = totals()
    return total.last_number if total is not None else 0


def enqueue_due(run: jobs.Run) -> None:
    """A scrub waits for each Customer whose data was not read through for a week. The handler of `DUE_JOB`."""
    with unit_of_work(write=False):
        wanted = tenant_ids()
    for done, tenant_id in enumerate(wanted):
        with unit_of_work(tenant_id):
            present = jobs.job_for(SCRUB_JOB, tenant_id)
            if _due() and (present is None or present.state in jobs.FINISHED):
                jobs.enqueue(SCRUB_JOB, tenant_id=tenant_id, target_id=tenant_id)
            run.checkpoint(done, len(wanted))


def _due() -> bool:
    old = or_(DataTotal.checked_at.is_(None), DataTotal.checked_at < clock.now() - SCRUB_EVERY)
    return db.session.execute(select(DataTotal.id).where(DataTotal.items > 0, old)).first() is not None
