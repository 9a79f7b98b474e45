"""When a session ends, and what its Customer's choices make of it. Values in, value out. Promises: P08, P09."""

from datetime import datetime, timedelta

from console.core.addresses import network_of
from console.policies.choices import Choices

LONGEST_TOUCH_SECONDS = 60
SHORTEST_TOUCH_SECONDS = 10


def idle_end(last_seen_at: datetime, chosen: Choices) -> datetime:
    """When a session ends that is not used any more."""
    return last_seen_at + timedelta(minutes=chosen.session_idle_minutes)


def absolute_end(started_at: datetime, expires_at: datetime, chosen: Choices) -> datetime:
    """When a session ends, however busy: a shorter limit counts at once, a longer one for new sessions only."""
    return min(expires_at, started_at + timedelta(hours=chosen.session_absolute_hours))


def touch_seconds(chosen: Choices) -> int:
    """How old the note of a session's last use may grow: a twentieth of the idle time, 10 to 60 seconds.

    So a session ends at most that much before the chosen idle time is over, and a page seldom costs a write.
    """
    return max(SHORTEST_TOUCH_SECONDS, min(LONGEST_TOUCH_SECONDS, 3 * chosen.session_idle_minutes))


def moved(began: str | None, now: str | None) -> bool:
    """Whether a session goes on from another network than it began in."""
    return network_of(began) != network_of(now)
