"""Whoever answers for a Customer's security is told by mail of each saved version, and of each that fell back."""

from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import select

from console.core.db import db, settings, unit_of_work
from console.core.jobs import Run
from console.core.permissions import ADMINISTRATOR_ROLES, Role
from console.ip_ranges.changes import changes, switches
from console.ip_ranges.models import list_version
from console.mail.actions import Recipient, post_many
from console.policies.choices import FIELD
from console.policies.models import Kind, PolicyVersion
from console.security.actions import choices_at, difference
from console.tenants.models import this_tenant
from console.users.models import State, User, spoken_time

TOLD = [*ADMINISTRATOR_ROLES, Role.SECURITY_MANAGER]
MOST_CHANGES = 20
WHAT: dict[Kind, str] = {
    "settings": "security settings",
    "ip_ranges": "IP ranges",
    "retention": "rules about how long data is kept",
}


def tell_saved(run: Run) -> None:
    """All owners, administrators and security managers are told what that version changed, by whom and from where."""
    with unit_of_work(run.tenant_id):
        row = _row(run)
        if row is None:
            return
        content, kind = row.content, cast("Kind", row.kind)
        found = told_changes(kind, content.get("before", row.number - 1), row.number, content.get("changes", {}))
        trial = " It is on trial: unless somebody confirms it in time, the version before counts again."
        _tell(
            "policy_saved",
            row,
            at=row.made_at,
            who=content["by"],
            address=content.get("address"),
            reason=" ".join(content["reason"].split()) or "none was given",
            trial=trial if content.get("trial_minutes") else "",
            changes="; ".join(found[:MOST_CHANGES])
            + (f"; and {len(found) - MOST_CHANGES} more" * (len(found) > MOST_CHANGES)),
        )


def tell_reverted(run: Run) -> None:
    """They are told that a version on trial counts no more, and why."""
    with unit_of_work(run.tenant_id):
        row = _row(run)
        if row is None:
            return
        ended = row.content["ended"]
        _tell(
            "policy_reverted",
            row,
            at=datetime.fromisoformat(ended["at"]),
            who=ended["by"],
            address=ended["address"],
            to_number=str(ended["to_number"]),
        )


def told_changes(kind: Kind, old: int, new: int, said: dict[str, list[str]]) -> list[str]:
    """What differs between two versions, in words; those that were `said` when it was saved, where none know better."""
    if kind == "retention":
        return [f"{name}: {before} → {after}" for name, (before, after) in said.items()]
    if kind == "settings":
        pairs = difference(choices_at(old), choices_at(new))
        return [f"{FIELD[name].label}: {before} → {after}" for name, (before, after) in pairs.items()]
    then, now = list_version(old), list_version(new)
    lines = [f"{row['field']}: {row['old']} → {row['new']}" for row in switches(then, now)]
    return lines + [f"{one.entry.range} {one.kind}" for one in changes(then, now)]


def _row(run: Run) -> PolicyVersion | None:
    """The version, unless its mails are in the outbox already: a job that is repeated tells nobody twice."""
    if run.done:
        return None
    run.checkpoint(1, 1)
    return db.session.execute(select(PolicyVersion).where(PolicyVersion.id == run.target_id)).scalar_one_or_none()


def _tell(letter: str, row: PolicyVersion, *, at: datetime, who: str, address: str | None, **facts: str) -> None:
    query = select(User).where(User.role.in_(TOLD), User.state == State.ACTIVE).order_by(User.id)
    kind = cast("Kind", row.kind)
    facts |= {
        "what": WHAT[kind],
        "tenant": this_tenant().name,
        "number": str(row.number),
        "by": who or "somebody",
        "place": f" from {address}" if address else "",
        "link": settings().base_url + _page(kind, row.id, row.number),
    }
    people = [person.details for person in db.session.execute(query).scalars()]
    post_many(
        letter, [Recipient(one.name, one.email, {**facts, "at": spoken_time(at, one.time_zone)}) for one in people]
    )


def _page(kind: Kind, version_id: UUID, number: int) -> str:
    pages: dict[Kind, str] = {
        "settings": f"/security/settings/history/{number}",
        "ip_ranges": f"/security/ip-ranges/versions/{version_id}",
        "retention": "/data/retention",
    }
    return pages[kind]
