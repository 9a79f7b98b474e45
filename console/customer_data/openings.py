"""Who opened what, and why: each opening of an item is in the audit record, and so is each search."""

from datetime import datetime
from functools import cached_property
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from console.audit.actions import record
from console.audit.models import AuditEntry, EntryFilter, entries
from console.audit.tags import Tag
from console.core import budgets, clock
from console.core.actor import Actor
from console.core.db import Base, TenantOwned, bound_tenant, db, tenant_reference
from console.core.errors import Invalid
from console.core.ids import new_id
from console.customer_data.models import Item, custodians_of_user
from console.policies.choices import Choices
from console.vault.access import tenant_keys

WINDOW_SECONDS = 60
"""A reload within this time adds no entry; the next entry says how many there were."""
REASON_CHARACTERS = 300
SHORTEST_REASON = 3


class OpeningReason(TenantOwned, Base):
    """Why somebody opens an item of somebody else, said once for a session. It goes with the session."""

    __tablename__ = "opening_reasons"
    __table_args__ = (
        tenant_reference("session_id", "sessions", ondelete="CASCADE"),
        tenant_reference("item_id", "items", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "session_id", "item_id"),
        Index("ix_opening_reasons_item", "tenant_id", "item_id"),
    )

    session_id: Mapped[UUID]
    item_id: Mapped[UUID]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]

    @cached_property
    def reason(self) -> str:
        """The reason in the person's words."""
        return str(tenant_keys().open(self.__tablename__, self.id, self.sealed)["reason"])


def record_opening(item: Item, *, by: Actor, what: str = "text", name: str = "", reason: str | None = None) -> None:
    """That the person opened the item is in the record, before anything of it is shown. `name` is an attachment's.

    Once a minute for a session, an item and what of it was opened. **Records:** customer_data:item:opened.
    """
    held = _once("opening", f"{by.session_id or by.user_id}|{item.id}|{what}|{name}")
    if held is None:
        return
    record(
        Tag.DATA_ITEM_OPENED,
        by=by,
        subject=("item", item.id),
        reason=reason,
        opened=what,
        attachment=name or None,
        opened_again_before=held or None,
    )


def record_search(words: str, *, by: Actor) -> None:
    """That somebody searched for those words is in the record, once a minute.

    **Records:** customer_data:items:searched.
    """
    held = _once("search", f"{by.session_id or by.user_id}|{words}")
    if held is not None:
        record(Tag.DATA_SEARCHED, by=by, words=words, searched_again_before=held or None)


def _once(kind: str, what: str) -> int | None:
    key = tenant_keys().index(kind, what.encode("utf-8", "surrogatepass"))
    return budgets.one_a_window(key, window_seconds=WINDOW_SECONDS)


def needs_reason(item: Item, chosen: Choices, *, by: Actor) -> bool:
    """Whether a reason has to be given before that person opens that item: never for one's own."""
    if not chosen.reason_to_open:
        return False
    return by.user_id is None or item.custodian_id not in custodians_of_user(by.user_id)


def reason_given(item_id: UUID, *, by: Actor) -> str | None:
    """What the person said in this session about that item."""
    if by.session_id is None:
        return None
    query = select(OpeningReason).where(OpeningReason.session_id == by.session_id, OpeningReason.item_id == item_id)
    found = db.session.execute(query).scalar_one_or_none()
    return found.reason if found is not None else None


def give_reason(item: Item, reason: str, *, by: Actor) -> None:
    """The reason counts for this session and item, and stands in the record of each opening. **Raises:** Invalid."""
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST_REASON:
        raise Invalid("A reason is needed.", {"reason": "Say in a few words why you open it."})
    if len(reason) > REASON_CHARACTERS:
        raise Invalid("The reason is too long.", {"reason": f"Use at most {REASON_CHARACTERS} characters."})
    if by.session_id is None or reason_given(item.id, by=by) is not None:
        return
    row = OpeningReason(
        id=new_id(), tenant_id=bound_tenant(), session_id=by.session_id, item_id=item.id, created_at=clock.now()
    )
    row.sealed = tenant_keys().seal(OpeningReason.__tablename__, row.id, {"reason": reason})
    db.session.add(row)
    db.session.flush()


def history(item_id: UUID, *, limit: int) -> list[AuditEntry]:
    """What the record says about that item, newest first."""
    return entries(EntryFilter(subject_id=item_id), limit=limit)
