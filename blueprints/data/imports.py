"""The imports of Customer Data: all of them, and the page of each: how far, what came of each item, cancel, release."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.listing import tabs
from blueprints.gate import requires
from blueprints.users.exports import csv_response
from blueprints.visit import actor, signed_in, visit
from console.core.errors import Conflict
from console.core.permissions import Permission
from console.customer_data.import_report import FINDING_OUTCOMES, finding, finding_page, progress, report_lines, stopped
from console.customer_data.importing import cancel_import, resume_import
from console.customer_data.imports import (
    OPEN,
    DataImport,
    ImportFinding,
    ImportState,
    Outcome,
    data_import,
    import_page,
)
from console.customer_data.models import custodian
from console.customer_data.releasing import quarantined, release
from console.customer_data.uploads import SLICE_BYTES, missing_files
from console.users.models import names_of

IMPORTS_A_PAGE = 50
FINDINGS_A_PAGE = 100
MOST_PLACE = 2**62
SHOWN_CHARACTERS = 120
REASON_CHARACTERS = 300
MISSING_SHOWN = 5
STATE_BADGES = {
    "receiving": ("Waiting for files", "warn"),
    "running": ("Importing", "info"),
    "done": ("Done", "good"),
    "cancelled": ("Cancelled", "neutral"),
    "failed": ("Stopped", "bad"),
}
OUTCOME_BADGES = {
    "imported": ("Imported", "good"),
    "duplicate": ("Duplicate", "neutral"),
    "quarantined": ("Quarantined", "warn"),
    "refused": ("Refused", "bad"),
    "ambiguous": ("Doubtful cut", "info"),
}
_SIZES = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


@blueprint.app_template_filter("file_size")
def file_size(size: int) -> str:
    """A size as people say it: "0 bytes", "812 bytes", "3.4 MiB"."""
    for unit, word in _SIZES:
        if size >= unit:
            return f"{size / unit:.1f} {word}"
    return f"{size} byte{'s' if size != 1 else ''}"


@blueprint.get("/imports")
@requires(Permission.DATA_IMPORTS_READ)
def list_imports() -> ResponseReturnValue:
    """Every import, newest first."""
    page = import_page(after=request.args.get("after"), before=request.args.get("before"), limit=IMPORTS_A_PAGE)
    return render_template(
        "data/imports.html",
        imports=page.imports,
        names=names_of({one.created_by for one in page.imports if one.created_by}),
        state_badges=STATE_BADGES,
        tabs=tabs("data.list_imports"),
        prev_url=url_for("data.list_imports", before=page.before) if page.before else None,
        next_url=url_for("data.list_imports", after=page.after) if page.after else None,
    )


@blueprint.get("/import/<uuid:data_import_id>")
@requires(Permission.DATA_IMPORTS_READ)
def show_import(data_import_id: UUID) -> ResponseReturnValue:
    """One import: how far it is, what became of what it saw, and every item that was not simply imported."""
    found = data_import(data_import_id)
    outcome = request.args.get("outcome", "")
    outcome = outcome if outcome in FINDING_OUTCOMES else ""
    before = _place(request.args.get("before", type=int))
    after = _place(request.args.get("after", type=int)) or 0
    page = finding_page(found.id, outcome=outcome, after=after, before=before, limit=FINDINGS_A_PAGE)
    receiving = found.state == ImportState.RECEIVING
    return render_template(
        "data/import_show.html",
        found=found,
        custodian=custodian(found.custodian_id) if found.custodian_id else None,
        progress=progress(found),
        stopped=stopped(found),
        state_badges=STATE_BADGES,
        outcome_badges=OUTCOME_BADGES,
        balance=_balance(found),
        outcome=outcome,
        tabs=_tabs(found, outcome),
        findings=[_shown(one) for one in page.findings],
        prev_url=_page_url(found.id, outcome, before=page.before),
        next_url=_page_url(found.id, outcome, after=page.after),
        names=names_of({found.created_by} if found.created_by else set()),
        missing=missing_files(found.id, limit=MISSING_SHOWN + 1) if receiving else [],
        missing_shown=MISSING_SHOWN,
        slice_bytes=SLICE_BYTES,
        is_open=found.state in OPEN,
    )


def _place(number: int | None) -> int | None:
    """A place among the findings, no further than databases count."""
    return None if number is None else min(max(number, 0), MOST_PLACE)


def _balance(found: DataImport) -> list[dict[str, Any]]:
    return [
        {
            "label": OUTCOME_BADGES[outcome][0],
            "tone": OUTCOME_BADGES[outcome][1],
            "outcome": str(outcome),
            "items": getattr(found, f"{outcome}_items"),
            "bytes": getattr(found, f"{outcome}_bytes"),
        }
        for outcome in Outcome
    ]


def _tabs(found: DataImport, outcome: str) -> list[dict[str, Any]]:
    labels = {"": "All findings", **{one: OUTCOME_BADGES[one][0] for one in FINDING_OUTCOMES}}
    return [
        {
            "label": label,
            "url": url_for("data.show_import", data_import_id=found.id, outcome=name or None, _anchor="findings"),
            "active": name == outcome,
            "count": f"{getattr(found, f'{name}_items'):,}" if hasattr(found, f"{name}_items") else None,
        }
        for name, label in labels.items()
    ]


def _page_url(import_id: UUID, outcome: str, *, after: int | None = None, before: int | None = None) -> str | None:
    if after is None and before is None:
        return None
    query = {"outcome": outcome or None, "after": after, "before": before}
    return url_for("data.show_import", data_import_id=import_id, _anchor="findings", **query)  # type: ignore[arg-type]


def _shown(one: ImportFinding) -> dict[str, Any]:
    facts = one.facts
    return {
        "outcome": one.outcome,
        "file": _cut(facts["file"]),
        "folder": _cut(facts["folder"]),
        "offset": facts["offset"],
        "bytes": one.size_bytes,
        "reason": facts["reason"],
        "item_id": one.item_id,
        "released": facts.get("released"),
    }


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


@blueprint.get("/import/<uuid:data_import_id>/progress")
@requires(Permission.DATA_IMPORTS_READ)
def import_progress(data_import_id: UUID) -> ResponseReturnValue:
    """How far the import is, for its progress bar."""
    visit().quiet = True
    told = asdict(progress(data_import(data_import_id)))
    answer = {
        **told,
        "unit": "bytes",
        "done": told["read_bytes"],
        "total": told["total_bytes"],
        "rate_per_second": told["bytes_per_second"],
    }
    return jsonify(answer)


@blueprint.get("/import/<uuid:data_import_id>/report.csv")
@requires(Permission.DATA_IMPORTS_READ)
def import_report(data_import_id: UUID) -> Response:
    """The balance, and every item that was not simply imported, with the reason."""
    found = data_import(data_import_id)
    name = f"import-{found.created_at:%Y-%m-%d}-{str(found.id)[-6:]}.csv"
    if request.method == "HEAD":
        return csv_response([], name)
    return csv_response(report_lines(signed_in().tenant_id, found.id), name)


@blueprint.get("/import/<uuid:data_import_id>/cancel")
@requires(Permission.DATA_IMPORTS_WRITE)
def confirm_cancel(data_import_id: UUID) -> ResponseReturnValue:
    """What cancelling will do."""
    found = data_import(data_import_id)
    if found.state not in OPEN:
        raise Conflict(f"This import is {found.state} already, so there is nothing to cancel.")
    return render_template("data/import_cancel.html", found=found)


@blueprint.post("/import/<uuid:data_import_id>/cancel")
@requires(Permission.DATA_IMPORTS_WRITE)
def stop_import(data_import_id: UUID) -> ResponseReturnValue:
    """The import goes no further."""
    found = cancel_import(data_import_id, by=actor())
    count = found.imported_items
    said = f"{count:,} items had come in by then; they stay." if count else "Nothing had come in by then."
    flash(f"The import was cancelled. {said}", "info")
    return redirect(url_for("data.show_import", data_import_id=data_import_id), 303)


@blueprint.post("/import/<uuid:data_import_id>/resume")
@requires(Permission.DATA_IMPORTS_WRITE)
def go_on(data_import_id: UUID) -> ResponseReturnValue:
    """An import that was given up is taken up again, where it stands."""
    resume_import(data_import(data_import_id, lock=True))
    return redirect(url_for("data.show_import", data_import_id=data_import_id), 303)


@blueprint.get("/import/<uuid:data_import_id>/release/<uuid:held_item_id>")
@requires(Permission.DATA_IMPORTS_WRITE)
def confirm_release(data_import_id: UUID, held_item_id: UUID) -> ResponseReturnValue:
    """What releasing an item from quarantine will do."""
    return _release_page(data_import_id, held_item_id)


def _release_page(
    data_import_id: UUID, held_item_id: UUID, problem: str = "", status: int = 200
) -> ResponseReturnValue:
    found, held = data_import(data_import_id), quarantined(data_import_id, held_item_id)
    why = finding(data_import_id, held_item_id)
    page = render_template(
        "data/import_release.html",
        found=found,
        held=held,
        owner=custodian(held.custodian_id),
        why=why.facts["reason"] if why else held.quarantined_for,
        reason=request.form.get("reason", ""),
        problem=problem,
        most=REASON_CHARACTERS,
    )
    return page, status


@blueprint.post("/import/<uuid:data_import_id>/release/<uuid:held_item_id>")
@requires(Permission.DATA_IMPORTS_WRITE)
def release_item(data_import_id: UUID, held_item_id: UUID) -> ResponseReturnValue:
    """The item is listed and found like any other from now on."""
    reason = request.form.get("reason", "").strip()
    if len(reason) > REASON_CHARACTERS:
        return _release_page(data_import_id, held_item_id, f"Say it in at most {REASON_CHARACTERS} characters.", 422)
    data_import(data_import_id)
    release(data_import_id, held_item_id, by=actor(), reason=reason or None)
    flash("The item was released from quarantine. It is listed and found like any other now.", "success")
    url = url_for("data.show_import", data_import_id=data_import_id, outcome="quarantined", _anchor="findings")
    return redirect(url, 303)
