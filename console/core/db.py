"""The database: one session per unit of work, bound to at most one tenant and never switched.

This is the only module that touches Flask-SQLAlchemy. What keeps tenants apart is in `core/isolation.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import DateTime, Dialect, Engine, ForeignKeyConstraint, MetaData, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from console.core import isolation
from console.core.errors import NotFound
from console.core.ids import new_id

if TYPE_CHECKING:
    from console.core.settings import Settings

SQLITE_WAIT_SECONDS = 5.0


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC, on every database. A naive value is refused rather than guessed at."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The value as stored, in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The stored value, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of all tables. Names of constraints are fixed, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 (SQLAlchemy reads it from the class)


class TenantOwned(isolation.TenantRow):
    """A row that belongs to one tenant: primary key (tenant_id, id), scoped by both walls."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id, sort_order=-1)


def tenant_reference(column: str, table: str, *, ondelete: str | None = None) -> ForeignKeyConstraint:
    """A foreign key from `column` to `table` that cannot leave the tenant: it includes tenant_id."""
    return ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], ondelete=ondelete)


class TenantSession(isolation.GuardedSession, FlaskSession):
    """The session of one unit of work."""

    def get_bind(self, *args: Any, **kwargs: Any) -> Engine:
        """The engine; for a unit that writes, the variant whose transactions take SQLite's write lock at once."""
        engine = cast("Engine", super().get_bind(*args, **kwargs))
        if not self.info.get("write"):
            return engine
        if "write_engine" not in self.info:
            self.info["write_engine"] = engine.execution_options(safekeep_write=True)
        return cast("Engine", self.info["write_engine"])


Row = TypeVar("Row", bound=TenantOwned)

db = SQLAlchemy(metadata=Base.metadata, session_options={"class_": TenantSession})
isolation.install(TenantSession)


def configure_engine(engine: Engine) -> None:
    """Prepare `engine` for use: the statement guard on every database, WAL and real transactions on SQLite."""
    isolation.guard_engine(engine)
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}").close()
        connection.execute(f"PRAGMA busy_timeout={int(SQLITE_WAIT_SECONDS * 1000)}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        # A reader that turns writer fails at once under WAL; so writers take the lock when they begin, and wait for it.
        write = connection.get_execution_options().get("safekeep_write")
        isolation.run_raw(connection, "BEGIN IMMEDIATE" if write else "BEGIN", reason="transaction control")


def bind_tenant(tenant_id: UUID) -> None:
    """From here on this session sees that tenant's rows only. **Raises:** TenantSwitch if it is bound to another."""
    isolation.bind(db.session(), tenant_id)


def bound_tenant() -> UUID:
    """The tenant of this session. **Raises:** NoTenant if it is bound to none."""
    return isolation.bound(db.session())


def writing() -> None:
    """Mark this unit as one that writes. Call it before the unit's first statement."""
    db.session().info["write"] = True


def is_writing() -> bool:
    """Whether this unit is one that writes."""
    return bool(db.session().info.get("write"))


@contextmanager
def unit_of_work(tenant_id: UUID | None = None, *, write: bool = True) -> Iterator[None]:
    """A transaction of its own, independent of the caller's: committed at the end, rolled back on an exception."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    with app.app_context():
        if write:
            writing()
        if tenant_id is not None:
            bind_tenant(tenant_id)
        try:
            yield
            db.session.commit()
        except BaseException:
            db.session.rollback()
            raise


def row_by_id(kind: type[Row], row_id: UUID, *, lock: bool = False) -> Row:
    """The bound tenant's row of that id; with `lock`, as it is now and nobody else's until the end.

    **Raises:** NotFound, for another tenant's row as well.
    """
    query = select(kind).where(kind.id == row_id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def service(name: str) -> Any:
    """A part of the running application that was registered at boot, such as its keyring."""
    return current_app.extensions[f"safekeep.{name}"]


def settings() -> "Settings":
    """The settings of the running application."""
    return cast("Settings", service("settings"))
