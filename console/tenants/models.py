"""A Customer. In code it is called a tenant."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, String, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core.db import Base, bound_tenant, db
from console.core.errors import NotFound
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.vault.access import platform_keys


class Tenant(Base):
    """One Customer, or the host itself (the platform). The name is sealed under the platform's key."""

    __tablename__ = "tenants"
    __table_args__ = (
        CheckConstraint("state IN ('active','suspended','leaving','destroyed')", name="state"),
        CheckConstraint("term_days BETWEEN 1 AND 3650", name="term_days"),
        {"info": {"global": "staff list Customers by name and state; the name is sealed under the platform's key"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sealed_name: Mapped[bytes] = mapped_column(LargeBinary)
    state: Mapped[str] = mapped_column(String(12), default="active")
    term_days: Mapped[int] = mapped_column(default=30)
    created_at: Mapped[datetime]
    people_seq: Mapped[int] = mapped_column(default=0)
    """Counts the changes to this Customer's people; each change takes the next number under this row's lock."""
    people_invited: Mapped[int] = mapped_column(default=0)
    people_active: Mapped[int] = mapped_column(default=0)
    people_suspended: Mapped[int] = mapped_column(default=0)
    people_deleted: Mapped[int] = mapped_column(default=0)

    @property
    def name(self) -> str:
        """The Customer's name. **Raises:** Unreadable."""
        return str(platform_keys().open(self.__tablename__, self.id, self.sealed_name)["name"])

    @name.setter
    def name(self, name: str) -> None:
        self.sealed_name = platform_keys().seal(self.__tablename__, self.id, {"name": name})

    @property
    def people(self) -> int:
        """How many people it has, without those deleted."""
        return self.people_invited + self.people_active + self.people_suspended


def this_tenant() -> Tenant:
    """The Customer that this unit of work is bound to. **Raises:** NotFound."""
    found = db.session.get(Tenant, bound_tenant())
    if found is None:
        raise NotFound
    return found


def lock_people() -> Tenant:
    """This Customer's row, locked: nobody else changes its people until the transaction ends."""
    return db.session.execute(
        select(Tenant).where(Tenant.id == bound_tenant()).with_for_update().execution_options(populate_existing=True)
    ).scalar_one()


def customers(*, after: UUID | None = None, limit: int = 200) -> list[Tenant]:
    """Customers in the order in which they came, without the host itself; from the one `after` on."""
    query = select(Tenant).where(Tenant.id != PLATFORM_TENANT_ID).order_by(Tenant.id).limit(limit)
    return list(db.session.execute(query.where(Tenant.id > after) if after else query).scalars())


def tenant_ids() -> list[UUID]:
    """The ids of every Customer and of the host itself, in the order in which they came."""
    return list(db.session.execute(select(Tenant.id).order_by(Tenant.id)).scalars())
