"""The list of ranges: search, filters, sort, pages; and its CSV file."""

from typing import Any

from flask import Response, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.address_gate import present_standing
from blueprints.gate import requires
from blueprints.security.ip_ranges import blueprint
from blueprints.security.ip_ranges.shown import Working, common, overlaps_of, row, seen_from, working
from blueprints.security.ip_ranges.start import start_page
from blueprints.users.exports import csv_response
from blueprints.visit import actor
from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.db import writing
from console.core.permissions import ROLE_TEXTS, Permission, Role
from console.ip_ranges.addresses import Span, address_value
from console.ip_ranges.changes import scope_text
from console.ip_ranges.entries import MOST_ENTRIES, Entry
from console.ip_ranges.lines import csv_lines
from console.ip_ranges.rules import unrestricted_roles

PAGE = 50
SEARCH_CHARACTERS = 200
FILTERS = ("q", "strength", "state", "role", "sort")
SORTS = ("range", "description", "scope", "ends")


@blueprint.get("")
@requires(Permission.SECURITY_IP_RANGES_READ)
def list_ranges() -> ResponseReturnValue:
    """One page of the ranges that match the address bar; the first step where there are none yet."""
    at = working()
    if not at.begun:
        return start_page(at)
    found = _sorted(_found(at))
    page, before, after = _cut(found)
    now = clock.now()
    return render_template(
        "security/ip_ranges/list.html",
        rows=[row(entry, at.ranges, at.live, now) for entry in page],
        shown=_shown(len(page), len(found)),
        prev_url=_url(after=before) if before is not None else None,
        next_url=_url(after=after) if after is not None else None,
        filters={name: request.args.get(name, "") for name in FILTERS},
        filtered=any(request.args.get(name) for name in FILTERS if name != "sort"),
        sort_urls={key: _url(sort=f"-{key}" if request.args.get("sort", "range") == key else key) for key in SORTS},
        roles=[(str(role), ROLE_TEXTS[role][0]) for role in Role],
        path=seen_from(),
        standing=present_standing(),
        counts=_counts(at),
        free=unrestricted_roles(at.live, now) if at.live.mode != "off" else [],
        most=MOST_ENTRIES,
        **common("list", at),
    )


def _counts(at: Working) -> dict[str, int]:
    trusted = sum(entry.trusted for entry in at.ranges.entries)
    return {"allowed": len(at.ranges.entries) - trusted, "trusted": trusted, "overlapping": len(overlaps_of(at.ranges))}


def _found(at: Working) -> list[Entry]:
    q = request.args.get("q", "").strip()[:SEARCH_CHARACTERS].lower()
    strength, state, role = (request.args.get(name, "") for name in ("strength", "state", "role"))
    now, overlaps = clock.now(), overlaps_of(at.ranges) if state == "odd" else {}
    value = address_value(q)
    address = Span(value[0], value[1], value[1]) if value else None
    return [
        entry
        for entry in at.ranges.entries
        if (not strength or entry.strength == strength)
        and (not role or entry.concerns(role))
        and (not state or entry.state(now) == state or (state == "odd" and (entry.warnings or entry.id in overlaps)))
        and (not q or q in f"{entry.range} {entry.description}".lower() or (address and entry.span.holds(address)))
    ]


def _sorted(entries: list[Entry]) -> list[Entry]:
    sort = request.args.get("sort", "range")
    keys: dict[str, Any] = {
        "range": lambda entry: (entry.span, entry.strength, entry.id),
        "description": lambda entry: (entry.description.casefold(), entry.span, entry.id),
        "scope": lambda entry: (scope_text(entry), entry.span, entry.id),
        "ends": lambda entry: (entry.ends_at is None, entry.ends_at or entry.span, entry.id),
    }
    return sorted(entries, key=keys.get(sort.removeprefix("-"), keys["range"]), reverse=sort.startswith("-"))


def _cut(found: list[Entry]) -> tuple[list[Entry], str | None, str | None]:
    """The page behind the entry `after`, and what to give for the pages before and behind; "" is the first page."""
    places = {entry.id: place for place, entry in enumerate(found)}
    start = places.get(request.args.get("after", ""), -1) + 1
    before = None if not start else found[start - PAGE - 1].id if start > PAGE else ""
    after = found[start + PAGE - 1].id if start + PAGE < len(found) else None
    return found[start : start + PAGE], before, after


def _url(**changes: str) -> str:
    kept: dict[str, Any] = {name: request.args.get(name) for name in FILTERS}
    return url_for("ip_ranges.list_ranges", **{name: value for name, value in {**kept, **changes}.items() if value})


def _shown(page: int, total: int) -> str:
    return f"{page} of {total:,} ranges" if page < total else f"{total:,} {'range' if total == 1 else 'ranges'}"


@blueprint.get("/export.csv")
@requires(Permission.SECURITY_IP_RANGES_READ, fresh=True)
def export_ranges() -> Response:
    """The list as it is edited, as a file that can be read in again; that it left is in the audit record."""
    name = f"ip-ranges-{clock.now():%Y-%m-%d}.csv"
    if request.method == "HEAD":
        return csv_response([], name)
    writing()
    entries = working().ranges.entries
    record(Tag.IP_RANGES_EXPORTED, by=actor(), entries=len(entries))
    return csv_response(list(csv_lines(entries)), name)
