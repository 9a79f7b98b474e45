"""Every door of the application, from its own URL map; example values for what stands in the URLs; and a digest of the
whole database, by which a test sees whether a request left anything behind.

A new page is found here by itself. What it needs besides is asked for by name: an example value in EXAMPLES for a new
kind of id, or an entry with its reason in the lists of the tests.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

import time_machine
from flask import Flask
from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool, QueuePool
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from console.app import create_app
from console.core import clock
from console.core.actor import Actor
from console.core.db import Base, db
from console.core.ids import new_id
from tests import databases
from tests.customer_data.examples import EXAMPLES as CUSTOMER_DATA
from tests.house import TOKEN, House, Visitor
from tests.ip_ranges.examples import EXAMPLES as IP_RANGES

SAFE = ("GET", "HEAD")
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
UNKNOWN_TOKEN = "x" * 43
TENANTS = ("acme", "birch")


def _people(house: House, tenant: str) -> list[str]:
    """A member first: the one whom every role that manages people may manage."""
    people = sorted(
        (person for person in house.people.values() if person.tenant == tenant),
        key=lambda person: (person.role != "member" or person.key in ("suspended", "invited"), person.key),
    )
    return [str(person.id) for person in people]


def _sessions(house: House, tenant: str) -> list[str]:
    """A session of that tenant's owner that is open, made if there is none."""
    from console.sessions.models import Session

    owner = house["owner" if tenant == "acme" else "birch_owner"]
    query = select(Session.id).where(Session.user_id == owner.id, Session.ended_at.is_(None))
    for _try in range(2):
        with house.inside(owner.tenant_id, write=False):
            found = [str(row) for row in db.session.execute(query).scalars()]
        if found:
            return found
        house.signed_in(owner.key)
    raise AssertionError(owner)


def _tenant(house: House, tenant: str) -> list[str]:
    return [str(house["owner" if tenant == "acme" else "birch_owner"].tenant_id)]


def _imports(house: House, tenant: str) -> list[str]:
    """An import of that tenant that could be applied, taken in if there is none."""
    from console.users.import_check import take_in
    from console.users.imports import recent_imports

    owner = house["owner" if tenant == "acme" else "birch_owner"]
    by = Actor(kind="person", tenant_id=owner.tenant_id, user_id=owner.id, role=owner.role, label=owner.name)
    with house.inside(owner.tenant_id):
        found = [str(one.id) for one in recent_imports(limit=10)]
        if not found:
            row = f"given_name,family_name,email\nNora,Neu,nora.{tenant}@new.example\n"
            found = [str(take_in(row.encode(), file_name="people.csv", by=by).id)]
    return found


def _factors(house: House, tenant: str) -> list[str]:
    """A passkey of somebody of that tenant who cannot sign in, made if there is none: one that no device holds."""
    from console.core import clock
    from console.identity.models import Passkey, passkeys_of

    holder = house["suspended" if tenant == "acme" else "birch_invited"]
    with house.inside(holder.tenant_id):
        found = [str(key.id) for key in passkeys_of(holder.id)]
        if not found:
            key = Passkey(id=new_id(), tenant_id=holder.tenant_id, user_id=holder.id, digest=new_id().bytes)
            key.sign_count, key.created_at = 0, clock.now()
            key.content = {"name": "Laptop", "credential_id": "eHg", "public_key": "eHg", "transports": []}
            db.session.add(key)
            found = [str(key.id)]
    return found


def _entries(house: House, tenant: str) -> list[str]:
    """The newest entry of that tenant's audit record."""
    from console.audit.models import EntryFilter, entries

    with house.inside(house["owner" if tenant == "acme" else "birch_owner"].tenant_id, write=False):
        return [str(entry.id) for entry in entries(EntryFilter(), limit=1)]


def _recognised(kind: str) -> Callable[[House, str], list[str]]:
    """The browsers or networks of a member of that tenant, made if there are none."""

    def found(house: House, tenant: str) -> list[str]:
        from console.identity.models import browsers_of
        from console.identity.networks import networks_of

        person = house["member" if tenant == "acme" else "birch_member"]
        for _try in range(2):
            with house.inside(person.tenant_id, write=False):
                rows = browsers_of(person.id) if kind == "browser" else networks_of(person.id)
                ids = [str(row.id) for row in rows]
            if ids:
                return ids
            house.usual_browser(person.key)
        raise AssertionError(person)

    return found


EXAMPLES: dict[str, Callable[[House, str], list[str]]] = {
    "user_id": _people,
    "session_id": _sessions,
    "browser_id": _recognised("browser"),
    "network_id": _recognised("network"),
    "import_id": _imports,
    "entry_id": _entries,
    "factor_id": _factors,
    "tenant_id": _tenant,
    **CUSTOMER_DATA,
    **IP_RANGES,
}
"""For each kind of id that names something of one Customer: the ids there are of that Customer, best example first."""

OPEN_VALUES = {
    "token": UNKNOWN_TOKEN,  # a secret of its own; tests of invitations and links follow real ones
    "name": "00000000-0000-0000-0000-000000000000",  # a mail of the demo's mailbox, which belongs to nobody
    "filename": "css/base.css",
    "number": "0",  # a version of one's own settings; 0 stands for the defaults, which everybody has
    "place": "0",  # a file among those of one import
    "part": "2",  # a part of an item, whatever its item is
    "level": "strict",  # a ready-made level of security
}
"""For what stands in URLs and belongs to no Customer: an example."""


@dataclass(frozen=True)
class Door:
    """One endpoint by one method."""

    endpoint: str
    method: str
    rule: Rule

    @property
    def ids(self) -> list[str]:
        """The names in its URL that stand for something of a Customer."""
        return sorted(name for name in self.rule.arguments if name not in OPEN_VALUES)

    def url(self, values: dict[str, str] | None = None) -> str:
        """Its address with those values."""
        chosen = {**OPEN_VALUES, **(values or {})}
        return re.sub(r"<(?:[^:>]+:)?([^>]+)>", lambda found: chosen[found.group(1)], self.rule.rule)

    def of(self, house: House, tenant: str, index: int = 0) -> str:
        """Its address with ids of that tenant."""
        return self.url({name: example(house, self, name, tenant, index) for name in self.ids})

    def unknown(self) -> str:
        """Its address with ids that nobody has."""
        return self.url({name: unknown_id(self.rule, name) for name in self.ids})

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint}"


def example(house: House, door: Door, name: str, tenant: str, index: int = 0) -> str:
    """An id of that kind of that tenant; beyond the last one, the last."""
    assert name in EXAMPLES, f"{door} has <{name}> in its URL: add it to EXAMPLES or OPEN_VALUES in tests/doors.py"
    found = EXAMPLES[name](house, tenant)
    assert found, f"EXAMPLES[{name!r}] in tests/doors.py knows none of {tenant}"
    return found[min(index, len(found) - 1)]


def count_examples(house: House, door: Door, tenant: str) -> int:
    """How many different ids of that tenant there are for that door."""
    missing = [name for name in door.ids if name not in EXAMPLES]
    assert not missing, f"{door} has <{missing}> in its URL: add it to EXAMPLES or OPEN_VALUES in tests/doors.py"
    return max(len(EXAMPLES[name](house, tenant)) for name in door.ids)


def unknown_id(rule: Rule, name: str) -> str:
    """An id that is well-formed for that rule and that nobody has."""
    kind = type(rule._converters[name]).__name__
    return {"UUIDConverter": str(new_id()), "IntegerConverter": "987654321"}.get(kind, UNKNOWN_TOKEN)


def doors(app: Flask, *methods: str) -> list[Door]:
    """Every endpoint by every method (or by those given), sorted."""
    found = [
        Door(rule.endpoint, method, rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods
        if method in (methods or ("GET", "POST", "PUT", "PATCH", "DELETE"))
    ]
    return sorted(found, key=lambda door: (door.rule.rule, door.method))


def send(visitor: Visitor, door: Door, url: str, *, form: str | None = None, **fields: str) -> TestResponse:
    """Go through that door as a browser would; unsafe methods carry a form token of this browser."""
    if door.method not in UNSAFE:
        return visitor.client.open(url, method=door.method, buffered=True)
    data = {"csrf_token": token_of(visitor, form), **fields}
    return visitor.client.open(url, method=door.method, data=data, buffered=True)


def half_signed_in(house: House, key: str = "agent") -> Visitor:
    """A browser in which that person has shown the password, and not yet the second factor."""
    visitor = house.visitor()
    answer = visitor.sign_in(house[key].email)
    assert answer.location.startswith("/sign-in/factor"), answer.location
    return visitor


def unconfirmed(house: House, key: str = "owner") -> Visitor:
    """A browser that is new to that person, in which the password was right, and the mailed code not given yet."""
    visitor = house.visitor()
    answer = visitor.sign_in(house[key].email)
    assert answer.location.startswith("/sign-in/confirm"), answer.location
    return visitor


def expired(house: House, key: str = "birch_member") -> Visitor:
    """A browser of somebody whose password has expired, in which it was right, and no new one was chosen yet."""
    from console.core.actor import system
    from console.identity.models import credential_of
    from console.policies.actions import save
    from console.policies.models import in_force

    person = house[key]
    with house.inside(person.tenant_id):
        save(
            "settings",
            {"password_expiry_days": 30},
            based_on=in_force("settings").number,
            reason="",
            by=system("a test"),
        )
        credential_of(person.id).changed_at = clock.now() - timedelta(days=31)
    visitor = house.usual_browser(key)
    answer = visitor.sign_in(person.email)
    assert answer.location.startswith("/sign-in/new-password"), answer.location
    return visitor


def token_of(visitor: Visitor, form: str | None = None) -> str:
    """A form token of this browser, from a page that answers to whoever it is: signed in, half, or nobody."""
    present = tuple(sorted((cookie.key, cookie.value) for cookie in visitor.client._cookies.values()))
    known = _TOKENS.get(visitor)
    if known and known[0] == present:
        return known[1]
    token = _fetch_token(visitor, form)
    present = tuple(sorted((cookie.key, cookie.value) for cookie in visitor.client._cookies.values()))
    _TOKENS[visitor] = present, token
    return token


_TOKENS: WeakKeyDictionary[Visitor, tuple[Any, str]] = WeakKeyDictionary()
"""The last form token of each browser, with the cookies it goes with: a page for each form would double the time."""


def _fetch_token(visitor: Visitor, form: str | None) -> str:
    pages = (form,) if form else ("/me", "/sign-in", "/sign-in/factor", "/sign-in/confirm", "/password/forgot")
    for page in pages:
        found = TOKEN.search(visitor.client.get(page).text)
        if found:
            return found.group(1)
    raise AssertionError(f"no form on {pages}")


def scrubbed(response: TestResponse, *ids: str) -> tuple[int, str, str]:
    """What an answer says, without what is new in every answer: form tokens, references, cookies' values, the ids."""
    body = re.sub(r'(name="csrf_token" value=|name="csrf-token" content=)"[^"]+"', r'\1""', response.text)
    body = re.sub(r'(<code id="reference">)[A-Z2-7]+', r"\1", body)
    headers = sorted(
        f"{name}: {value if name != 'Set-Cookie' else value.split('=')[0]}"
        for name, value in response.headers
        if name != "Content-Length"  # the body is compared itself
    )
    head = "\n".join(headers)
    for value in ids:
        body, head = body.replace(value, "ID"), head.replace(value, "ID")
    return response.status_code, head, body


@contextmanager
def opened(stage, folder, *, still: bool = False, **overrides: str) -> Iterator[House]:
    """A house of its own for one module's tests, which only read or which undo what they did.

    With `still` its clock stands, for tests that compare the whole database before and after: once a minute a session is
    noted as used, with its address, and on a busy machine that minute passes between the two looks.
    """
    source, template, people = stage
    databases.copy_instance(source, folder / "instance")
    standing = time_machine.travel(clock.now(), tick=False) if still else nullcontext()
    with standing, databases.new_database(template) as database:
        settings = databases.settings_for(folder / "instance", database, **overrides)
        app = create_app(settings)
        house = House(app, settings, dict(people))
        app.extensions[LEDGER] = Ledger(house, pooled=True).engine
        yield house
        app.extensions[LEDGER].dispose()
        with app.app_context():
            db.engine.dispose()


LEDGER = "tests.ledger"
Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


class Ledger:
    """What is in the whole database, seen past all guards: as the superuser on PostgreSQL, from the file on SQLite."""

    def __init__(self, house: House, *, pooled: bool = False) -> None:
        if LEDGER in house.app.extensions:
            self.engine = house.app.extensions[LEDGER]
            return
        url = house.settings.database_url
        if databases.POSTGRESQL:
            from sqlalchemy import make_url

            url = databases.superuser_url(str(make_url(url).database))
        self.engine = create_engine(url, poolclass=QueuePool if pooled else NullPool)

    def rows(self) -> Rows:
        """Every row of every table, by primary key."""
        found: Rows = {}
        with self.engine.connect() as connection:
            for table in Base.metadata.sorted_tables:
                keys = [column.name for column in table.primary_key]
                rows = connection.execute(select(table)).mappings()
                found[table.name] = {tuple(row[key] for key in keys): dict(row) for row in rows}
        return found


def digest(rows: Rows, *, without: tuple[str, ...] = (), tenant: Any = None) -> str:
    """One hash over all rows, without the tables and `table.column`s named; of one tenant's rows only, if given."""
    total = hashlib.sha256()
    for line in sorted(_lines(rows, without, tenant)):
        total.update(line.encode() + b"\n")
    return total.hexdigest()


def changes(before: Rows, after: Rows, *, without: tuple[str, ...] = (), tenant: Any = None) -> list[str]:
    """The rows that came, went or changed; empty where the digests are the same."""
    if before == after:
        return []
    then, now = set(_lines(before, without, tenant)), set(_lines(after, without, tenant))
    return [f"- {line[:300]}" for line in sorted(then - now)] + [f"+ {line[:300]}" for line in sorted(now - then)]


def _lines(rows: Rows, without: tuple[str, ...], tenant: Any) -> Iterator[str]:
    for table, content in rows.items():
        if table in without:
            continue
        for row in content.values():
            if tenant is not None and row.get("id" if table == "tenants" else "tenant_id") != tenant:
                continue
            kept = {name: value for name, value in row.items() if f"{table}.{name}" not in without}
            yield f"{table} {kept!r}"
