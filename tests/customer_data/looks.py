"""What the tests of reading look at: the record of openings, a page's own text, an item made damaged."""

from sqlalchemy import select

from console.audit.models import EntryFilter, entries
from console.audit.tags import Tag
from console.core.db import db
from console.customer_data.models import Item, ItemContent
from tests.users.acts import main_text


def recorded(house, key, *tags, subject_id=None):
    """(facts, reason, who) of the entries with those tags, oldest first."""
    with house.inside(house[key].tenant_id, write=False):
        found = entries(EntryFilter(tags=tags or (Tag.DATA_ITEM_OPENED,), subject_id=subject_id), limit=500)
        return [(row.details.get("facts", {}), row.details.get("reason"), row.details["actor"]) for row in found[::-1]]


def opened(house, key, item_id):
    """What of that item was opened, oldest first."""
    return [facts["opened"] for facts, _reason, _who in recorded(house, key, subject_id=item_id)]


def titles(page):
    """The titles in the list on that page, in order."""
    import html
    import re

    found = re.findall(r"data-row-link[^>]*><bdi>(.*?)</bdi>", page.text)
    return [html.unescape(re.sub("</?mark>", "", title)) for title in found]


def damage(house, key, item_id):
    """One byte of what is stored of a small item is another."""
    with house.inside(house[key].tenant_id):
        content = db.session.execute(select(ItemContent).where(ItemContent.id == item_id)).scalar_one()
        sealed = bytearray(content.sealed)
        sealed[-1] ^= 1
        content.sealed = bytes(sealed)


def integrity(house, key, item_id):
    with house.inside(house[key].tenant_id, write=False):
        return db.session.execute(select(Item.integrity).where(Item.id == item_id)).scalar_one()


__all__ = ["damage", "integrity", "main_text", "opened", "recorded", "titles"]
