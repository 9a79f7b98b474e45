"""What the tests about people share: forms read and filled in as a browser does, and what is true of a tenant."""

import html
import re
from html.parser import HTMLParser
from uuid import UUID

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from console.audit.models import EntryFilter, entries
from console.core.db import db
from console.tenants.models import Tenant
from console.users.models import PRESENT, State, User
from tests.house import House, Visitor

NEW_PASSWORD = "nine-Copper-kettles-4"


class _FormReader(HTMLParser):
    """Collects the fields of each form of a page, as a browser would send them."""

    def __init__(self):
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self.select: str | None = None

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag == "form":
            self.forms.append((given.get("action", ""), []))
        elif not self.forms:
            return
        elif tag == "select":
            self.select = given.get("name")
        elif tag == "option" and self.select and "selected" in given:
            self._add(self.select, given.get("value", ""))
        elif tag == "input" and given.get("name"):
            if given.get("type") in ("radio", "checkbox") and "checked" not in given:
                return
            self._add(given["name"], given.get("value") or "")

    def _add(self, name, value):
        self.forms[-1][1].append((name, value))


def form_of(page: TestResponse, action: str) -> dict[str, str]:
    """The fields of the form that posts to `action`, with what stands in them."""
    reader = _FormReader()
    reader.feed(page.text)
    found = [fields for where, fields in reader.forms if where == action]
    assert found, f"no form for {action}: {[where for where, _fields in reader.forms]}"
    return dict(found[0])


def person_fields(**changes: str) -> dict[str, str]:
    """A form filled in for somebody new."""
    usual = {"given_name": "Nia", "family_name": "Newcomb", "email": "nia@acme.example", "role": "member"}
    return {**usual, "phone": "", "title": "", "time_zone": "UTC", **changes}


def add(visitor: Visitor, **changes: str) -> TestResponse:
    """Send the form to add a person."""
    return visitor.post("/users/new", person_fields(**changes), form="/users/new")


def added(visitor: Visitor, **changes: str) -> UUID:
    """Somebody was added through the form; answers the id."""
    answer = add(visitor, **changes)
    assert answer.status_code == 303, problems(answer)
    return UUID(answer.location.rsplit("/", 1)[1])


def open_edit(visitor: Visitor, user_id: UUID) -> dict[str, str]:
    """The edit form of a person as it stands, token and version included."""
    return form_of(visitor.get(f"/users/{user_id}/edit"), f"/users/{user_id}/edit")


def send_edit(visitor: Visitor, user_id: UUID, fields: dict[str, str], **changes: str) -> TestResponse:
    """Send an edit form that was opened before."""
    return visitor.client.post(f"/users/{user_id}/edit", data={**fields, **changes})


def edit(visitor: Visitor, user_id: UUID, **changes: str) -> TestResponse:
    """Open the edit form and send it with changes."""
    return send_edit(visitor, user_id, open_edit(visitor, user_id), **changes)


def act(visitor: Visitor, verb: str, user_id: UUID, **fields: str) -> TestResponse:
    """Open the confirm page of a verb and confirm."""
    return visitor.post(f"/users/{user_id}/{verb}", fields, form=f"/users/{user_id}/{verb}")


def accept(house: House, email: str, password: str = NEW_PASSWORD) -> TestResponse:
    """Follow the newest invitation to that address in a browser of its own."""
    link = house.link(email, "invites you")
    return house.visitor().post(link, {"password": password, "password_again": password}, form=link)


def problems(answer: TestResponse) -> dict[str, str]:
    """The message at each field of a refused form."""
    found = re.findall(r'<ul class="field-errors" id="([\w-]+)-errors">(.*?)</ul>', answer.text, re.DOTALL)
    return {name: text_of(body) for name, body in found}


def text_of(markup: str) -> str:
    """What a reader sees of a piece of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def main_text(answer: TestResponse) -> str:
    """What a reader sees of the page, navigation apart."""
    found = re.search(r"<main.*?</main>", answer.text, re.DOTALL)
    return text_of(found.group(0) if found else answer.text)


def listed(visitor: Visitor, query: str = "") -> list[str]:
    """The e-mail addresses of one page of the list, in order."""
    page = visitor.get(f"/users{query}")
    assert page.status_code == 200
    return [html.unescape(cell) for cell in re.findall(r'<td data-label="E-mail">(.*?)</td>', page.text)]


def history(house: House, tenant_id: UUID, subject_id: UUID | None = None) -> list[tuple[str, dict]]:
    """The audit entries of a tenant (about somebody), newest first: tag and details."""
    with house.inside(tenant_id, write=False):
        found = entries(EntryFilter(subject_id=subject_id), limit=500)
        return [(entry.tag, entry.details) for entry in found]


def newest(house: House, tenant_id: UUID, subject_id: UUID, tag: str) -> dict:
    """The details of the newest entry with that tag about somebody."""
    return next(details for found, details in history(house, tenant_id, subject_id) if found == tag)


def state_of(house: House, tenant_id: UUID, user_id: UUID) -> str:
    with house.inside(tenant_id, write=False):
        return db.session.execute(select(User.state).where(User.id == user_id)).scalar_one()


def counts_are_true(house: House) -> None:
    """Each tenant's row counts its people as they are, and numbers its changes as its people do."""
    with house.inside(write=False):
        rows = list(db.session.execute(select(Tenant)).scalars())
        told = {
            row.id: {
                **{state: getattr(row, f"people_{state}") for state in (*PRESENT, State.DELETED)},
                "seq": row.people_seq,
            }
            for row in rows
        }
    for tenant_id, counted in told.items():
        with house.inside(tenant_id, write=False):
            states = db.session.execute(select(User.state, func.count(User.id)).group_by(User.state)).all()
            latest = db.session.execute(select(func.max(User.people_seq))).scalar_one() or 0
        true = {**dict.fromkeys((*PRESENT, State.DELETED), 0), **dict(map(tuple, states))}
        true.pop(State.PURGED, None)
        assert counted == {**true, "seq": latest}, f"the counts of {tenant_id} are not true"
