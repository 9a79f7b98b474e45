"""Somebody who owns the database, and what the record says about it afterwards."""

import sqlite3
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.pool import NullPool

from console.audit.actions import record
from console.audit.chain import hash_entry
from console.audit.models import AuditEntry, head
from console.audit.tags import Tag
from console.audit.verify import verify
from console.core.actor import system
from console.core.db import db
from tests.databases import POSTGRESQL, superuser_url

BY = system("test")


@contextmanager
def raw(house):
    """A connection that no guard of the product sees; answers a function that runs SQL with named parameters."""
    if POSTGRESQL:
        engine = create_engine(superuser_url(make_url(house.settings.database_url).database), poolclass=NullPool)
        with engine.begin() as connection:
            yield lambda sql, **values: connection.execute(text(sql), values)
        return
    connection = sqlite3.connect(make_url(house.settings.database_url).database)
    try:
        yield lambda sql, **values: connection.execute(sql, values)
        connection.commit()
    finally:
        connection.close()


def key(value):
    """A UUID as a raw statement needs it."""
    return value if POSTGRESQL else value.hex


def fill(house, tenant_id, count=12):
    """The record has `count` entries more. Answers the number of the last one."""
    with house.inside(tenant_id):
        for index in range(count):
            record(Tag.USER_CHANGED, by=BY, subject=("user", tenant_id), changes={"title": ("old", f"new {index}")})
        return head().number


def check(house, tenant_id, checkpoint=None):
    """The verdict on that record."""
    with house.inside(tenant_id, write=False):
        return verify(checkpoint)


def chain_anew(house, run, tenant_id, start):
    """Recompute the chain from entry `start` on, head included, as somebody with the database but no keys can."""
    tenant = key(tenant_id)
    with house.inside(tenant_id, write=False):
        rows = db.session.execute(
            select(AuditEntry).where(AuditEntry.number >= start - 1).order_by(AuditEntry.number)
        ).scalars()
        rows = list(rows)
        db.session.expunge_all()
    previous = rows[0].hash
    for row in rows[1:]:
        row.previous_hash = previous
        previous = row.hash = hash_entry(row)
        run(
            "UPDATE audit_entries SET previous_hash = :previous, hash = :hash WHERE tenant_id = :t AND id = :id",
            previous=row.previous_hash, hash=row.hash, t=tenant, id=key(row.id),
        )  # fmt: skip
    run("UPDATE audit_heads SET number = :n, hash = :h WHERE tenant_id = :t", n=rows[-1].number, h=previous, t=tenant)
