"""Write a checked import: people added and changed, chunk by chunk, each chunk whole or not at all."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert, select

from console.audit.actions import Event, record, record_many
from console.audit.tags import Tag
from console.core import clock, jobs
from console.core.actor import Actor
from console.core.db import bound_tenant, db, settings, unit_of_work
from console.core.errors import Conflict
from console.core.ids import new_id
from console.core.jobs import Run
from console.core.lookups import add_lookups, find_lookups, remove_lookup
from console.mail.actions import Recipient, post_many
from console.tenants.models import Tenant, lock_people
from console.users.actions import LastAdministrator, added_values, first_values, invitation_facts, write_change
from console.users.import_check import check_rows, importer, whereabouts
from console.users.import_rules import ELSEWHERE_REASON, OWN_ROLE_REASON, Outcome, Row, may_not, still_as_checked
from console.users.imports import JOB, OPEN, ImportChunk, ImportState, UserImport, chunk_at, job_failed, user_import
from console.users.links import give_first_links
from console.users.models import Details, State, User, username_digest
from console.vault.access import tenant_keys

INVITATIONS_PER_SECOND = 20
"""Invitations of a large import leave spread out, so that mail somebody waits for passes them."""

_Person = tuple[UUID, Details, str]
"""A new person: id, details, role."""


def apply_import(import_id: UUID, *, invite: bool, by: Actor) -> UserImport:
    """A worker will write what the check decided. Asked again, nothing more happens unless it gave up.

    **Raises:** NotFound, Conflict.
    """
    found = user_import(import_id, lock=True)
    if found.state == ImportState.DONE or (found.state == ImportState.RUNNING and not job_failed(found)):
        return found
    if found.state not in {ImportState.READY, ImportState.RUNNING}:
        raise Conflict(f"This import is {found.state} and cannot be applied. Upload the file again.")
    if found.state == ImportState.READY:
        if not found.added + found.changed:
            raise Conflict("No row of this file adds or changes anybody, so there is nothing to apply.")
        found.state, found.position, found.started_at = ImportState.RUNNING, 0, None
        found.invite = invite
    found.applied_by = by.user_id
    found.set_facts({**found.facts, **whereabouts(by)})
    jobs.enqueue(JOB, tenant_id=found.tenant_id, target_id=found.id, total=found.total)
    return found


def cancel_import(import_id: UUID, *, by: Actor) -> UserImport:
    """The import goes no further than the chunk in hand; what was written stays.

    **Raises:** NotFound, Conflict where it is over. **Records:** users:import:cancelled.
    """
    found = user_import(import_id, lock=True)
    if found.state not in OPEN:
        raise Conflict(f"This import is {found.state} already, so there is nothing to cancel.")
    job = jobs.job_for(JOB, found.id)
    if job is not None:
        jobs.cancel(job.id)
    found.finish(ImportState.CANCELLED)
    db.session.flush()
    record(
        Tag.IMPORT_CANCELLED,
        by=by,
        subject=("import", found.id),
        rows=found.total,
        added=found.applied_added,
        changed=found.applied_changed,
    )
    return found


def run_import(run: Run) -> None:
    """The worker's part: check what is to be checked, or write what is to be written. Safe to repeat."""
    if run.target_id is None:
        return
    check_rows(run)
    while _apply_next(run, run.target_id):
        pass


def _apply_next(run: Run, import_id: UUID) -> bool:
    """Write one chunk in a transaction of its own. Answers whether there is more to do."""
    with unit_of_work(run.tenant_id):
        found = user_import(import_id, lock=True)
        if found.state != ImportState.RUNNING or found.applied_by is None:
            return False
        found.started_at = found.started_at or clock.now()
        tenant = lock_people()
        by = importer(found, found.applied_by)
        if by is None:
            return False
        chunk = chunk_at(import_id, found.position)
        if chunk is not None:
            _write(chunk, found, tenant, by)
        if chunk is None or found.position >= found.total:
            _finish(found, by)
        db.session.flush()
        run.checkpoint(found.position, found.total)
        return found.state == ImportState.RUNNING


def _finish(found: UserImport, by: Actor) -> None:
    found.finish(ImportState.DONE)
    db.session.flush()
    facts = {"rows": found.total, **found.counts, "file": found.facts["file"]}
    record(Tag.IMPORT_APPLIED, by=by, subject=("import", found.id), **facts)


def _write(chunk: ImportChunk, found: UserImport, tenant: Tenant, by: Actor) -> None:
    """The chunk's people are as its rows say, except where the world has changed since the check.

    **Records:** users:user:added, users:invitation:sent, users:user:changed.
    """
    rows = chunk.rows()
    planned = chunk.counts
    events = _add([row for row in rows if row.outcome == Outcome.ADDED], found, tenant, by)
    events += _change([row for row in rows if row.outcome == Outcome.CHANGED], tenant, by)
    _confirm([row for row in rows if row.outcome == Outcome.UNCHANGED])
    db.session.flush()
    record_many(events, by=by)
    chunk.set_rows(rows)
    found.add_counts(planned, sign=-1)
    found.add_counts(chunk.counts)
    found.applied_added += chunk.added
    found.applied_changed += chunk.changed
    found.position += chunk.row_count


def _add(rows: list[Row], found: UserImport, tenant: Tenant, by: Actor) -> list[Event]:
    for row in rows:
        if reason := may_not(by, row.role):
            row.refuse("role", reason)
    won = _claim([row for row in rows if row.outcome == Outcome.ADDED])
    if not won:
        return []
    keys, table = tenant_keys(), User.__tablename__
    people = []
    for number, (user_id, details, role) in enumerate(won, start=tenant.people_seq + 1):
        values = first_values(user_id, role, people_seq=number, by=by)
        people.append({**values, "sealed": keys.seal(table, user_id, details.as_dict())})
    tenant.people_seq += len(won)
    tenant.people_invited += len(won)
    db.session.execute(insert(User), people)
    events = [Event(Tag.USER_ADDED, ("user", user_id), added_values(details, role)) for user_id, details, role in won]
    return events + (_invite(won, found, tenant, by) if found.invite else [])


def _claim(rows: list[Row]) -> list[_Person]:
    """Each row's address is the username of a new person, who is answered; taken ones are refused."""
    people = [(new_id(), row.details, row.role) for row in rows]
    claims = {username_digest(details.email): user_id for user_id, details, _role in people}
    add_lookups("username", list(claims.items()), bound_tenant())
    holders = find_lookups("username", list(claims))
    kept = find_lookups("kept_username", list(claims))
    won = []
    for row, person, (digest, user_id) in zip(rows, people, claims.items(), strict=True):
        if digest in kept and holders[digest] == (bound_tenant(), user_id):
            remove_lookup("username", digest)
            row.refuse("email", ELSEWHERE_REASON.format(email=person[1].email))
        elif holders[digest] == (bound_tenant(), user_id):
            row.user_id = str(user_id)
            won.append(person)
        elif holders[digest][0] == bound_tenant():
            row.refuse("email", f"{person[1].email} was taken by somebody after the check. Import this row again.")
        else:
            row.refuse("email", ELSEWHERE_REASON.format(email=person[1].email))
    return won


def _invite(people: list[_Person], found: UserImport, tenant: Tenant, by: Actor) -> list[Event]:
    valid_for = timedelta(days=settings().invitation_days)
    links = give_first_links("invitation", [user_id for user_id, _details, _role in people], valid_for=valid_for)
    name, recipients, events = tenant.name, [], []
    for (user_id, details, role), link in zip(people, links, strict=True):
        facts = invitation_facts(details, role, link, tenant_name=name, by=by)
        recipients.append(Recipient(details.name, details.email, facts))
        until = {"until": link.expires_at.isoformat()}
        events.append(Event(Tag.INVITATION_SENT, ("user", user_id), facts=until))
    post_many("invitation", recipients, delay_seconds=found.applied_added // INVITATIONS_PER_SECOND)
    return events


def _change(rows: list[Row], tenant: Tenant, by: Actor) -> list[Event]:
    people = _people(rows)
    events = []
    for row in rows:
        person = people.get(UUID(row.user_id))
        reason = still_as_checked(row, person.version if person else None)
        if reason or person is None:
            row.refuse("", reason)
            continue
        own_role = OWN_ROLE_REASON if person.id == by.user_id and row.role != person.role else ""
        if reason := may_not(by, person.role) or may_not(by, row.role) or own_role:
            row.refuse("role", reason)
            continue
        try:
            changes = write_change(person, row.details, row.role, tenant=tenant, by=by)
        except LastAdministrator as problem:
            row.refuse("role", problem.message)
            continue
        events.append(Event(Tag.USER_CHANGED, ("user", person.id), changes))
    return events


def _people(rows: list[Row]) -> dict[UUID, User]:
    """The people whom the rows would change, locked."""
    ids = [UUID(row.user_id) for row in rows]
    if not ids:
        return {}
    query = select(User).where(User.id.in_(ids)).order_by(User.id).with_for_update()
    found = db.session.execute(query.execution_options(populate_existing=True)).scalars()
    return {person.id: person for person in found if person.state not in {State.DELETED, State.PURGED}}


def _confirm(rows: list[Row]) -> None:
    """Rows that had nothing to change still have nothing to change, or are refused."""
    if not rows:
        return
    ids = [UUID(row.user_id) for row in rows]
    versions: dict[UUID, int] = {
        row.id: row.version for row in db.session.execute(select(User.id, User.version).where(User.id.in_(ids)))
    }
    for row in rows:
        if reason := still_as_checked(row, versions.get(UUID(row.user_id))):
            row.refuse("", reason)
