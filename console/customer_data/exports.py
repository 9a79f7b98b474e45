"""Items leave as one zip file: byte exact, with a manifest whose sums anybody can check. Nothing is written to a disk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from console.audit.actions import Event, record, record_many
from console.audit.tags import Tag
from console.core.actor import Actor
from console.core.db import db
from console.core.errors import NotFound
from console.customer_data.finding import ItemQuery, find_items
from console.customer_data.models import Item, readable_custodians

MOST_ITEMS = 10_000
MOST_BYTES = 2 * 2**30
"""One export holds so much at most; the page says so, and how to make it two."""
LISTED = 500
"""Up to so many items each one's own history names the export; beyond it the export's own entry stands for all."""
_PAGE = 200
_CHUNK = 500


@dataclass(frozen=True)
class Plan:
    """What an export will hold, or why it can't be made."""

    item_ids: list[UUID] = field(default_factory=list)
    size_bytes: int = 0
    too_much: str = ""
    """Which limit is exceeded, as a sentence; empty where none is."""


def plan_of_ids(item_ids: Sequence[UUID], *, by: Actor) -> Plan:
    """An export of these items. **Raises:** NotFound where the person may not read one of them."""
    wanted = list(dict.fromkeys(item_ids))
    if len(wanted) > MOST_ITEMS:
        return Plan(too_much=_many())
    sizes: dict[UUID, int] = {}
    allowed = readable_custodians(by)
    for start in range(0, len(wanted), _CHUNK):
        query = select(Item.id, Item.size_bytes).where(Item.id.in_(wanted[start : start + _CHUNK]))
        query = query.where(Item.quarantined_for.is_(None))
        if allowed is not None:
            query = query.where(Item.custodian_id.in_(allowed))
        sizes |= dict(iter(db.session.execute(query)))
    if len(sizes) != len(wanted):
        raise NotFound
    total = sum(sizes.values())
    return Plan(wanted, total, _large() if total > MOST_BYTES else "")


def plan_of_search(query: ItemQuery, *, by: Actor) -> Plan:
    """An export of everything that the search finds and that the person may read."""
    ids: list[UUID] = []
    total, page_query = 0, replace(query, after=None, before=None, limit=_PAGE)
    while True:
        page = find_items(page_query, by=by)
        ids += [item.id for item in page.items]
        total += sum(item.size_bytes for item in page.items)
        db.session.expunge_all()
        if len(ids) > MOST_ITEMS:
            return Plan(too_much=_many())
        if total > MOST_BYTES:
            return Plan(too_much=_large())
        if not page.has_next or page.next_after is None:
            return Plan(ids, total)
        page_query = replace(page_query, after=page.next_after)


def start_export(plan: Plan, *, by: Actor, asked: str, reason: str | None) -> None:
    """That these items leave is in the record. **Records:** customer_data:items:exported, customer_data:item:opened."""
    size = plan.size_bytes
    record(Tag.DATA_ITEMS_EXPORTED, by=by, reason=reason, items=len(plan.item_ids), size_bytes=size, asked_for=asked)
    if len(plan.item_ids) <= LISTED:
        facts = {"opened": "export"}
        each = [Event(Tag.DATA_ITEM_OPENED, ("item", item_id), reason=reason, facts=facts) for item_id in plan.item_ids]
        record_many(each, by=by)


def moment_text(moment: datetime) -> str:
    """A moment as the manifest spells it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def in_chunks(item_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """The ids in runs that one unit of work reads."""
    for start in range(0, len(item_ids), 20):
        yield item_ids[start : start + 20]


def _many() -> str:
    return f"One export holds at most {MOST_ITEMS:,} items. Narrow the search, for example by date, and export twice."


def _large() -> str:
    return (
        f"One export holds at most {MOST_BYTES // 2**30} GiB. Narrow the search, for example by date, and export twice."
    )
