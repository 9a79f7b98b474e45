"""A Customer's choices: each saved version stays as it was; a head says which one is in force. Promise: P08."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Literal, get_args
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, TenantOwned, bound_tenant, db, is_writing, service
from console.core.errors import NotFound
from console.policies.rules import number_in_force
from console.vault.access import tenant_keys

Kind = Literal["ip_ranges", "retention", "settings"]
DoorKind = Literal["ip_ranges", "settings"]
"""The kinds that decide about requests; how long data is kept is asked for only where it matters."""
KEPT_DOCUMENTS = 128
"""How many opened documents a process keeps. A version never changes, so what is kept is never stale."""


class PolicyVersion(TenantOwned, Base):
    """One saved version, with the words of whoever saved it. It is sealed whole: ranges tell where people work."""

    __tablename__ = "policy_versions"
    __table_args__ = (
        CheckConstraint("kind IN ('ip_ranges','retention','settings')", name="kind"),
        CheckConstraint("number > 0", name="number"),
        UniqueConstraint("tenant_id", "kind", "number"),
    )

    kind: Mapped[str] = mapped_column(String(16))
    number: Mapped[int]
    made_at: Mapped[datetime]
    made_by: Mapped[UUID | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    """Empty, or `reverted` for a trial that nobody confirmed."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def content(self) -> dict[str, Any]:
        """`document`, `reason`, `by` (a name), `address`, `before`, and `ended` if it fell back. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    @content.setter
    def content(self, value: dict[str, Any]) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, value)


class PolicyHead(TenantOwned, Base):
    """Which version is in force, whether only on trial, and until when support has lifted it."""

    __tablename__ = "policy_heads"
    __table_args__ = (
        CheckConstraint("kind IN ('ip_ranges','retention','settings')", name="kind"),
        CheckConstraint("(fallback IS NULL) = (trial_ends_at IS NULL)", name="trial"),
        CheckConstraint("fallback IS NULL OR fallback < number", name="fallback"),
        UniqueConstraint("tenant_id", "kind"),
    )

    kind: Mapped[str] = mapped_column(String(16))
    number: Mapped[int]
    latest: Mapped[int]
    """The highest number given out; `number` is lower after a trial has lapsed."""
    fallback: Mapped[int | None]
    trial_ends_at: Mapped[datetime | None]
    trial_by: Mapped[UUID | None]
    lifted_until: Mapped[datetime | None]


@dataclass(frozen=True)
class InForce:
    """The version that counts at this moment. Number 0 with an empty document is what a Customer begins with."""

    kind: Kind
    number: int = 0
    document: dict[str, Any] = field(default_factory=dict)
    latest: int = 0
    fallback: int | None = None
    trial_ends_at: datetime | None = None
    trial_by: UUID | None = None
    lifted_until: datetime | None = None

    @property
    def on_trial(self) -> bool:
        """Whether it reverts by itself unless somebody confirms it."""
        return self.trial_ends_at is not None


_HEAD = (
    PolicyHead.kind,
    PolicyHead.number,
    PolicyHead.latest,
    PolicyHead.fallback,
    PolicyHead.trial_ends_at,
    PolicyHead.trial_by,
    PolicyHead.lifted_until,
)
"""Columns, because every request reads them and an object would cost several times as much."""


Key = tuple[UUID, Kind, int]


class OpenedDocuments:
    """The documents that this process has opened, the least recently used first out."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Key, dict[str, Any]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key, load: Callable[[], dict[str, Any]], *, keep: bool) -> dict[str, Any]:
        """The document of that version; `load` opens it where it is not kept yet, and `keep` says whether to keep it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = load()
        if not keep:
            return found
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT_DOCUMENTS:
                self._kept.popitem(last=False)
        return found


def policies_in_force() -> dict[Kind, InForce]:
    """What every request asks for, in one query; a trial that has lapsed and a lift that is over count no more."""
    now, kinds = clock.now(), get_args(DoorKind)
    rows = {row.kind: row for row in db.session.execute(select(*_HEAD).where(PolicyHead.kind.in_(kinds)))}
    return {kind: _in_force(kind, rows.get(kind), now) for kind in kinds}


def in_force(kind: Kind) -> InForce:
    """The version of `kind` that counts now, for this tenant."""
    head = db.session.execute(select(*_HEAD).where(PolicyHead.kind == kind)).one_or_none()
    return _in_force(kind, head, clock.now())


def _in_force(kind: Kind, head: Any, now: datetime) -> InForce:
    if head is None:
        return InForce(kind)
    number = number_in_force(head.number, head.fallback, head.trial_ends_at, now)
    trying = number == head.number and head.fallback is not None
    lifted = head.lifted_until if head.lifted_until and head.lifted_until > now else None
    return InForce(
        kind,
        number,
        document(kind, number),
        latest=head.latest,
        fallback=head.fallback if trying else None,
        trial_ends_at=head.trial_ends_at if trying else None,
        trial_by=head.trial_by if trying else None,
        lifted_until=lifted,
    )


def document(kind: Kind, number: int) -> dict[str, Any]:
    """What that version says; nothing for number 0. Opened once a process. **Raises:** NotFound, Unreadable."""
    if number == 0:
        return {}
    kept: OpenedDocuments = service("documents")
    # A unit that writes may see a version that is never committed; its number would be given out again.
    return kept.get(
        (bound_tenant(), kind, number), lambda: version(kind, number).content["document"], keep=not is_writing()
    )


def version(kind: Kind, number: int) -> PolicyVersion:
    """That version. **Raises:** NotFound."""
    query = select(PolicyVersion).where(PolicyVersion.kind == kind, PolicyVersion.number == number)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound("There is no such version.")
    return found


def versions(kind: Kind, *, before: int | None = None, limit: int = 50) -> list[PolicyVersion]:
    """Saved versions, the newest first; those below number `before`."""
    query = select(PolicyVersion).where(PolicyVersion.kind == kind).order_by(PolicyVersion.number.desc()).limit(limit)
    return list(db.session.execute(query.where(PolicyVersion.number < before) if before else query).scalars())
