"""Examples of what stands in the addresses of the pages about Customer Data: of each Customer one, made if there is none."""

from sqlalchemy import select

from console.core.actor import Actor
from console.core.db import db
from console.customer_data.custodians import custodian_of
from console.customer_data.holds import holds, place_hold
from console.customer_data.imports import recent_imports
from console.customer_data.labels import add_label, labels
from console.customer_data.models import Item, custodians
from console.customer_data.uploads import Announced, announce, open_import
from tests.customer_data.mails import bring as bring_mail
from tests.customer_data.mails import letter
from tests.house import House


def _owner(house: House, tenant: str):
    return house["owner" if tenant == "acme" else "birch_owner"]


def _by(house: House, tenant: str) -> Actor:
    owner = _owner(house, tenant)
    return Actor(kind="person", tenant_id=owner.tenant_id, user_id=owner.id, role=owner.role, label=owner.name)


def _items(house: House, tenant: str) -> list[str]:
    """An item of that tenant's member, and one of somebody who is no user; brought in if there are none."""
    member = "member" if tenant == "acme" else "birch_member"
    query = select(Item.id).where(Item.quarantined_for.is_(None)).order_by(Item.number)
    for _try in range(2):
        with house.inside(house[member].tenant_id, write=False):
            found = [str(row) for row in db.session.execute(query).scalars()]
        if found:
            return found
        attached = [("a.txt", "text/plain", b"attached")]
        bring_mail(house, member, [letter("Example", "Words", html="<p>x</p>", attachments=attached)])
        bring_mail(house, member, [letter("Another", "Words")], "shared@box.example")
    raise AssertionError(member)


def _custodians(house: House, tenant: str) -> list[str]:
    """A custodian of that tenant."""
    _items(house, tenant)
    with house.inside(_owner(house, tenant).tenant_id, write=False):
        return [str(each.id) for each in custodians()]


def _labels(house: House, tenant: str) -> list[str]:
    """A label of that tenant, made if there is none."""
    owner, by = _owner(house, tenant), _by(house, tenant)
    with house.inside(owner.tenant_id):
        return [str(each.id) for each in labels() or [add_label("Example", by=by)]]


def _data_imports(house: House, tenant: str) -> list[str]:
    """An import of that tenant to which files may come, with one announced; opened if there is none."""
    owner, by = _owner(house, tenant), _by(house, tenant)
    with house.inside(owner.tenant_id):
        found = [str(one.id) for one in recent_imports(limit=10) if one.state == "receiving"]
        if not found:
            made = open_import(owner.email, by=by)
            announce(made.id, 0, [Announced("mail.mbox", 100)])
            found = [str(made.id)]
    return found


def _held_items(house: House, tenant: str) -> list[str]:
    """An item of that tenant that is in quarantine, imported if there is none."""
    member = "member" if tenant == "acme" else "birch_member"
    with house.inside(house[member].tenant_id, write=False):
        query = select(Item.id).where(Item.quarantined_for.is_not(None))
        found = list(db.session.execute(query).scalars())
    if not found:
        found = bring_mail(house, member, [letter("Held", "Words")], "held@box.example")
        with house.inside(house[member].tenant_id):
            for one in db.session.execute(select(Item).where(Item.id.in_(found))).scalars():
                one.quarantined_for = "not_understood"
    return [str(one) for one in found]


def _holds(house: House, tenant: str) -> list[str]:
    """A hold of that tenant, placed if there is none; on a custodian without items, so that it is in nobody's way."""
    by = _by(house, tenant)
    with house.inside(_owner(house, tenant).tenant_id):
        found = holds()
        if not found:
            empty = custodian_of(f"held@{tenant}.example", by=by)
            found = [place_hold("custodian", name="Example", reason="An example", custodian_id=empty.id, by=by)]
        return [str(one.id) for one in found]


EXAMPLES = {
    "data_import_id": _data_imports,
    "held_item_id": _held_items,
    "item_id": _items,
    "custodian_id": _custodians,
    "label_id": _labels,
    "hold_id": _holds,
}
