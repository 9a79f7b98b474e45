"""Who is acting. Built once at the edge and handed down as the keyword `by`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

ActorKind = Literal["person", "staff", "system", "anonymous"]


@dataclass(frozen=True)
class Actor:
    """One acting person or process, with what the audit records of it."""

    kind: ActorKind
    tenant_id: UUID | None = None
    user_id: UUID | None = None
    role: str | None = None
    label: str = ""
    """The person's name as it was at the time, or the command or job that acts."""
    address: str | None = None
    browser: str | None = None
    authenticated_at: datetime | None = None
    session_id: UUID | None = None
    reference: str | None = None
    """The reference number of the request, which error pages show."""
    on_behalf_of: str | None = None
    """For whom it works when it acts in somebody else's record: staff's company, a command's operator."""


def system(label: str, tenant_id: UUID | None = None, *, on_behalf_of: str | None = None) -> Actor:
    """The product itself: a command, a job, the clock."""
    return Actor(kind="system", label=label, tenant_id=tenant_id, on_behalf_of=on_behalf_of)
