"""Add to the audit record. Always the last step of an act, in the act's own transaction."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from console.audit.chain import hash_details, hash_entry, sealed_fields
from console.audit.models import AuditEntry, head
from console.audit.tags import Tag
from console.audit.verify import sign_checkpoint
from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db
from console.core.ids import new_id
from console.vault.access import tenant_keys
from console.vault.tenant_keys import TenantKeys

SALT_BYTES = 16
Changes = Mapping[str, tuple[object, object]]


@dataclass(frozen=True)
class Event:
    """What one entry will say. `changes` maps a field to its old and new value."""

    tag: Tag
    subject: tuple[str, UUID] | None = None
    changes: Changes | None = None
    reason: str | None = None
    facts: Mapping[str, object] | None = None


def record(
    tag: Tag,
    *,
    by: Actor,
    subject: tuple[str, UUID] | None = None,
    changes: Changes | None = None,
    reason: str | None = None,
    **facts: object,
) -> None:
    """The event is in this tenant's record from the commit on; if it can't be written, nothing is done."""
    record_many([Event(tag, subject, changes, reason, facts)], by=by)


def record_many(events: Iterable[Event], *, by: Actor) -> None:
    """Like `record`, for many events of one act: one lock and one statement."""
    end = head(lock=True)
    number, previous, keys = end.number, end.hash, tenant_keys()
    rows = []
    for number, event in enumerate(events, start=number + 1):  # noqa: B020 (it goes on from the last number)
        row = _entry(event, by, number, previous, keys)
        previous = row["hash"]
        rows.append(row)
    if not rows:
        return
    end.number, end.hash = number, previous
    db.session.flush()
    db.session.execute(insert(AuditEntry), rows)


def take_checkpoint(*, by: Actor) -> dict[str, Any]:
    """The record's present end, signed, to be kept elsewhere.

    **Records:** audit:checkpoint:signed, which the checkpoint covers.
    """
    record(Tag.AUDIT_CHECKPOINT_SIGNED, by=by)
    return sign_checkpoint()


def _entry(event: Event, by: Actor, number: int, previous: bytes, keys: TenantKeys) -> dict[str, Any]:
    """The columns of one entry. A plain dictionary, because a mapped object costs as much as hashing and sealing it."""
    details = _details(event, by)
    subject_kind, subject_id = event.subject or (None, None)
    entry_id = new_id()
    row: dict[str, Any] = {
        "tenant_id": keys.tenant_id,
        "id": entry_id,
        "number": number,
        "at": clock.now(),
        "tag": str(event.tag),
        "actor_kind": by.kind,
        "actor_id": by.user_id,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "reference": by.reference,
        "details_hash": hash_details(details),
        "previous_hash": previous,
    }
    row["hash"] = hash_entry(SimpleNamespace(**row))
    row["sealed"] = keys.seal(AuditEntry.__tablename__, entry_id, sealed_fields(details, row["hash"]))
    return row


def _details(event: Event, by: Actor) -> dict[str, Any]:
    details: dict[str, Any] = {
        "salt": secrets.token_hex(SALT_BYTES),
        "actor": by.label,
        "role": by.role,
        "address": by.address,
        "browser": by.browser,
    }
    if by.on_behalf_of and by.tenant_id != bound_tenant():
        details["on_behalf_of"] = by.on_behalf_of
    if event.changes:
        details["changes"] = {field: [_plain(old), _plain(new)] for field, (old, new) in event.changes.items()}
    if event.reason:
        details["reason"] = event.reason
    if event.facts:
        details["facts"] = {key: _plain(value) for key, value in event.facts.items() if value is not None}
    return details


def _plain(value: object) -> object:
    """A value as JSON keeps it: text, whole numbers, booleans and nothing stay, all else becomes text."""
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
