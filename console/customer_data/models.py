"""Items of Customer Data (messages and documents) and the custodians they belong to; how to find one of this tenant."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, UniqueConstraint, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core.actor import Actor
from console.core.db import Base, TenantOwned, bound_tenant, db, row_by_id, tenant_reference
from console.core.errors import NotFound
from console.core.permissions import Permission, may
from console.vault.access import tenant_keys


class Kind(StrEnum):
    """What an item is."""

    MESSAGE = "message"
    DOCUMENT = "document"


class Integrity(StrEnum):
    """What the last reading of an item's bytes found. A damaged item is named, and never yields a byte."""

    SOUND = "sound"
    DAMAGED = "damaged"
    MISSING = "missing"


@dataclass(frozen=True)
class Summary:
    """What is sealed of an item for lists and searches: one record a row, all of it derived from the raw bytes."""

    sha256: str
    """Of the raw bytes as they were received, in hexadecimal. The raw bytes are canonical and never written anew."""
    title: str = ""
    """A message's subject, a document's file name."""
    sender: str = ""
    recipients: str = ""
    folder: str = ""
    """The folder it lay in where it came from, its parts joined by `/`."""
    flags: str = ""
    name: str = ""
    """The name of the file it came from."""
    content_type: str = ""
    message_id: str = ""
    attachments: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was odd about it when it was read, such as an unknown character set."""

    def as_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return dict(vars(self))


class Custodian(TenantOwned, Base):
    """The mailbox or person that data belongs to; a user where one has the address. Counters never need a scan."""

    __tablename__ = "custodians"
    __table_args__ = (
        tenant_reference("user_id", "users"),
        UniqueConstraint("tenant_id", "address_digest"),
        Index("ix_custodians_user", "tenant_id", "user_id"),
        CheckConstraint("items >= 0 AND size_bytes >= 0", name="counts"),
    )

    user_id: Mapped[UUID | None]
    address_digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    items: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime]

    @cached_property
    def details(self) -> dict[str, str]:
        """`address` and `name`. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    def set_details(self, *, address: str, name: str) -> None:
        """Seal address and name into the row, and index the address."""
        details = {"address": address, "name": name}
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, details)
        self.address_digest = custodian_digest(address)
        self.__dict__["details"] = details

    @property
    def label(self) -> str:
        """The name, or the address where no name is known."""
        return self.details["name"] or self.details["address"]


class Item(TenantOwned, Base):
    """One message or document. Dates, sizes and kinds are in clear; everything said in it or about it is sealed."""

    __tablename__ = "items"
    __table_args__ = (
        tenant_reference("custodian_id", "custodians"),
        tenant_reference("import_id", "data_imports"),
        tenant_reference("blob_id", "blobs"),
        UniqueConstraint("tenant_id", "number"),
        UniqueConstraint("tenant_id", "fingerprint"),
        # They end in what a walk through the list asks for, so that it reads no rows.
        Index("ix_items_dated", "tenant_id", "dated_at", "id", "number", "quarantined_for"),
        Index("ix_items_custodian_dated", "tenant_id", "custodian_id", "dated_at", "id", "number", "quarantined_for"),
        Index("ix_items_import", "tenant_id", "import_id", "number"),
        Index("ix_items_blob", "tenant_id", "blob_id"),
        CheckConstraint("kind IN ('message','document')", name="kind"),
        CheckConstraint("integrity IN ('sound','damaged','missing')", name="integrity"),
        CheckConstraint("size_bytes >= 0", name="size_bytes"),
    )

    number: Mapped[int] = mapped_column(BigInteger)
    """Counts the Customer's items in the order in which they came; the search index refers to it."""
    custodian_id: Mapped[UUID]
    import_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(10))
    media: Mapped[str] = mapped_column(String(10))
    """The coarse kind that people filter by: mail, text, pdf, image, office, archive, other."""
    dated_at: Mapped[datetime]
    """When a message says it was sent, a file was last changed; when it came here where neither is known."""
    received_at: Mapped[datetime]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    attachments: Mapped[int] = mapped_column(default=0)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(16))
    """Blind index of custodian, folder and SHA-256: the same bytes in the same place are held once."""
    blob_id: Mapped[UUID | None]
    """Where the raw bytes lie; none where they are small and lie in `item_contents`."""
    quarantined_for: Mapped[str | None] = mapped_column(String(40))
    """Why its bytes are held but not indexed or listed with the others; none for an ordinary item."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    integrity: Mapped[str] = mapped_column(String(10), default=Integrity.SOUND)
    checked_at: Mapped[datetime | None]
    """When its bytes were last read through and compared with its SHA-256."""

    @cached_property
    def summary(self) -> Summary:
        """What is known of it without its bytes. **Raises:** Unreadable."""
        return Summary(**tenant_keys().open(self.__tablename__, self.id, self.sealed))


class ItemContent(TenantOwned, Base):
    """The raw bytes of a small item, sealed in the row. Its id is the item's."""

    __tablename__ = "item_contents"
    __table_args__ = (tenant_reference("id", "items", ondelete="CASCADE"),)

    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class MonthCount(TenantOwned, Base):
    """How much came in for a custodian in one month: what growth is drawn from, without reading a single item."""

    __tablename__ = "item_months"
    __table_args__ = (
        tenant_reference("custodian_id", "custodians", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "month", "custodian_id"),
        CheckConstraint("items >= 0 AND size_bytes >= 0", name="counts"),
    )

    custodian_id: Mapped[UUID]
    month: Mapped[str] = mapped_column(String(7))
    """Year and month of arrival, such as 2026-11, in UTC."""
    items: Mapped[int] = mapped_column(default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)


class DataTotal(TenantOwned, Base):
    """All of a Customer's data in figures; its one row (its id is the tenant's) is the lock under which items come."""

    __tablename__ = "data_totals"
    __table_args__ = (CheckConstraint("items >= 0 AND size_bytes >= 0", name="counts"),)

    last_number: Mapped[int] = mapped_column(BigInteger, default=0)
    items: Mapped[int] = mapped_column(BigInteger, default=0)
    size_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    damaged: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime | None]
    """When the last integrity check of everything ended."""


def item(item_id: UUID) -> Item:
    """That item of this tenant. **Raises:** NotFound."""
    return row_by_id(Item, item_id)


def custodian(custodian_id: UUID, *, lock: bool = False) -> Custodian:
    """That custodian of this tenant. **Raises:** NotFound."""
    return row_by_id(Custodian, custodian_id, lock=lock)


def custodians() -> list[Custodian]:
    """This tenant's custodians, those with most data first."""
    query = select(Custodian).order_by(Custodian.size_bytes.desc(), Custodian.id)
    return list(db.session.execute(query).scalars())


def custodians_of_user(user_id: UUID) -> list[UUID]:
    """The custodians that are that person."""
    return list(db.session.execute(select(Custodian.id).where(Custodian.user_id == user_id)).scalars())


def custodian_digest(address: str) -> bytes:
    """The blind index of a custodian's address, the same for any spelling in upper or lower case."""
    return tenant_keys().index("custodian", address.strip().casefold().encode())


def fingerprint(custodian_id: UUID, folder: str, sha256: bytes) -> bytes:
    """The blind index by which the same bytes in the same folder of the same custodian are recognised."""
    return tenant_keys().index("item", custodian_id.bytes + sha256 + folder.encode("utf-8", "surrogatepass"))


def totals(*, lock: bool = False) -> DataTotal | None:
    """This tenant's figures; None before its first item. With `lock`, nobody else adds items until the end."""
    query = select(DataTotal).where(DataTotal.id == bound_tenant())
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.execute(query).scalar_one_or_none()


def readable_custodians(by: Actor) -> list[UUID] | None:
    """Whose items the person may read: None means everybody's. Auditors and administrators all, others their own (P14)."""
    if may(by.role, Permission.DATA_ITEMS_READ):
        return None
    if by.user_id is None or not may(by.role, Permission.DATA_OWN_READ):
        return []
    return custodians_of_user(by.user_id)


def item_for(item_id: UUID, *, by: Actor) -> Item:
    """That item, if the person may read it; one that it may not is as unknown as one that is not. **Raises:** NotFound."""
    found = item(item_id)
    allowed = readable_custodians(by)
    if allowed is not None and (found.custodian_id not in allowed or found.quarantined_for):
        raise NotFound
    return found


def items_by_id(item_ids: Iterable[UUID]) -> list[Item]:
    """Those of this tenant's items that are there, in the order of the ids. Only for people who may read everything."""
    wanted = list(dict.fromkeys(item_ids))
    found = {one.id: one for one in db.session.execute(select(Item).where(Item.id.in_(wanted))).scalars()}
    return [found[item_id] for item_id in wanted if item_id in found]
