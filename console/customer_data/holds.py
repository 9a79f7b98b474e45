"""Legal holds: while one is open, nothing that it covers can be removed, whatever asks. Placing, and lifting by two."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, UniqueConstraint, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import Base, TenantOwned, bound_tenant, db, row_by_id, tenant_reference
from console.core.errors import Conflict, Forbidden, Invalid, NotFound
from console.core.ids import new_id
from console.customer_data.batches import locked_totals
from console.customer_data.models import Custodian, Item, custodian
from console.vault.access import tenant_keys

NAME_CHARACTERS = 100
REASON_CHARACTERS = 500
MOST_ITEMS = 1000
"""Single items that one hold names. For more, hold a custodian or everything."""


class Scope(StrEnum):
    """What a hold covers. What comes in later is covered as well, where it belongs there."""

    EVERYTHING = "everything"
    CUSTODIAN = "custodian"
    ITEMS = "items"


class Hold(TenantOwned, Base):
    """One hold, open until two different people have lifted it. Name and reasons are sealed."""

    __tablename__ = "holds"
    __table_args__ = (
        tenant_reference("custodian_id", "custodians"),
        CheckConstraint("scope IN ('everything','custodian','items')", name="scope"),
        CheckConstraint("(scope = 'custodian') = (custodian_id IS NOT NULL)", name="custodian"),
        CheckConstraint("(lift_asked_by IS NULL) = (lift_asked_at IS NULL)", name="asked"),
        CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name="lifted"),
        CheckConstraint(
            "lifted_by IS NULL OR (lift_asked_by IS NOT NULL AND lifted_by <> lift_asked_by)", name="two_people"
        ),
        Index("ix_holds_lifted", "tenant_id", "lifted_at"),
    )

    scope: Mapped[str] = mapped_column(String(12))
    custodian_id: Mapped[UUID | None]
    items: Mapped[int] = mapped_column(default=0)
    """How many single items it names, or named."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    placed_by: Mapped[UUID | None]
    placed_at: Mapped[datetime]
    lift_asked_by: Mapped[UUID | None]
    lift_asked_at: Mapped[datetime | None]
    lifted_by: Mapped[UUID | None]
    lifted_at: Mapped[datetime | None]

    @cached_property
    def words(self) -> dict[str, str]:
        """`name`, `reason`, `placed_by`, and once asked for `lift_reason` and `lift_asked_by`, `lifted_by`."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    def set_words(self, **words: str) -> None:
        """Seal these into the row, beside those that are there."""
        known = self.words if self.sealed else {}
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, {**known, **words})
        self.__dict__.pop("words", None)

    @property
    def state(self) -> str:
        """`open`, `lifting` while a second person is waited for, or `lifted`."""
        if self.lifted_at is not None:
            return "lifted"
        return "open" if self.lift_asked_at is None else "lifting"


class HeldItem(TenantOwned, Base):
    """One item that an open hold names. The database itself refuses to remove the item while this row is there."""

    __tablename__ = "held_items"
    __table_args__ = (
        tenant_reference("hold_id", "holds"),
        tenant_reference("item_id", "items"),
        UniqueConstraint("tenant_id", "hold_id", "item_id"),
        Index("ix_held_items_item", "tenant_id", "item_id"),
    )

    hold_id: Mapped[UUID]
    item_id: Mapped[UUID]


def holds(*, limit: int = 200) -> list[Hold]:
    """This tenant's holds: open ones first, then those that were lifted last."""
    query = select(Hold).order_by(Hold.lifted_at.is_not(None), Hold.placed_at.desc(), Hold.id).limit(limit)
    return list(db.session.execute(query).scalars())


def hold(hold_id: UUID, *, lock: bool = False) -> Hold:
    """That hold of this tenant. **Raises:** NotFound."""
    return row_by_id(Hold, hold_id, lock=lock)


def held(items: Iterable[tuple[UUID, UUID]]) -> set[UUID]:
    """Which of these (item, custodian) an open hold covers. The one answer that everything which removes asks for."""
    wanted = list(items)
    query = select(Hold.scope, Hold.custodian_id).where(Hold.lifted_at.is_(None), Hold.scope != Scope.ITEMS)
    rows = db.session.execute(query).all()
    if any(row.scope == Scope.EVERYTHING for row in rows):
        return {item_id for item_id, _custodian in wanted}
    custodians = {row.custodian_id for row in rows}
    named = select(HeldItem.item_id).where(HeldItem.item_id.in_([item_id for item_id, _custodian in wanted]))
    single = set(db.session.execute(named).scalars())
    return {item_id for item_id, owner in wanted if owner in custodians or item_id in single}


def place_hold(
    scope: str, *, name: str, reason: str, custodian_id: UUID | None = None, item_ids: Iterable[UUID] = (), by: Actor
) -> Hold:
    """Nothing that the hold covers can be removed from the commit on.

    **Raises:** Invalid; NotFound for a custodian or item that is not this tenant's. **Records:** customer_data:hold:placed.
    """
    name, reason = " ".join(name.split()), " ".join(reason.split())
    wanted = list(dict.fromkeys(item_ids)) if scope == Scope.ITEMS else []
    _check(scope, name, reason, custodian_id, wanted)
    locked_totals()  # whoever removes holds this lock too: either it sees the hold, or it was done before
    owner = custodian(custodian_id) if scope == Scope.CUSTODIAN and custodian_id else None
    row = Hold(id=new_id(), tenant_id=bound_tenant(), scope=scope, items=len(wanted), placed_at=clock.now())
    row.custodian_id, row.placed_by = (owner.id if owner else None), by.user_id
    row.set_words(name=name, reason=reason, placed_by=by.label)
    db.session.add(row)
    db.session.flush()
    _name_items(row, wanted)
    facts: dict[str, Any] = {
        "scope": scope,
        "name": name,
        "custodian": owner.label if owner else None,
        "items": len(wanted) or None,
    }
    record(Tag.DATA_HOLD_PLACED, by=by, subject=("hold", row.id), reason=reason, **facts)
    return row


def _check(scope: str, name: str, reason: str, custodian_id: UUID | None, wanted: list[UUID]) -> None:
    problems = {}
    if scope not in list(Scope):
        problems["scope"] = "Choose what the hold covers."
    if not 1 <= len(name) <= NAME_CHARACTERS or not name.isprintable():
        problems["name"] = f"Give the hold a name of up to {NAME_CHARACTERS} characters, such as a case number."
    if not 10 <= len(reason) <= REASON_CHARACTERS or not reason.isprintable():
        problems["reason"] = f"Say why, in 10 to {REASON_CHARACTERS} characters. It stands in the audit record."
    if scope == Scope.CUSTODIAN and custodian_id is None:
        problems["custodian"] = "Choose whose data is held."
    if scope == Scope.ITEMS and not 1 <= len(wanted) <= MOST_ITEMS:
        problems["scope"] = f"Select 1 to {MOST_ITEMS:,} items in the list first, or hold a custodian or everything."
    if problems:
        raise Invalid("The hold was not placed: something needs a change.", problems)


def _name_items(row: Hold, wanted: list[UUID]) -> None:
    if not wanted:
        return
    known = set(db.session.execute(select(Item.id).where(Item.id.in_(wanted))).scalars())
    if len(known) != len(wanted):
        raise NotFound("One of these items is not there any more. No hold was placed.")
    common = {"tenant_id": row.tenant_id, "hold_id": row.id}
    db.session.execute(insert(HeldItem), [{**common, "id": new_id(), "item_id": item_id} for item_id in wanted])


def ask_to_lift(hold_id: UUID, *, reason: str, by: Actor) -> Hold:
    """A second person can lift the hold; until then it holds. Asked again by the same person, nothing changes.

    **Raises:** NotFound, Invalid, Conflict. **Records:** customer_data:hold:lift_asked.
    """
    reason = " ".join(reason.split())
    if not 10 <= len(reason) <= REASON_CHARACTERS or not reason.isprintable():
        text = f"Say why, in 10 to {REASON_CHARACTERS} characters. It stands in the audit record."
        raise Invalid("This needs a change.", {"reason": text})
    row = hold(hold_id, lock=True)
    _still(row)
    if row.lift_asked_by is not None:
        if row.lift_asked_by == by.user_id:
            return row
        raise Conflict("A colleague asked to lift it already. You can agree, or withdraw what was asked.")
    row.lift_asked_by, row.lift_asked_at = by.user_id, clock.now()
    row.set_words(lift_reason=reason, lift_asked_by=by.label)
    db.session.flush()
    record(Tag.DATA_HOLD_LIFT_ASKED, by=by, subject=("hold", row.id), reason=reason, name=row.words["name"])
    return row


def withdraw_lift(hold_id: UUID, *, by: Actor) -> Hold:
    """The hold goes on as if nobody had asked. **Raises:** NotFound, Conflict. **Records:** …:lift_withdrawn."""
    row = hold(hold_id, lock=True)
    _still(row)
    if row.lift_asked_by is None:
        raise Conflict("Nobody asks to lift this hold.")
    row.lift_asked_by = row.lift_asked_at = None
    db.session.flush()
    record(Tag.DATA_HOLD_LIFT_WITHDRAWN, by=by, subject=("hold", row.id), name=row.words["name"])
    return row


def lift_hold(hold_id: UUID, *, by: Actor) -> Hold:
    """The hold is over: what it covered can be removed again. Needs somebody else than who asked.

    **Raises:** NotFound, Forbidden for the one who asked, Conflict. **Records:** customer_data:hold:lifted.
    """
    locked_totals()
    row = hold(hold_id, lock=True)
    _still(row)
    if row.lift_asked_by is None:
        raise Conflict("Somebody has to ask first, with the reason; then a second person lifts the hold.")
    if row.lift_asked_by == by.user_id or by.user_id is None:
        raise Forbidden("You asked to lift this hold, so somebody else has to agree.")
    row.lifted_by, row.lifted_at = by.user_id, clock.now()
    row.set_words(lifted_by=by.label)
    db.session.flush()
    forget = delete(HeldItem).where(HeldItem.hold_id == row.id)
    db.session.execute(forget.execution_options(synchronize_session=False))
    reason = row.words["lift_reason"]
    record(Tag.DATA_HOLD_LIFTED, by=by, subject=("hold", row.id), reason=reason, name=row.words["name"])
    return row


def _still(row: Hold) -> None:
    if row.lifted_at is not None:
        raise Conflict("This hold was lifted already.")


def covers(row: Hold) -> str:
    """What the hold covers, in words."""
    if row.scope == Scope.EVERYTHING:
        return "Everything"
    if row.scope == Scope.CUSTODIAN:
        owner: Any = db.session.get(Custodian, (row.tenant_id, row.custodian_id))
        return f"All of {owner.label}" if owner else "A custodian"
    return "1 item" if row.items == 1 else f"{row.items:,} items"
