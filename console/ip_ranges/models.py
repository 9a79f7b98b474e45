"""The list in force, the draft that everybody edits, and versions: how to find them for this tenant."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any, cast
from uuid import UUID

from sqlalchemy import LargeBinary, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, TenantOwned, bound_tenant, db
from console.core.errors import NotFound
from console.core.permissions import ADMINISTRATOR_ROLES
from console.ip_ranges.entries import RangeList, range_list
from console.ip_ranges.guard import Administrator
from console.ip_ranges.rules import Compiled, Decision, decide
from console.ip_ranges.sightings import addresses_of
from console.policies.models import InForce, PolicyVersion, document, in_force
from console.users.models import State, User
from console.vault.access import tenant_keys

KEPT_LISTS = 128


class RangeDraft(TenantOwned, Base):
    """The changes that are being put together: one draft a Customer, edited by whoever may. Its id is the tenant's."""

    __tablename__ = "ip_range_drafts"

    based_on: Mapped[int]
    """The version in force that the draft was begun from."""
    revision: Mapped[int]
    """Counts the edits, so that a review can tell whether the draft changed meanwhile."""
    edited_at: Mapped[datetime]
    edited_by: Mapped[UUID | None]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def ranges(self) -> RangeList:
        """The list as the draft has it. **Raises:** Unreadable."""
        return cast("RangeList", _kept((bound_tenant(), "draft", self.sealed), self._open))

    def _open(self) -> RangeList:
        return range_list(tenant_keys().open(self.__tablename__, self.id, self.sealed))

    def put(self, ranges: RangeList) -> None:
        """Seal another list into the draft."""
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, ranges.as_document())


_lists: OrderedDict[Any, tuple[Any, Any]] = OrderedDict()
_lists_lock = Lock()


def _kept(key: Any, make: Any, source: Any = None) -> Any:
    """What `make` answers, made once for a key and source, and kept while others are not used more."""
    with _lists_lock:
        if key in _lists and _lists[key][0] is source:
            _lists.move_to_end(key)
            return _lists[key][1]
    made = make()
    with _lists_lock:
        _lists[key] = source, made
        while len(_lists) > KEPT_LISTS:
            _lists.popitem(last=False)
    return made


def list_of(policy: InForce) -> RangeList:
    """The list that a version says. Made once for each version and process."""
    return list_version(policy.number, policy.document)


def list_version(number: int, content: dict[str, Any] | None = None) -> RangeList:
    """The list of that version. **Raises:** NotFound."""
    if number == 0:
        return RangeList()
    content = document("ip_ranges", number) if content is None else content
    return cast("RangeList", _kept((bound_tenant(), "list", number), lambda: range_list(content), content))


def compiled(policy: InForce) -> Compiled:
    """The version, ready for checks. Compiled once for each version and process."""
    if policy.number == 0:
        return _NOTHING
    source = policy.document
    return cast(
        "Compiled", _kept((bound_tenant(), "compiled", policy.number), lambda: Compiled(list_of(policy)), source)
    )


_NOTHING = Compiled(RangeList())


@dataclass(frozen=True)
class Standing:
    """Where somebody stands at an address: what was decided, by which version, and what that version demands."""

    decision: Decision
    version: int
    mode: str
    every_request: bool
    policy: InForce

    @property
    def lifted(self) -> bool:
        """Whether support has lifted the restrictions for now."""
        return self.policy.lifted_until is not None


def standing(address: str, role: str | None) -> Standing:
    """Of a person of that role at that address, under this tenant's list in force. Costs one query."""
    return standing_under(in_force("ip_ranges"), address, role)


def standing_under(policy: InForce, address: str, role: str | None) -> Standing:
    """The same under a policy at hand, without a query."""
    ready = compiled(policy)
    found = decide(ready, address, role or "", clock.now())
    if policy.lifted_until is not None:
        found = Decision(refused=False, outside=False, trusted=found.trusted)
    return Standing(found, policy.number, ready.mode, ready.every_request, policy)


def draft(*, lock: bool = False) -> RangeDraft | None:
    """This tenant's draft, if there is one."""
    query = select(RangeDraft)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return db.session.execute(query).scalar_one_or_none()


def administrators() -> list[Administrator]:
    """The active owners and administrators, with the addresses from which they came in the last 90 days."""
    query = select(User).where(User.role.in_(ADMINISTRATOR_ROLES), User.state == State.ACTIVE).order_by(User.id)
    return with_addresses(list(db.session.execute(query).scalars()))


def with_addresses(people: Sequence[User]) -> list[Administrator]:
    """Those people as the lock-out guard sees them, in their order."""
    known = addresses_of([person.id for person in people])
    return [Administrator(person.name, person.role, tuple(known[person.id])) for person in people]


def version_by_id(version_id: UUID) -> PolicyVersion:
    """That saved list of this tenant. **Raises:** NotFound."""
    query = select(PolicyVersion).where(PolicyVersion.id == version_id, PolicyVersion.kind == "ip_ranges")
    found = db.session.execute(query).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found
