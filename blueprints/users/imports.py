"""Import users from a CSV file: upload, look at what would happen, apply, fetch the result."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage
from wtforms import FileField

from blueprints.fields import show_problems
from blueprints.gate import requires
from blueprints.uploads import accepts_file
from blueprints.users import blueprint
from blueprints.users.exports import csv_response
from blueprints.users.person import field_label
from blueprints.visit import actor, signed_in, visit
from console.core.db import db, writing
from console.core.errors import NotFound
from console.core.permissions import Permission, Role
from console.users.csv_rows import CELL_CHARACTERS, COLUMNS, FILE_BYTES, MOST_ROWS, REQUIRED, BadFile
from console.users.exports import MARK, csv_text
from console.users.import_apply import apply_import, cancel_import
from console.users.import_check import take_in
from console.users.import_results import NOT_DONE, result_lines, start_result
from console.users.import_rules import Outcome, Row
from console.users.imports import ImportState, UserImport, job_failed, progress, recent_imports, row_page, user_import
from console.users.models import names_of

RECENT = 10
ENDED = (ImportState.DONE, ImportState.CANCELLED, ImportState.FAILED)
ROWS_A_PAGE = 100
SHOWN_CHARACTERS = 60
STEPS = ("Upload", "Check", "Apply", "Done")
_OUTCOMES = frozenset(map(str, Outcome))
_STEP = {ImportState.CHECKING: 2, ImportState.READY: 3, ImportState.RUNNING: 3, ImportState.DONE: 5}
STATE_BADGES = {
    "checking": ("Checking", "info"),
    "ready": ("Ready to apply", "warn"),
    "running": ("Applying", "info"),
    "done": ("Done", "good"),
    "cancelled": ("Cancelled", "neutral"),
    "failed": ("Stopped", "bad"),
}
OUTCOME_BADGES = {
    "added": ("Added", "good"),
    "changed": ("Changed", "info"),
    "unchanged": ("Unchanged", "neutral"),
    "refused": ("Refused", "bad"),
    NOT_DONE: ("Not done", "neutral"),
}
PLANNED_BADGES = {**OUTCOME_BADGES, "added": ("To be added", "good"), "changed": ("To be changed", "info")}
"""The same before anything is done."""
COLUMN_TEXTS = {
    "given_name": "Given name, as colleagues know it.",
    "family_name": "Family name.",
    "email": "The username. It says which person a row is about, in upper or lower case.",
    "role": f"One of {', '.join(Role)}. Empty: member for new people, as it is for others.",
    "phone": "Digits, spaces and + ( ) / . - only.",
    "title": "Such as Head of Finance.",
    "time_zone": "Such as Europe/Berlin. Empty: UTC for new people, as it is for others.",
}
SAMPLE = (
    (
        "Anna",
        "Lindgren",
        "anna.lindgren@company.com",
        "member",
        "+46 8 123 456 00",
        "Head of Finance",
        "Europe/Stockholm",
    ),
    ("Κώστας", "Παπαδάκης", "k.papadakis@company.com", "auditor", "", "Internal audit", "Europe/Athens"),
)


class UploadForm(FlaskForm):  # type: ignore[misc]
    """The file to import."""

    file = FileField("CSV file")


@blueprint.get("/import")
@requires(Permission.USERS_PEOPLE_WRITE)
def import_form() -> ResponseReturnValue:
    """Where a file is chosen, what it must look like, and the imports so far."""
    return _upload_page(UploadForm())


@blueprint.post("/import")
@requires(Permission.USERS_PEOPLE_WRITE)
@accepts_file(FILE_BYTES)
def upload_import() -> ResponseReturnValue:
    """The file's rows are taken in and checked, or it is refused as a whole with what is wrong with it."""
    try:
        file = _chosen_file()
        found = take_in(file.stream.read(), file_name=file.filename or "", by=actor())
    except BadFile as problem:
        db.session.rollback()
        form = UploadForm()
        show_problems(form, problem)
        return _upload_page(form, 422)
    return redirect(url_for("users.show_import", import_id=found.id), 303)


def _chosen_file() -> FileStorage:
    file = request.files.get("file")
    if file is None or not file.filename:
        raise BadFile("Choose a CSV file first.")
    return file


def _upload_page(form: UploadForm, status: int = 200) -> ResponseReturnValue:
    imports = recent_imports(limit=RECENT)
    columns = [(name, name in REQUIRED, COLUMN_TEXTS[name]) for name in COLUMNS]
    return render_template(
        "users/import.html",
        form=form,
        columns=columns,
        imports=imports,
        names=names_of({one.created_by for one in imports}),
        state_badges=STATE_BADGES,
        limits={"rows": MOST_ROWS, "mebibytes": FILE_BYTES // 2**20, "characters": CELL_CHARACTERS},
    ), status


@blueprint.get("/import/sample.csv")
@requires(Permission.USERS_PEOPLE_WRITE)
def import_sample() -> ResponseReturnValue:
    """A small file of the right form."""
    return csv_response([MARK + csv_text([COLUMNS, *SAMPLE])], "users-sample.csv")


@blueprint.get("/import/<uuid:import_id>")
@requires(Permission.USERS_PEOPLE_WRITE)
def show_import(import_id: UUID) -> ResponseReturnValue:
    """One import: how far it is, and what each row does or did."""
    found = user_import(import_id)
    outcome = request.args.get("outcome", "")
    outcome = outcome if outcome in _OUTCOMES else ""
    page = row_page(
        import_id,
        outcome=outcome,
        after=min(max(request.args.get("after", 0, type=int), 0), MOST_ROWS),
        before=min(request.args.get("before", MOST_ROWS, type=int), MOST_ROWS) if "before" in request.args else None,
        limit=ROWS_A_PAGE,
    )
    shown = found.counts[outcome] if outcome else found.total
    return render_template(
        "users/import_preview.html",
        found=found,
        progress=progress(found),
        stalled=job_failed(found),
        steps=STEPS,
        step=_STEP.get(ImportState(found.state), 3),
        state_badges=STATE_BADGES,
        outcome_badges=_badges(found),
        outcome=outcome,
        tabs=_tabs(found, outcome),
        rows=[_shown(place, row, found) for place, row in page.rows],
        prev_url=_page_url(import_id, outcome, before=page.before),
        next_url=_page_url(import_id, outcome, after=page.after),
        shown=_shown_text(page.rows, shown, whole=not outcome),
        names=names_of({user_id for user_id in (found.created_by, found.applied_by) if user_id}),
    )


def _shown_text(rows: list[tuple[int, Row]], total: int, *, whole: bool) -> str:
    """Which rows the page shows; by their place where all are listed."""
    if len(rows) == total:
        return "1 row" if total == 1 else f"{total:,} rows"
    if whole and rows:
        return f"{rows[0][0] + 1:,} to {rows[-1][0] + 1:,} of {total:,} rows"
    return f"{len(rows):,} of {total:,} rows"


def _badges(found: UserImport) -> dict[str, tuple[str, str]]:
    """The outcomes' words: what will be until the import is done, what was done afterwards."""
    return OUTCOME_BADGES if found.state in ENDED else PLANNED_BADGES


def _tabs(found: UserImport, outcome: str) -> list[dict[str, Any]]:
    badges = OUTCOME_BADGES if found.state == ImportState.DONE else PLANNED_BADGES
    labels = {"": "All rows", **{str(one): badges[one][0] for one in Outcome}}
    counts = {"": found.total, **found.counts}
    return [
        {
            "label": label,
            "url": url_for("users.show_import", import_id=found.id, outcome=name or None),
            "active": name == outcome,
            "count": f"{counts[name]:,}",
        }
        for name, label in labels.items()
    ]


def _page_url(import_id: UUID, outcome: str, *, after: int | None = None, before: int | None = None) -> str | None:
    if after is None and before is None:
        return None
    page = {"outcome": outcome or None, "after": after, "before": before}
    return url_for("users.show_import", import_id=import_id, **page)  # type: ignore[arg-type]


def _shown(place: int, row: Row, found: UserImport) -> dict[str, Any]:
    """One row for the table; long cells are cut, whatever the file held."""
    stopped = found.state in {ImportState.CANCELLED, ImportState.FAILED} and place >= found.position
    return {
        "number": row.number,
        "name": _cut(f"{row.values[0] or ''} {row.values[1] or ''}".strip()),
        "email": _cut(row.values[2] or ""),
        "outcome": NOT_DONE if stopped and row.outcome in {Outcome.ADDED, Outcome.CHANGED} else row.outcome,
        "changes": [(field_label(name), _cut(old), _cut(new)) for name, old, new in row.changes],
        "reasons": [(field_label(name) if name else "", reason) for name, reason in row.reasons.items()],
        "url": url_for("users.show_user", user_id=row.user_id) if row.user_id and not stopped else None,
        "role": row.values[3],
    }


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


@blueprint.get("/import/<uuid:import_id>/progress")
@requires(Permission.USERS_PEOPLE_WRITE)
def import_progress(import_id: UUID) -> ResponseReturnValue:
    """How far the import is, for its progress bar."""
    visit().quiet = True
    return jsonify(asdict(progress(user_import(import_id))))


@blueprint.post("/import/<uuid:import_id>/apply")
@requires(Permission.USERS_PEOPLE_WRITE)
def start_applying(import_id: UUID) -> ResponseReturnValue:
    """A worker writes what the check decided."""
    apply_import(import_id, invite=request.form.get("invite") == "yes", by=actor())
    return redirect(url_for("users.show_import", import_id=import_id), 303)


@blueprint.post("/import/<uuid:import_id>/cancel")
@requires(Permission.USERS_PEOPLE_WRITE)
def stop_import(import_id: UUID) -> ResponseReturnValue:
    """The import goes no further."""
    found = cancel_import(import_id, by=actor())
    done = found.applied_added + found.applied_changed
    said = f"{done:,} people had been added or changed by then; they stay." if done else "Nobody was added or changed."
    flash(f"The import was cancelled. {said}", "info")
    return redirect(url_for("users.show_import", import_id=import_id), 303)


@blueprint.get("/import/<uuid:import_id>/result.csv")
@requires(Permission.USERS_PEOPLE_WRITE)
def import_result(import_id: UUID) -> Response:
    """Every row with its outcome and reason; with `?outcome=refused` those to correct and upload again. It is recorded."""
    outcome = request.args.get("outcome", "")
    if outcome and outcome not in _OUTCOMES:
        raise NotFound
    if request.method == "HEAD":
        user_import(import_id)
        return csv_response([], "import.csv")  # nothing leaves, so nothing is recorded
    writing()
    found = start_result(import_id, outcome=outcome, by=actor())
    name = f"import-{found.created_at:%Y-%m-%d}{'-' + outcome if outcome else ''}.csv"
    return csv_response(result_lines(signed_in().tenant_id, import_id, outcome=outcome), name)
