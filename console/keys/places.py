"""Where everything lies that is sealed, or wrapped, under a tenant's key. Read from the tables themselves.

A table joins by what it declares, and no list has to be kept:

- a column of bytes called `sealed` or `sealed_…` holds `TenantKeys.seal` or `seal_bytes` of that table and row. Where
  the seal names something else than the table, `info={"sealed_as": "…"}` on the column says what;
- columns `wrapped_key` and `key_version` hold a key of the row's own, wrapped. Such a table brings the function that
  wraps anew, as `info={"rewrap": function}`: (old key version, how many at most) -> how many it did.

A tenants' table lies under its tenant's key, a table without tenants under the platform's. `tests/keys/test_places.py`
refuses every other column of bytes that has no fixed length, so that nothing sealed can stay unknown here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Column, LargeBinary, Select, Table, bindparam, func, select, update

from console.core.db import Base, bound_tenant, db
from console.core.ids import PLATFORM_TENANT_ID
from console.core.isolation import TenantRow
from console.vault.access import tenant_keys
from console.vault.errors import Unreadable
from console.vault.tenant_keys import FORMAT_BYTES, VERSION_BYTES

SEALED = "sealed"
WRAPPED_KEY, KEY_VERSION = "wrapped_key", "key_version"
REWRAP = "rewrap"
_UNDER = "sealed_under_version"
"""Unlike any column: in GROUP BY a column of that name would be meant instead."""
Rewrap = Callable[[int, int], int]


@dataclass(frozen=True)
class Moved:
    """What one batch did: how many rows, which ones do not open, and where the next batch begins (None: at the end)."""

    rows: int
    unreadable: tuple[UUID, ...]
    after: UUID | None


@dataclass(frozen=True)
class Place:
    """One column of one table that holds something sealed or wrapped."""

    kind: type[Any]
    column: Column[Any]

    @property
    def table(self) -> Table:
        """The table that it is a column of."""
        return self.column.table

    @property
    def name(self) -> str:
        """Names the place in lists and cursors: the table, and the column where it is not the usual one."""
        usual = self.column.name in {SEALED, WRAPPED_KEY}
        return self.table.name if usual else f"{self.table.name}.{self.column.name}"

    @property
    def wrapped(self) -> bool:
        """Whether rows hold a wrapped key rather than something sealed."""
        return self.column.name == WRAPPED_KEY

    @property
    def of_tenants(self) -> bool:
        """Whether each row lies under its own tenant's key; otherwise all lie under the platform's."""
        return issubclass(self.kind, TenantRow)

    def counts(self) -> dict[int, int]:
        """How many rows of the bound tenant lie under each key version. Reads the whole table once."""
        version = self.table.c[KEY_VERSION] if self.wrapped else self._header()
        query = self._rows(version.label(_UNDER), func.count().label("row_count")).group_by(_UNDER)
        return {_number(version): rows for version, rows in db.session.execute(query)}

    def move(self, version: int, *, older: list[int], after: UUID | None, limit: int) -> Moved:
        """The next rows that lie under an older version lie under `version`, in the present transaction.

        A row that somebody changes at the same moment keeps what that person wrote. One that does not open is left
        as it is, and named. Goes through the table by its key, so that all batches together read it once.
        """
        if self.wrapped:
            return self._rewrap(older, limit)
        query = self._rows(self.table.c.id, self.column).where(self._header() != version.to_bytes(VERSION_BYTES))
        if after is not None:
            query = query.where(self.table.c.id > after)
        rows = db.session.execute(query.order_by(self.table.c.id).limit(limit)).all()
        changes, unreadable = [], []
        keys = tenant_keys()
        for row_id, sealed in rows:
            try:
                anew = keys.reseal(self._sealed_as, row_id, sealed)
            except (Unreadable, TypeError):  # a planted value may not even be bytes
                unreadable.append(row_id)
            else:
                changes.append({"row": row_id, "old": sealed, "new": anew, "tenant": keys.tenant_id})
        moved = self._write(changes)
        return Moved(moved, tuple(unreadable), rows[-1][0] if len(rows) == limit else None)

    @property
    def _sealed_as(self) -> str:
        return str(self.column.info.get("sealed_as", self.table.name))

    def _header(self) -> Any:
        """The four bytes that name the key version, behind the byte that names the format."""
        return func.substr(self.column, FORMAT_BYTES + 1, VERSION_BYTES, type_=LargeBinary())

    def _rows(self, *columns: Any) -> Select[Any]:
        query = select(*columns).select_from(self.table).where(self.column.is_not(None))
        return query.where(self.table.c.tenant_id == bound_tenant()) if self.of_tenants else query

    def _write(self, changes: list[dict[str, Any]]) -> int:
        if not changes:
            return 0
        change = update(self.table).where(self.table.c.id == bindparam("row"), self.column == bindparam("old"))
        if self.of_tenants:
            change = change.where(self.table.c.tenant_id == bindparam("tenant"))
        done = db.session.connection().execute(change.values({self.column.name: bindparam("new")}), changes)
        return int(done.rowcount)

    def _rewrap(self, older: list[int], limit: int) -> Moved:
        rewrap = cast("Rewrap", self.table.info[REWRAP])
        moved = 0
        for version in older:
            moved += rewrap(version, limit - moved)
            if moved >= limit:
                return Moved(moved, (), PLATFORM_TENANT_ID)  # any id: such a place keeps no cursor of its own
        return Moved(moved, (), None)


def places(tenant_id: UUID) -> list[Place]:
    """Every place that may hold something under that tenant's key, always in the same order."""
    return [place for place in every_place() if place.of_tenants or tenant_id == PLATFORM_TENANT_ID]


def every_place() -> list[Place]:
    """Every place of every table that the product maps."""
    found = [place for mapper in Base.registry.mappers for place in places_of(mapper.class_)]
    return sorted(found, key=lambda place: place.name)


def places_of(kind: type[Any]) -> Iterator[Place]:
    """The places of one mapped class."""
    for column in kind.__table__.columns:
        named_so = column.name == SEALED or column.name.startswith(f"{SEALED}_")
        if isinstance(column.type, LargeBinary) and (named_so or column.name == WRAPPED_KEY):
            yield Place(kind, column)


def counts_by_version() -> dict[int, dict[str, int]]:
    """What each key version of the bound tenant still seals: version, place, rows. Reads every table once."""
    found: dict[int, dict[str, int]] = {}
    for place in places(bound_tenant()):
        for version, rows in place.counts().items():
            found.setdefault(version, {})[place.name] = rows
    return found


def _number(version: Any) -> int:
    return int.from_bytes(version) if isinstance(version, bytes) else int(version)
