"""Look at the draft before it counts: what differs, what it would have done, whom it would lock out; then save it."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Length

from blueprints.fields import show_problems
from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.security.ip_ranges.shown import Working, common, overlaps_of, working
from blueprints.visit import actor
from console.core import clock
from console.core.db import db
from console.core.errors import Conflict, Invalid
from console.core.permissions import Permission
from console.ip_ranges import actions
from console.ip_ranges.changes import changes, switches
from console.ip_ranges.entries import Entry, RangeList
from console.ip_ranges.guard import Verdict
from console.ip_ranges.replay import LEAST_DAYS, MOST_DAYS, USUAL_DAYS, Replay, replay
from console.ip_ranges.rules import intervals, tightens, unrestricted_roles
from console.ip_ranges.sightings import sightings, unseen
from console.policies.models import in_force
from console.users.models import names_of

SHOWN_CHANGES = 200
REFUSED_PAGE = 50
NAMED_UNKNOWN = 20
DAYS = (LEAST_DAYS, USUAL_DAYS, MOST_DAYS)


class SaveForm(FlaskForm):  # type: ignore[misc]
    """Why, and what exactly was looked at."""

    reason = StringField("Reason", [InputRequired("Say why the list changes."), Length(max=actions.REASON_CHARACTERS)])
    based_on = HiddenField()
    revision = HiddenField()


@blueprint.get("/review")
@requires(Permission.SECURITY_IP_RANGES_READ)
def review() -> ResponseReturnValue:
    """What the draft changes, and what it would have done."""
    return _review_page(SaveForm())


SAVED = {
    "enforce": "The list is in force.",
    "report": "The list was saved. It only reports: nobody is refused, and who would have been is listed.",
    "off": "The list was saved. It is off: nobody is refused. Switch it on when you are ready.",
}
"""What to say after saving a list that is not on trial, by its mode."""


@blueprint.post("/save")
@requires(Permission.SECURITY_IP_RANGES_WRITE, fresh=True)
def save() -> ResponseReturnValue:
    """The draft is in force, on trial if it may keep somebody out; or the review says why not."""
    form = SaveForm()
    if not form.validate_on_submit():
        return _review_page(form, status=422)
    try:
        _number, trial = actions.save_draft(
            based_on=_whole(form.based_on.data),
            revision=_whole(form.revision.data),
            reason=form.reason.data,
            by=actor(),
        )
    except Invalid as problem:
        show_problems(form, problem)
        return _review_page(form, status=422)
    except Conflict as problem:
        db.session.rollback()
        return _review_page(form, problem=problem, status=409)
    if trial:
        flash(f"The list is in force for {actions.TRIAL_MINUTES} minutes. Confirm it, or it reverts.", "warning")
    else:
        flash(SAVED[in_force("ip_ranges").document["mode"]], "success")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


def _whole(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 10 else -1


@blueprint.post("/discard")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def discard() -> ResponseReturnValue:
    """There is no draft; the list in force stays."""
    actions.discard_draft(by=actor())
    flash("The draft was discarded. The list in force is as it was.", "success")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


@blueprint.post("/merge")
@requires(Permission.SECURITY_IP_RANGES_WRITE)
def merge() -> ResponseReturnValue:
    """In the draft, ranges that overlap or touch and say the same are one."""
    count = actions.merge_entries(by=actor())
    said = f"{count:,} {'range was' if count == 1 else 'ranges were'} merged into others in the draft."
    flash(said if count else "There is nothing to merge: what overlaps differs in strength, roles or dates.", "info")
    return redirect(url_for("ip_ranges.list_ranges"), 303)


def _review_page(form: SaveForm, *, problem: Conflict | None = None, status: int = 200) -> ResponseReturnValue:
    at = working()
    days = request.values.get("days", USUAL_DAYS, type=int)
    days = min(max(days, LEAST_DAYS), MOST_DAYS)
    now = clock.now()
    found = changes(at.live, at.ranges)
    form.based_on.data, form.revision.data = str(at.policy.number), str(at.draft.revision if at.draft else 0)
    played = replay(at.ranges, sightings(days), now)
    unknown, some_unknown = unseen(days, limit=NAMED_UNKNOWN)
    page = max(request.args.get("page", 1, type=int), 1)
    strangers = played.refused[(page - 1) * REFUSED_PAGE : page * REFUSED_PAGE]
    verdict = actions.verdict_on(at.ranges, by=actor()) if at.draft is not None else None
    return render_template(
        "security/ip_ranges/review.html",
        form=form,
        problem=problem if not isinstance(problem, actions.LockedOut) else None,
        verdict=verdict if verdict is not None else _verdict(problem),
        changes=found[:SHOWN_CHANGES],
        change_count=len(found),
        switches=switches(at.live, at.ranges),
        tighter=at.draft is not None and tightens(actions.basis(at.policy), at.ranges, now),
        minutes=actions.TRIAL_MINUTES,
        cautions=cautions(at, now=now),
        overlapping=bool(overlaps_of(at.ranges)),
        days=days,
        day_choices=DAYS,
        played=played,
        points=points(played, days),
        strangers=strangers,
        names=names_of({one.user_id for one in strangers} | set(some_unknown)),
        unknown=unknown,
        some_unknown=some_unknown,
        page=page,
        pages=-(-len(played.refused) // REFUSED_PAGE),
        **common("review", at),
    ), status


def _verdict(problem: Conflict | None) -> Verdict | None:
    return Verdict(problem.message, problem.add) if isinstance(problem, actions.LockedOut) else None


def points(played: Replay, days: int) -> list[dict[str, Any]]:
    """The sign-ins of each day, oldest first, without gaps."""
    today = clock.now().date()
    found = []
    for back in range(days - 1, -1, -1):
        day: date = today - timedelta(days=back)
        passed, refused = played.by_day.get(day, (0, 0))
        found.append({"label": f"{day.day} {day:%b}", "value": passed, "value2": refused})
    return found


def cautions(at: Working, *, now: Any) -> list[str]:
    """What is odd about the draft as a whole, each as a sentence."""
    ranges = at.ranges
    found = []
    fresh = [entry for entry in ranges.entries if at.live.by_id.get(entry.id) != entry]
    odd = [entry for entry in fresh if entry.warnings]
    found += [f"{entry.range}: {' '.join(entry.warnings)}" for entry in odd[:20]]
    if len(odd) > 20:
        found.append(f"{len(odd) - 20:,} more new or changed ranges have warnings; the list shows them.")
    overlapping = len(overlaps_of(ranges))
    if overlapping:
        found.append(f"{overlapping:,} ranges overlap others. Merging them changes nothing for anybody.")
    if ranges.mode != "off":
        found += _mode_cautions(ranges, now)
    return found


def _mode_cautions(ranges: RangeList, now: Any) -> Iterable[str]:
    from console.core.permissions import role_label

    free = unrestricted_roles(ranges, now)
    if len(free) == len(list(_roles())):
        yield "No allowed range counts for anybody yet, so nobody is restricted."
    elif free:
        labels = ", ".join(role_label(role) for role in free)
        yield f"Not restricted, because no allowed range is about them: {labels}."
    outside = _trusted_outside(ranges)
    if outside:
        yield (
            f"{outside[0].range} is trusted, but in no allowed range"
            f"{f', and so are {len(outside) - 1:,} others' if len(outside) > 1 else ''}: nobody gets in from there."
        )


def _roles() -> Iterable[str]:
    from console.ip_ranges.entries import ROLES

    return ROLES


def _trusted_outside(ranges: RangeList) -> list[Entry]:
    """Trusted ranges that share no address with an allowed one, where there are allowed ones."""
    allowed = intervals(entry.span for entry in ranges.entries if entry.on and not entry.trusted)
    if not any(starts for starts, _ends in allowed.values()):
        return []
    return [
        entry
        for entry in ranges.entries
        if entry.on
        and entry.trusted
        and not any(
            first <= entry.span.last and entry.span.first <= last
            for first, last in zip(*allowed[entry.span.version], strict=True)
        )
    ]
