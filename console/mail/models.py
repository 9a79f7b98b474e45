"""A message that waits to be sent, or was sent. Recipient, subject and text are sealed like Customer Data (P18)."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, String, select
from sqlalchemy.orm import Mapped, mapped_column

from console.core.db import Base, TenantOwned, db
from console.vault.access import tenant_keys


@dataclass(frozen=True)
class Letter:
    """What one mail says: recipient's name and address, subject, text and HTML bodies."""

    to_name: str
    to_address: str
    subject: str
    text: str
    html: str


class MailMessage(TenantOwned, Base):
    """One mail of a tenant in the outbox."""

    __tablename__ = "mail_messages"
    __table_args__ = (CheckConstraint("state IN ('waiting','sent','failed')", name="state"),)

    kind: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]

    @property
    def letter(self) -> Letter:
        """The mail itself. **Raises:** Unreadable."""
        fields: dict[str, Any] = tenant_keys().open(self.__tablename__, self.id, self.sealed or b"")
        return Letter(**fields)

    @letter.setter
    def letter(self, letter: Letter) -> None:
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, asdict(letter))


def message(message_id: UUID) -> MailMessage | None:
    """That message of this tenant, locked for sending."""
    return db.session.execute(
        select(MailMessage).where(MailMessage.id == message_id).with_for_update()
    ).scalar_one_or_none()
