"""What an import says about its rows, as a CSV file that can be corrected and uploaded again."""

from collections.abc import Iterator
from uuid import UUID

from console.audit.actions import record
from console.audit.tags import Tag
from console.core.actor import Actor
from console.core.db import unit_of_work
from console.core.errors import NotFound
from console.users.csv_rows import COLUMNS, RESULT
from console.users.exports import MARK, csv_text
from console.users.import_rules import Outcome, Row
from console.users.imports import ImportState, UserImport, chunks, user_import

RESULT_COLUMNS = (*RESULT, *COLUMNS)
NOT_DONE = "not done"
"""The outcome of rows that an import did not reach before it was stopped."""


def start_result(import_id: UUID, *, outcome: str, by: Actor) -> UserImport:
    """The import whose rows are about to leave the house. **Raises:** NotFound. **Records:** users:import:exported."""
    found = user_import(import_id)
    if found.rows_dropped_at is not None or found.state == ImportState.CHECKING:
        raise NotFound("The rows of this import are not there: it is being checked still, or ended a month ago.")
    rows = found.counts[outcome] if outcome else found.total
    file = found.facts["file"]
    record(Tag.IMPORT_EXPORTED, by=by, subject=("import", found.id), rows=rows, outcome=outcome or None, file=file)
    return found


def result_lines(tenant_id: UUID, import_id: UUID, *, outcome: str = "") -> Iterator[str]:
    """The file, chunk by chunk, each read in a unit of its own; perhaps with the rows of one outcome only."""
    yield MARK + csv_text([RESULT_COLUMNS])
    start: int | None = 0
    while start is not None:
        with unit_of_work(tenant_id, write=False):
            stopped = user_import(import_id).state in {ImportState.CANCELLED, ImportState.FAILED}
            reached = user_import(import_id).position
            chunk = next(chunks(import_id, start=start, outcome=outcome), None)
            rows = [] if chunk is None else chunk.rows()
            undone = chunk is not None and stopped and chunk.first_row >= reached
            start = None if chunk is None else chunk.first_row + chunk.row_count
        yield csv_text(_cells(row, undone=undone) for row in rows if not outcome or row.outcome == outcome)


def _cells(row: Row, *, undone: bool) -> list[object]:
    done = NOT_DONE if undone and row.outcome in {Outcome.ADDED, Outcome.CHANGED} else row.outcome
    return [row.number, done, reason_text(row), *row.values, *row.extra]


def reason_text(row: Row) -> str:
    """Why a row is refused, as one line."""
    return " ".join(f"{column}: {reason}" if column else reason for column, reason in row.reasons.items())
