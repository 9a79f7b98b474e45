"""The one clock. Everything below blueprints takes time from here, always aware and in UTC."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

_moment: ContextVar[datetime | None] = ContextVar("moment", default=None)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _moment.get() or datetime.now(UTC)


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """For whoever tells a past: what is done inside is done at that moment. Nothing that serves anybody uses it."""
    token = _moment.set(moment)
    try:
        yield
    finally:
        _moment.reset(token)
