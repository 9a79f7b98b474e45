"""One item's page: a message in several views, or a document; its attachments, its history, its neighbours in the list."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import Response, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.audit.words import who
from blueprints.data import blueprint
from blueprints.data.download import chain
from blueprints.data.filters import beside, read_filters
from blueprints.data.frame import PAGE_POLICY
from blueprints.data.listing import import_page
from blueprints.data.names import item_file_name
from blueprints.data.opening import missing_reason, noting_damage, on_record, opened_item
from blueprints.data.views import document_context, message_context
from blueprints.data.words import size_text
from blueprints.gate import requires
from blueprints.visit import actor
from console.audit.models import AuditEntry
from console.core.db import db
from console.core.errors import Invalid
from console.core.permissions import Permission, may
from console.customer_data.finding import find_items
from console.customer_data.imports import data_import
from console.customer_data.labels import labels, labels_of, may_see_labels
from console.customer_data.models import Item, custodian, item_for
from console.customer_data.openings import REASON_CHARACTERS, give_reason, history
from console.customer_data.reading import TooLargeToOpen, is_message, opened_message, part_of, shown, whole
from console.users.models import names_of

HISTORY = 30
VIEWS = ("text", "html", "headers", "source")


@blueprint.get("/<uuid:item_id>")
@requires(Permission.DATA_OWN_READ)
def show_item(item_id: UUID) -> ResponseReturnValue:
    """The message or document; that it was opened is in the record before it is shown."""
    item = item_for(item_id, by=actor())
    if missing_reason(item):
        return _ask_reason(item)
    try:
        with noting_damage(item):
            raw = whole(item)
    except TooLargeToOpen as error:
        return _page(item, {"view": "", "shown": None, "note": error.message, "message": None})
    message = opened_message(item, raw, "")
    if message is None:
        context = document_context(item, shown(raw), url_for("data.picture", item_id=item_id))
    else:
        context = message_context(message, raw, view(), url_for("data.html", item_id=item_id))
    on_record(item, {"html": "page", "headers": "headers", "source": "source"}.get(context["view"], "text"))
    return _page(item, context)


@blueprint.get("/<uuid:item_id>/parts/<part>")
@requires(Permission.DATA_OWN_READ)
def show_part(item_id: UUID, part: str) -> ResponseReturnValue:
    """An attachment: a message to be read, a picture, a text, or a download. **Raises:** NotFound."""
    item = opened_item(item_id)
    way = chain(part)
    with noting_damage(item):
        raw = whole(item)
    found, data = part_of(raw, way)
    name = found.name or ("Attached message" if is_message(found, "") else "Attachment without a name")
    message = opened_message(item, raw, way)
    if message is None:
        context = document_context(item, shown(data), url_for("data.part_picture", item_id=item_id, part=way))
    else:
        context = message_context(message, data, view(), url_for("data.part_html", item_id=item_id, part=way), way)
    on_record(item, "attachment", found.name or way)
    context |= {
        "item": item,
        "part": way,
        "name": name,
        "declared": found.content_type,
        "parents": _parents(item, way),
        "kept": read_filters().kept(),
        "urls": {each: url_for("data.show_part", item_id=item.id, part=way, view=each) for each in VIEWS},
        "size_text": size_text,
    }
    return _framing(render_template("data/part.html", **context))


@blueprint.post("/<uuid:item_id>/reason")
@requires(Permission.DATA_REASONS_WRITE)
def save_reason(item_id: UUID) -> ResponseReturnValue:
    """Why the person opens it: kept for the session, and in the record of each opening."""
    item = item_for(item_id, by=actor())
    try:
        give_reason(item, request.form.get("reason", ""), by=actor())
    except Invalid as problem:
        db.session.rollback()
        return _ask_reason(item_for(item_id, by=actor()), problem.fields.get("reason", problem.message), 422)
    kept = read_filters(request.form).kept()
    return redirect(url_for("data.show_item", item_id=item_id, **kept), 303)


def view() -> str:
    """The view that the address asks for; the safe text where it asks for none."""
    asked = request.args.get("view", "")
    return asked if asked in VIEWS else VIEWS[0]


def _page(item: Item, context: dict[str, Any]) -> Response:
    filters = read_filters()
    may_label = may_see_labels(actor())
    context |= {
        "item": item,
        "summary": item.summary,
        "custodian": custodian(item.custodian_id),
        "file_name": item_file_name(item),
        "labels": labels_of([item.id]).get(item.id, []) if may_label else None,
        "all_labels": labels() if may_label else [],
        "story": _story(item),
        "place": _place(),
        "kept": filters.kept(),
        "urls": {each: url_for("data.show_item", item_id=item.id, **filters.kept(), view=each) for each in VIEWS},
        "size_text": size_text,
        **_neighbours(item),
    }
    return _framing(render_template("data/item.html", **context))


def _framing(page: str) -> Response:
    response = make_response(page)
    response.headers["Content-Security-Policy"] = PAGE_POLICY
    return response


def _ask_reason(item: Item, problem: str = "", status: int = 200) -> ResponseReturnValue:
    page = render_template(
        "data/reason.html",
        item=item,
        custodian=custodian(item.custodian_id),
        problem=problem,
        reason=request.form.get("reason", ""),
        most=REASON_CHARACTERS,
        kept=read_filters(request.values).kept(),
    )
    return page, status


def _neighbours(item: Item) -> dict[str, str | None]:
    """The addresses of the items before and after it in the list that the person came from."""
    filters = read_filters()
    links = {}
    for name, query in zip(("before_url", "behind_url"), beside(filters.query, item), strict=True):
        found = find_items(query, by=actor()).items
        links[name] = url_for("data.show_item", item_id=found[0].id, **filters.kept()) if found else None
    return links


def _place() -> str:
    return urlencode(read_filters().kept())


def _parents(item: Item, way: str) -> list[tuple[str, str]]:
    """The messages that the part is in, outermost first: label and address."""
    found = [(item.summary.title or "No subject", url_for("data.show_item", item_id=item.id))]
    steps = way.split("-")[:-1]
    for depth in range(1, len(steps) + 1):
        inner = "-".join(steps[:depth])
        found.append(("Attached message", url_for("data.show_part", item_id=item.id, part=inner)))
    return found


def _story(item: Item) -> dict[str, Any]:
    """When and by whom it came, and who opened it; each part for those whose role may know it."""
    story: dict[str, Any] = {"openings": None, "brought": None}
    if may(actor().role, Permission.DATA_IMPORTS_READ):
        brought = data_import(item.import_id)
        names = names_of({brought.created_by}) if brought.created_by else {}
        by = names.get(brought.created_by) if brought.created_by else None
        story["brought"] = {"by": by, "source": brought.source, "url": import_page(brought.id)}
    if may(actor().role, Permission.AUDIT_ENTRIES_READ):
        story["openings"] = [_line(entry) for entry in history(item.id, limit=HISTORY) if not _is_frame(entry)]
    return story


_OPENED = {
    "text": "Read its text",
    "html": "Read its HTML",
    "headers": "Read its headers",
    "source": "Read its source",
    "raw": "Downloaded its source",
    "picture": "Looked at the picture",
    "attachment": "Opened an attachment",
    "export": "Exported it",
}


def _is_frame(entry: AuditEntry) -> bool:
    """Whether it is the page around a mail's HTML; that the HTML itself was read is an entry of its own."""
    return (entry.details.get("facts") or {}).get("opened") == "page"


def _line(entry: AuditEntry) -> dict[str, Any]:
    facts = entry.details.get("facts") or {}
    text = _OPENED.get(str(facts.get("opened", "")), entry.text)
    about = facts.get("attachment") or facts.get("label")
    return {
        "id": entry.id,
        "at": entry.at,
        "text": f"{text}: {about}" if about else text,
        "who": who(entry),
        "reason": entry.details.get("reason"),
        "again": facts.get("opened_again_before"),
    }
