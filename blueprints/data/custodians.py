"""Custodians: whose data is here, how much of each, and which of the Customer's people they are."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.listing import tabs
from blueprints.data.words import size_text
from blueprints.gate import requires
from blueprints.visit import actor
from console.core.db import db
from console.core.errors import Conflict, Invalid
from console.core.permissions import Permission
from console.customer_data.custodians import add_custodian, change_custodian
from console.customer_data.models import Custodian, custodian, custodians
from console.users.models import names_of, user


@blueprint.get("/custodians")
@requires(Permission.DATA_ITEMS_READ)
def list_custodians() -> ResponseReturnValue:
    """Every custodian with the counters of what it has."""
    return _page()


@blueprint.post("/custodians")
@requires(Permission.DATA_IMPORTS_WRITE)
def new_custodian() -> ResponseReturnValue:
    """A custodian is there before its data comes."""
    entered = {name: request.form.get(name, "") for name in ("address", "name")}
    try:
        made = add_custodian(entered["address"], entered["name"], by=actor())
    except Invalid as problem:
        db.session.rollback()
        return _page(problem.fields or {"address": problem.message}, entered, 422)
    except Conflict as problem:
        db.session.rollback()
        return _page({"address": problem.message}, entered, 409)
    flash(f"{made.label} is a custodian now. Data can be imported for it.", "success")
    return redirect(url_for("data.list_custodians"), 303)


@blueprint.get("/custodians/<uuid:custodian_id>")
@requires(Permission.DATA_IMPORTS_WRITE)
def edit_custodian(custodian_id: UUID) -> ResponseReturnValue:
    """Name, and who it is."""
    found = custodian(custodian_id)
    username = user(found.user_id).details.email if found.user_id else ""
    return _form(found, {"name": found.details["name"], "username": username}, {})


@blueprint.post("/custodians/<uuid:custodian_id>")
@requires(Permission.DATA_IMPORTS_WRITE, fresh=True)
def save_custodian(custodian_id: UUID) -> ResponseReturnValue:
    """The custodian has that name, and is that user."""
    entered = {name: request.form.get(name, "") for name in ("name", "username")}
    try:
        changed = change_custodian(custodian_id, **entered, by=actor())
    except Invalid as problem:
        db.session.rollback()
        return _form(custodian(custodian_id), entered, problem.fields, 422)
    flash(f"{changed.label} was saved.", "success")
    return redirect(url_for("data.list_custodians"), 303)


def _page(
    problems: dict[str, str] | None = None, entered: dict[str, str] | None = None, status: int = 200
) -> ResponseReturnValue:
    found = custodians()
    people = names_of({each.user_id for each in found if each.user_id})
    page = render_template(
        "data/custodians.html",
        custodians=[
            (each, size_text(each.size_bytes), people.get(each.user_id) if each.user_id else None) for each in found
        ],
        problems=problems or {},
        entered=entered or {},
        tabs=tabs("data.list_custodians"),
    )
    return page, status


def _form(
    found: Custodian, entered: dict[str, str], problems: dict[str, str], status: int = 200
) -> ResponseReturnValue:
    page = render_template("data/custodian.html", custodian=found, entered=entered, problems=problems)
    return page, status
