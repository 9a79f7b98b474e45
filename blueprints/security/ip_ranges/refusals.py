"""Who was kept out or would have been, and one such refusal by its reference number."""

from datetime import UTC, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.security.ip_ranges.shown import common, working
from blueprints.security.ip_ranges.start import network_of
from blueprints.visit import actor
from console.core import clock
from console.core.errors import Invalid, NotFound
from console.core.permissions import Permission
from console.ip_ranges.addresses import normal_address
from console.ip_ranges.changes import MODE_TEXTS
from console.ip_ranges.models import compiled
from console.ip_ranges.refusals import Refusal, refusal, refusals, refused_people
from console.ip_ranges.rules import decide
from console.users.models import names_of, user

PAGE = 50
DAYS = 30
MODES = {"enforce": ("Refused", "bad"), "report": ("Would be refused", "warn")}


@blueprint.get("/refusals")
@requires(Permission.SECURITY_IP_RANGES_READ)
def list_refusals() -> ResponseReturnValue:
    """The latest refusals; a reference number leads straight to its own."""
    q, mode = request.args.get("q", "").strip()[:100], request.args.get("mode", "")
    mode = mode if mode in MODES else ""
    address, problem = "", ""
    if q:
        try:
            address = normal_address(q)
        except Invalid:
            try:
                return redirect(url_for("ip_ranges.show_refusal", reference=refusal(q).reference), 303)
            except NotFound as unknown:
                problem = unknown.message
    found = [] if problem else refusals(mode=mode, address=address, before=_moment(), limit=PAGE + 1)
    more = len(found) > PAGE
    return render_template(
        "security/ip_ranges/refusals.html",
        rows=_rows(found[:PAGE]),
        q=q,
        mode=mode,
        problem=problem,
        modes=[("", "Refused and would be refused"), *((name, text) for name, (text, _tone) in MODES.items())],
        refused=refused_people(DAYS, "enforce"),
        reported=refused_people(DAYS, "report"),
        days=DAYS,
        next_url=_next(found[PAGE - 1]) if more else None,
        prev_url=url_for("ip_ranges.list_refusals", q=q or None, mode=mode or None) if _moment() else None,
        **common("refusals", working()),
    )


def _rows(found: list[Refusal]) -> list[dict[str, Any]]:
    names = names_of({one.user_id for one in found})
    return [
        {"refusal": one, "seen": one.seen, "name": names.get(one.user_id, "Somebody unknown"), "badge": MODES[one.mode]}
        for one in found
    ]


def _moment() -> datetime | None:
    try:
        moment = datetime.fromisoformat(request.args.get("before", ""))
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _next(last: Refusal) -> str:
    kept = {name: value for name in ("q", "mode") if (value := request.args.get(name))}
    return url_for("ip_ranges.list_refusals", **kept, before=last.last_at.isoformat())  # type: ignore[arg-type]


@blueprint.get("/refusals/<reference>")
@requires(Permission.SECURITY_IP_RANGES_READ)
def show_refusal(reference: str) -> ResponseReturnValue:
    """One refusal: who, from where, why, and the button that allows the address."""
    found = refusal(reference)
    person, seen, at = user(found.user_id), found.seen, working()
    return render_template(
        "security/ip_ranges/refusal.html",
        refusal=found,
        seen=seen,
        person=person,
        outcome=MODES[found.mode],
        mode_text=MODE_TEXTS[found.mode],
        network=network_of(seen["address"]),
        by_now=decide(compiled(at.policy), seen["address"], person.role, clock.now()),
        mine=found.user_id == actor().user_id,
        **common("refusals", at),
    )
