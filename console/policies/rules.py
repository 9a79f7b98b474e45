"""Which version counts at a moment. Values in, value out."""

from datetime import datetime


def number_in_force(number: int, fallback: int | None, trial_ends_at: datetime | None, now: datetime) -> int:
    """The version that counts at `now`: a trial that nobody confirmed is over the moment its time is.

    The clock decides, not a job: no worker and no restart can make a lapsed trial last longer.
    """
    if fallback is None or trial_ends_at is None or now < trial_ends_at:
        return number
    return fallback
