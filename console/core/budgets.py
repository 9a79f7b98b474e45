"""How often something may be tried: an exact sliding window for each key, kept in the database.

Flask-Limiter bounds anonymous traffic; this bounds guesses at secrets, where the count must be exact across
processes and survive a restart. Keys are keyed hashes: the table says nothing about accounts or addresses.
"""

from datetime import datetime, timedelta

from sqlalchemy import JSON, LargeBinary, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, db


class Budget(Base):
    """The recent tries of one key, as seconds since the epoch, oldest first; for `one_a_window`: the last, and a count."""

    __tablename__ = "budgets"
    __table_args__ = ({"info": {"global": "it is spent before the tenant is known; keyed hashes only"}},)

    key: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    tries: Mapped[list[float]] = mapped_column(JSON)
    changed_at: Mapped[datetime]


def spend(key: bytes, *, limit: int, window_seconds: int) -> int:
    """Count one try of `key`; answer 0 when it is within `limit` a window, else the seconds to wait.

    A refused try is not counted, so that waiting always helps.
    """
    row = _locked(key)
    now = clock.now()
    recent = [moment for moment in row.tries if moment > now.timestamp() - window_seconds]
    if len(recent) >= limit:
        return max(1, round(recent[-limit] + window_seconds - now.timestamp()))
    row.tries = [*recent, now.timestamp()]
    row.changed_at = now
    return 0


def tries(key: bytes, *, window_seconds: int) -> int:
    """How many tries of `key` count at this moment."""
    since = clock.now().timestamp() - window_seconds
    return sum(moment > since for moment in _locked(key).tries)


def wait(key: bytes, *, limit: int, window_seconds: int) -> int:
    """The seconds until `spend` would answer 0; nothing is counted."""
    tried = db.session.execute(select(Budget.tries).where(Budget.key == key)).scalar_one_or_none() or []
    now = clock.now().timestamp()
    recent = [moment for moment in tried if moment > now - window_seconds]
    return max(1, round(recent[-limit] + window_seconds - now)) if len(recent) >= limit else 0


def hold(key: bytes) -> None:
    """Nobody else counts or takes back a try of `key` until the transaction ends."""
    _locked(key)


def refund(key: bytes) -> None:
    """Take the latest try of `key` back: it was right."""
    row = _locked(key)
    row.tries = row.tries[:-1]


def one_a_window(key: bytes, *, window_seconds: int) -> int | None:
    """Let one event of `key` through in each window, so that a flood of them leaves one entry and a count.

    Answers None for one that is held back, else how many were held back since the last one that passed.
    """
    row = _locked(key)
    now = clock.now()
    passed_at, held = (row.tries[0], row.tries[1]) if row.tries else (0.0, 0.0)
    row.changed_at = now
    if now.timestamp() - passed_at < window_seconds:
        row.tries = [passed_at, held + 1]
        return None
    row.tries = [now.timestamp(), 0.0]
    return int(held)


def forget_old_budgets(*, older_than: timedelta) -> int:
    """Remove the keys that were not tried for that long; answers how many."""
    gone = db.session.execute(delete(Budget).where(Budget.changed_at < clock.now() - older_than))
    return int(gone.rowcount)  # type: ignore[attr-defined]


def _locked(key: bytes) -> Budget:
    """The row of `key`, made if absent, locked until the end of the transaction."""
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    db.session.execute(insert(Budget).values(key=key, tries=[], changed_at=clock.now()).on_conflict_do_nothing())
    return db.session.execute(select(Budget).where(Budget.key == key).with_for_update()).scalar_one()
