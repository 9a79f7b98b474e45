"""Items that a Customer holds, put there without an import: for tests about what happens to them afterwards."""

import hashlib
from pathlib import Path
from uuid import UUID

from sqlalchemy import select, update

from console.core import clock
from console.core.db import bound_tenant, db
from console.core.ids import new_id
from console.customer_data.contents import seal_inline
from console.customer_data.imports import DataImport, ImportState
from console.customer_data.models import (
    Custodian,
    DataTotal,
    Item,
    ItemContent,
    MonthCount,
    Summary,
    fingerprint,
    totals,
)
from console.vault.access import tenant_keys
from console.vault.blobs import Blob, store_blob
from tests.house import House


def hold(house: House, tenant_id: UUID, *raws: bytes, as_blobs: bool = False) -> list[UUID]:
    """The tenant holds each of these as an item; in rows, or in blobs."""
    with house.inside(tenant_id):
        total = totals(lock=True)
        if total is None:
            total = DataTotal(id=bound_tenant(), last_number=0, items=0, size_bytes=0, damaged=0)
            db.session.add(total)
        custodian, brought = _custodian(), _import()
        month = MonthCount(custodian_id=custodian.id, month=f"{clock.now():%Y-%m}", items=0, size_bytes=0)
        db.session.add(month)
        found = []
        for raw in raws:
            blob = store_blob([raw]).blob if as_blobs else None
            db.session.flush()
            total.last_number += 1
            total.items += 1
            found.append(_item(raw, total.last_number, custodian, brought, blob))
            for count in (total, custodian, month):
                count.size_bytes += len(raw)
            custodian.items, month.items = custodian.items + 1, month.items + 1
        return found


def _custodian() -> Custodian:
    one = Custodian(id=new_id(), created_at=clock.now(), items=0, size_bytes=0)
    one.set_details(address=f"{one.id.hex}@acme.example", name="Cleo Custodian")
    db.session.add(one)
    db.session.flush()
    return one


def _import() -> DataImport:
    one = DataImport(id=new_id(), state=ImportState.RUNNING, source="command", created_at=clock.now())
    one.set_facts({"label": "held"})
    one.finish(ImportState.DONE)
    db.session.add(one)
    db.session.flush()
    return one


def _item(raw: bytes, number: int, custodian: Custodian, brought: DataImport, blob: Blob | None) -> UUID:
    sha256 = hashlib.sha256(raw)
    item_id, now = new_id(), clock.now()
    summary = Summary(sha256=sha256.hexdigest(), title=f"Item {number}")
    row = Item(
        id=item_id,
        number=number,
        custodian_id=custodian.id,
        import_id=brought.id,
        kind="message",
        media="mail",
        dated_at=now,
        received_at=now,
        size_bytes=len(raw),
        fingerprint=fingerprint(custodian.id, "", sha256.digest()),
        blob_id=blob.id if blob else None,
        sealed=tenant_keys().seal(Item.__tablename__, item_id, summary.as_dict()),
    )
    db.session.add(row)
    db.session.flush()
    if blob is None:
        db.session.add(ItemContent(id=item_id, sealed=seal_inline(item_id, raw)))
        db.session.flush()
    return item_id


def flip_inline(house: House, tenant_id: UUID, item_id: UUID) -> None:
    """One bit of a small item's sealed bytes is another; called twice, everything is as before."""
    with house.inside(tenant_id):
        sealed = db.session.execute(select(ItemContent.sealed).where(ItemContent.id == item_id)).scalar_one()
        other = sealed[:-5] + bytes((sealed[-5] ^ 1,)) + sealed[-4:]
        db.session.execute(update(ItemContent).where(ItemContent.id == item_id).values(sealed=other))


def blob_path(house: House, tenant_id: UUID, item_id: UUID) -> Path:
    """The file of an item that lies in a blob."""
    with house.inside(tenant_id, write=False):
        blob_id = db.session.execute(select(Item.blob_id).where(Item.id == item_id)).scalar_one()
        name = db.session.execute(select(Blob).where(Blob.id == blob_id)).scalar_one().name
    return house.settings.instance / "blobs" / name
