"""The sealed search index as rows: segments, each over a run of items, and the buckets over which its terms are spread."""

import hashlib
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core.db import Base, TenantOwned, db, tenant_reference
from console.customer_data.postings import FIELD_BITS, KEY_BITS
from console.vault.access import tenant_keys

FAN = 16
"""So many segments of a level become one of the next."""
FIRST_LEVEL_ITEMS = 32
"""Fewer items than these make a segment of level 0, which is one bucket; each level holds 16 times the one before."""
LEVEL_BITS, MOST_BITS = 4, 16
PURPOSE = "search index 1"
_ROUNDS = 4


class SegmentState(StrEnum):
    """What a segment is for. Searches read what is `ready`, and nothing else."""

    BUILDING = "building"
    """A merge is writing its buckets."""
    STANDBY = "standby"
    """Belongs to an index that is being made anew."""
    READY = "ready"
    GONE = "gone"
    """Replaced by another; its buckets are being removed."""


class SearchSegment(TenantOwned, Base):
    """The terms of a run of items. Nothing in the row tells what is in it, only how many items and since when."""

    __tablename__ = "search_segments"
    __table_args__ = (
        CheckConstraint("state IN ('building','standby','ready','gone')", name="state"),
        CheckConstraint("bits BETWEEN 0 AND 16 AND items >= 0", name="sizes"),
        Index("ix_search_segments_state", "tenant_id", "state", "level"),
    )

    state: Mapped[str] = mapped_column(String(10))
    format: Mapped[int]
    generation: Mapped[int]
    """Raised each time the index is made anew."""
    level: Mapped[int]
    bits: Mapped[int]
    """There are 2 to that power buckets, whether anything is in them or not."""
    first_number: Mapped[int] = mapped_column(BigInteger)
    last_number: Mapped[int] = mapped_column(BigInteger)
    items: Mapped[int]
    removed: Mapped[int] = mapped_column(default=0)
    """How many of them were removed since; above 0, the segment is written anew without their words."""
    into_id: Mapped[UUID | None]
    """The segment into which this one is being merged."""
    built: Mapped[int] = mapped_column(default=0)
    """How many of its sources' buckets a merge has worked through."""
    created_at: Mapped[datetime]


class SearchBucket(TenantOwned, Base):
    """The terms whose keys begin alike, in one segment. Its id follows from the segment's and its number."""

    __tablename__ = "search_buckets"
    __table_args__ = (
        tenant_reference("segment_id", "search_segments", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "segment_id", "bucket"),
    )

    segment_id: Mapped[UUID]
    bucket: Mapped[int]
    """Where it lies among its segment's: shuffled for each segment, so that the same number says nothing elsewhere."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)


class IndexKeys:
    """The tenant's keys of its index: words become keys of terms, buckets their places. Hold it for a unit of work."""

    def __init__(self) -> None:
        self.sealing = tenant_keys()
        key = self.sealing.derive(PURPOSE)
        self._words = HMAC(key, hashes.SHA256())
        self._words.update(b"word:")
        self._places = HMAC(key, hashes.SHA256())
        self._places.update(b"place:")

    def word(self, word: str) -> int:
        """The key of a word in field 0. **Source:** RFC 2104."""
        mac = self._words.copy()
        mac.update(word.encode("utf-8", "surrogatepass"))
        return int.from_bytes(mac.finalize()[:8]) >> FIELD_BITS << FIELD_BITS

    def place(self, segment: SearchSegment, number: int) -> int:
        """Where that bucket lies in that segment: a permutation of its own for each segment.

        **Source:** Luby and Rackoff, four rounds over the halves of the number.
        """
        half = segment.bits // 2
        left, right = number >> half, number & ((1 << half) - 1)
        for turn in range(_ROUNDS if half else 0):
            mac = self._places.copy()
            mac.update(segment.id.bytes + bytes((turn, right)))
            left, right = right, left ^ (int.from_bytes(mac.finalize()[:2]) & ((1 << half) - 1))
        return left << half | right

    def seal(self, bucket_id_: UUID, data: bytes) -> bytes:
        """The bytes as the row holds them."""
        return self.sealing.seal_bytes(SearchBucket.__tablename__, bucket_id_, data)

    def open(self, bucket_id_: UUID, sealed: bytes) -> bytes:
        """What was sealed. **Raises:** Unreadable."""
        return self.sealing.open_bytes(SearchBucket.__tablename__, bucket_id_, sealed)


def bucket_id(segment_id: UUID, place: int) -> UUID:
    """The id of the row at that place: a bucket that is moved elsewhere does not open."""
    return UUID(bytes=hashlib.sha256(segment_id.bytes + place.to_bytes(4)).digest()[:16])


def bucket_of(key: int, bits: int) -> int:
    """The number of the bucket in which a term's key belongs."""
    return key >> (KEY_BITS - bits)


def level_of(items: int) -> int:
    """The level of a segment with so many items."""
    level = 0
    while items >= FIRST_LEVEL_ITEMS << (LEVEL_BITS * level):
        level += 1
    return level


def bits_of(level: int) -> int:
    """How many bits of a key choose the bucket at that level."""
    return min(LEVEL_BITS * level, MOST_BITS)


def segments(*states: SegmentState) -> list[SearchSegment]:
    """This tenant's segments in those states, oldest items first, as they are now."""
    query = select(SearchSegment).where(SearchSegment.state.in_(states)).execution_options(populate_existing=True)
    return list(db.session.execute(query.order_by(SearchSegment.first_number, SearchSegment.id)).scalars())


def segment(segment_id: UUID, *, lock: bool = False) -> SearchSegment | None:
    """That segment of this tenant, as it is now."""
    query = select(SearchSegment).where(SearchSegment.id == segment_id).execution_options(populate_existing=True)
    return db.session.execute(query.with_for_update() if lock else query).scalar_one_or_none()


def level_count(level: int, state: SegmentState) -> int:
    """How many segments of a level wait to be merged."""
    return db.session.execute(
        select(func.count())
        .select_from(SearchSegment)
        .where(SearchSegment.state == state, SearchSegment.level == level, SearchSegment.into_id.is_(None))
    ).scalar_one()
