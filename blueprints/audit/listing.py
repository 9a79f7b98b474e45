"""The list of entries, newest first: filters in the address bar, pages by entry number, no counting."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.audit import blueprint
from blueprints.audit.filters import LIMITS, Filters, areas, cursor, cursor_text, kept, read_filters
from blueprints.audit.words import area_text, lines
from blueprints.gate import requires
from blueprints.visit import actor
from console.audit.models import AuditEntry, EntryFilter, entries
from console.audit.tags import TAG_TEXTS, Tag
from console.core.permissions import Permission, may
from console.ip_ranges.refusals import known_reference
from console.users.models import names_of


@blueprint.get("")
@requires(Permission.AUDIT_ENTRIES_READ)
def list_entries() -> ResponseReturnValue:
    """One page of the entries that match the address bar."""
    filters = read_filters()
    if filters.nobody and (reference := known_reference(filters.who)) and _may_open_refusals():
        return redirect(url_for("ip_ranges.show_refusal", reference=reference), 303)
    found = Page("audit.list_entries", [], kept()) if filters.nobody else page_of(filters)
    return render_template(
        "audit/list.html",
        filters=filters,
        lines=lines(found.rows),
        page=found,
        areas=[(area, area_text(area)) for area in areas()],
        tags=_tags(filters),
        limits=[(limit, f"{limit} rows") for limit in LIMITS],
        chips=_chips(filters),
        export_url=url_for("audit.export", **kept()),
        tabs=tabs("audit.list_entries"),
    )


def _may_open_refusals() -> bool:
    return may(actor().role, Permission.SECURITY_IP_RANGES_READ)


class Page:
    """One page of entries, and the addresses of its neighbours."""

    def __init__(
        self,
        endpoint: str,
        rows: list[AuditEntry],
        address: dict[str, Any],
        *,
        newer: bool = False,
        older: bool = False,
    ) -> None:
        self.rows = rows
        self.newer = url_for(endpoint, **address, before=cursor_text(rows[0].number)) if newer else None
        self.older = url_for(endpoint, **address, after=cursor_text(rows[-1].number)) if older else None
        count = f"{len(rows)} {'entry' if len(rows) == 1 else 'entries'}"
        self.shown = f"{count} on this page" if newer or older else count


def page_of(filters: Filters, wanted: EntryFilter | None = None, endpoint: str = "audit.list_entries") -> Page:
    """The page that the address bar points at: one row more than shown is read, nothing is counted."""
    wanted, most = wanted or filters.wanted, filters.limit
    older_than, newer_than = cursor("after"), cursor("before")
    if newer_than is not None:
        rows = entries(wanted, after=newer_than, limit=most + 1)
        if len(rows) >= most:
            return Page(endpoint, rows[-most:], kept(), newer=len(rows) > most, older=bool(rows))
        older_than = None  # near the newest entry there is less than a page: show the first page instead
    rows = entries(wanted, before=older_than, limit=most + 1)
    more = len(rows) > most
    return Page(endpoint, rows[:most], kept(), newer=older_than is not None and bool(rows), older=more)


def _tags(filters: Filters) -> list[tuple[str, str]]:
    """The kinds of event to choose from: those of the chosen area, or all."""
    return [
        (str(tag), TAG_TEXTS[tag])
        for tag in Tag
        if not filters.area or tag.startswith(f"{filters.area}:") or tag == filters.tag
    ]


def _chips(filters: Filters) -> list[dict[str, Any]]:
    """The filters that came with a link, each with the address without it."""
    chosen: list[tuple[str, UUID, str]] = [
        (name, value, text)
        for name, value, text in (("actor", filters.actor, "Done by"), ("subject", filters.subject, "About"))
        if value is not None
    ]
    names = names_of({value for _name, value, _text in chosen})
    return [
        {
            "text": f"{text} {names.get(value, 'somebody unknown')}",
            "url": url_for("audit.list_entries", **kept(**{name: None})),
        }
        for name, value, text in chosen
    ]


def tabs(active: str) -> list[dict[str, Any]]:
    """The three views of the record."""
    shown = [("audit.list_entries", "Entries"), ("audit.list_sign_ins", "Sign-ins")]
    if may(actor().role, Permission.AUDIT_ENTRIES_EXPORT):
        shown.append(("audit.export", "Export and check"))
    return [{"label": label, "url": url_for(endpoint), "active": endpoint == active} for endpoint, label in shown]
