"""From which address whom was seen: one row for a person, address and day, kept for 90 days, addresses sealed.

Replays run over these rows; the lock-out guard asks them from where administrators come.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, TenantOwned, bound_tenant, db, tenant_reference
from console.core.ids import new_id
from console.ip_ranges.replay import Sighting
from console.users.models import State, User
from console.vault.access import tenant_keys

KEPT_DAYS = 90
MOST_ADDRESSES = 50
"""How many addresses of one person the guard looks at, the latest first."""


class Seen(TenantOwned, Base):
    """One person at one address on one day (UTC)."""

    __tablename__ = "ip_sightings"
    __table_args__ = (
        UniqueConstraint("tenant_id", "user_id", "digest", "on_date"),
        tenant_reference("user_id", "users"),
        Index("ix_ip_sightings_on_date", "tenant_id", "on_date"),
    )

    user_id: Mapped[UUID]
    on_date: Mapped[date]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    """A keyed index of the address: equal addresses are counted together without opening them."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    sign_ins: Mapped[int] = mapped_column(default=0)
    requests: Mapped[int] = mapped_column(default=0)


def address_digest(address: str) -> bytes:
    """The keyed index of an address of this tenant's people."""
    return tenant_keys().index("ip-address", address.encode())


def note_sighting(user_id: UUID, address: str | None, *, sign_in: bool) -> None:
    """That person was seen at that address today: at a sign-in, or on a request. Once a minute and session is enough."""
    if not address:
        return
    today, digest, row_id, tenant_id = clock.now().date(), address_digest(address), new_id(), bound_tenant()
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    db.session.execute(
        insert(Seen)
        .values(
            tenant_id=tenant_id,
            id=row_id,
            user_id=user_id,
            on_date=today,
            digest=digest,
            sealed=tenant_keys().seal(Seen.__tablename__, row_id, {"address": address}),
            sign_ins=0,
            requests=0,
        )
        .on_conflict_do_nothing()
    )
    column = Seen.sign_ins if sign_in else Seen.requests
    db.session.execute(
        update(Seen)
        .where(Seen.user_id == user_id, Seen.digest == digest, Seen.on_date == today)
        .values({column: column + 1})
        .execution_options(synchronize_session=False)
    )


def sightings(days: int) -> list[Sighting]:
    """Everybody active, where and on which of the last `days` days, with the role of today."""
    since = clock.now().date() - timedelta(days=days - 1)
    rows = db.session.execute(
        select(Seen.id, Seen.user_id, Seen.on_date, Seen.digest, Seen.sealed, Seen.sign_ins, Seen.requests, User.role)
        .join(User, (User.tenant_id == Seen.tenant_id) & (User.id == Seen.user_id))
        .where(Seen.on_date >= since, User.state == State.ACTIVE)
        .order_by(Seen.on_date)
    ).all()
    addresses = _addresses({row.digest: (row.id, row.sealed) for row in rows})
    return [
        Sighting(row.user_id, row.role, row.on_date, addresses[row.digest], row.sign_ins, row.requests) for row in rows
    ]


def unseen(days: int, *, limit: int) -> tuple[int, list[UUID]]:
    """How many active people were not seen in the last `days` days, and the first of them: nothing is known of them."""
    since = clock.now().date() - timedelta(days=days - 1)
    was_seen = select(Seen.id).where(Seen.user_id == User.id, Seen.tenant_id == User.tenant_id, Seen.on_date >= since)
    query = select(User.id).where(User.state == State.ACTIVE, ~was_seen.exists())
    count = db.session.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    return int(count), list(db.session.execute(query.order_by(User.id).limit(limit)).scalars())


def _addresses(sealed: dict[bytes, tuple[UUID, bytes]]) -> dict[bytes, str]:
    """The address behind each digest; each is opened once, however many rows it has."""
    opened = tenant_keys().open_many(Seen.__tablename__, sealed.values())
    return {digest: str(fields["address"]) for digest, fields in zip(sealed, opened, strict=True)}


def addresses_of(user_ids: Iterable[UUID]) -> dict[UUID, list[str]]:
    """From where each of those people was seen in the last 90 days, the latest first."""
    ids = list(user_ids)
    since = clock.now().date() - timedelta(days=KEPT_DAYS)
    latest = func.max(Seen.on_date)
    rows = db.session.execute(
        select(Seen.user_id, Seen.digest, latest.label("latest"))
        .where(Seen.user_id.in_(ids), Seen.on_date >= since)
        .group_by(Seen.user_id, Seen.digest)
        .order_by(latest.desc())
    ).all()
    kept: dict[UUID, list[bytes]] = {user_id: [] for user_id in ids}
    for row in rows:
        if len(kept[row.user_id]) < MOST_ADDRESSES:
            kept[row.user_id].append(row.digest)
    opened = _opened({digest for digests in kept.values() for digest in digests}, ids)
    return {user_id: [opened[digest] for digest in digests] for user_id, digests in kept.items()}


def _opened(digests: set[bytes], user_ids: list[UUID]) -> dict[bytes, str]:
    rows = db.session.execute(
        select(Seen.id, Seen.digest, Seen.sealed).where(Seen.user_id.in_(user_ids), Seen.digest.in_(digests))
    ).all()
    return _addresses({row.digest: (row.id, row.sealed) for row in rows})


@dataclass(frozen=True)
class Spread:
    """How many people were seen lately, and at how many addresses."""

    people: int
    addresses: int

    @property
    def suspicious(self) -> bool:
        """Whether several people share one address, as when a proxy is not trusted and its own address is taken."""
        return self.people >= 3 and self.addresses == 1


def spread(days: int = 7) -> Spread:
    """Of this tenant, in the last `days` days."""
    since = clock.now().date() - timedelta(days=days - 1)
    people, addresses = db.session.execute(
        select(func.count(Seen.user_id.distinct()), func.count(Seen.digest.distinct())).where(Seen.on_date >= since)
    ).one()
    return Spread(people, addresses)


def forget_people(user_ids: list[UUID]) -> None:
    """Nothing is left of where those people were."""
    gone = delete(Seen).where(Seen.user_id.in_(user_ids))
    db.session.execute(gone.execution_options(synchronize_session=False))


def forget_old() -> int:
    """Sightings older than they are kept are gone. Answers how many."""
    before = clock.now().date() - timedelta(days=KEPT_DAYS)
    gone = db.session.execute(delete(Seen).where(Seen.on_date < before).execution_options(synchronize_session=False))
    return int(gone.rowcount)  # type: ignore[attr-defined]
