"""Legal holds: what is held and why, placing one, and lifting one by two people."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.listing import chosen_ids, tabs
from blueprints.gate import requires
from blueprints.visit import actor
from console.core.db import db
from console.core.errors import Invalid
from console.core.permissions import Permission
from console.customer_data.holds import (
    MOST_ITEMS,
    NAME_CHARACTERS,
    REASON_CHARACTERS,
    Hold,
    Scope,
    ask_to_lift,
    covers,
    hold,
    holds,
    lift_hold,
    place_hold,
    withdraw_lift,
)
from console.customer_data.models import custodians, items_by_id

STATES = {
    "open": ("Holds", "info"),
    "lifting": ("Waits for a second person", "warning"),
    "lifted": ("Lifted", "neutral"),
}
"""Each state in words, and the tone of its badge."""


@blueprint.get("/holds")
@requires(Permission.DATA_HOLDS_READ)
def list_holds() -> ResponseReturnValue:
    """Every hold: open ones first."""
    found = holds()
    return render_template(
        "data/holds.html", holds=[(one, covers(one)) for one in found], states=STATES, tabs=tabs("data.list_holds")
    )


@blueprint.route("/holds/new", methods=["GET", "POST"])
@requires(Permission.DATA_HOLDS_WRITE)
def new_hold() -> ResponseReturnValue:
    """The form; sent to from the list, it is about the items that were ticked there."""
    return _form({})


@blueprint.post("/holds")
@requires(Permission.DATA_HOLDS_WRITE, fresh=True)
def place() -> ResponseReturnValue:
    """Nothing that the hold covers can be removed any more."""
    form = request.form
    try:
        made = place_hold(
            form.get("scope", ""),
            name=form.get("name", ""),
            reason=form.get("reason", ""),
            custodian_id=_id(form.get("custodian", "")),
            item_ids=chosen_ids(),
            by=actor(),
        )
    except Invalid as problem:
        db.session.rollback()
        return _form(problem.fields, 422)
    flash(f"The hold “{made.words['name']}” is in force. Nothing that it covers can be removed.", "success")
    return redirect(url_for("data.show_hold", hold_id=made.id), 303)


@blueprint.get("/holds/<uuid:hold_id>")
@requires(Permission.DATA_HOLDS_READ)
def show_hold(hold_id: UUID) -> ResponseReturnValue:
    """One hold: what it covers, why, since when, and what lifting it needs."""
    return _page(hold(hold_id))


@blueprint.post("/holds/<uuid:hold_id>/ask-to-lift")
@requires(Permission.DATA_HOLDS_WRITE, fresh=True)
def ask_lift(hold_id: UUID) -> ResponseReturnValue:
    """A second person can lift it from now on."""
    try:
        ask_to_lift(hold_id, reason=request.form.get("reason", ""), by=actor())
    except Invalid as problem:
        db.session.rollback()
        return _page(hold(hold_id), problem.fields.get("reason", problem.message), 422)
    flash("The hold goes on until a second person agrees to lift it.", "success")
    return redirect(url_for("data.show_hold", hold_id=hold_id), 303)


@blueprint.post("/holds/<uuid:hold_id>/withdraw")
@requires(Permission.DATA_HOLDS_WRITE)
def withdraw(hold_id: UUID) -> ResponseReturnValue:
    """The hold goes on as if nobody had asked."""
    withdraw_lift(hold_id, by=actor())
    flash("What was asked is withdrawn: the hold goes on.", "success")
    return redirect(url_for("data.show_hold", hold_id=hold_id), 303)


@blueprint.post("/holds/<uuid:hold_id>/lift")
@requires(Permission.DATA_HOLDS_WRITE, fresh=True)
def lift(hold_id: UUID) -> ResponseReturnValue:
    """The hold is over."""
    lift_hold(hold_id, by=actor())
    flash("The hold is lifted. What it covered can be removed again.", "success")
    return redirect(url_for("data.show_hold", hold_id=hold_id), 303)


def _form(problems: dict[str, str], status: int = 200) -> ResponseReturnValue:
    ids = chosen_ids()
    page = render_template(
        "data/hold_new.html",
        values=request.form,
        problems=problems,
        items=items_by_id(ids[:10]),
        ids=ids,
        scope=request.form.get("scope") or (Scope.ITEMS if ids else Scope.CUSTODIAN),
        custodians=sorted(custodians(), key=lambda one: one.label.casefold()),
        name_characters=NAME_CHARACTERS,
        reason_characters=REASON_CHARACTERS,
        most_items=MOST_ITEMS,
    )
    return page, status


def _page(found: Hold, problem: str = "", status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "data/hold.html",
        hold=found,
        covers=covers(found),
        state=STATES[found.state],
        problem=problem,
        reason=request.form.get("reason", ""),
        reason_characters=REASON_CHARACTERS,
        asked_by_me=found.lift_asked_by is not None and found.lift_asked_by == actor().user_id,
    )
    return page, status


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
