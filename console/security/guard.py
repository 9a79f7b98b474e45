"""Can at least one, better two, administrators still get in? The one answer that every door of the lock-out guard uses.

Suspending, deleting, demoting, bulk acts and imports ask it about who would be left; the list of IP ranges asks the same
question about a draft; the health check counts with it. A required second factor, confirmation by mail and sessions
that end never shut anybody out for good: the factor is set up on the spot, the code reaches the mailbox, and whoever is
signed out signs in again.
"""

from collections.abc import Iterator, Sequence

from console.core import clock
from console.ip_ranges.entries import RangeList
from console.ip_ranges.foresight import first_shut
from console.ip_ranges.guard import able
from console.ip_ranges.models import list_version, with_addresses
from console.ip_ranges.rules import Compiled, moments_of
from console.policies.models import in_force
from console.users.models import User


def somebody_gets_in(people: Sequence[User]) -> bool:
    """Whether at each moment that is foreseen somebody of `people` can administer and gets in.

    Foreseen are now and each time at which an entry starts or ends, under the list in force and under the one that comes
    back if the present trial lapses; that support has lifted the list for a while does not count. **Source:** P06, P08.
    """
    administrators = with_addresses(_usable(people))
    asked = [(person.role, person.addresses) for person in administrators]
    now = clock.now()
    return bool(administrators) and all(
        first_shut(ranges, asked, [now, *moments_of(ranges, after=now)]) is None for ranges in _foreseen()
    )


def able_administrators(people: Sequence[User]) -> list[User]:
    """Those of `people` who are active, can administer, and get in now from an address of theirs."""
    now, lists = clock.now(), [Compiled(ranges) for ranges in _foreseen()]
    usable = _usable(people)
    return [
        person
        for person, asked in zip(usable, with_addresses(usable), strict=True)
        if all(able(compiled, [asked], now) for compiled in lists)
    ]


def _usable(people: Sequence[User]) -> list[User]:
    return [person for person in people if person.usable_administrator]


def _foreseen() -> Iterator[RangeList]:
    """Each list that may come to count."""
    policy = in_force("ip_ranges")
    for number in {policy.number, policy.fallback or 0} - {0}:
        ranges = list_version(number)
        if ranges.mode == "enforce":
            yield ranges
