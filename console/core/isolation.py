"""The first wall between tenants: what a session bound to one tenant can ask the database at all.

Four guards, each tested alone against the ways that leak in the usual recipe (tests/isolation/):
the ORM guard adds the tenant to every statement; the row guard refuses foreign rows on load and flush; the
statement guard refuses SQL text, and any statement that names a tenant's table without its tenant; on PostgreSQL
row-level security is forced as well, and follows the same binding. Promise: P14.
"""

import re
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, Table, TextClause, event, func, inspect, select, text
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnClause
from sqlalchemy.sql.selectable import TextualSelect

from console.core.sql_scope import TENANT_COLUMN, NotHeld, Scope, read_scope

TENANT_SETTING = "safekeep.tenant"
OWN_ROWS = f"tenant_id = NULLIF(current_setting('{TENANT_SETTING}', true), '')::uuid"
"""PostgreSQL's policy on each tenants' table. Without a tenant the comparison is with NULL: no rows at all."""
_UNBOUND = ""
_HARMLESS_TEXT = re.compile(r"[*]|\d+")
"""What SQLAlchemy itself writes as text: the * of a count, the 1 of an EXISTS."""


class NoTenant(RuntimeError):
    """Raised when a tenant's table is touched by a session that belongs to no tenant."""


class TenantSwitch(RuntimeError):
    """Raised when a session that belongs to one tenant is asked to serve another."""


class ForeignRow(RuntimeError):
    """Raised when a row of another tenant reached this session."""


class UnscopedStatement(RuntimeError):
    """Raised when a statement on a tenant's table does not say which tenant, or is SQL text."""


class TenantRow:
    """The mark of mapped classes whose rows belong to a tenant; their tables have a column `tenant_id`."""

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-2)


class GuardedSession(Session):
    """A session without the by-key bulk methods, which no guard could check."""

    def _refuse(self, *_args: Any, **_kwargs: Any) -> Any:
        raise UnscopedStatement("bulk methods by key are not used here; write an UPDATE with a WHERE")

    bulk_save_objects = _refuse
    bulk_insert_mappings = _refuse
    bulk_update_mappings = _refuse


def bind(session: Session, tenant_id: UUID) -> None:
    """From here on `session` sees the rows of `tenant_id` only. **Raises:** TenantSwitch if bound to another."""
    present = session.info.get("tenant_id")
    if present not in (None, tenant_id):
        raise TenantSwitch("a session belongs to one tenant and is never switched")
    session.info["tenant_id"] = tenant_id
    if present is None and session.in_transaction():
        _announce(session, session.connection())


def bound(session: Session) -> UUID:
    """The tenant of `session`. **Raises:** NoTenant if there is none."""
    tenant_id = session.info.get("tenant_id")
    if not isinstance(tenant_id, UUID):
        raise NoTenant("this session belongs to no tenant")
    return tenant_id


def run_raw(connection: Connection, sql: str, *, reason: str) -> Any:
    """Run SQL text that touches no tenant's table. The reason stands at the call, and here is the only door."""
    return connection.execute(text(sql), execution_options={"raw_sql_reason": reason})


def install(session_class: type[Session]) -> None:
    """Put the ORM guard, the row guard and the announcement to the database on `session_class`."""
    event.listen(session_class, "do_orm_execute", _scope_statement)
    event.listen(session_class, "before_attach", _check_attached)
    event.listen(session_class, "before_flush", _check_flush)
    event.listen(
        session_class,
        "after_begin",
        # A savepoint belongs to a transaction that has been announced.
        lambda session, transaction, connection: None if transaction.nested else _announce(session, connection),
    )


@event.listens_for(TenantRow, "load", propagate=True)
def _check_loaded(row: TenantRow, context: Any) -> None:
    _check_row(row, context.session)


@event.listens_for(TenantRow, "refresh", propagate=True)
def _check_refreshed(row: TenantRow, context: Any, _attributes: Any) -> None:
    _check_row(row, context.session)


def _check_row(row: TenantRow, session: Session) -> None:
    if isinstance(session, GuardedSession) and row.tenant_id != session.info.get("tenant_id"):
        raise ForeignRow("a row of another tenant was loaded")


def _announce(session: Session, connection: Connection) -> None:
    """Tell the connection, and PostgreSQL's row-level security, which tenant this transaction is for."""
    tenant_id = session.info.get("tenant_id")
    connection.info["tenant_id"] = tenant_id
    if connection.dialect.name == "postgresql":
        value = str(tenant_id) if tenant_id else _UNBOUND
        # is_local=True: the setting ends with the transaction, so that no pool can carry it to the next borrower.
        connection.execute(select(func.set_config(TENANT_SETTING, value, True)))


def _scope_statement(state: ORMExecuteState) -> None:
    tenant_id = state.session.info.get("tenant_id")
    if tenant_id is None:
        if any(issubclass(mapper.class_, TenantRow) for mapper in state.all_mappers):
            bound(state.session)
        return
    if (state.is_update or state.is_delete) and isinstance(state.parameters, (list, tuple)):
        raise UnscopedStatement("bulk statements by key are not used here; write an UPDATE with a WHERE")
    if state.is_orm_statement and not state.is_insert:
        state.statement = state.statement.options(_criteria(state.session, tenant_id))


def _criteria(session: Session, tenant_id: UUID) -> Any:
    """The condition for every tenants' table. Made once for a session: making it is most of what the guard costs."""
    made = session.info.get("tenant_criteria")
    if made is None:
        made = with_loader_criteria(TenantRow, lambda cls: cls.tenant_id == tenant_id, include_aliases=True)
        session.info["tenant_criteria"] = made
    return made


def _check_attached(session: Session, row: Any) -> None:
    """A row that belongs to a tenant enters only that tenant's session, however it came to be."""
    if not isinstance(row, TenantRow):
        return
    state = inspect(row)
    if state.key is not None:
        place = [column.key for column in state.mapper.primary_key].index(TENANT_COLUMN)
        tenant_id = state.key[1][place]
    else:
        tenant_id = state.dict.get(TENANT_COLUMN)
    if tenant_id is not None and tenant_id != bound(session):
        raise ForeignRow("a row of another tenant was about to enter this session")


def _check_flush(session: Session, _context: Any, _instances: Any) -> None:
    new = [row for row in session.new if isinstance(row, TenantRow)]
    kept = [row for row in (*session.dirty, *session.deleted) if isinstance(row, TenantRow)]
    if not new and not kept:
        return
    tenant_id = bound(session)
    for row in new:
        if row.tenant_id is None:
            row.tenant_id = tenant_id
    for row in (*new, *kept):
        if row.tenant_id != tenant_id or inspect(row).attrs[TENANT_COLUMN].history.deleted:
            raise ForeignRow("a row of another tenant was about to be written")


def guard_engine(engine: Engine) -> None:
    """Let `engine` run only statements that name the tenant of the transaction they run in."""
    event.listen(engine, "before_cursor_execute", _check_statement)
    event.listen(engine, "checkin", lambda _dbapi, record: record.info.pop("tenant_id", None))


def _check_statement(
    connection: Connection, _cursor: Any, sql: str, _parameters: Any, context: Any, _many: bool
) -> None:
    if "raw_sql_reason" in context.execution_options:
        return
    if context.isddl or context.compiled is None or context.compiled.statement is None:
        raise UnscopedStatement(f"SQL text is not run outside core: {sql[:80]!r}")
    scope = _scope_of(context.compiled)
    if not scope.tables:
        return
    tenant_id = connection.info.get("tenant_id")
    if tenant_id is None:
        raise NoTenant(f"{sorted(scope.tables)} belong to tenants, and this transaction belongs to none")
    if any(row.get(name) != tenant_id for row in context.compiled_parameters for name in scope.parameters):
        raise UnscopedStatement(f"a statement on {sorted(scope.tables)} names another tenant than its transaction's")


_scopes: WeakKeyDictionary[Any, Scope] = WeakKeyDictionary()
"""One verdict for each statement in SQLAlchemy's cache of compiled statements; it goes when that entry goes."""


def _scope_of(compiled: Any) -> Scope:
    """What a compiled statement touches. **Raises:** UnscopedStatement where one table is not held to a tenant."""
    scope = _scopes.get(compiled)
    if scope is None:
        scope = _scopes[compiled] = _examine(compiled)
    return scope


def _examine(compiled: Any) -> Scope:
    for element in visitors.iterate(compiled.statement):
        written = element.text if isinstance(element, TextClause) else None
        if isinstance(element, ColumnClause) and element.is_literal:
            written = element.name
        if isinstance(element, TextualSelect) or (written and not _HARMLESS_TEXT.fullmatch(written)):
            raise UnscopedStatement("SQL text is not run outside core")
    try:
        return read_scope(compiled.string, compiled.positiontup, _tenant_tables())
    except NotHeld as table:
        raise UnscopedStatement(f"{table} is used without its tenant: {compiled.string[:200]!r}") from table


def _tenant_tables() -> frozenset[str]:
    """The names of all tables whose rows belong to tenants, those without a mapped class included."""
    classes, metadata = list(TenantRow.__subclasses__()), set()
    while classes:
        found = classes.pop()
        classes += found.__subclasses__()
        table = getattr(found, "__table__", None)
        if isinstance(table, Table):
            metadata.add(table.metadata)
    return frozenset(
        table.name.lower()
        for known in metadata
        for table in known.tables.values()
        if TENANT_COLUMN in table.primary_key.columns and "global" not in table.info
    )
