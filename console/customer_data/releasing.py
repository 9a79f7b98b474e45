"""Let an item out of quarantine: from then on it is listed, found by its words and counted with the others."""

from uuid import UUID

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core.actor import Actor
from console.core.db import db
from console.core.errors import Conflict, NotFound
from console.customer_data.batches import count_in, locked_totals
from console.customer_data.contents import open_content
from console.customer_data.import_report import finding
from console.customer_data.import_rules import MEMORY_BYTES
from console.customer_data.index import add_segment
from console.customer_data.models import Item, Kind
from console.customer_data.taking import understand_document, understand_message


def quarantined(import_id: UUID, item_id: UUID) -> Item:
    """That item, if that import brought it and it is still held. **Raises:** NotFound; Conflict where it was released."""
    query = select(Item).where(Item.id == item_id, Item.import_id == import_id)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound
    if not found.quarantined_for:
        raise Conflict("This item is not in quarantine any more.")
    return found


def release(import_id: UUID, item_id: UUID, *, by: Actor, reason: str | None = None) -> Item:
    """The item is like any other from now on. **Raises:** NotFound, Conflict, DamagedItem.

    **Records:** customer_data:item:released.
    """
    terms = _terms(quarantined(import_id, item_id))
    total = locked_totals()
    query = select(Item).where(Item.id == item_id).with_for_update().execution_options(populate_existing=True)
    found = db.session.execute(query).scalar_one()
    if not found.quarantined_for:
        raise Conflict("This item is not in quarantine any more.")
    held_for, found.quarantined_for = found.quarantined_for, None
    came = {"custodian_id": found.custodian_id, "size_bytes": found.size_bytes, "received_at": found.received_at}
    count_in([came], total)
    add_segment([(found.number, terms)])
    why = finding(import_id, item_id)
    if why is not None:
        why.set_facts({**why.facts, "released": True})
    db.session.flush()
    record(Tag.DATA_ITEM_RELEASED, by=by, subject=("item", found.id), reason=reason, held_for=held_for)
    return found


def _terms(found: Item) -> frozenset[str]:
    content = open_content(found)
    whole = content.size <= MEMORY_BYTES
    raw = content.whole() if whole else content.read(0, MEMORY_BYTES)
    understand = understand_message if found.kind == Kind.MESSAGE else understand_document
    return understand(raw, found.summary, whole=whole).terms
