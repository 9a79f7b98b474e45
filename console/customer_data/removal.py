"""The one door through which items leave: it asks the holds, counts, forgets their words, and records what went.

Nothing else in the product deletes an item or its bytes; `tests/customer_data/test_removal.py` lists who comes here.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from console.audit.actions import record
from console.audit.tags import Tag
from console.core.actor import Actor
from console.core.db import db
from console.core.errors import Invalid
from console.customer_data.batches import locked_totals, month_of
from console.customer_data.forgetting import forget_numbers
from console.customer_data.holds import held
from console.customer_data.imports import ImportFinding
from console.customer_data.labels import forget_items
from console.customer_data.models import Custodian, DataTotal, Integrity, Item, ItemContent, MonthCount
from console.vault.blobs import Blob, delete_blob

MOST_ITEMS = 500
"""Removed in one transaction. Whoever removes more comes again."""


class Cause(StrEnum):
    """Why items leave. Each is a path that a test walks with a hold in its way."""

    DELETED = "deleted"
    RETENTION = "retention"


@dataclass(frozen=True)
class Removed:
    """What one removal did."""

    items: int = 0
    size_bytes: int = 0
    kept: int = 0
    """Items that an open hold covers; they are as before."""


def remove_items(item_ids: Iterable[UUID], *, cause: Cause, by: Actor, reason: str | None = None) -> Removed:
    """Those of the items that no hold covers are gone for good from the commit on, bytes and words included.

    Ids that are not this tenant's, or gone already, count for nothing, so that a repetition does nothing more.
    **Raises:** Invalid for too many at once. **Records:** customer_data:items:removed, with id and SHA-256 of each.
    """
    wanted = list(dict.fromkeys(item_ids))
    if len(wanted) > MOST_ITEMS:
        raise Invalid(f"At most {MOST_ITEMS} items can be removed at once.")
    total = locked_totals()  # a hold that is being placed waits for this lock, and this waits for it
    query = select(Item).where(Item.id.in_(wanted)).order_by(Item.id).with_for_update()
    found = list(db.session.execute(query.execution_options(populate_existing=True)).scalars())
    covered = held((one.id, one.custodian_id) for one in found)
    going = [one for one in found if one.id not in covered]
    if not going:
        return Removed(kept=len(covered))
    removed = Removed(len(going), sum(one.size_bytes for one in going), len(covered))
    evidence = [f"{one.id} {one.summary.sha256}" for one in going]
    _count_out(going, total)
    forget_items([one.id for one in going])
    forget_numbers([one.number for one in going])
    _delete(going)
    facts: dict[str, Any] = {
        "cause": str(cause),
        "items": removed.items,
        "size_bytes": removed.size_bytes,
        "removed": evidence,
    }
    record(Tag.DATA_ITEMS_REMOVED, by=by, reason=reason, held_back=removed.kept or None, **facts)
    return removed


def _delete(going: list[Item]) -> None:
    ids = [one.id for one in going]
    blob_ids = [one.blob_id for one in going if one.blob_id is not None]
    findings = update(ImportFinding).where(ImportFinding.item_id.in_(ids)).values(item_id=None)
    for one in going:
        db.session.expunge(one)
    for statement in (
        findings,
        delete(ItemContent).where(ItemContent.id.in_(ids)),
        delete(Item).where(Item.id.in_(ids)),
    ):
        db.session.execute(statement.execution_options(synchronize_session=False))
    if blob_ids:
        for blob in db.session.execute(select(Blob).where(Blob.id.in_(blob_ids))).scalars():
            delete_blob(blob)
    db.session.flush()


def _count_out(going: list[Item], total: DataTotal) -> None:
    """The Customer, its custodians and the months in which the items came count them no more.

    Quarantined ones never counted: `count_in` takes an item in when it is released.
    """
    total.damaged -= sum(one.integrity != Integrity.SOUND for one in going)
    counted = [one for one in going if one.quarantined_for is None]
    total.items -= len(counted)
    total.size_bytes -= sum(one.size_bytes for one in counted)
    items, sizes = Counter[Any](), Counter[Any]()
    for one in counted:
        for key in (one.custodian_id, (one.custodian_id, month_of(one.received_at))):
            items[key] += 1
            sizes[key] += one.size_bytes
    owners = {one.custodian_id for one in counted}
    locked = select(Custodian).where(Custodian.id.in_(owners)).order_by(Custodian.id).with_for_update()
    for owner in db.session.execute(locked.execution_options(populate_existing=True)).scalars():
        owner.items -= items[owner.id]
        owner.size_bytes -= sizes[owner.id]
    for month in db.session.execute(select(MonthCount).where(MonthCount.custodian_id.in_(owners))).scalars():
        month.items -= items[month.custodian_id, month.month]
        month.size_bytes -= sizes[month.custodian_id, month.month]
    db.session.flush()
