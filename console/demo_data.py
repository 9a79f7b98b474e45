"""The demo's Customer Data: imported from zip files by the same acts as anybody's."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from console.core import clock
from console.core.actor import Actor
from console.core.db import db, unit_of_work
from console.core.jobs import work_once
from console.customer_data.importing import run_import
from console.customer_data.imports import JOB
from console.customer_data.labels import add_label, put_on
from console.customer_data.models import Item
from console.customer_data.uploads import SLICE_BYTES, Announced, announce, open_import, receive, start_upload
from console.demo_mail import Mailbox, archive_of, documents_of
from console.users.models import user_by_email

LABELS = (("Contract Grünwald", "Grünwald"), ("Claims", "Damage report"))
"""Labels, and which subjects get them."""
_LOOKED_AT = 400


def fill_data(tenant_id: UUID, importer: str, mailboxes: list[Mailbox], threads: int) -> None:
    """Each of those people has an archive of that many conversations, imported by the person of that address."""
    by = _acting(tenant_id, importer)
    for owner in mailboxes:
        now = clock.now()
        packed = archive_of(owner, mailboxes, threads, now)
        _bring(tenant_id, owner, [(f"{owner.address}.zip", packed, now), *documents_of(owner, now)], by)
    while work_once({JOB: run_import}):
        pass
    with unit_of_work(tenant_id):
        _label_some(by)


def _acting(tenant_id: UUID, address: str) -> Actor:
    with unit_of_work(tenant_id, write=False):
        person = user_by_email(address)
        if person is None:
            raise LookupError(address)
        return Actor(kind="person", tenant_id=tenant_id, user_id=person.id, role=person.role, label=person.name)


def _bring(tenant_id: UUID, owner: Mailbox, files: list[tuple[str, bytes, datetime]], by: Actor) -> None:
    with unit_of_work(tenant_id):
        import_id = open_import(owner.address, by=by, label=owner.name).id
        announce(import_id, 0, [Announced(name, len(data), changed_at) for name, data, changed_at in files])
    for place, (_name, data, _changed_at) in enumerate(files):
        for start in range(0, len(data), SLICE_BYTES):
            with unit_of_work(tenant_id):
                receive(import_id, place, start, data[start : start + SLICE_BYTES])
    with unit_of_work(tenant_id):
        start_upload(import_id, by=by)


def _label_some(by: Actor) -> None:
    items = db.session.execute(select(Item).order_by(Item.dated_at.desc()).limit(_LOOKED_AT)).scalars().all()
    for name, words in LABELS:
        chosen = [item.id for item in items if words in item.summary.title]
        put_on(add_label(name, by=by), chosen, by=by)
