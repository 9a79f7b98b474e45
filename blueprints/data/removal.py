"""Deleting items for good: the page that says what will go and what is held, and the act."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.listing import chosen_ids
from blueprints.data.words import size_text
from blueprints.gate import requires
from blueprints.visit import actor
from console.core.errors import Invalid
from console.core.permissions import Permission
from console.customer_data.holds import held
from console.customer_data.models import items_by_id
from console.customer_data.removal import Cause, remove_items

MOST_AT_ONCE = 200
SHOWN = 20
REASON_CHARACTERS = 300


@blueprint.post("/delete")
@requires(Permission.DATA_ITEMS_DELETE, fresh=lambda: request.form.get("confirmed") == "yes")
def delete_items() -> ResponseReturnValue:
    """The ticked items: first the page that says what will go, then, confirmed, the act."""
    ids = chosen_ids()[:MOST_AT_ONCE]
    reason = " ".join(request.form.get("reason", "").split())
    if request.form.get("confirmed") != "yes":
        return _page(ids)
    if not 10 <= len(reason) <= REASON_CHARACTERS or not reason.isprintable():
        return _page(ids, f"Say why, in 10 to {REASON_CHARACTERS} characters. It stands in the audit record.", 422)
    done = remove_items(ids, cause=Cause.DELETED, by=actor(), reason=reason)
    flash(_done(done.items, done.kept), "success" if done.items else "info")
    return redirect(url_for("data.list_items"), 303)


def _page(ids: list[UUID], problem: str = "", status: int = 200) -> ResponseReturnValue:
    if not ids:
        raise Invalid("Tick the items in the list first; then choose Delete.")
    found = items_by_id(ids)
    covered = held((one.id, one.custodian_id) for one in found)
    going = [one for one in found if one.id not in covered]
    page = render_template(
        "data/delete.html",
        ids=[one.id for one in going],
        going=going[:SHOWN],
        more=max(0, len(going) - SHOWN),
        kept=[one for one in found if one.id in covered][:SHOWN],
        held=len(covered),
        items=len(going),
        size=size_text(sum(one.size_bytes for one in going)),
        problem=problem,
        reason=request.form.get("reason", ""),
        reason_characters=REASON_CHARACTERS,
    )
    return page, status


def _done(items: int, kept: int) -> str:
    said = (
        "1 item was deleted." if items == 1 else f"{items:,} items were deleted." if items else "Nothing was deleted."
    )
    return said + (f" {kept:,} stayed: a legal hold covers {'it' if kept == 1 else 'them'}." if kept else "")
