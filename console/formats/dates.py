"""The date of a message: what its writer meant where that can be told, and nothing where it cannot."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_tz

FIRST_YEAR, LAST_YEAR = 1970, 2100
"""Years outside are no date of a message, whatever the header says."""
VALUE_CHARACTERS = 200
LARGEST_OFFSET_SECONDS = 26 * 3600
_YEAR_ZERO = re.compile(r"\b00\d\d +\d{1,2}:")


def date_of(value: str) -> datetime | None:
    """The moment in UTC, or None. A missing zone is read as UTC; a year of two digits as RFC 5322 section 4.3 says."""
    text = value.strip()[:VALUE_CHARACTERS]
    if _YEAR_ZERO.search(text):  # four digits are meant as they stand
        return None
    moment = _mail_date(text) or _iso_date(text)
    return moment if moment and FIRST_YEAR <= moment.year < LAST_YEAR else None


def _mail_date(text: str) -> datetime | None:
    try:
        parts = parsedate_tz(text)
        if parts is None:
            return None
        year, month, day, hour, minute, second = parts[:6]
        offset = parts[9] or 0
        if abs(offset) > LARGEST_OFFSET_SECONDS:
            offset = 0
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
        return moment - timedelta(seconds=offset)
    except (ValueError, OverflowError, IndexError, TypeError):  # parsedate_tz lets some of its own through
        return None


def _iso_date(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
