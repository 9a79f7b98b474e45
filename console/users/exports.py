"""Everybody who matches a search, as a CSV file that the import reads back without a change."""

import csv
from collections.abc import Iterable, Iterator
from datetime import datetime
from io import StringIO
from typing import Any
from uuid import UUID

from sqlalchemy import select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core.actor import Actor
from console.core.db import db, unit_of_work
from console.core.spreadsheet import neutral
from console.users.csv_rows import COLUMNS
from console.users.directory import Query, all_people
from console.users.models import User
from console.vault.access import tenant_keys

EXPORT_COLUMNS = (*COLUMNS, "state", "last_sign_in_at", "created_at")
BATCH = 500
MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""The byte order mark, by which spreadsheets recognise UTF-8 and show every script right."""


def start_export(query: Query, *, by: Actor) -> list[UUID]:
    """The people whom the export will hold, in order. **Records:** users:people:exported, with the number."""
    ids = [entry.id for entry in all_people(query)]
    filters = {name: getattr(query, name) for name in ("q", "role", "state") if getattr(query, name)}
    record(
        Tag.PEOPLE_EXPORTED,
        by=by,
        people=len(ids),
        filters=" ".join(f"{name}={value}" for name, value in filters.items()) or None,
    )
    return ids


def export_lines(tenant_id: UUID, user_ids: list[UUID]) -> Iterator[str]:
    """The file, piece by piece, each read in a unit of its own: a slow reader holds no transaction."""
    yield MARK + csv_text([EXPORT_COLUMNS])
    for start in range(0, len(user_ids), BATCH):
        with unit_of_work(tenant_id, write=False):
            rows = list(_rows(user_ids[start : start + BATCH]))
        yield csv_text(rows)


def _rows(user_ids: list[UUID]) -> Iterator[list[object]]:
    columns = (User.id, User.role, User.state, User.last_sign_in_at, User.created_at, User.sealed)
    found: Any = db.session.execute(select(*columns).where(User.id.in_(user_ids), User.sealed.is_not(None))).all()
    opened = tenant_keys().open_many(User.__tablename__, ((row.id, row.sealed) for row in found))
    people = {row.id: (row, details) for row, details in zip(found, opened, strict=True)}
    for user_id in user_ids:
        if user_id not in people:
            continue
        row, details = people[user_id]
        own = [row.role if name == "role" else details.get(name, "") for name in COLUMNS]
        yield [*own, row.state, _moment(row.last_sign_in_at), _moment(row.created_at)]


def _moment(value: datetime | None) -> str:
    return value.isoformat(timespec="seconds") if value else ""


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV text whose cells no spreadsheet takes for a formula."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL)  # whatever delimiter a spreadsheet assumes
    writer.writerows([neutral(cell) for cell in row] for row in rows)
    return text.getvalue()
