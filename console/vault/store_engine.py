"""How the key store is reached: a SQLite file of its own, or a PostgreSQL database of its own.

No connection is kept open. The store is read once per tenant, process and few minutes, so a new connection
each time costs nothing that matters, and none is ever shared by two processes after a fork.
"""

import os
import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from console.core.errors import Misconfigured

LOCK_WAIT_SECONDS = 10.0
"""Writes to the store take milliseconds; whoever waits this long is behind something broken."""

_WRITES = "safekeep_store_writes"
_OTHERS_ANY = 0o077


def sqlite_path(url: sa.URL) -> Path | None:
    """The file of a SQLite URL, None for PostgreSQL. **Raises:** Misconfigured for anything else."""
    if url.drivername == "postgresql+psycopg":
        return None
    if url.get_backend_name() != "sqlite":
        raise Misconfigured("SAFEKEEP_KEYSTORE_URL must begin with sqlite:/// or postgresql+psycopg://.")
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise Misconfigured(
            "SAFEKEEP_KEYSTORE_URL must name a file, as in sqlite:////path/to/keys.sqlite: "
            "a key store in memory would lose every key when the program ends."
        )
    return Path(url.database)


def engine_for(url: sa.URL, path: Path | None) -> sa.Engine:
    """An engine that never creates a file, and whose writers begin by taking the lock."""
    if path is None:
        return sa.create_engine(url, poolclass=NullPool)
    engine = sa.create_engine("sqlite+pysqlite://", creator=lambda: _connect(path), poolclass=NullPool)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A reader that turns writer under WAL fails at once instead of waiting; so writers say so first.
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def writing(engine: sa.Engine) -> sa.Engine:
    """The same engine, for transactions that write."""
    return engine.execution_options(**{_WRITES: True})


def _connect(path: Path) -> sqlite3.Connection:
    _check(path)
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",  # rw without c: a missing file stays missing
        uri=True,
        timeout=LOCK_WAIT_SECONDS,
        isolation_level=None,  # transactions are begun above, not by the driver
    )
    # FULL: a key that was said to be stored survives a power cut. secure_delete: a destroyed key's bytes are
    # overwritten in the file instead of staying behind in a free page.
    for pragma in ("synchronous=FULL", "secure_delete=ON", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    return connection


def _check(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as problem:
        raise Misconfigured(
            f"The key store {path} cannot be opened: {problem.strerror}. Restore it from its backup; without "
            "it no data can be read. For a first installation, run `safekeep init`, which makes it."
        ) from None
    if mode & _OTHERS_ANY:
        raise Misconfigured(
            f"The key store {path} is open to other accounts (mode {stat.S_IMODE(mode):04o}). Run `chmod 600 {path}`."
        )


def make_sqlite_file(path: Path, metadata: sa.MetaData) -> None:
    """The file exists with its tables, complete or not at all, and readable by its owner alone.

    Nothing happens where there is a file, even an empty one: what is there may be the remains of keys.
    The file is built under another name and linked to its own, so of two processes one wins and a
    crash leaves nothing half made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        connection = _connect(temporary)
        connection.execute("PRAGMA journal_mode=WAL").close()  # is remembered in the file
        connection.close()
        engine = writing(engine_for(sa.make_url("sqlite://"), temporary))
        with engine.begin() as transaction:
            metadata.create_all(transaction)
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # without it the new name may be gone after a power cut
    finally:
        os.close(folder)


def forget_deleted(engine: sa.Engine, path: Path | None) -> None:
    """What was overwritten is overwritten in the write-ahead log too, which would else keep it for a while.

    PostgreSQL gives no such hold: old row versions stay until VACUUM, its log until archived. There, as for
    every backup and every flash disk, it is the destruction of the root key that makes the rest unreadable.
    """
    if path is None:
        return
    connection = _connect(path)
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    finally:
        connection.close()
        engine.dispose()
