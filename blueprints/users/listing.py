"""The list of users: search, filters, sort, pages; and the table of roles."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.chrome import avatar_tone, initials, local_time
from blueprints.gate import requires
from blueprints.users import blueprint
from blueprints.visit import actor
from console.core.permissions import (
    PERMISSION_TEXTS,
    ROLE_PERMISSIONS,
    ROLE_TEXTS,
    Permission,
    Role,
    StaffRole,
    may,
    role_label,
)
from console.users.directory import SORTS, Entry, Page, Query, list_people
from console.users.links import INVITATION_STATES, invitation_states
from console.users.models import State

LIMITS = (25, 50, 100, 200)
STATES = (State.INVITED, *INVITATION_STATES, State.ACTIVE, State.SUSPENDED, State.DELETED)
STATE_LABELS = [
    ("", "Everybody not deleted"),
    ("invited", "Invited"),
    ("invitation_expired", "Invitation expired"),
    ("invitation_revoked", "Invitation revoked"),
    ("not_invited", "Not invited yet"),
    ("active", "Active"),
    ("suspended", "Suspended"),
    ("deleted", "Deleted"),
]
SORT_LABELS = [
    ("name", "Name, A to Z"),
    ("-name", "Name, Z to A"),
    ("email", "E-mail address, A to Z"),
    ("-email", "E-mail address, Z to A"),
    ("role", "Role, most rights first"),
    ("-role", "Role, fewest rights first"),
    ("state", "State"),
    ("-state", "State, reversed"),
    ("-last_sign_in", "Latest sign-in first"),
    ("last_sign_in", "Longest without sign-in first"),
    ("-created", "Latest added first"),
    ("created", "First added first"),
]
NAMES = ("q", "role", "state", "sort", "limit")
PLACE = ("after", "before", "at")
MOST_AT = 10_000_000
SEARCH_CHARACTERS = 200
PLACE_CHARACTERS = 2000


@blueprint.get("")
@requires(Permission.USERS_PEOPLE_READ)
def list_users() -> ResponseReturnValue:
    """One page of the people that match the address bar."""
    query = read_query()
    page = list_people(query)
    if not page.entries and (query.after or query.before):  # all of a last page was changed: show what is left
        query = replace(query, after=None, before=None)
        page = list_people(query)
    start = _start(page)
    invited = [entry.id for entry in page.entries if entry.state == State.INVITED]
    invitations = invitation_states(invited) if invited else {}
    return render_template(
        "users/list.html",
        page=page,
        rows=[_row(entry, invitations.get(entry.id, entry.state)) for entry in page.entries],
        query=query,
        sort=sort_text(query),
        sort_urls=_sort_urls(query),
        sort_labels=SORT_LABELS,
        place=urlencode(_kept(*PLACE)),
        prev_url=_page_url("before", page.entries[0].id, _at(start, -query.limit)) if page.has_previous else None,
        next_url=_page_url("after", page.entries[-1].id, _at(start, len(page.entries))) if page.has_next else None,
        shown=_shown(page, query, start),
        roles=[(str(role), text[0]) for role, text in ROLE_TEXTS.items()],
        states=STATE_LABELS,
        limits=LIMITS,
        filtered=bool(query.q or query.role or query.state),
    )


def _row(entry: Entry, state: str) -> dict[str, Any]:
    """One line of the list, in words: so that the template's loop has nothing to work out."""
    seen = entry.last_sign_in_at
    return {
        "id": str(entry.id),
        "name": entry.listed_name,
        "initials": initials(entry.name),
        "tone": avatar_tone(entry.name),
        "title": entry.title,
        "email": entry.email,
        "role": role_label(entry.role),
        "state": state,
        "seen": local_time(seen),
        "seen_utc": f"{seen:%Y-%m-%dT%H:%M:%SZ}" if seen else "",
    }


@blueprint.get("/roles")
@requires(Permission.USERS_PEOPLE_READ)
def roles() -> ResponseReturnValue:
    """What each role may do: the product's own table, shown."""
    groups: dict[str, list[tuple[str, list[bool]]]] = {}
    shown = [item for item in Permission if any(may(role, item) for role in Role)]
    for item in sorted(shown, key=_reading_order):
        groups.setdefault(area_label(item.split(":")[0]), []).append(
            (PERMISSION_TEXTS[item], [item in ROLE_PERMISSIONS[role] for role in Role])
        )
    return render_template("users/roles.html", roles=[ROLE_TEXTS[role] for role in Role], groups=groups)


AREAS = {
    "me": "One's own account",
    "account": "The account",
    "users": "Users",
    "data": "Customer Data",
    "security": "Security",
    "audit": "Audit record",
}
VERBS = ("read", "write", "export")


def area_label(area: str) -> str:
    """An area of permissions as people read it."""
    return AREAS.get(area, area.replace("_", " ").capitalize())


def _reading_order(item: Permission) -> tuple[int, str, int, int]:
    """Area by area; in each what most roles may do comes first, and reading before changing."""
    area, _thing, verb = item.split(":")
    place = list(AREAS).index(area) if area in AREAS else len(AREAS)
    holders = sum(may(role, item) for role in Role)
    return place, area, -holders, VERBS.index(verb) if verb in VERBS else len(VERBS)


def read_query() -> Query:
    """What the address bar asks for. Unknown values count as not given, so that old links go on working."""
    sort = request.args.get("sort", "name")
    key = sort.removeprefix("-")
    limit = request.args.get("limit", type=int)
    return Query(
        q=request.args.get("q", "").strip()[:SEARCH_CHARACTERS],
        role=_known(request.args.get("role", ""), [*Role, *StaffRole]),
        state=_known(request.args.get("state", ""), list(STATES)),
        sort=key if key in SORTS else "name",
        descending=sort.startswith("-") and key in SORTS,
        after=_id("after"),
        before=_id("before"),
        limit=min(max(limit, 1), LIMITS[-1]) if limit else 50,
    )


def sort_text(query: Query) -> str:
    """The sort as the address bar spells it."""
    return ("-" if query.descending else "") + query.sort


def _known(value: str, known: list[Any]) -> str:
    return value if value in [str(item) for item in known] else ""


def _id(name: str) -> UUID | None:
    try:
        return UUID(request.args[name])
    except (KeyError, ValueError):
        return None


def _kept(*further: str, **changes: str | int | None) -> dict[str, Any]:
    """The address bar's filters (and `further` parts of it) with some changed; else pages start anew."""
    kept = {name: value for name in (*NAMES, *further) if (value := request.args.get(name))}
    return {**kept, **changes}


def list_url(place: str) -> str:
    """The list as it was left: `place` is what `urlencode` made of its address, and nothing but filters is taken."""
    asked = dict(parse_qsl(place[:PLACE_CHARACTERS]))
    kept: dict[str, Any] = {name: asked[name] for name in (*NAMES, *PLACE) if name in asked}
    return url_for("users.list_users", **kept)


def _page_url(edge: str, user_id: UUID, at: int | None) -> str:
    return url_for("users.list_users", **_kept(**{edge: str(user_id)}, at=at))


def _start(page: Page) -> int | None:
    """How many people come before the page: sure at both ends of the list, else as the link said; None: not known."""
    if not page.has_previous:
        return 0
    beyond = (page.total or 0) - len(page.entries)
    if not page.has_next:
        return max(beyond, 0)
    at = request.args.get("at", type=int)
    return min(at, beyond) if at is not None and 0 < at <= MOST_AT else None


def _at(start: int | None, step: int) -> int | None:
    """The start of the page that is `step` people further."""
    return None if start is None else max(start + step, 0) or None


def _sort_urls(query: Query) -> dict[str, str]:
    """Behind each column's title: sort by it, or turn the order round."""
    urls = {}
    for key in SORTS:
        turn = key == query.sort and not query.descending
        urls[key] = url_for("users.list_users", **_kept(sort=f"-{key}" if turn else key))
    return urls


def _shown(page: Page, query: Query, start: int | None) -> str:
    total = page.total or 0
    if not page.entries:
        return "No people"
    if total == len(page.entries):
        return "1 person" if total == 1 else f"{total:,} people"
    count = f"{len(page.entries)}" if start is None else f"{start + 1:,} to {start + len(page.entries):,}"
    return f"{count} of {total:,} people" + (" found" if query.q else "")


def may_manage() -> bool:
    """Whether the acting person can change anybody at all."""
    return may(actor().role, Permission.USERS_PEOPLE_WRITE)
