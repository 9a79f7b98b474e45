"""Labels: put on and taken off one item or many, renamed, deleted with the count of what they were on."""

from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.filters import EDGES, NAMES
from blueprints.data.listing import chosen_ids, tabs
from blueprints.gate import requires
from blueprints.visit import actor
from console.core.db import db
from console.core.errors import Conflict, Invalid
from console.core.permissions import Permission
from console.customer_data.labels import add_label, label, labels, put_on, remove, rename, take_off
from console.customer_data.models import item_for

MOST_AT_ONCE = 200


@blueprint.get("/labels")
@requires(Permission.DATA_ITEMS_READ)
def list_labels() -> ResponseReturnValue:
    """Every label, and how many items have it."""
    return _page()


@blueprint.post("/labels")
@requires(Permission.DATA_LABELS_WRITE)
def new_label() -> ResponseReturnValue:
    """There is a label of that name."""
    try:
        made = add_label(request.form.get("name", ""), by=actor())
    except Invalid as problem:
        db.session.rollback()
        return _page(problem.fields.get("name", problem.message), request.form.get("name", ""), status=422)
    flash(f"The label “{made.name}” is there. Put it on items from the list or from an item's page.", "success")
    return redirect(url_for("data.list_labels"), 303)


@blueprint.post("/labels/<uuid:label_id>")
@requires(Permission.DATA_LABELS_WRITE)
def rename_label(label_id: UUID) -> ResponseReturnValue:
    """The label has another name, everywhere at once."""
    try:
        renamed = rename(label_id, request.form.get("name", ""), by=actor())
    except (Invalid, Conflict) as problem:
        db.session.rollback()
        fields = problem.fields if isinstance(problem, Invalid) else {}
        status = 422 if isinstance(problem, Invalid) else 409
        return _page(fields.get("name", problem.message), request.form.get("name", ""), label_id, status)
    flash(f"The label is called “{renamed.name}” now.", "success")
    return redirect(url_for("data.list_labels"), 303)


@blueprint.get("/labels/<uuid:label_id>/delete")
@requires(Permission.DATA_LABELS_WRITE)
def confirm_delete_label(label_id: UUID) -> ResponseReturnValue:
    """What deleting the label will do, and to how many items."""
    return render_template("data/label_delete.html", label=label(label_id))


@blueprint.post("/labels/<uuid:label_id>/delete")
@requires(Permission.DATA_LABELS_WRITE)
def delete_label(label_id: UUID) -> ResponseReturnValue:
    """The label is gone; the items stay."""
    name, items = remove(label_id, by=actor())
    flash(f"The label “{name}” was deleted. {_items(items)} had it, and stay.", "success")
    return redirect(url_for("data.list_labels"), 303)


@blueprint.post("/labelled")
@requires(Permission.DATA_LABELS_WRITE)
def change_labels() -> ResponseReturnValue:
    """The ticked items have the label from now on, or have it no more. **Raises:** NotFound for another's item."""
    ids = chosen_ids()[:MOST_AT_ONCE]
    for item_id in ids:
        item_for(item_id, by=actor())
    try:
        text = _change(ids)
    except Invalid as problem:
        db.session.rollback()
        flash(problem.fields.get("name", problem.message), "error")
    else:
        flash(text, "success")
    return redirect(_back(), 303)


def _change(ids: list[UUID]) -> str:
    """Do it; answers what was done. **Raises:** Invalid; NotFound."""
    chosen, new = request.form.get("label", ""), request.form.get("new_label", "")
    if not ids:
        raise Invalid("Tick the items first; then choose the label.")
    if request.form.get("verb") == "take_off":
        found = label(_label_id(chosen))
        gone = take_off(found, ids, by=actor())
        return f"“{found.name}” was taken off {_items(gone)}." if gone else f"None of them had “{found.name}”."
    found = add_label(new, by=actor()) if new.strip() else label(_label_id(chosen))
    added = put_on(found, ids, by=actor())
    return f"“{found.name}” was put on {_items(added)}." if added else f"“{found.name}” was on all of them already."


def _label_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("Choose a label, or write a new one.") from None


def _back() -> str:
    """The page the form was sent from: one item, or the list as it was."""
    try:
        one = UUID(request.form.get("item", ""))
    except ValueError:
        one = None
    asked = dict(parse_qsl(request.form.get("place", "")[:2000]))
    kept: dict[str, Any] = {name: asked[name] for name in (*NAMES, *EDGES) if name in asked}
    return url_for("data.show_item", item_id=one, **kept) if one else url_for("data.list_items", **kept)


def _items(count: int) -> str:
    return "1 item" if count == 1 else f"{count:,} items" if count else "No item"


def _page(problem: str = "", name: str = "", renaming: UUID | None = None, status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "data/labels.html",
        labels=labels(),
        problem=problem,
        name=name,
        renaming=renaming,
        tabs=tabs("data.list_labels"),
    )
    return page, status
