"""Take in an uploaded file of users, and decide about each row. Nobody is changed by that."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock, jobs
from console.core.actor import Actor
from console.core.db import bound_tenant, db, unit_of_work
from console.core.errors import spoken_wait
from console.core.ids import new_id
from console.core.jobs import Run
from console.core.lookups import find_lookups
from console.core.permissions import ADMINISTRATOR_ROLES, Permission, may
from console.users.csv_rows import CsvFile, CsvRow
from console.users.import_rules import ALIKE_REASON, ELSEWHERE, UNTOLD_REASON, Desk, Known, Outcome, Row
from console.users.imports import CHUNK_ROWS, JOB, ImportChunk, ImportState, UserImport, chunk_at, chunks, user_import
from console.users.models import Details, State, User, user, username_digest
from console.users.rules import plain_spelling
from console.users.usernames import tell_elsewhere, told_wait
from console.vault.access import tenant_keys

CHECKED_AT_ONCE = 2000
"""Rows up to which the upload itself waits for the check: well under a second."""
FILE_NAME_CHARACTERS = 120


def take_in(data: bytes, *, file_name: str, by: Actor) -> UserImport:
    """The file's rows are kept, sealed; a short file is checked already, a long one will be by a worker.

    **Raises:** BadFile; then nothing of the file is kept. **Records:** users:import:checked, when it is.
    """
    file = CsvFile(data)
    assert by.user_id is not None  # noqa: S101 (only signed-in people reach this)
    found = UserImport(
        id=new_id(),
        tenant_id=bound_tenant(),
        state=ImportState.CHECKING,
        created_by=by.user_id,
        created_at=clock.now(),
        total=0,
        position=0,
    )
    found.set_facts(
        {"file": _shown_name(file_name), "columns": file.columns, "ignored": file.ignored, **whereabouts(by)}
    )
    # The file is read and sealed before the first statement: a long file holds up nobody else's writing.
    chunks = list(_sealed_rows(found, file))
    found.total = sum(rows for _chunk, rows in chunks)
    db.session.add(found)
    db.session.flush()
    db.session.add_all(chunk for chunk, _rows in chunks)
    db.session.flush()
    if found.total > CHECKED_AT_ONCE:
        jobs.enqueue(JOB, tenant_id=found.tenant_id, target_id=found.id, total=found.total)
    else:
        desk = _open_desk(found, by)
        while found.state == ImportState.CHECKING:
            check_next(found, desk)
    return found


def whereabouts(by: Actor) -> dict[str, str | None]:
    """From where somebody acts, for the audit entries that a worker will write on that person's behalf."""
    return {"address": by.address, "browser": by.browser, "reference": by.reference}


def _shown_name(name: str) -> str:
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(filter(str.isprintable, last)).strip()[:FILE_NAME_CHARACTERS] or "Unnamed file"


def _sealed_rows(found: UserImport, file: CsvFile) -> Iterator[tuple[ImportChunk, int]]:
    """The file's rows in sealed chunks, and how many each holds."""
    first_row = 0
    for rows in _batches(file):
        chunk = ImportChunk(id=new_id(), tenant_id=found.tenant_id, import_id=found.id, first_row=first_row)
        chunk.set_rows([Row.from_csv(row) for row in rows])
        first_row += len(rows)
        yield chunk, len(rows)


def _batches(rows: Iterable[CsvRow]) -> Iterator[list[CsvRow]]:
    reading = iter(rows)
    while batch := list(islice(reading, CHUNK_ROWS)):
        yield batch


def check_rows(run: Run) -> None:
    """Every row of the import has its outcome. Done chunk by chunk, resumed where a killed worker stopped.

    **Records:** users:import:checked; users:import:cancelled where the person may not import any more.
    """
    desk: Desk | None = None
    working = True
    while working and run.target_id:
        with unit_of_work(run.tenant_id):
            found = user_import(run.target_id, lock=True)
            if found.state != ImportState.CHECKING:
                return
            found.started_at = found.started_at or clock.now()
            by = importer(found, found.created_by)
            if by is None:
                return
            desk = desk or _open_desk(found, by)
            check_next(found, desk)
            working = found.state == ImportState.CHECKING
            run.checkpoint(found.position if working else found.total, found.total)


def importer(found: UserImport, user_id: UUID) -> Actor | None:
    """That person as they are now; None, and the import failed, if they may not import any more.

    **Records:** users:import:cancelled in that case.
    """
    person = user(user_id)
    by = Actor(
        kind="person",
        tenant_id=found.tenant_id,
        user_id=user_id,
        role=person.role,
        label=person.details.name,
        address=found.facts.get("address"),
        browser=found.facts.get("browser"),
        reference=found.facts.get("reference"),
    )
    if person.state == State.ACTIVE and may(person.role, Permission.USERS_PEOPLE_WRITE):
        return by
    found.finish(ImportState.FAILED, "The person who started it may not import users any more.")
    db.session.flush()
    record(
        Tag.IMPORT_CANCELLED,
        by=by,
        subject=("import", found.id),
        reason=found.reason,
        added=found.applied_added,
        changed=found.applied_changed,
    )
    return None


def _open_desk(found: UserImport, by: Actor) -> Desk:
    """A desk that knows what the chunks before the import's position hold."""
    query = select(User.id).where(User.role.in_(ADMINISTRATOR_ROLES), User.state == State.ACTIVE)
    administrators = len(db.session.execute(query).all())
    desk = Desk(by, administrators=administrators)
    if not found.position:
        return desk
    for chunk in chunks(found.id):
        if chunk.first_row >= found.position:
            break
        desk.administrators += chunk.administrators_change
        for row in chunk.rows():
            if row.outcome != Outcome.REFUSED:
                desk.seen[username_digest(row.details.email)] = row.number
    return desk


def check_next(found: UserImport, desk: Desk) -> None:
    """The next chunk's rows have their outcomes; after the last one the import is ready.

    **Records:** users:import:checked, after the last one.
    """
    chunk = chunk_at(found.id, found.position)
    if chunk is not None:
        rows, administrators = chunk.rows(), desk.administrators
        _decide(rows, desk)
        chunk.set_rows(rows)
        chunk.administrators_change = desk.administrators - administrators
        found.add_counts(chunk.counts)
        found.position += chunk.row_count
        db.session.flush()
        db.session.expunge(chunk)
    if chunk is None or found.position >= found.total:
        found.state, found.position, found.started_at = ImportState.READY, 0, None
        db.session.flush()
        facts = {"rows": found.total, **found.counts, "file": found.facts["file"]}
        record(Tag.IMPORT_CHECKED, by=desk.by, subject=("import", found.id), **facts)


def _decide(rows: list[Row], desk: Desk) -> None:
    """A few statements for all rows of a chunk, whatever they hold."""
    read = [(row, details) for row in rows if (details := desk.read(row)) is not None]
    digests = [username_digest(details.email) for _row, details in read]
    holders, alike = _holders(digests), _alike([details for _row, details in read], desk)
    wait = told_wait()
    for (row, details), digest in zip(read, digests, strict=True):
        holder = holders.get(digest)
        if holder == ELSEWHERE and not wait:
            wait = tell_elsewhere()
        if wait and not isinstance(holder, Known):  # a free one, too: else who is refused would tell the same
            row.refuse("email", UNTOLD_REASON.format(wait=spoken_wait(wait)))
        elif holder is None and details.email in alike:
            row.refuse("email", ALIKE_REASON.format(email=details.email, plain=alike[details.email]))
        else:
            desk.decide(row, details, digest, holder)


def _holders(digests: list[bytes]) -> dict[bytes, Known | str]:
    """Who has those addresses: people of this Customer, or somebody elsewhere, of whom no more is said."""
    taken = find_lookups("username", digests)
    own = {user_id: digest for digest, (tenant_id, user_id) in taken.items() if tenant_id == bound_tenant()}
    kept = find_lookups("kept_username", digests)
    holders: dict[bytes, Known | str] = dict.fromkeys([*kept, *taken], ELSEWHERE)
    for person in _known(list(own)):
        holders[own[person.id]] = person
    return holders


def _alike(people: list[Details], desk: Desk) -> dict[str, str]:
    """Those of the addresses that read like a colleague's, or like one further up in the file: as what they read."""
    plain = {one.email: spelling for one in people if (spelling := plain_spelling(one.email))}
    digests = {spelling: username_digest(spelling) for spelling in plain.values()}
    taken = find_lookups("username", list(digests.values()))
    in_file = {username_digest(one.email) for one in people if one.email not in plain} | set(desk.seen)

    def is_known(digest: bytes) -> bool:
        return digest in in_file or (digest in taken and taken[digest][0] == bound_tenant())

    return {email: spelling for email, spelling in plain.items() if is_known(digests[spelling])}


def _known(user_ids: list[UUID]) -> Iterator[Known]:
    if not user_ids:
        return
    columns = (User.id, User.role, User.state, User.version, User.sealed)
    rows: Any = db.session.execute(select(*columns).where(User.id.in_(user_ids), User.sealed.is_not(None))).all()
    opened = tenant_keys().open_many(User.__tablename__, ((row.id, row.sealed) for row in rows))
    for row, details in zip(rows, opened, strict=True):
        yield Known(row.id, row.role, row.state, row.version, Details(**details))
