"""The list of messages and documents: words, filters, pages; and what can be done with a selection."""

from typing import Any
from uuid import UUID

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.data import blueprint
from blueprints.data.filters import ATTACHMENTS, KINDS, LIMITS, SIZES, SORTS, Filters, read_filters
from blueprints.data.words import rows_of, size_text
from blueprints.gate import requires
from blueprints.visit import actor, signed_in
from console.core.db import unit_of_work
from console.core.permissions import Permission, may
from console.customer_data.finding import ItemPage, find_items
from console.customer_data.labels import labels, labels_of, may_see_labels
from console.customer_data.models import Custodian, custodians, readable_custodians
from console.customer_data.openings import record_search
from console.customer_data.overview import held


@blueprint.get("")
@requires(Permission.DATA_OWN_READ)
def list_items() -> ResponseReturnValue:
    """One page of the items that match the address bar, of those that the person may read."""
    filters = read_filters()
    _record(filters)
    page = find_items(filters.query, by=actor())
    if not page.items and not page.has_next and (filters.query.after or filters.query.before):
        return redirect(url_for("data.list_items", **filters.kept()), 303)  # all of a last page went: show what is left
    shown = readable()
    sees_labels = may_see_labels(actor())
    of = labels_of([item.id for item in page.items]) if sees_labels else {}
    items, size_bytes = held(by=actor())
    return render_template(
        "data/list.html",
        filters=filters,
        values=filters.values,
        page=page,
        rows=rows_of(page.items, {each.id: each for each in shown}, of, page.query),
        custodians=[(str(each.id), each.label) for each in sorted(shown, key=lambda each: each.label.casefold())],
        labels=[(str(each.id), each.name) for each in labels()] if sees_labels else [],
        kinds=KINDS,
        sizes=[(name, text) for name, (text, _least, _most) in SIZES.items()],
        attachments=ATTACHMENTS,
        sorts=SORTS,
        limits=LIMITS,
        place=request.query_string.decode("utf-8", "replace")[:2000],
        kept=filters.kept(),
        held=items,
        held_text=size_text(size_bytes),
        shown=_shown(page, filters, items),
        previous_url=_page_url(filters, before=page.previous_before) if page.has_previous else None,
        next_url=_page_url(filters, after=page.next_after) if page.has_next else None,
        tabs=tabs("data.list_items"),
        import_url=import_page() if may(actor().role, Permission.DATA_IMPORTS_WRITE) else None,
    )


def readable() -> list[Custodian]:
    """The custodians whose items the person may read."""
    allowed = readable_custodians(actor())
    return [each for each in custodians() if allowed is None or each.id in allowed]


def tabs(active: str) -> list[dict[str, Any]]:
    """The views of Customer Data that the person's role has; none where the list is all there is."""
    shown = [("data.list_items", "Items")]
    if may(actor().role, Permission.DATA_ITEMS_READ):
        shown += [("data.overview", "Overview"), ("data.list_custodians", "Custodians"), ("data.list_labels", "Labels")]
    if may(actor().role, Permission.DATA_IMPORTS_READ):
        shown.append(("data.list_imports", "Imports"))
    if may(actor().role, Permission.DATA_HOLDS_READ):
        shown += [("data.list_holds", "Legal holds"), ("data.show_retention", "Retention")]
    if len(shown) == 1:
        return []
    return [{"label": label, "url": url_for(endpoint), "active": endpoint == active} for endpoint, label in shown]


def import_page(import_id: UUID | None = None) -> str:
    """The page of an import, or the one that starts one."""
    return url_for("data.show_import", data_import_id=import_id) if import_id else url_for("data.import_form")


def chosen_ids() -> list[UUID]:
    """The items that were ticked in the list, as the form sends them; what is no id is left out."""
    found = []
    for text in request.form.getlist("ids"):
        try:
            found.append(UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def _record(filters: Filters) -> None:
    """The words that were searched for are in the record, if the Customer wants that."""
    if not filters.query.q or request.method == "HEAD" or not signed_in().choices.record_searches:
        return
    with unit_of_work(signed_in().tenant_id):
        record_search(filters.query.q, by=actor())


def _page_url(filters: Filters, **edge: str | None) -> str:
    return url_for("data.list_items", **filters.kept(**edge))


def _shown(page: ItemPage, filters: Filters, items: int) -> str:
    count, edge = len(page.items), filters.query.after or filters.query.before
    if not count:
        return "Nothing found" if filters.active else "No items"
    one = "1 item" if count == 1 else f"{count:,} items"
    if not edge and not page.has_next:
        return f"{one} found" if filters.active else one
    total = page.total if filters.active else items
    return f"{one} on this page, {total:,} in all" if total else f"{one} on this page"
