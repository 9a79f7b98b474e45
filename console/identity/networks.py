"""The networks where a person signs in: a /24 or /64 each, under a keyed index, never an exact address. Promise: P07."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Index, LargeBinary, UniqueConstraint, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.addresses import network_of
from console.core.db import Base, TenantOwned, bound_tenant, db, tenant_reference
from console.core.ids import new_id
from console.vault.access import tenant_keys

KEPT_DAYS = 400
"""Longer than the longest period that a Customer can choose; what was not seen since is removed."""


class Network(TenantOwned, Base):
    """A network where a person was seen. The index covers the person as well: rows do not show who shares a place."""

    __tablename__ = "networks"
    __table_args__ = (
        tenant_reference("user_id", "users"),
        UniqueConstraint("tenant_id", "user_id", "digest"),
        Index("ix_networks_seen", "tenant_id", "last_seen_at"),
    )

    user_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def name(self) -> str:
        """Such as "198.51.100.0/24". **Raises:** Unreadable."""
        return str(tenant_keys().open(self.__tablename__, self.id, self.sealed)["network"])


def network_seen_at(user_id: UUID, address: str | None) -> datetime | None:
    """When that person was last seen in the network of `address`."""
    query = select(Network.last_seen_at).where(
        Network.user_id == user_id, Network.digest == _digest(user_id, network_of(address))
    )
    return db.session.execute(query).scalar_one_or_none()


def note_network(user_id: UUID, address: str | None) -> None:
    """That person was seen just now in the network of `address`. What is no address is no network."""
    network, now = network_of(address), clock.now()
    if "/" not in network:
        return
    row_id = new_id()
    values = {
        "tenant_id": bound_tenant(),
        "id": row_id,
        "user_id": user_id,
        "digest": _digest(user_id, network),
        "first_seen_at": now,
        "last_seen_at": now,
        "sealed": tenant_keys().seal(Network.__tablename__, row_id, {"network": network}),
    }
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    keys = ["tenant_id", "user_id", "digest"]
    db.session.execute(
        insert(Network).values(**values).on_conflict_do_update(index_elements=keys, set_={"last_seen_at": now})
    )


def networks_of(user_id: UUID) -> list[Network]:
    """The networks of that person, the latest first."""
    query = select(Network).where(Network.user_id == user_id).order_by(Network.last_seen_at.desc())
    return list(db.session.execute(query).scalars())


def drop_old_networks() -> None:
    """What was not seen for longer than any Customer can choose is gone."""
    old = Network.last_seen_at < clock.now() - timedelta(days=KEPT_DAYS)
    db.session.execute(delete(Network).where(old).execution_options(synchronize_session=False))


def _digest(user_id: UUID, network: str) -> bytes:
    return tenant_keys().index("network", user_id.bytes + network.encode())
