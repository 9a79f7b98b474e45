"""The codes and proofs by which people confirm a sign-in, and how many there were a day. Promise: P07."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, UniqueConstraint, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, TenantOwned, bound_tenant, db, tenant_reference
from console.core.ids import new_id
from console.vault.access import tenant_keys

Kind = Literal["mail", "telephone", "link"]
TRIES = 5


class Confirmation(TenantOwned, Base):
    """One code or proof, as a keyed hash.

    `mail` works in one session only, that of the browser that asked; `telephone` in any session of the person;
    `link` in the browser that has just followed an invitation or a reset link.
    """

    __tablename__ = "confirmations"
    __table_args__ = (
        CheckConstraint("kind IN ('mail','telephone','link')", name="kind"),
        CheckConstraint("(kind = 'mail') = (session_id IS NOT NULL)", name="session"),
        CheckConstraint(f"tries BETWEEN 0 AND {TRIES}", name="tries"),
        tenant_reference("user_id", "users"),
        Index("ix_confirmations_user", "tenant_id", "user_id", "kind"),
        Index("ix_confirmations_session", "tenant_id", "session_id"),
        Index("ix_confirmations_created", "tenant_id", "created_at"),
    )

    kind: Mapped[str] = mapped_column(String(10))
    user_id: Mapped[UUID]
    session_id: Mapped[UUID | None]
    asker: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    """The digest of the secret of the browser that asked."""
    digest: Mapped[bytes] = mapped_column(LargeBinary(16))
    tries: Mapped[int] = mapped_column(default=0)
    """How many codes that were not right were typed while this one was open; a try counts before it is compared."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    """Set when it was replaced, withdrawn or denied before anybody used it."""
    denied_at: Mapped[datetime | None]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    @property
    def open(self) -> bool:
        """Whether it still works."""
        return self.used_at is None and self.closed_at is None and self.tries < TRIES and clock.now() < self.expires_at

    @property
    def facts(self) -> dict[str, Any]:
        """Why it was asked for and where. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed) if self.sealed else {}

    @facts.setter
    def facts(self, value: dict[str, Any]) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, value)


class ConfirmationDay(TenantOwned, Base):
    """How many sign-ins of a tenant were asked, confirmed and refused on one day (UTC); counted as they happen."""

    __tablename__ = "confirmation_days"
    __table_args__ = (UniqueConstraint("tenant_id", "on_date"),)

    on_date: Mapped[date]
    asked: Mapped[int] = mapped_column(default=0)
    confirmed: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)


def code_digest(row_id: UUID, code: str) -> bytes:
    """The keyed hash of a code, bound to its row: without this tenant's key, eight digits cannot be guessed from it."""
    return tenant_keys().index("confirmation", row_id.bytes + code.encode())


def open_codes(user_id: UUID, session_id: UUID) -> list[Confirmation]:
    """The codes that count in that session, locked: whoever tries at the same moment waits, and sees what became."""
    query = (
        select(Confirmation)
        .where(
            Confirmation.user_id == user_id,
            (Confirmation.session_id == session_id) | (Confirmation.kind == "telephone"),
            Confirmation.used_at.is_(None),
            Confirmation.closed_at.is_(None),
        )
        .order_by(Confirmation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return [row for row in db.session.execute(query).scalars() if row.open]


def counted_codes(ids: Sequence[UUID]) -> list[Confirmation]:
    """Those of these codes that nobody has used, replaced or outlived, locked. The present try is counted in them."""
    query = (
        select(Confirmation)
        .where(Confirmation.id.in_(ids), Confirmation.used_at.is_(None), Confirmation.closed_at.is_(None))
        .where(Confirmation.expires_at > clock.now())
        .order_by(Confirmation.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return list(db.session.execute(query).scalars())


def open_proofs(user_id: UUID) -> list[Confirmation]:
    """The proofs of that person's mailbox which still count, locked."""
    query = (
        select(Confirmation)
        .where(Confirmation.user_id == user_id, Confirmation.kind == "link", Confirmation.used_at.is_(None))
        .where(Confirmation.closed_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return [row for row in db.session.execute(query).scalars() if row.open]


def mailed_code(session_id: UUID) -> Confirmation | None:
    """The latest code that was mailed for that session, whether it still works or not."""
    query = select(Confirmation).where(Confirmation.session_id == session_id)
    newest = query.order_by(Confirmation.created_at.desc(), Confirmation.id.desc()).limit(1)
    return db.session.execute(newest).scalar_one_or_none()


def close_codes(user_id: UUID, *kinds: Kind, asker: bytes | None = None) -> None:
    """The open codes and proofs of that person (of `kinds`, for that browser, if given) are dead."""
    query = select(Confirmation).where(
        Confirmation.user_id == user_id, Confirmation.used_at.is_(None), Confirmation.closed_at.is_(None)
    )
    if kinds:
        query = query.where(Confirmation.kind.in_(kinds))
    if asker is not None:
        query = query.where(Confirmation.asker == asker)
    for row in db.session.execute(query.order_by(Confirmation.id).with_for_update()).scalars():
        row.closed_at = clock.now()


def count_confirmation(what: Literal["asked", "confirmed", "refused"]) -> None:
    """Today's count of this tenant is one higher."""
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    today = clock.now().date()
    db.session.execute(
        insert(ConfirmationDay)
        .values(tenant_id=bound_tenant(), id=new_id(), on_date=today, asked=0, confirmed=0, refused=0)
        .on_conflict_do_nothing()
    )
    column = getattr(ConfirmationDay, what)
    db.session.execute(
        update(ConfirmationDay)
        .where(ConfirmationDay.on_date == today)
        .values({column: column + 1})
        .execution_options(synchronize_session=False)
    )


def confirmations_by_day(days: int) -> list[ConfirmationDay]:
    """The counts of the last `days` days, oldest first, without gaps."""
    today = clock.now().date()
    since = today - timedelta(days=days - 1)
    rows = db.session.execute(select(ConfirmationDay).where(ConfirmationDay.on_date >= since)).scalars()
    known = {row.on_date: row for row in rows}
    wanted = [since + timedelta(days=offset) for offset in range(days)]
    return [known.get(day) or ConfirmationDay(on_date=day, asked=0, confirmed=0, refused=0) for day in wanted]
