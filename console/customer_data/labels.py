"""Labels: the Customer's own words on its items. Their names are sealed, like everything that is said about an item."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cached_property
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint, delete, func, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from console.audit.actions import Event, record, record_many
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import Base, TenantOwned, bound_tenant, db, row_by_id, tenant_reference
from console.core.errors import Conflict, Invalid
from console.core.ids import new_id
from console.core.permissions import Permission, may
from console.customer_data.batches import locked_totals
from console.customer_data.models import Item
from console.formats.folding import fold
from console.vault.access import tenant_keys

NAME_CHARACTERS = 60
MOST_LABELS = 200
"""More of one Customer would be a list that nobody reads to its end."""
_LISTED = 500
"""Up to so many labelled items an act names each in the audit record; beyond that it names their number."""


class Label(TenantOwned, Base):
    """One label. The digest makes its name unique without telling it; the counter never needs a scan."""

    __tablename__ = "labels"
    __table_args__ = (UniqueConstraint("tenant_id", "digest"), CheckConstraint("items >= 0", name="items"))

    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    items: Mapped[int] = mapped_column(default=0)
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]

    @cached_property
    def name(self) -> str:
        """The name as it was written. **Raises:** Unreadable."""
        return str(tenant_keys().open(self.__tablename__, self.id, self.sealed)["name"])

    def set_name(self, name: str) -> None:
        """Seal another name into the row."""
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, {"name": name})
        self.digest = _digest(name)
        self.__dict__["name"] = name


class ItemLabel(TenantOwned, Base):
    """That an item has a label."""

    __tablename__ = "item_labels"
    __table_args__ = (
        tenant_reference("item_id", "items", ondelete="CASCADE"),
        tenant_reference("label_id", "labels", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "item_id", "label_id"),
        Index("ix_item_labels_label", "tenant_id", "label_id", "item_id"),
    )

    item_id: Mapped[UUID]
    label_id: Mapped[UUID]


def may_see_labels(by: Actor) -> bool:
    """Whether the person is shown labels: whoever reads all. A label may say what its subject must not see."""
    return may(by.role, Permission.DATA_ITEMS_READ)


def labels() -> list[Label]:
    """This tenant's labels in the order of their names."""
    found = db.session.execute(select(Label)).scalars()
    return sorted(found, key=lambda label: (fold(label.name), label.name))


def label(label_id: UUID, *, lock: bool = False) -> Label:
    """That label of this tenant. **Raises:** NotFound."""
    return row_by_id(Label, label_id, lock=lock)


def labels_of(item_ids: Collection[UUID]) -> dict[UUID, list[Label]]:
    """The labels of each of these items, by name; an item without any is not in the answer."""
    if not item_ids:
        return {}
    rows = db.session.execute(
        select(ItemLabel.item_id, ItemLabel.label_id).where(ItemLabel.item_id.in_(item_ids))
    ).all()
    if not rows:
        return {}
    known = labels()
    of: dict[UUID, list[Label]] = {}
    chosen = {(row.item_id, row.label_id) for row in rows}
    for item_id in {row.item_id for row in rows}:
        of[item_id] = [each for each in known if (item_id, each.id) in chosen]
    return of


def add_label(name: str, *, by: Actor) -> Label:
    """There is a label of that name; one that is there already is answered. **Raises:** Invalid."""
    name = clean_name(name)
    locked_totals()  # of two people who use one name at once, the second finds the label of the first
    query = select(Label).where(Label.digest == _digest(name)).execution_options(populate_existing=True)
    found = db.session.execute(query).scalar_one_or_none()
    if found is not None:
        return found
    if len(labels()) >= MOST_LABELS:
        raise Invalid(f"There are {MOST_LABELS} labels already. Delete one first.", {"name": "No room for another."})
    made = Label(id=new_id(), tenant_id=bound_tenant(), created_by=by.user_id, created_at=clock.now(), items=0)
    made.set_name(name)
    db.session.add(made)
    db.session.flush()
    return made


def put_on(chosen: Label, item_ids: Sequence[UUID], *, by: Actor) -> int:
    """Those items have the label. Answers how many had it not before. **Records:** customer_data:items:labelled."""
    # Items before labels, each in the order of their ids: whoever removes items locks them in this order, too.
    items = select(Item.id).where(Item.id.in_(item_ids)).order_by(Item.id).with_for_update(key_share=True, read=True)
    known = set(db.session.execute(items).scalars())
    chosen = label(chosen.id, lock=True)
    had = set(_having(chosen, item_ids))
    new = [item_id for item_id in dict.fromkeys(item_ids) if item_id not in had and item_id in known]
    if not new:
        return 0
    common = {"tenant_id": bound_tenant(), "label_id": chosen.id}
    db.session.execute(insert(ItemLabel), [{**common, "id": new_id(), "item_id": item_id} for item_id in new])
    chosen.items += len(new)
    _record(new, chosen, "put on", by)
    return len(new)


def take_off(chosen: Label, item_ids: Sequence[UUID], *, by: Actor) -> int:
    """None of those items has the label. Answers how many had it. **Records:** customer_data:items:labelled."""
    chosen = label(chosen.id, lock=True)
    had = _having(chosen, item_ids)
    if not had:
        return 0
    gone = delete(ItemLabel).where(ItemLabel.label_id == chosen.id, ItemLabel.item_id.in_(had))
    db.session.execute(gone.execution_options(synchronize_session=False))
    chosen.items -= len(had)
    _record(had, chosen, "taken off", by)
    return len(had)


def rename(label_id: UUID, name: str, *, by: Actor) -> Label:
    """The label has that name. **Raises:** NotFound; Invalid; Conflict where another has it.

    **Records:** customer_data:label:changed.
    """
    locked_totals()  # as in add_label
    chosen, name = label(label_id, lock=True), clean_name(name)
    before = chosen.name
    if name == before:
        return chosen
    other = db.session.execute(select(Label.id).where(Label.digest == _digest(name))).scalar_one_or_none()
    if other not in (None, label_id):
        raise Conflict(f"There is a label “{name}” already. Choose another name.")
    chosen.set_name(name)
    db.session.flush()
    record(Tag.DATA_LABEL_CHANGED, by=by, subject=("label", chosen.id), changes={"name": (before, name)})
    return chosen


def remove(label_id: UUID, *, by: Actor) -> tuple[str, int]:
    """The label is gone from everywhere. Answers its name and how many items had it.

    **Records:** customer_data:label:deleted.
    """
    chosen = label(label_id, lock=True)
    name, items = chosen.name, chosen.items
    for gone in (delete(ItemLabel).where(ItemLabel.label_id == label_id), delete(Label).where(Label.id == label_id)):
        db.session.execute(gone.execution_options(synchronize_session=False))
    db.session.expunge(chosen)
    record(Tag.DATA_LABEL_DELETED, by=by, subject=("label", label_id), name=name, items=items)
    return name, items


def forget_items(item_ids: Collection[UUID]) -> None:
    """Nothing of those items is counted in any label any more; for whoever deletes items, before their rows go."""
    touched = select(ItemLabel.label_id).where(ItemLabel.item_id.in_(item_ids))
    # Locked before they are counted, so that nobody takes one off in between.
    db.session.execute(select(Label.id).where(Label.id.in_(touched)).order_by(Label.id).with_for_update()).all()
    counted = select(ItemLabel.label_id, func.count()).where(ItemLabel.item_id.in_(item_ids))
    for label_id, items in db.session.execute(counted.group_by(ItemLabel.label_id)).all():
        fewer = update(Label).where(Label.id == label_id).values({Label.items: Label.items - items})
        db.session.execute(fewer.execution_options(synchronize_session=False))
    gone = delete(ItemLabel).where(ItemLabel.item_id.in_(item_ids))
    db.session.execute(gone.execution_options(synchronize_session=False))


def clean_name(name: str) -> str:
    """The name on one line. **Raises:** Invalid."""
    name = " ".join(name.split())
    if not name or not name.isprintable():
        raise Invalid("A label needs a name.", {"name": "Give the label a name."})
    if len(name) > NAME_CHARACTERS:
        raise Invalid("The name is too long.", {"name": f"Use at most {NAME_CHARACTERS} characters."})
    return name


def _having(chosen: Label, item_ids: Sequence[UUID]) -> list[UUID]:
    query = select(ItemLabel.item_id).where(ItemLabel.label_id == chosen.id, ItemLabel.item_id.in_(item_ids))
    return list(db.session.execute(query).scalars())


def _record(item_ids: list[UUID], chosen: Label, act: str, by: Actor) -> None:
    db.session.flush()
    if len(item_ids) > _LISTED:
        record(
            Tag.DATA_ITEMS_LABELLED,
            by=by,
            subject=("label", chosen.id),
            items=len(item_ids),
            label=chosen.name,
            act=act,
        )
        return
    facts: dict[str, object] = {"label": chosen.name, "act": act}
    record_many([Event(Tag.DATA_ITEMS_LABELLED, ("item", item_id), facts=facts) for item_id in item_ids], by=by)


def _digest(name: str) -> bytes:
    return tenant_keys().index("label", fold(name).encode())
