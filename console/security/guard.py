"""Can at least one, better two, administrators still get in? The one answer that every door of the lock-out guard uses.

Suspending, deleting, demoting, bulk acts and imports ask it about who would be left; the list of IP ranges asks the same
question about a draft; the health check counts with it. A required second factor, confirmation by mail and sessions
that end never shut anybody out for good: the factor is set up on the spot, the code reaches the mailbox, and whoever is
signed out signs in again.
"""

from collections.abc import Sequence

from console.core import clock
from console.core.permissions import ADMINISTRATOR_ROLES
from console.ip_ranges.guard import Administrator, able
from console.ip_ranges.models import compiled
from console.ip_ranges.sightings import addresses_of
from console.policies.models import in_force
from console.users.models import State, User


def able_administrators(people: Sequence[User]) -> list[User]:
    """Those of `people` who are active, can administer, and get in from an address of theirs under the ranges in force.

    Somebody of whom no address of the last 90 days is known counts as able. **Source:** P06, P08.
    """
    usable = [person for person in people if person.role in ADMINISTRATOR_ROLES and person.state == State.ACTIVE]
    policy = in_force("ip_ranges")
    if policy.number == 0 or policy.lifted_until is not None or policy.document.get("mode") != "enforce":
        return usable
    ready, now, known = compiled(policy), clock.now(), addresses_of([person.id for person in usable])
    return [
        person
        for person in usable
        if able(ready, [Administrator(person.id.hex, person.role, tuple(known[person.id]))], now)
    ]
