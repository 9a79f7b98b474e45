"""Add, change and remove entries of the draft, one or many; the switches of the whole list."""

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import BooleanField, DateTimeLocalField, RadioField, SelectChoice, SelectMultipleField, StringField
from wtforms.validators import Length, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from blueprints.fields import show_problems
from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.security.ip_ranges.shown import common, entry_of, working
from blueprints.visit import actor, visit
from console.core.errors import Conflict, Invalid, NotFound
from console.core.permissions import ROLE_TEXTS, Permission, Role
from console.ip_ranges import actions
from console.ip_ranges.addresses import LONGEST, parse_span
from console.ip_ranges.entries import DESCRIPTION_CHARACTERS, Entry, new_entry

MOMENT = "%Y-%m-%dT%H:%M"
STRENGTH_HINTS = {
    "allowed": "Whoever comes from elsewhere is refused.",
    "trusted": "Whoever comes from here is not asked to confirm who they are. It lets nobody in by itself.",
}
STRENGTH_CHOICES = [SelectChoice("allowed", "Allowed"), SelectChoice("trusted", "Trusted")]
VERBS = ("remove", "on", "off")


class RangeForm(FlaskForm):  # type: ignore[misc]
    """One entry."""

    range = StringField("Address or range", [Length(max=LONGEST)])
    strength = RadioField("Strength", choices=STRENGTH_CHOICES, default="allowed")
    description = StringField("Description", [Length(max=DESCRIPTION_CHARACTERS)])
    on = BooleanField("This range counts", default=True)
    roles = SelectMultipleField(
        "For these roles only",
        choices=[SelectChoice(str(role), ROLE_TEXTS[role][0]) for role in Role],
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    starts_at = DateTimeLocalField("Starts", [Optional()], format=[MOMENT, f"{MOMENT}:%S"])
    ends_at = DateTimeLocalField("Ends", [Optional()], format=[MOMENT, f"{MOMENT}:%S"])


@blueprint.get("/new")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def new_range() -> ResponseReturnValue:
    """The form to add one range."""
    return _form_page(RangeForm(data={"range": request.args.get("range", "")[:LONGEST], "on": True}), None)


@blueprint.post("/new")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def add_range() -> ResponseReturnValue:
    """The draft has the range."""
    form = RangeForm()
    entry = _entered(form, None)
    if entry is None:
        return _form_page(form, None, 422)
    actions.add_entries([entry], by=actor())
    _say(form, f"{entry.range} is in the draft.")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


@blueprint.get("/<uuid:range_id>/edit")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def edit_range(range_id: UUID) -> ResponseReturnValue:
    """The form to change one range."""
    entry = entry_of(working().ranges, range_id)
    values = {name: getattr(entry, name) for name in ("range", "strength", "description", "on")}
    times = {"starts_at": _local(entry.starts_at), "ends_at": _local(entry.ends_at)}
    return _form_page(RangeForm(data={**values, **times, "roles": list(entry.roles)}), entry)


@blueprint.post("/<uuid:range_id>/edit")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def save_range(range_id: UUID) -> ResponseReturnValue:
    """The draft has the range as changed, unless somebody changed it meanwhile."""
    was = entry_of(working().ranges, range_id)
    form = RangeForm()
    entry = _entered(form, was)
    if entry is None:
        return _form_page(form, was, 422)
    if request.form.get("was") != mark(was):
        raise Conflict("Somebody changed this range since you opened it. Open it again, then make your change.")
    actions.change_entry(entry, was=was, by=actor())
    _say(form, f"{entry.range} is changed in the draft.")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


def mark(entry: Entry) -> str:
    """What a form carries along, to see whether the entry is still as it was shown."""
    return hashlib.sha256(repr(sorted(entry.as_dict().items())).encode()).hexdigest()[:32]


@blueprint.post("/bulk")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def bulk() -> ResponseReturnValue:
    """The chosen ranges are removed from the draft, or switched in it. Discarding the draft undoes it."""
    verb = request.form.get("verb", "")
    if verb not in VERBS:
        raise NotFound
    ids = set(request.form.getlist("ids"))
    if not ids:
        raise Invalid("Nothing was chosen. Go back and tick the ranges first.")
    known = working().ranges.by_id
    if not ids <= set(known):
        raise NotFound("One of these ranges is not there any more. Nothing was changed.")
    _switch(ids, verb)
    count = "1 range" if len(ids) == 1 else f"{len(ids):,} ranges"
    said = {"remove": "removed from", "on": "switched on in", "off": "switched off in"}[verb]
    flash(f"{count} {said} the draft. Nothing is in force before you review and save it.", "success")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


def _switch(ids: set[str], verb: str) -> None:
    if verb == "remove":
        actions.edit_draft(lambda ranges: ranges.without(ids), by=actor())
        return
    actions.switch_entries(ids, on=verb == "on", by=actor())


@blueprint.post("/switches")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def set_switches() -> ResponseReturnValue:
    """The draft has the switches of the whole list."""
    actions.set_switches(
        mode=request.form.get("mode", ""), every_request=request.form.get("every_request") == "yes", by=actor()
    )
    return redirect(url_for("ip_ranges.review"), 303)


@blueprint.post("/allow")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def allow_address() -> ResponseReturnValue:
    """The draft allows one more address or range, ready to be reviewed."""
    text = request.form.get("address", "")[:LONGEST]
    entry = new_entry(text, description=request.form.get("description", "")[:DESCRIPTION_CHARACTERS])
    actions.add_entries([entry], by=actor())
    flash(f"{entry.range} is allowed in the draft. Review and save it.", "success")
    return redirect(url_for("ip_ranges.review"), 303)


def _entered(form: RangeForm, was: Entry | None) -> Entry | None:
    """The entry that the form describes; None if it needs a change, and the form says which."""
    if not form.validate_on_submit():
        return None
    try:
        return new_entry(
            form.range.data or "",
            strength=form.strength.data,
            description=form.description.data or "",
            on=form.on.data,
            roles=form.roles.data,
            starts_at=_utc(form.starts_at.data),
            ends_at=_utc(form.ends_at.data),
            entry_id=was.id if was is not None else None,
        )
    except Invalid as problem:
        show_problems(form, problem)
        return None


def _say(form: RangeForm, done: str) -> None:
    notes = parse_span(form.range.data or "")[1]
    flash(" ".join([done, *notes, "Nothing is in force before you review and save it."]), "success")


def _local(moment: datetime | None) -> datetime | None:
    return moment.astimezone(ZoneInfo(visit().time_zone)).replace(tzinfo=None) if moment else None


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=ZoneInfo(visit().time_zone)).astimezone(UTC) if moment else None


def _form_page(form: RangeForm, was: Entry | None, status: int = 200) -> ResponseReturnValue:
    at: dict[str, Any] = common("list", working())
    return render_template(
        "security/ip_ranges/form.html",
        form=form,
        was=was,
        mark=mark(was) if was is not None else "",
        strength_hints=STRENGTH_HINTS,
        zone=visit().time_zone,
        **at,
    ), status
