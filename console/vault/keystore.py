"""Where wrapped tenant keys are kept: apart from the database, with a backup and a retention of their own.

Were they rows of the database, every restored backup of it would bring destroyed keys back (P21).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from console.core import clock
from console.core.errors import Conflict, Misconfigured
from console.vault import schema, store_engine
from console.vault.wrapping import WrappedKey

_CREATE_LOCK = 0x5AFE_6EE9
"""PostgreSQL advisory lock held while tables are made, so that two processes do not make them at once."""

_keys = schema.tenant_keys


@dataclass(frozen=True, slots=True)
class Installation:
    """The installation that a store belongs to. `roots` maps root versions to their fingerprints."""

    id: str
    created_at: datetime
    canary: WrappedKey
    roots: dict[int, str]


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One version of one tenant's key as stored; `wrapped` is None once it was destroyed."""

    tenant_id: UUID
    version: int
    state: str
    provider: str
    root_version: int
    wrapped: bytes | None
    fingerprint: str
    created_at: datetime
    destroyed_at: datetime | None = None

    @property
    def usable(self) -> bool:
        """Whether the key is still there."""
        return self.wrapped is not None

    def as_wrapped(self) -> WrappedKey:
        """The key in the form that a provider unwraps."""
        return WrappedKey(self.provider, self.root_version, self.wrapped or b"")


@dataclass(frozen=True, slots=True)
class RootRecord:
    """A root version that ever wrapped here; the record outlives the root."""

    version: int
    fingerprint: str
    recorded_at: datetime


class OlderRoot(Conflict):
    """Raised when a key comes wrapped under a root version that another has replaced."""


class KeyStore:
    """The key store at one URL. Making the object touches nothing; the first read or write does.

    **Raises**, from every method: Misconfigured when the store is missing, open to others, or not a store.
    """

    def __init__(self, url: str) -> None:
        address = sa.make_url(url)
        self._path = store_engine.sqlite_path(address)
        self._name = address.render_as_string(hide_password=True)
        self._reader = store_engine.engine_for(address, self._path)
        self._writer = store_engine.writing(self._reader)

    def create(self) -> None:
        """The store's tables exist. An existing file is left as it is, whatever it holds."""
        if self._path is not None:
            if not self._path.exists():
                store_engine.make_sqlite_file(self._path, schema.metadata)
            return
        try:
            with self._writer.begin() as connection:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_CREATE_LOCK)))
                schema.metadata.create_all(connection)
        except sa.exc.DatabaseError as problem:
            raise self._unusable(problem) from problem

    def has_installation(self) -> bool:
        """Whether keys were ever made here. False where there is no store at all."""
        if self._path is not None and not self._path.exists():
            return False
        with self._read() as connection:
            if self._path is None and not sa.inspect(connection).has_table(schema.installation.name):
                return False
            return connection.execute(sa.select(schema.installation.c.number)).first() is not None

    def installation(self) -> Installation:
        """The installation. **Raises:** Misconfigured when there is none, or a newer program made it."""
        with self._read() as connection:
            row = connection.execute(sa.select(schema.installation)).one_or_none()
            roots = connection.execute(sa.select(schema.roots.c.version, schema.roots.c.fingerprint)).all()
        if row is None:
            raise Misconfigured(f"The key store {self._name} belongs to no installation. Run `safekeep init`.")
        if row.format != schema.STORE_FORMAT:
            raise Misconfigured(
                f"The key store {self._name} has format {row.format}, and this program knows "
                f"{schema.STORE_FORMAT}. Use the program version that made it, or a later one."
            )
        canary = WrappedKey(row.provider, row.root_version, row.canary)
        return Installation(str(row.id), row.created_at, canary, {root.version: root.fingerprint for root in roots})

    def add_installation(self, installation_id: UUID, canary: WrappedKey, root: str, platform: StoredKey) -> None:
        """The store belongs to this installation, in one step with the platform's key.

        **Raises:** Conflict when it belongs to one already: a second would make all existing data unreadable.
        """
        now = clock.now()
        with self._write("The key store already belongs to an installation. Nothing was changed.") as connection:
            connection.execute(
                schema.installation.insert().values(
                    number=1, format=schema.STORE_FORMAT, id=installation_id, created_at=now, **_canary(canary)
                )
            )
            _note_root(connection, canary.root_version, root)
            connection.execute(_keys.insert().values(**_row(platform)))

    def stored_keys(self, tenant_ids: Iterable[UUID] | None = None) -> list[StoredKey]:
        """The stored keys of these tenants, or of all, by tenant and version; destroyed versions included."""
        query = sa.select(_keys).order_by(_keys.c.tenant_id, _keys.c.version)
        with self._read() as connection:
            if tenant_ids is None:
                return [StoredKey(**row) for row in connection.execute(query).mappings()]
            # one query a tenant: a list in one statement has a limit, and this is asked for few at a time
            return [
                StoredKey(**row)
                for tenant_id in tenant_ids
                for row in connection.execute(query.where(_keys.c.tenant_id == tenant_id)).mappings()
            ]

    def roots(self) -> list[RootRecord]:
        """Every root version that ever wrapped here, oldest first."""
        with self._read() as connection:
            rows = connection.execute(sa.select(schema.roots).order_by(schema.roots.c.version)).mappings()
            return [RootRecord(**row) for row in rows]

    def add_key(self, key: StoredKey, root: str) -> None:
        """The key is stored as its tenant's primary; the primary there was only opens from now on.

        `root` is the fingerprint of the root version that wraps it.
        **Raises:** Conflict when that version is there already, or a newer root key is in use.
        """
        with self._write(f"Key version {key.version} of this Customer exists already.") as connection:
            _note_root(connection, key.root_version, root)
            connection.execute(
                _keys.update()
                .where(_keys.c.tenant_id == key.tenant_id, _keys.c.state == schema.PRIMARY)
                .values(state=schema.DECRYPT_ONLY)
            )
            connection.execute(_keys.insert().values(**_row(key)))

    def replace_wrapping(self, key: StoredKey, wrapped: WrappedKey, root: str) -> bool:
        """Whether the key is now stored wrapped anew. False when somebody else changed it meanwhile."""
        with self._write("The root key is being changed by somebody else.") as connection:
            _note_root(connection, wrapped.root_version, root)
            changed = connection.execute(
                _keys.update()
                .where(_keys.c.tenant_id == key.tenant_id, _keys.c.version == key.version)
                .where(_keys.c.wrapped == key.wrapped)
                .values(provider=wrapped.provider, root_version=wrapped.root_version, wrapped=wrapped.wrapped)
            )
            return changed.rowcount == 1

    def replace_canary(self, canary: WrappedKey, root: str) -> None:
        """The canary is stored wrapped anew."""
        with self._write("The root key is being changed by somebody else.") as connection:
            _note_root(connection, canary.root_version, root)
            connection.execute(schema.installation.update().values(**_canary(canary)))

    def destroy(self, tenant_id: UUID, version: int) -> None:
        """The key is gone; its row stays, with its fingerprint and the time. Harmless when repeated."""
        with self._write("This key is being changed by somebody else.") as connection:
            connection.execute(
                _keys.update()
                .where(_keys.c.tenant_id == tenant_id, _keys.c.version == version)
                .where(_keys.c.state != schema.DESTROYED)
                .values(state=schema.DESTROYED, wrapped=None, destroyed_at=clock.now())
            )
        store_engine.forget_deleted(self._reader, self._path)

    @contextmanager
    def _read(self) -> Iterator[sa.Connection]:
        try:
            with self._reader.connect() as connection:
                yield connection
        except sa.exc.DatabaseError as problem:
            raise self._unusable(problem) from problem

    @contextmanager
    def _write(self, conflict: str) -> Iterator[sa.Connection]:
        """A transaction that no other writer overlaps: SQLite locks the file, PostgreSQL the one row here."""
        try:
            with self._writer.begin() as connection:
                connection.execute(sa.select(schema.installation.c.number).with_for_update()).all()
                yield connection
        except sa.exc.IntegrityError as problem:
            raise Conflict(conflict) from problem
        except sa.exc.DatabaseError as problem:
            raise self._unusable(problem) from problem

    def _unusable(self, problem: sa.exc.DatabaseError) -> Misconfigured:
        return Misconfigured(
            f"The key store {self._name} cannot be used ({str(problem.orig).strip()}). If it is empty or "
            "damaged, restore it from its backup; without it no data can be read."
        )


def _note_root(connection: sa.Connection, version: int, fingerprint: str) -> None:
    """The root version is on record. Under the lock this fences off a process that missed a rotation.

    Without the fence it could still store a key under the old root after everything else was wrapped anew,
    and that key would be lost with the old root.
    """
    known = dict(connection.execute(sa.select(schema.roots.c.version, schema.roots.c.fingerprint)).all())
    if version < max(known, default=0):
        raise OlderRoot(f"Root key version {max(known)} is in use, but this process has {version}. Start it again.")
    if version not in known:
        connection.execute(
            schema.roots.insert().values(version=version, fingerprint=fingerprint, recorded_at=clock.now())
        )
    elif known[version] != fingerprint:
        raise Misconfigured(
            f"Root key version {version} has the fingerprint {fingerprint} here, and {known[version]} in "
            "the key store. Use the root key that belongs to the store."
        )


def _canary(canary: WrappedKey) -> dict[str, Any]:
    return {"provider": canary.provider, "root_version": canary.root_version, "canary": canary.wrapped}


def _row(key: StoredKey) -> dict[str, Any]:
    return {column.name: getattr(key, column.name) for column in _keys.columns}
