"""Many ranges at once: pasted lines or a CSV file, looked at before the draft has them."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import FileField, RadioField, SelectChoice, TextAreaField
from wtforms.validators import Optional

from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.security.ip_ranges.editing import STRENGTH_CHOICES
from blueprints.security.ip_ranges.shown import common, working
from blueprints.uploads import accepts_file
from blueprints.visit import actor
from console.core.errors import Invalid
from console.core.permissions import Permission
from console.ip_ranges.actions import add_entries
from console.ip_ranges.entries import MOST_ENTRIES, RangeList
from console.ip_ranges.lines import COLUMNS, Line, mark_known, read_lines
from console.ip_ranges.overlaps import overlapping

TEXT_BYTES = 2 * 2**20
SHOWN_LINES = 500


class LinesForm(FlaskForm):  # type: ignore[misc]
    """Text or a file, and what its ranges are."""

    text = TextAreaField("Ranges, one on each line", [Optional()])
    file = FileField("Or a CSV file")
    strength = RadioField("Strength", choices=STRENGTH_CHOICES, default="allowed")
    how = RadioField(
        "What is in the list already",
        choices=[SelectChoice("add", "Stays; these are added"), SelectChoice("replace", "Goes; these take its place")],
        default="add",
    )


@blueprint.get("/many")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def many() -> ResponseReturnValue:
    """Where ranges are pasted or a file is chosen."""
    return _page(LinesForm())


@blueprint.post("/many")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
@accepts_file(TEXT_BYTES)
def add_many() -> ResponseReturnValue:
    """First what would be added, line by line; then, confirmed, the draft has it."""
    form = LinesForm()
    at = working()
    try:
        text = _text(form)
        found = read_lines(text, strength=form.strength.data or "allowed")
        kept = RangeList() if form.how.data == "replace" else at.ranges
        mark_known(found, kept.entries)
        entries = [line.entry for line in found if line.entry is not None and not line.seen]
        kept.with_entries(entries)
    except Invalid as problem:
        form.text.errors = [*form.text.errors, problem.message]
        return _page(form, status=422)
    if not form.validate_on_submit():
        return _page(form, status=422)
    if request.form.get("confirmed") != "yes" or not entries:
        return _page(form, text=text, found=found)
    add_entries(entries, by=actor(), replace_all=form.how.data == "replace")
    flash(f"{len(entries):,} ranges were put into the draft. Nothing is in force before you save it.", "success")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


def _text(form: LinesForm) -> str:
    """What was pasted, or else what the file holds. **Raises:** Invalid."""
    file = request.files.get("file")
    if file is not None and file.filename:
        try:
            text = file.stream.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Invalid("The file is not in UTF-8. Save it as CSV in UTF-8.") from None
    else:
        text = form.text.data or ""
    if not text.strip():
        raise Invalid("There is nothing to read. Paste ranges, or choose a file.")
    return text


def _page(
    form: LinesForm, *, text: str = "", found: list[Line] | None = None, status: int = 200
) -> ResponseReturnValue:
    at = working()
    lines = found or []
    fresh = [line.entry for line in lines if line.entry is not None and not line.seen]
    kept = () if form.how.data == "replace" else at.ranges.entries
    meets = overlapping([*kept, *fresh]) if fresh else {}
    return render_template(
        "security/ip_ranges/many.html",
        form=form,
        text=text,
        found=found,
        shown=sorted(lines, key=lambda line: (not line.problem, line.number))[:SHOWN_LINES],
        fresh=len(fresh),
        known=sum(1 for line in lines if line.seen),
        refused=sum(1 for line in lines if line.problem),
        overlapping={entry.id for entry in fresh if entry.id in meets},
        columns=COLUMNS,
        most=MOST_ENTRIES,
        **common("list", at),
    ), status
