"""Check an address: what would become of each role there, by the list in force and by the draft, and through what."""

from typing import Any

from flask import render_template, request
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.security.ip_ranges.shown import STATE_BADGES, Working, common, seen_from, working
from blueprints.visit import visit
from console.core import clock
from console.core.errors import Invalid
from console.core.permissions import ROLE_TEXTS, Permission, Role
from console.ip_ranges.addresses import LONGEST, normal_address
from console.ip_ranges.changes import scope_text
from console.ip_ranges.entries import RangeList
from console.ip_ranges.rules import Compiled, Decision, decide, matches


@blueprint.get("/check")
@requires(Permission.SECURITY_IP_RANGES_READ)
def check() -> ResponseReturnValue:
    """The answer for an address, the visitor's own at first."""
    at = working()
    typed = request.args.get("address", visit().address)[:LONGEST]
    problem, address = "", ""
    try:
        address = normal_address(typed)
    except Invalid as wrong:
        problem = wrong.message
    return render_template(
        "security/ip_ranges/check.html",
        typed=typed,
        address=address,
        problem=problem,
        path=seen_from(),
        answers=_answers(at, address) if address else [],
        entries=_entries(at.ranges, address) if address else [],
        **common("check", at),
    )


def _answers(at: Working, address: str) -> list[dict[str, Any]]:
    live, planned = Compiled(at.live), Compiled(at.ranges) if at.draft is not None else None
    lifted, now = at.policy.lifted_until is not None, clock.now()
    return [
        {
            "role": ROLE_TEXTS[role][0],
            "live": _words(decide(live, address, role, now), live, role, lifted=lifted),
            "draft": _words(decide(planned, address, role, now), planned, role) if planned is not None else None,
        }
        for role in Role
    ]


def _words(found: Decision, ready: Compiled, role: str, *, lifted: bool = False) -> dict[str, Any]:
    """The decision as a badge and a sentence."""
    trusted = " Trusted: no identity confirmation." if found.trusted else ""
    if lifted:
        return {"badge": ("Gets in", "warn"), "text": f"Support has lifted the restrictions.{trusted}"}
    if ready.mode == "off":
        return {"badge": ("Gets in", "neutral"), "text": f"Allowed ranges are off.{trusted}"}
    if not ready.table(role, clock.now()).restricted:
        return {"badge": ("Gets in", "neutral"), "text": f"No allowed range is about this role.{trusted}"}
    if not found.outside:
        return {"badge": ("Gets in", "good"), "text": f"In an allowed range.{trusted}"}
    if found.refused:
        return {"badge": ("Refused", "bad"), "text": "In no allowed range."}
    return {"badge": ("Gets in", "warn"), "text": "In no allowed range; it would be refused if the list were enforced."}


def _entries(ranges: RangeList, address: str) -> list[dict[str, Any]]:
    """Every entry that holds the address, for whichever role."""
    now = clock.now()
    found = {entry.id: (entry, state) for role in Role for entry, state in matches(ranges, address, role, now)}
    return [
        {"entry": entry, "state": STATE_BADGES[state], "scope": scope_text(entry)} for entry, state in found.values()
    ]
