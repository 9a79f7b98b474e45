"""A tenant with many people, sealed as the product seals them, made in bulk for measuring."""

import random
import sqlite3
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

from sqlalchemy import insert

from console.core import clock
from console.core.actor import system
from console.core.db import bound_tenant, db, unit_of_work
from console.core.ids import new_id
from console.core.lookups import Lookup
from console.tenants.actions import add_tenant
from console.tenants.models import lock_people
from console.users.models import Details, User, username_digest
from console.vault.access import tenant_keys

GIVEN = [
    "Ada",
    "Björn",
    "Chloé",
    "Dmitri",
    "Élodie",
    "Fatima",
    "Grace",
    "Hugo",
    "Ingrid",
    "João",
    "Kaoru",
    "Łucja",
    "Mei",
    "Noor",
    "Olga",
    "Priya",
    "Quentin",
]
FAMILY = [
    "Novak",
    "Okafor",
    "Pérez",
    "Quist",
    "Rossi",
    "Schmidt",
    "Tanaka",
    "Ueda",
    "Virtanen",
    "Wójcik",
    "Xu",
    "Yildiz",
    "Zhang",
    "Ångström",
    "Byrne",
]
BATCH = 2000


def make_tenant(name: str) -> UUID:
    """A new tenant without people."""
    tenant_id = new_id()
    with unit_of_work():
        add_tenant(name, tenant_id=tenant_id, by=system("benchmark"))
    return tenant_id


def add_people(tenant_id: UUID, count: int, *, domain: str) -> None:
    """That many more active members, each in the blind index, numbered as the tenant's changes."""
    dice = random.Random(count)
    for start in range(0, count, BATCH):
        with unit_of_work(tenant_id):
            _add_batch(dice, start, min(BATCH, count - start), domain)


def _add_batch(dice: random.Random, start: int, count: int, domain: str) -> None:
    tenant, keys, now = lock_people(), tenant_keys(), clock.now()
    users, lookups = [], []
    for offset in range(count):
        given, family = dice.choice(GIVEN), f"{dice.choice(FAMILY)}{dice.randrange(10**5)}"
        details = Details(given, family, f"u{start + offset}@{domain}", title="Operations")
        tenant.people_seq += 1
        user_id = new_id()
        users.append(
            {
                "tenant_id": bound_tenant(),
                "id": user_id,
                "role": "member",
                "state": "active",
                "state_at": now,
                "sealed": keys.seal(User.__tablename__, user_id, asdict(details)),
                "version": 1,
                "people_seq": tenant.people_seq,
                "sign_in_epoch": 0,
                "created_at": now,
                "activated_at": now,
            }
        )
        digest = username_digest(details.email)
        lookups.append({"kind": "username", "digest": digest, "tenant_id": bound_tenant(), "target_id": user_id})
    tenant.people_active += count
    db.session.execute(insert(User), users)
    db.session.execute(insert(Lookup), lookups)


def plain_table(path: Path, count: int) -> None:
    """The yardstick's table: the same people in clear, with the primary key only."""
    dice = random.Random(count)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT, email TEXT, role TEXT, state TEXT)")
    rows = (
        (str(new_id()), f"{dice.choice(GIVEN)} {dice.choice(FAMILY)}", f"u{number}@plain.example", "member", "active")
        for number in range(count)
    )
    connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
