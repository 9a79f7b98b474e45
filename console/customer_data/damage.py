"""Damage that shows when somebody reads an item: noted with the item, counted, and in the record."""

from uuid import UUID

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import db
from console.customer_data.contents import DamagedItem, MissingItem
from console.customer_data.models import Integrity, Item, totals


def note_damage(item_id: UUID, error: DamagedItem, *, by: Actor) -> None:
    """The item is known as damaged, or as missing, and the Customer's figures count it; once.

    One that was removed while it was read lacks its bytes, as it should: nothing happens.
    **Records:** customer_data:item:damaged.
    """
    total = totals(lock=True)
    query = select(Item).where(Item.id == item_id).execution_options(populate_existing=True)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None or found.integrity != Integrity.SOUND:
        return
    missing = isinstance(error, MissingItem)
    found.integrity, found.checked_at = Integrity.MISSING if missing else Integrity.DAMAGED, clock.now()
    if total is not None:
        total.damaged += 1
    record(Tag.DATA_ITEM_DAMAGED, by=by, subject=("item", item_id), reason=error.message)
