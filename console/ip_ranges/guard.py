"""The lock-out guard: a change that shuts out its author, or leaves nobody who could undo it, is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.ip_ranges.entries import RangeList
from console.ip_ranges.foresight import first_shut
from console.ip_ranges.rules import Compiled, moments_of, passes


@dataclass(frozen=True)
class Administrator:
    """Somebody who could help the Customer, and the addresses of the last 90 days.

    Of whom none is known counts as able, as long as there is an address from which anybody gets in.
    """

    name: str
    role: str
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Why the change is refused. `add` is the address that would have to be allowed."""

    reason: str
    add: str


def lock_out(
    ranges: RangeList, *, role: str, address: str, administrators: Sequence[Administrator], now: datetime
) -> Verdict | None:
    """Why this list must not come into force, said to its author; None if it may.

    Administrators must get in now and at each later moment at which an entry starts or ends.
    """
    compiled = Compiled(ranges)
    if not passes(compiled, address, role, now):
        return Verdict(
            f"This list would shut you out: your present address {address} is in no allowed range for your role."
            " Allow it first.",
            address,
        )
    people = [(person.role, person.addresses) for person in administrators]
    shut = first_shut(ranges, people, [now, *moments_of(ranges, after=now)])
    if shut == now:
        return Verdict(
            "With this list no active owner or administrator could sign in from any address that they used in the last"
            f" 90 days. Allow one of those addresses first, such as {_known(administrators) or address}.",
            _known(administrators) or address,
        )
    if shut is not None:
        return Verdict(
            f"From {shut:%Y-%m-%d %H:%M} UTC on, when an entry starts or ends, no active owner or administrator"
            " could sign in from any address that they used in the last 90 days. Allow one without an end.",
            _known(administrators) or address,
        )
    return None


def able(compiled: Compiled, administrators: Sequence[Administrator], now: datetime) -> bool:
    """Whether somebody of them gets in at `now` from an address of theirs."""
    return any(
        any(passes(compiled, address, person.role, now) for address in person.addresses)
        or (not person.addresses and _lets_somebody_in(compiled, person.role, now))
        for person in administrators
    )


def _lets_somebody_in(compiled: Compiled, role: str, now: datetime) -> bool:
    """Whether there is any address at all from which people of that role get in."""
    table = compiled.table(role, now)
    return compiled.mode != "enforce" or not table.restricted or any(table.allowed.values())


def _known(administrators: Sequence[Administrator]) -> str | None:
    return next((person.addresses[0] for person in administrators if person.addresses), None)
