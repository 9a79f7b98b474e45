"""A running installation for one test: its application, its cast, its mail, and a front door to walk through."""

import email
import email.policy
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import TYPE_CHECKING
from uuid import UUID

import pyotp
from flask import Flask
from werkzeug.test import TestResponse

from console.core.db import unit_of_work
from console.core.jobs import work_once
from console.core.settings import Settings
from console.registry import HANDLERS
from tests.cast import PASSWORD, TOTP_SECRET, Person

if TYPE_CHECKING:
    from flask.testing import FlaskClient

CODE = re.compile(r"Your code is (\d{4} \d{4})\.")
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
RANDOM = re.compile(rf"{TOKEN.pattern}|[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}")


def said(page: str) -> str:
    """What a page says, without form tokens and ids: any short word stands in one of those now and then, by chance."""
    return RANDOM.sub("", page)


class Visitor:
    """A browser: keeps cookies, and fills in forms as a person would, form token included."""

    def __init__(
        self, app: Flask, *, address: str = "198.51.100.7", browser: str = "Mozilla/5.0 (X11; Linux) Firefox/140.0"
    ):
        self.client: FlaskClient = app.test_client()
        self.client.environ_base["REMOTE_ADDR"] = address
        self.client.environ_base["HTTP_USER_AGENT"] = browser

    def get(self, url: str, **kwargs) -> TestResponse:
        return self.client.get(url, **kwargs)

    def token(self, page: str = "/sign-in") -> str:
        """A form token of this browser, read from a page that has a form."""
        found = TOKEN.search(self.get(page, follow_redirects=True).text)
        assert found, f"{page} has no form"
        return found.group(1)

    def post(self, url: str, data: dict | None = None, *, form: str | None = None, **kwargs) -> TestResponse:
        """Send a form with its token; `form` is the page to take the token from (default: a page with one)."""
        fields = {"csrf_token": self.token(form or "/me"), **(data or {})}
        return self.client.post(url, data=fields, **kwargs)

    def sign_in(self, username: str, password: str = PASSWORD) -> TestResponse:
        fields = {"username": username, "password": password, "csrf_token": self.token("/sign-in")}
        return self.client.post("/sign-in", data=fields)


@dataclass
class House:
    """One installation under test."""

    app: Flask
    settings: Settings
    people: dict[str, Person]
    used_steps: set[int] = field(default_factory=set)

    def __getitem__(self, key: str) -> Person:
        return self.people[key]

    def visitor(self, **kwargs) -> Visitor:
        return Visitor(self.app, **kwargs)

    def signed_in(self, key: str, **kwargs) -> Visitor:
        """A browser in which that person has signed in through the real form, second factor included."""
        visitor = self.usual_browser(key, **kwargs)
        answer = visitor.sign_in(self[key].email)
        assert answer.status_code == 303, f"{key} could not sign in: {answer.status_code}"
        if answer.location.startswith("/sign-in/confirm"):
            answer = self.confirm(visitor, self[key].email)
        if answer.location.startswith("/sign-in/factor"):
            code = visitor.post("/sign-in/factor", {"code": self.totp_code(key)}, form="/sign-in/factor")
            assert code.status_code == 303, f"{key}'s code was refused: {code.text}"
        return visitor

    def usual_browser(self, key: str, **kwargs) -> Visitor:
        """A browser in which that person has confirmed who it is before, so that no code is asked for."""
        visitor = self.visitor(**kwargs)
        self.make_usual(visitor, self[key])
        return visitor

    def make_usual(self, visitor: Visitor, person: Person) -> None:
        """That browser is recognised as the person's, besides whoever else it is recognised for."""
        from blueprints.browser import browser_name
        from console.core.actor import Actor
        from console.identity.browsers import remember_browser
        from console.users.models import user

        name = "__Host-safekeep-browser" if self.settings.secure else "safekeep_browser"
        known = visitor.client.get_cookie(name)
        seen = visitor.client.environ_base
        browser = browser_name(seen["HTTP_USER_AGENT"])
        by = Actor(kind="person", user_id=person.id, address=seen["REMOTE_ADDR"], browser=browser)
        with self.inside(person.tenant_id):
            before = known.value.split(".") if known else []
            tokens = remember_browser(user(person.id), before, by=by, confirmed=True, first=True)
        visitor.client.set_cookie(name, ".".join(tokens))

    def code_mailed(self, to: str) -> str:
        """The code in the newest mail that asks that person to confirm a sign-in."""
        text = [mail for mail in self.mails(to) if "code to sign in" in str(mail["Subject"])][-1].get_body(("plain",))
        return CODE.search(text.get_content()).group(1)

    def confirm(self, visitor: Visitor, to: str, *, remember: bool = True) -> TestResponse:
        """Type the code from the mail, where that browser is asked for one."""
        fields = {"code": self.code_mailed(to), **({"remember": "y"} if remember else {})}
        return visitor.post("/sign-in/confirm", fields, form="/sign-in/confirm")

    def choose(self, tenant_id: UUID, **changed: object) -> None:
        """That Customer's security settings are those from now on, the rest as before."""
        from console.core.actor import system
        from console.policies.actions import save
        from console.policies.models import in_force

        with self.inside(tenant_id):
            present = in_force("settings")
            save("settings", {**present.document, **changed}, based_on=present.number, reason="", by=system("test"))

    def totp_code(self, key: str, *, ahead: int = 0) -> str:
        """A code that was not used before: the step is forgotten first, as if time had passed."""
        from console.identity.models import totp_of

        with self.inside(self[key].tenant_id):
            totp_of(self[key].id).last_step = 0
        return pyotp.TOTP(TOTP_SECRET).at(int(time.time()) + 30 * ahead)

    @contextmanager
    def inside(self, tenant_id: UUID | None = None, *, write: bool = True):
        """A unit of work of that tenant, for looking at what a page did."""
        with self.app.app_context(), unit_of_work(tenant_id, write=write):
            yield

    def work(self, *, most: int = 200) -> int:
        """Run the jobs that are due, as the worker does. Answers how many."""
        with self.app.app_context():
            for done in range(most):
                if not work_once(HANDLERS):
                    return done
        raise AssertionError(f"more than {most} jobs")

    def mails(self, to: str | None = None) -> list[EmailMessage]:
        """The mails that left, oldest first, after the worker had its turn."""
        self.work()
        folder = self.settings.instance / "mail"
        files = sorted(folder.glob("*.eml"), key=lambda path: path.name)
        found = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files]
        return [mail for mail in found if to is None or to in str(mail["To"])]

    def link(self, to: str, subject: str = "") -> str:
        """The path of the link in the newest mail to that address whose subject contains `subject`."""
        mail = [mail for mail in self.mails(to) if subject.lower() in str(mail["Subject"]).lower()][-1]
        text = mail.get_body(("plain",)).get_content()
        url = re.search(re.escape(self.settings.base_url) + r"(/\S+)", text)
        assert url, f"no link in: {text}"
        return url.group(1)
