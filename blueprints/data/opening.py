"""Opening an item: may the person, was the reason given, is it on record? Every page and download passes through here."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from flask import abort, request, url_for
from werkzeug.wrappers import Response

from blueprints.visit import actor, signed_in
from console.core.db import unit_of_work
from console.customer_data.contents import DamagedItem
from console.customer_data.damage import note_damage
from console.customer_data.models import Item, item_for
from console.customer_data.openings import needs_reason, reason_given, record_opening


def opened_item(item_id: UUID) -> Item:
    """The item, where the person may read it and has said why, if that is asked for. **Raises:** NotFound.

    Whoever has not said why yet is sent to the item's page, which asks.
    """
    item = item_for(item_id, by=actor())
    if missing_reason(item):
        abort(Response(status=303, headers={"Location": url_for("data.show_item", item_id=item_id)}))
    return item


def missing_reason(item: Item) -> bool:
    """Whether the person still has to say why that item is opened."""
    needed = needs_reason(item, signed_in().choices, by=actor())
    return needed and reason_given(item.id, by=actor()) is None


def on_record(item: Item, what: str, name: str = "") -> None:
    """The opening is in the record, in a unit of its own, before a byte of the item leaves.

    A unit of its own: taking a large message apart must not hold the lock under which everybody writes. What only asks
    for the size (HEAD) opens nothing.
    """
    if request.method == "HEAD":
        return
    by = actor()
    reason = reason_given(item.id, by=by) if signed_in().choices.reason_to_open else None
    with unit_of_work(signed_in().tenant_id):
        record_opening(item, by=by, what=what, name=name, reason=reason)


@contextmanager
def noting_damage(item: Item) -> Iterator[None]:
    """Damage that shows when the item is read is noted with the item and in the record. **Raises:** DamagedItem."""
    try:
        yield
    except DamagedItem as error:
        with unit_of_work(signed_in().tenant_id):
            note_damage(item.id, error, by=actor())
        raise
