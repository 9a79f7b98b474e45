"""A session, whether it still counts, and the number of sign-ins a day."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Select, String, UniqueConstraint, and_, select, tuple_
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, TenantOwned, bind_tenant, db, tenant_reference
from console.core.lookups import digest_of, find_lookup
from console.policies.choices import Choices, choices, choices_of
from console.policies.models import InForce, Kind, policies_in_force
from console.sessions.rules import absolute_end, idle_end
from console.tenants.models import Tenant
from console.users.models import State, User
from console.vault.access import tenant_keys

if TYPE_CHECKING:
    from sqlalchemy import Select


class Session(TenantOwned, Base):
    """One session. `stage` says how far its sign-in has come: only `full` reaches anything but the next step."""

    __tablename__ = "sessions"
    __table_args__ = (
        CheckConstraint("stage IN ('confirm','factor','renew','enrol','full')", name="stage"),
        CheckConstraint("(ended_at IS NULL) = (ended_why IS NULL)", name="ended"),
        tenant_reference("user_id", "users"),
        Index("ix_sessions_user", "tenant_id", "user_id", "ended_at"),
        Index("ix_sessions_expiry", "tenant_id", "expires_at"),
        Index("ix_sessions_open", "tenant_id", "ended_at", "last_seen_at"),
    )

    user_id: Mapped[UUID]
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    stage: Mapped[str] = mapped_column(String(8))
    epoch: Mapped[int]
    started_at: Mapped[datetime]
    authenticated_at: Mapped[datetime]
    """When the person last proved who it is: at sign-in, or when asked again before a risky act."""
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_why: Mapped[str | None] = mapped_column(String(20))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)

    @property
    def seen(self) -> dict[str, Any]:
        """Address and browser at the start. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed)

    @seen.setter
    def seen(self, value: dict[str, Any]) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, value)


class SignInDay(TenantOwned, Base):
    """How many sign-ins of a tenant succeeded and were refused on one day (UTC); counted as they happen."""

    __tablename__ = "sign_in_days"
    __table_args__ = (UniqueConstraint("tenant_id", "on_date"),)

    on_date: Mapped[date]
    succeeded: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)


@dataclass(frozen=True)
class Live:
    """A session that counts, with its person and Customer."""

    session: Session
    person: User
    tenant: Tenant
    policies: dict[Kind, InForce]

    @property
    def choices(self) -> Choices:
        """What the Customer chose about sessions and all else."""
        return choices_of(self.policies["settings"])


def live_session(token: str) -> Live | None:
    """The session behind a cookie, if it still counts; this unit of work is bound to its tenant then."""
    found = find_lookup("session", digest_of(token))
    if found is None:
        return None
    bind_tenant(found[0])
    row = db.session.execute(
        select(Session, User, Tenant)
        .join(User, and_(User.tenant_id == Session.tenant_id, User.id == Session.user_id))
        .join(Tenant, Tenant.id == Session.tenant_id)
        .where(Session.id == found[1])
    ).one_or_none()
    if row is None:
        return None
    live = Live(row[0], row[1], row[2], policies_in_force())
    return live if counts(live.session, live.person, live.tenant, live.choices, now=clock.now()) else None


def counts(session: Session, person: User, tenant: Tenant, chosen: Choices, *, now: datetime) -> bool:
    """Whether a session is worth anything at `now`."""
    return (
        session.ended_at is None
        and session.epoch == person.sign_in_epoch
        and person.state == State.ACTIVE
        and tenant.state in ("active", "leaving")
        and now < absolute_end(session.started_at, session.expires_at, chosen)
        and now < idle_end(session.last_seen_at, chosen)
    )


def open_sessions(person: User) -> list[Session]:
    """The sessions of that person that still count, the latest first."""
    query = select_open(choices()).where(Session.user_id == person.id, Session.epoch == person.sign_in_epoch)
    return list(db.session.execute(query.order_by(Session.last_seen_at.desc()).limit(100)).scalars())


def all_open_sessions(
    *, limit: int, after: tuple[datetime, UUID] | None = None, of: UUID | None = None
) -> list[tuple[Session, User]]:
    """This tenant's sessions that count, with their people, the latest used first; those below the place `after`.

    Only those `of` one person if one is given.
    """
    query = (
        select_open(choices())
        .add_columns(User)
        .join(User, and_(User.tenant_id == Session.tenant_id, User.id == Session.user_id))
        .where(Session.epoch == User.sign_in_epoch, User.state == State.ACTIVE)
        .order_by(Session.last_seen_at.desc(), Session.id.desc())
        .limit(limit)
    )
    if of is not None:
        query = query.where(Session.user_id == of)
    if after is not None:
        query = query.where(tuple_(Session.last_seen_at, Session.id) < after)
    return [(row[0], row[1]) for row in db.session.execute(query)]


def select_open(chosen: Choices) -> "Select[Any]":
    """The sessions that their times let count; whose person may still sign in is for the caller to ask."""
    now = clock.now()
    return select(Session).where(
        Session.ended_at.is_(None),
        Session.expires_at > now,
        Session.started_at > now - timedelta(hours=chosen.session_absolute_hours),
        Session.last_seen_at > now - timedelta(minutes=chosen.session_idle_minutes),
        Session.stage == "full",
    )


def sign_ins_by_day(days: int) -> list[SignInDay]:
    """The counts of the last `days` days, oldest first, without gaps."""
    today = clock.now().date()
    since = today - timedelta(days=days - 1)
    rows = db.session.execute(select(SignInDay).where(SignInDay.on_date >= since)).scalars()
    known = {row.on_date: row for row in rows}
    wanted = [since + timedelta(days=offset) for offset in range(days)]
    return [known.get(day) or SignInDay(on_date=day, succeeded=0, refused=0) for day in wanted]
