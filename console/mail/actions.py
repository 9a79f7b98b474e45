"""Put mail into the outbox, and send it from there."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from sqlalchemy import insert

from console.core import clock, jobs
from console.core.db import bound_tenant, db, service, settings, unit_of_work
from console.core.ids import new_id
from console.mail.letters import write_letter
from console.mail.models import MailMessage, message
from console.vault.access import tenant_keys

if TYPE_CHECKING:
    from console.mail.transport import Transport

JOB = "mail"


@dataclass(frozen=True)
class Recipient:
    """Who gets one mail of many, and what it says to this one."""

    name: str
    address: str
    facts: dict[str, str]


def post(kind: str, *, to_name: str, to_address: str, facts: dict[str, str]) -> None:
    """A mail of `kind` will be sent once the present transaction commits. Transactional mail only (P27)."""
    letter = write_letter(kind, to_name=to_name, to_address=to_address, facts={**facts, "company": settings().company})
    row = MailMessage(id=new_id(), tenant_id=bound_tenant(), kind=kind, created_at=clock.now())
    row.letter = letter
    db.session.add(row)
    jobs.enqueue(JOB, tenant_id=bound_tenant(), target_id=row.id)


def post_many(kind: str, recipients: list[Recipient], *, delay_seconds: int = 0) -> None:
    """Like `post` for many people, in two statements. `delay_seconds` lets mail that somebody waits for go first."""
    now, tenant_id, keys = clock.now(), bound_tenant(), tenant_keys()
    company = settings().company
    rows = []
    for one in recipients:
        facts = {**one.facts, "company": company}
        letter = write_letter(kind, to_name=one.name, to_address=one.address, facts=facts)
        row_id = new_id()
        sealed = keys.seal(MailMessage.__tablename__, row_id, asdict(letter))
        rows.append({"id": row_id, "tenant_id": tenant_id, "kind": kind, "created_at": now, "sealed": sealed})
    if rows:
        db.session.execute(insert(MailMessage), rows)
    ids = [cast("UUID", row["id"]) for row in rows]
    jobs.enqueue_many(JOB, tenant_id=tenant_id, target_ids=ids, delay_seconds=delay_seconds)


def send_mail(run: jobs.Run) -> None:
    """Send one message. It is marked sent right after, so that a kill in between repeats it at most once.

    No transaction is open while the mail server is talked to: a slow one holds up nothing but mail.
    **Raises:** TryLater where the mail server does not take it now.
    """
    transport: Transport = service("transport")
    with unit_of_work(run.tenant_id):
        row = message(run.target_id) if run.target_id else None
        if row is None or row.state != "waiting":
            return
        run.checkpoint(0, 1)
        letter, message_id = row.letter, f"{row.id}@{settings().host.split(':')[0]}"
    try:
        accepted = transport.send(letter, message_id=message_id)
    except jobs.TryLater:
        if run.last_attempt:
            _conclude(run, sent=False)
        raise
    _conclude(run, sent=accepted)


def _conclude(run: jobs.Run, *, sent: bool) -> None:
    """The message is sent, or failed for good. What it said, links included, is of no use any more and is dropped."""
    with unit_of_work(run.tenant_id):
        row = message(run.target_id) if run.target_id else None
        run.checkpoint(1, 1)
        if row is not None:
            row.state, row.sent_at = ("sent", clock.now()) if sent else ("failed", None)
            row.sealed = None
