"""One import of Customer Data: what came, how far it is, and what became of each item. How to find one."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Self
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, TenantOwned, bound_tenant, db, row_by_id, tenant_reference
from console.core.ids import new_id
from console.vault.access import tenant_keys

JOB = "data-import"


class ImportState(StrEnum):
    """How far an import is. Files arrive while it is `receiving`; nothing is held of them as items before `running`."""

    RECEIVING = "receiving"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


OPEN = (ImportState.RECEIVING, ImportState.RUNNING)


class Outcome(StrEnum):
    """What became of one item that an import saw. The four add up to all that was seen, in items and in bytes."""

    IMPORTED = "imported"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    REFUSED = "refused"


class DataImport(TenantOwned, Base):
    """One import. Names, paths and who acted from where are sealed; counts and states are in clear."""

    __tablename__ = "data_imports"
    __table_args__ = (
        tenant_reference("custodian_id", "custodians"),
        CheckConstraint("state IN ('receiving','running','done','cancelled','failed')", name="state"),
        CheckConstraint("source IN ('upload','command')", name="source"),
        CheckConstraint("(state IN ('receiving','running')) = (finished_at IS NULL)", name="finished"),
        CheckConstraint(
            "seen_items = imported_items + duplicate_items + quarantined_items + refused_items", name="balance_items"
        ),
        CheckConstraint(
            "seen_bytes = imported_bytes + duplicate_bytes + quarantined_bytes + refused_bytes", name="balance_bytes"
        ),
        Index("ix_data_imports_created", "tenant_id", "created_at"),
    )

    state: Mapped[str] = mapped_column(String(10))
    source: Mapped[str] = mapped_column(String(10))
    custodian_id: Mapped[UUID | None]
    """Whose data it is; none where each message's owner is told by the file it came in."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    file_place: Mapped[int] = mapped_column(default=0)
    """The file that is worked on, counted from 0, and how far into it everything is behind us."""
    position: Mapped[int] = mapped_column(BigInteger, default=0)
    read_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    total_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    seen_items: Mapped[int] = mapped_column(BigInteger, default=0)
    seen_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    imported_items: Mapped[int] = mapped_column(BigInteger, default=0)
    imported_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    duplicate_items: Mapped[int] = mapped_column(BigInteger, default=0)
    duplicate_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    quarantined_items: Mapped[int] = mapped_column(BigInteger, default=0)
    quarantined_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    refused_items: Mapped[int] = mapped_column(BigInteger, default=0)
    refused_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    reason: Mapped[str | None] = mapped_column(String(300))
    """Why it failed or was cancelled; nothing personal."""

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What is sealed of it: label, path or file names, address and browser of whoever started it."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Seal other facts into the row."""
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, facts)
        self.__dict__["facts"] = facts

    @classmethod
    def new(cls, source: str, state: ImportState, facts: dict[str, Any], **values: Any) -> Self:
        """An import of the bound tenant at which nothing was seen yet."""
        zeros = dict.fromkeys(("file_place", "position", "read_bytes", "total_bytes"), 0)
        for name in ("seen", *Outcome):
            zeros |= {f"{name}_items": 0, f"{name}_bytes": 0}
        made = cls(id=new_id(), tenant_id=bound_tenant(), source=source, state=state, created_at=clock.now())
        for name, value in {**zeros, **values}.items():
            setattr(made, name, value)
        made.set_facts(facts)
        return made

    def count(self, outcome: Outcome, size_bytes: int) -> None:
        """One more item was seen, and became that."""
        for name in ("seen", str(outcome)):
            setattr(self, f"{name}_items", getattr(self, f"{name}_items") + 1)
            setattr(self, f"{name}_bytes", getattr(self, f"{name}_bytes") + size_bytes)

    def finish(self, state: ImportState, reason: str | None = None) -> None:
        """The import is over."""
        self.state, self.finished_at, self.reason = state, clock.now(), reason


class ImportFile(TenantOwned, Base):
    """One file of an import from the browser. It arrives in slices, each sealed as it comes."""

    __tablename__ = "data_import_files"
    __table_args__ = (
        tenant_reference("import_id", "data_imports", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "import_id", "place"),
        CheckConstraint("received_bytes BETWEEN 0 AND size_bytes", name="received"),
    )

    import_id: Mapped[UUID]
    place: Mapped[int]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """Its name, and the path below the chosen folder."""
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    received_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    modified_at: Mapped[datetime | None]

    @cached_property
    def name(self) -> str:
        """The name as the browser told it, with the path below the chosen folder."""
        return str(tenant_keys().open(self.__tablename__, self.id, self.sealed)["name"])

    @property
    def complete(self) -> bool:
        """Whether all of it is here."""
        return self.received_bytes == self.size_bytes


class ImportSlice(TenantOwned, Base):
    """A piece of an uploaded file, in a sealed blob of its own; dropped when the import is over."""

    __tablename__ = "data_import_slices"
    __table_args__ = (
        tenant_reference("file_id", "data_import_files", ondelete="CASCADE"),
        tenant_reference("blob_id", "blobs"),
        UniqueConstraint("tenant_id", "file_id", "start"),
        Index("ix_data_import_slices_blob", "tenant_id", "blob_id"),
        CheckConstraint("size_bytes > 0", name="size_bytes"),
    )

    file_id: Mapped[UUID]
    start: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    blob_id: Mapped[UUID]


class ImportFinding(TenantOwned, Base):
    """An item that was not simply imported, or an uncertain cut: where it was, what became of it, and why."""

    __tablename__ = "data_import_findings"
    __table_args__ = (
        tenant_reference("import_id", "data_imports", ondelete="CASCADE"),
        tenant_reference("item_id", "items"),
        Index("ix_data_import_findings_place", "tenant_id", "import_id", "outcome", "place"),
        Index("ix_data_import_findings_item", "tenant_id", "item_id"),
        CheckConstraint("outcome IN ('duplicate','quarantined','refused','ambiguous')", name="outcome"),
    )

    import_id: Mapped[UUID]
    place: Mapped[int] = mapped_column(BigInteger)
    """Orders the findings of one import: twice the number of the item, one more for a doubtful cut beside its outcome."""
    outcome: Mapped[str] = mapped_column(String(12))
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    item_id: Mapped[UUID | None]
    """The item that was quarantined, or of which this one is a duplicate."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    """File, folder, offset and the reason, in words."""

    @cached_property
    def facts(self) -> dict[str, Any]:
        """`file`, `folder`, `offset`, `code` and `reason`; `released` where it was let out of quarantine."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    def set_facts(self, facts: dict[str, Any]) -> None:
        """Seal other facts into the row."""
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, facts)
        self.__dict__["facts"] = facts


@dataclass(frozen=True)
class Progress:
    """How far an import is, in the words and numbers that its page shows."""

    state: str
    read_bytes: int
    total_bytes: int
    items: int
    bytes_per_second: float | None
    seconds_left: float | None
    message: str
    finished: bool


def data_import(import_id: UUID, *, lock: bool = False) -> DataImport:
    """That import of this tenant. **Raises:** NotFound."""
    return row_by_id(DataImport, import_id, lock=lock)


def recent_imports(*, limit: int) -> list[DataImport]:
    """This tenant's imports, newest first."""
    query = select(DataImport).order_by(DataImport.created_at.desc(), DataImport.id.desc()).limit(limit)
    return list(db.session.execute(query).scalars())


@dataclass(frozen=True)
class ImportPage:
    """Some imports, newest first, and the edges of the neighbouring pages."""

    imports: list[DataImport]
    before: str | None
    after: str | None


def import_page(*, after: str | None = None, before: str | None = None, limit: int) -> ImportPage:
    """Imports older than the one `after`, or the last ones newer than the one `before`. A strange edge counts as none."""
    edge = _id(after or before)
    backwards = before is not None and after is None and edge is not None
    query = select(DataImport)
    if edge is not None:
        query = query.where(DataImport.id > edge if backwards else DataImport.id < edge)
    query = query.order_by(DataImport.id if backwards else DataImport.id.desc()).limit(limit + 1)
    found = list(db.session.execute(query).scalars())
    more, found = len(found) > limit, found[:limit]
    if backwards:
        found.reverse()
    newer = (more if backwards else edge is not None) and bool(found)
    older = (True if backwards else more) and bool(found)
    return ImportPage(found, str(found[0].id) if newer else None, str(found[-1].id) if older else None)


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
