"""How much there is, of whom, since when, and whether it is sound: read from counters, never by counting items."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from console.core import clock
from console.core.actor import Actor
from console.core.db import db
from console.customer_data.imports import DataImport, recent_imports
from console.customer_data.models import Custodian, Integrity, Item, MonthCount, custodians, readable_custodians, totals

MONTHS = 12


@dataclass(frozen=True)
class Month:
    """A month: what was held before it, and what came in."""

    month: str
    before: int
    came: int


@dataclass(frozen=True)
class Figures:
    """The figures of those whose data the person may read."""

    items: int
    size_bytes: int
    custodians: list[Custodian]
    months: list[Month]
    damaged: int
    checked_at: datetime | None
    last_import: DataImport | None


def figures(*, by: Actor) -> Figures:
    """All of it for whoever reads everything; for others what their own custodians have."""
    allowed = readable_custodians(by)
    shown = [each for each in custodians() if allowed is None or each.id in allowed]
    total = totals() if allowed is None else None
    recent = recent_imports(limit=1) if allowed is None else []
    return Figures(
        items=total.items if total else sum(each.items for each in shown),
        size_bytes=total.size_bytes if total else sum(each.size_bytes for each in shown),
        custodians=shown,
        months=_months(allowed),
        damaged=total.damaged if total else 0,
        checked_at=total.checked_at if total else None,
        last_import=recent[0] if recent else None,
    )


def held(*, by: Actor) -> tuple[int, int]:
    """How many items there are for the person, and how many bytes."""
    allowed = readable_custodians(by)
    if allowed is None:
        total = totals()
        return (total.items, total.size_bytes) if total else (0, 0)
    if not allowed:
        return 0, 0
    counted = select(func.sum(Custodian.items), func.sum(Custodian.size_bytes)).where(Custodian.id.in_(allowed))
    items, size_bytes = db.session.execute(counted).one()
    return items or 0, size_bytes or 0


def damaged_items(*, limit: int) -> list[Item]:
    """Items that are known to be damaged or missing, newest first."""
    query = select(Item).where(Item.integrity != Integrity.SOUND).order_by(Item.number.desc()).limit(limit)
    return list(db.session.execute(query).scalars())


def _months(allowed: list[UUID] | None) -> list[Month]:
    query = select(MonthCount.month, func.sum(MonthCount.items)).group_by(MonthCount.month)
    if allowed is not None:
        query = query.where(MonthCount.custodian_id.in_(allowed))
    came = {month: int(items) for month, items in db.session.execute(query)}
    if not came:
        return []
    wanted = _last_months(clock.now())
    before = sum(items for month, items in came.items() if month < wanted[0])
    shown = []
    for month in wanted:
        shown.append(Month(month, before, came.get(month, 0)))
        before += came.get(month, 0)
    return shown


def _last_months(now: datetime) -> list[str]:
    number = now.year * 12 + now.month - 1
    return [f"{at // 12}-{at % 12 + 1:02}" for at in range(number - MONTHS + 1, number + 1)]
