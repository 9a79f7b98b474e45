"""Which installation a database belongs to, so that it is never opened with another installation's keys."""

from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core.db import Base
from console.core.errors import Misconfigured


class Installation(Base):
    """The one row that names the installation. It is written once, by `safekeep init`."""

    __tablename__ = "installation"
    __table_args__ = ({"info": {"global": "there is one installation"}},)

    id: Mapped[UUID] = mapped_column(primary_key=True)


def check_installation(connection: Connection, expected: UUID) -> None:
    """Nothing happens if the database is that installation's. **Raises:** Misconfigured."""
    found = connection.execute(select(Installation.id)).scalar_one_or_none()
    if found is None:
        raise Misconfigured("The database is empty. Run `safekeep init` first.")
    if found != expected:
        raise Misconfigured(
            f"The database belongs to installation {found}, but the key store to {expected}."
            " Point SAFEKEEP_DATABASE_URL and SAFEKEEP_KEYSTORE_URL at the same installation."
        )
