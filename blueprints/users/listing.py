"""The list of users: search, filters, sort, pages; and the table of roles."""

from typing import Any
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
from console.users.models import State

LIMITS = (25, 50, 100, 200)
STATES = (State.INVITED, State.ACTIVE, State.SUSPENDED, State.DELETED)
SEARCH_CHARACTERS = 200


@blueprint.get("")
@requires(Permission.USERS_PEOPLE_READ)
def list_users() -> ResponseReturnValue:
    """One page of the people that match the address bar."""
    query = read_query()
    page = list_people(query)
    return render_template(
        "users/list.html",
        page=page,
        rows=[_row(entry) for entry in page.entries],
        query=query,
        sort=sort_text(query),
        sort_urls=_sort_urls(query),
        prev_url=_page_url("before", page.entries[0].id) if page.entries and page.has_previous else None,
        next_url=_page_url("after", page.entries[-1].id) if page.entries and page.has_next else None,
        shown=_shown(page, query),
        roles=[(str(role), text[0]) for role, text in ROLE_TEXTS.items()],
        states=[str(state) for state in STATES],
        limits=LIMITS,
        filtered=bool(query.q or query.role or query.state),
    )


def _row(entry: Entry) -> dict[str, Any]:
    """One line of the list, in words: so that the template's loop has nothing to work out."""
    seen = entry.last_sign_in_at
    return {
        "id": str(entry.id),
        "name": entry.name,
        "initials": initials(entry.name),
        "tone": avatar_tone(entry.name),
        "title": entry.title,
        "email": entry.email,
        "role": role_label(entry.role),
        "state": entry.state,
        "seen": local_time(seen),
        "seen_utc": f"{seen:%Y-%m-%dT%H:%M:%SZ}" if seen else "",
    }


@blueprint.get("/roles")
@requires(Permission.USERS_PEOPLE_READ)
def roles() -> ResponseReturnValue:
    """What each role may do: the product's own table, shown."""
    shown = [item for item in Permission if any(item in ROLE_PERMISSIONS[role] for role in Role)]
    table = [(PERMISSION_TEXTS[item], [item in ROLE_PERMISSIONS[role] for role in Role]) for item in shown]
    return render_template("users/roles.html", roles=[ROLE_TEXTS[role] for role in Role], table=table)


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


def _kept(**changes: str) -> dict[str, Any]:
    """The address bar's filters with some changed; pages start anew."""
    names = ("q", "role", "state", "sort", "limit")
    kept = {name: value for name in names if (value := request.args.get(name))}
    return {**kept, **changes}


def _page_url(edge: str, user_id: UUID) -> str:
    return url_for("users.list_users", **_kept(**{edge: str(user_id)}))


def _sort_urls(query: Query) -> dict[str, str]:
    """Behind each column's title: sort by it, or turn the order round."""
    urls = {}
    for key in SORTS:
        turn = key == query.sort and not query.descending
        urls[key] = url_for("users.list_users", **_kept(sort=f"-{key}" if turn else key))
    return urls


def _shown(page: Page, query: Query) -> str:
    total = page.total or 0
    if not page.entries:
        return "No people"
    if total == len(page.entries):
        return "1 person" if total == 1 else f"{total:,} people"
    return f"{len(page.entries)} of {total:,} people" + (" found" if query.q else "")


def may_manage() -> bool:
    """Whether the acting person can change anybody at all."""
    return may(actor().role, Permission.USERS_PEOPLE_WRITE)
