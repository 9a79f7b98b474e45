"""Take the record along: a table, JSON lines, a signed checkpoint; and check it on the spot."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from uuid import UUID

from flask import Response, current_app, render_template, request
from flask.typing import ResponseReturnValue

from blueprints.audit import blueprint
from blueprints.audit.filters import Filters, kept, read_filters
from blueprints.audit.listing import tabs
from blueprints.gate import requires
from blueprints.visit import actor, signed_in
from console.audit import check_export
from console.audit.actions import Event, record_many, take_checkpoint
from console.audit.export import COLUMNS, json_line, table_row
from console.audit.models import AuditEntry, EntryFilter, entries_up, head
from console.audit.tags import Tag
from console.audit.verify import verify
from console.core import clock
from console.core.db import unit_of_work
from console.core.permissions import Permission
from console.users.models import names_of

FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}
PART = 1000
"""Entries read, and sent, at a time: memory stays flat however long the record is."""
CHECKED_AT_MOST = 20_000
"""More than this many entries are checked by the command: a page should answer in about a second."""
PROGRAM = Path(check_export.__file__)
PROGRAM_NAME = "safekeep-audit-check.py"
Names = dict[UUID, str]


@blueprint.get("/export")
@requires(Permission.AUDIT_ENTRIES_EXPORT, fresh=True)
def export() -> ResponseReturnValue:
    """The entries that match, as a file; without a format the page that explains the formats."""
    wanted_format = request.args.get("format", "")
    filters = read_filters()
    if wanted_format not in FORMATS or filters.nobody:
        return _page(filters)
    tenant_id = signed_in().tenant_id
    with unit_of_work(tenant_id):  # committed before the first byte leaves
        record_many([Event(Tag.AUDIT_EXPORTED, facts=_facts(filters, wanted_format))], by=actor())
        up_to = head().number
    answer = Response(_stream(tenant_id, filters.wanted, wanted_format, up_to), content_type=FORMATS[wanted_format])
    answer.headers["Content-Disposition"] = _attachment("audit", wanted_format)
    return answer


@blueprint.post("/checkpoint")
@requires(Permission.AUDIT_ENTRIES_EXPORT)
def checkpoint() -> ResponseReturnValue:
    """The record's present end, signed, as a file."""
    signed = take_checkpoint(by=actor())
    answer = Response(json.dumps(signed, indent=2) + "\n", content_type="application/json")
    answer.headers["Content-Disposition"] = _attachment("audit-checkpoint", "json")
    return answer


@blueprint.get("/check-program")
@requires(Permission.AUDIT_ENTRIES_EXPORT)
def check_program() -> ResponseReturnValue:
    """A small program with which a Customer checks the JSON lines and a checkpoint without this service."""
    answer = Response(PROGRAM.read_bytes(), content_type="text/x-python; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{PROGRAM_NAME}"'
    return answer


@blueprint.post("/check")
@requires(Permission.AUDIT_ENTRIES_EXPORT)
def check() -> ResponseReturnValue:
    """The same page with the answer whether the record is sound."""
    with unit_of_work(signed_in().tenant_id, write=False):  # the page's own unit would keep writers waiting
        verdict = verify() if head().number <= CHECKED_AT_MOST else None
    return _page(read_filters(), verdict=verdict, checked=True)


def _page(filters: Filters, **context: object) -> str:
    shown = {**context, "checked": context.get("checked", False)}
    return render_template(
        "audit/export.html",
        filters=filters,
        kept=kept(),
        at_most=CHECKED_AT_MOST,
        tenant_id=signed_in().tenant_id,
        tabs=tabs("audit.export"),
        files=_file_names(),
        **shown,
    )


def _file_names() -> dict[str, str]:
    """What today's downloads are called: the page's commands can be pasted as they stand."""
    today = f"{clock.now():%Y-%m-%d}"
    return {"program": PROGRAM_NAME, "export": f"audit-{today}.jsonl", "checkpoint": f"audit-checkpoint-{today}.json"}


def _facts(filters: Filters, wanted_format: str) -> dict[str, object]:
    """What was exported, for the record."""
    wanted = filters.wanted
    return {
        "format": wanted_format,
        "area": wanted.area or None,
        "kind_of_event": filters.tag or None,
        "who": filters.who or None,
        "from_at": wanted.from_at.isoformat() if wanted.from_at else None,
        "until_at": wanted.until_at.isoformat() if wanted.until_at else None,
        "done_by": filters.actor,
        "about": filters.subject or filters.about or None,
    }


def _attachment(name: str, ending: str) -> str:
    return f'attachment; filename="{name}-{clock.now():%Y-%m-%d}.{ending}"'


def _stream(tenant_id: UUID, wanted: EntryFilter, wanted_format: str, up_to: int) -> Iterator[str]:
    """The file, part by part. The request is over by then, so that each part is a unit of work of its own."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    parts = _parts(app.app_context, tenant_id, wanted, up_to, _as_csv if wanted_format == "csv" else _as_json)
    return _with_header(parts) if wanted_format == "csv" else parts


def _parts(
    context: Callable[[], AbstractContextManager[object]],
    tenant_id: UUID,
    wanted: EntryFilter,
    up_to: int,
    written: Callable[[list[AuditEntry]], str],
) -> Iterator[str]:
    last: int | None = 0
    while last is not None:
        with context(), unit_of_work(tenant_id, write=False):
            rows = entries_up(wanted, after=last, up_to=up_to, limit=PART)
            text = written(rows)
            last = rows[-1].number if len(rows) == PART else None
        if text:
            yield text


def _with_header(parts: Iterator[str]) -> Iterator[str]:
    yield _csv([list(COLUMNS)])
    yield from parts


def _as_csv(rows: list[AuditEntry]) -> str:
    people = {row.subject_id for row in rows if row.subject_kind == "user" and row.subject_id}
    names: Names = names_of(people)
    return _csv([table_row(row, names) for row in rows])


def _as_json(rows: list[AuditEntry]) -> str:
    return "".join(json_line(row) for row in rows)


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()
