"""A person of a Customer (or of the host's staff), and how to find one in this tenant."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core.db import Base, TenantOwned, bound_tenant, db, row_by_id, service
from console.core.errors import NotFound
from console.core.lookups import find_lookup
from console.core.permissions import ADMINISTRATOR_ROLES, Role
from console.vault.access import platform_keys, tenant_keys


class State(StrEnum):
    """Where a person stands. `purged` is the tombstone: the row stays for the history, its details are gone."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"
    PURGED = "purged"


PRESENT = (State.INVITED, State.ACTIVE, State.SUSPENDED)
"""The states of people who still belong to the Customer."""


@dataclass(frozen=True)
class Details:
    """What is sealed of a person: all personal fields, in one record."""

    given_name: str = ""
    family_name: str = ""
    email: str = ""
    phone: str = ""
    title: str = ""
    time_zone: str = "UTC"

    @property
    def name(self) -> str:
        """Given and family name, as shown."""
        return f"{self.given_name} {self.family_name}".strip() or self.email

    @property
    def listed_name(self) -> str:
        """Family name first, as lists that are sorted by it show people."""
        return listed_name(self.given_name, self.family_name) or self.email

    def as_dict(self) -> dict[str, str]:
        """The fields by name; ten times as fast as dataclasses.asdict, which imports and exports notice."""
        return dict(vars(self))

    def changed(self, **fields: str) -> "Details":
        """A copy with other values."""
        return replace(self, **fields)


def listed_name(given: str, family: str) -> str:
    """The family name first, such as "Lindgren, Anna"; only the one where the other is missing."""
    return f"{family}, {given}" if given and family else given or family


class User(TenantOwned, Base):
    """One person."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("state IN ('invited','active','suspended','deleted','purged')", name="state"),
        CheckConstraint("(state = 'deleted') = (purge_at IS NOT NULL)", name="purge"),
        CheckConstraint("(state = 'purged') = (sealed IS NULL)", name="tombstone"),
        Index("ix_users_seq", "tenant_id", "people_seq"),
        Index("ix_users_role", "tenant_id", "role", "state"),
        Index("ix_users_purge", "tenant_id", "purge_at"),
    )

    role: Mapped[str] = mapped_column(String(30))
    state: Mapped[str] = mapped_column(String(10))
    state_at: Mapped[datetime]
    state_by: Mapped[UUID | None]
    state_before: Mapped[str | None] = mapped_column(String(10))
    """The state that restoring a deleted person returns to."""
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    version: Mapped[int] = mapped_column(default=1)
    """Counts the edits of this person; an edit says which version it started from (optimistic locking)."""
    people_seq: Mapped[int]
    """The number of the tenant's latest change that touched this row; the directory reads on from there."""
    sign_in_epoch: Mapped[int] = mapped_column(default=0)
    """Sessions of an earlier epoch are dead: raised by suspension, deletion, role and password changes."""
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    activated_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]
    purge_at: Mapped[datetime | None]

    @cached_property
    def details(self) -> Details:
        """The person's own data; empty for a tombstone. **Raises:** Unreadable."""
        if self.sealed is None:
            return Details()
        return Details(**tenant_keys().open(self.__tablename__, self.id, self.sealed))

    def set_details(self, details: Details) -> None:
        """Seal new personal data into the row."""
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, details.as_dict())
        self.__dict__["details"] = details

    @property
    def name(self) -> str:
        """The name as shown, also for a tombstone."""
        return self.details.name or "Removed user"

    @property
    def usable_administrator(self) -> bool:
        """Whether this person could help the Customer right now."""
        return self.role in ADMINISTRATOR_ROLES and self.state == State.ACTIVE


def username_digest(email: str) -> bytes:
    """The blind index of a username: the same for any spelling in upper or lower case, across all Customers."""
    return platform_keys().index("username", email.casefold().encode())


def user(user_id: UUID, *, lock: bool = False) -> User:
    """That person of this tenant; a tombstone counts. **Raises:** NotFound."""
    return row_by_id(User, user_id, lock=lock)


def users_by_id(user_ids: list[UUID], *, lock: bool = False) -> list[User]:
    """Those people of this tenant, in the order of the ids. **Raises:** NotFound if one is absent."""
    query = select(User).where(User.id.in_(user_ids)).order_by(User.id)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = {row.id: row for row in db.session.execute(query).scalars()}
    if len(found) != len(set(user_ids)):
        raise NotFound("One of these people is not there any more. Nothing was changed.")
    return [found[user_id] for user_id in dict.fromkeys(user_ids)]


def user_by_email(email: str) -> User | None:
    """The person of this tenant whose username it is."""
    found = find_lookup("username", username_digest(email))
    if found is None or found[0] != bound_tenant():
        return None
    return db.session.execute(select(User).where(User.id == found[1])).scalar_one_or_none()


ASKED_ADMINISTRATORS = 200
"""How many administrators the lock-out guard asks about, those who came last first."""


def other_usable_administrator(excluded: set[UUID]) -> bool:
    """Whether somebody besides `excluded` can administer and get in. Call it under `lock_people()`.

    Who gets in is known further up (IP ranges), so the application hands that question in: `console.security.guard`.
    """
    return bool(service("somebody_gets_in")(administrators(but=excluded)))


def administrators(*, but: Iterable[UUID] = ()) -> list[User]:
    """The active owners and administrators, those who came last first; some of them where there are very many."""
    query = (
        select(User)
        .where(User.role.in_(ADMINISTRATOR_ROLES), User.state == State.ACTIVE, User.id.not_in(list(but)))
        .order_by(User.last_sign_in_at.desc())
        .limit(ASKED_ADMINISTRATORS)
    )
    return list(db.session.execute(query).scalars())


def other_usable_owner(excluded: set[UUID]) -> bool:
    """Whether an active owner is left besides `excluded`: only owners can make owners. Call it under the people lock."""
    query = (
        select(User.id).where(User.role == Role.OWNER, User.state == State.ACTIVE, User.id.not_in(excluded)).limit(1)
    )
    return db.session.execute(query).first() is not None


def names_of(user_ids: set[UUID]) -> dict[UUID, str]:
    """The names of those people of this tenant, for lists that show who did something."""
    if not user_ids:
        return {}
    rows: Any = db.session.execute(select(User).where(User.id.in_(user_ids))).scalars()
    return {row.id: row.name for row in rows}


def spoken_time(moment: datetime, time_zone: str) -> str:
    """A moment as mails say it: in the person's zone, with the zone named."""
    return f"{moment.astimezone(ZoneInfo(time_zone)):%d %B %Y, %H:%M} ({time_zone})"
