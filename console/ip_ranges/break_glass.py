"""Break-glass: two different people of the support staff lift a Customer's restrictions, for a day at most."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, select
from sqlalchemy.orm import Mapped, mapped_column

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import Base, TenantOwned, bound_tenant, db, row_by_id, settings
from console.core.errors import Conflict, Forbidden, Gone, Invalid
from console.core.ids import new_id
from console.core.permissions import ADMINISTRATOR_ROLES
from console.mail.actions import Recipient, post_many
from console.policies import actions as policies
from console.policies.models import in_force
from console.tenants.models import lock_people, this_tenant
from console.users.models import State, User, spoken_time
from console.vault.access import tenant_keys

MOST_HOURS = 24
ASK_HOURS = 24
"""A request that nobody approved within that time is over."""
REASON_CHARACTERS = 300
SAME_PERSON = "Somebody else than the person who asked must approve. Ask a colleague."


class Lift(TenantOwned, Base):
    """One request to lift the restrictions, and what became of it. The two people are staff, of another tenant."""

    __tablename__ = "ip_range_lifts"
    __table_args__ = (
        CheckConstraint("approved_by IS NULL OR approved_by <> asked_by", name="two_people"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved"),
        CheckConstraint("hours BETWEEN 1 AND 24", name="hours"),
        Index("ix_ip_range_lifts_asked_at", "tenant_id", "asked_at"),
    )

    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime]
    hours: Mapped[int]
    approved_by: Mapped[UUID | None]
    approved_at: Mapped[datetime | None]
    until_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def words(self) -> dict[str, str]:
        """`reason`, and the names `asked_by` and later `approved_by` or `withdrawn_by`. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    @words.setter
    def words(self, value: dict[str, str]) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, value)

    @property
    def state(self) -> str:
        """asked, withdrawn, over (nobody approved it in time), lifted, or ended."""
        now = clock.now()
        if self.ended_at is not None and self.approved_at is None:
            return "withdrawn"
        if self.ended_at is not None or (self.until_at is not None and self.until_at <= now):
            return "ended"
        if self.approved_at is not None:
            return "lifted"
        return "asked" if now < self.asked_at + timedelta(hours=ASK_HOURS) else "over"


def lifts(limit: int = 20) -> list[Lift]:
    """This tenant's, the latest first."""
    return list(db.session.execute(select(Lift).order_by(Lift.asked_at.desc()).limit(limit)).scalars())


def lift(lift_id: UUID, *, lock: bool = False) -> Lift:
    """That one. **Raises:** NotFound."""
    return row_by_id(Lift, lift_id, lock=lock)


def ask_lift(*, reason: str, hours: int, by: Actor) -> Lift:
    """A colleague is asked to approve that this Customer's ranges do not count for some hours.

    **Raises:** Invalid, Conflict. **Records:** ip_ranges:lift:asked, in the Customer's record.
    """
    problems = {}
    reason = " ".join(reason.split())
    if len(reason) < 10 or len(reason) > REASON_CHARACTERS or not reason.isprintable():
        problems["reason"] = f"Say who asked and why, in 10 to {REASON_CHARACTERS} printable characters."
    if not 1 <= hours <= MOST_HOURS:
        problems["hours"] = f"Give 1 to {MOST_HOURS} hours."
    if problems:
        raise Invalid("This needs a change.", problems)
    lock_people()
    if any(one.state in ("asked", "lifted") for one in lifts()):
        raise Conflict("There is an open request, or the restrictions are lifted already.")
    row = Lift(id=new_id(), tenant_id=bound_tenant(), asked_by=_staff(by), asked_at=clock.now(), hours=hours)
    row.words = {"reason": reason, "asked_by": by.label}
    db.session.add(row)
    db.session.flush()
    record(Tag.LIFT_ASKED, by=by, subject=("lift", row.id), reason=reason, hours=hours)
    return row


def approve_lift(lift_id: UUID, *, by: Actor) -> Lift:
    """The ranges do not count for the hours asked for; all owners and administrators are told by mail.

    **Raises:** NotFound, Forbidden for the one who asked, Conflict, Gone.
    **Records:** policies:policy:lifted, in the Customer's record.
    """
    lock_people()
    row = lift(lift_id, lock=True)
    if row.asked_by == _staff(by):
        raise Forbidden(SAME_PERSON)
    if row.state == "over":
        raise Gone(f"Nobody approved this within {ASK_HOURS} hours. Ask again if it is still needed.")
    if row.state != "asked":
        raise Conflict("This was approved or withdrawn already, or it has ended.")
    row.approved_by, row.approved_at = _staff(by), clock.now()
    row.until_at = clock.now() + timedelta(hours=row.hours)
    row.words = {**row.words, "approved_by": by.label}
    db.session.flush()
    policies.lift("ip_ranges", until=row.until_at, reason=row.words["reason"], by=by)
    _tell(row)
    return row


def withdraw_lift(lift_id: UUID, *, by: Actor) -> Lift:
    """Nobody can approve the request any more. The one who asked withdraws it; a colleague declines it.

    **Raises:** NotFound, Forbidden, Conflict if it was approved or withdrawn already, or is over.
    **Records:** ip_ranges:lift:withdrawn, in the Customer's record.
    """
    lock_people()
    row = lift(lift_id, lock=True)
    own = row.asked_by == _staff(by)
    if row.state != "asked":
        raise Conflict("This request is not open any more: it was approved, withdrawn, or its time is over.")
    row.ended_at = clock.now()
    row.words = {**row.words, "withdrawn_by": by.label}
    db.session.flush()
    record(
        Tag.LIFT_WITHDRAWN, by=by, subject=("lift", row.id), reason="withdrawn" if own else "declined by a colleague"
    )
    return row


def end_lift(*, by: Actor) -> None:
    """The ranges count again. Staff or the Customer's own people may do it.

    **Raises:** Conflict if nothing is lifted. **Records:** policies:policy:restored.
    """
    policies.end_lift("ip_ranges", by=by)
    for row in lifts():
        if row.state == "lifted":
            row.ended_at = clock.now()


def lifted_until() -> datetime | None:
    """Until when this tenant's ranges do not count; None if they do."""
    return in_force("ip_ranges").lifted_until


def _staff(by: Actor) -> UUID:
    """The acting person of the support staff. **Raises:** Forbidden for anybody else."""
    if by.kind != "staff" or by.user_id is None:
        raise Forbidden("Only support staff can do this.")
    return by.user_id


def _tell(row: Lift) -> None:
    query = select(User).where(User.role.in_(ADMINISTRATOR_ROLES), User.state == State.ACTIVE)
    people = [person.details for person in db.session.execute(query).scalars()]
    words, until = row.words, row.until_at
    assert until is not None  # noqa: S101 (set by the approval that tells)
    facts = {"tenant": this_tenant().name, "reason": words["reason"], "hours": str(row.hours)}
    link = f"{settings().base_url}/security/ip-ranges"
    who = {"asked_by": words["asked_by"], "approved_by": words["approved_by"], "link": link}
    post_many(
        "restrictions_lifted",
        [
            Recipient(one.name, one.email, {**facts, **who, "until": spoken_time(until, one.time_zone)})
            for one in people
        ],
    )
