"""What all commands share: the installation they work on, and how they answer."""

import getpass
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from uuid import UUID

import click
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from console.app import bare_app, check_database, check_settings
from console.core.actor import Actor, system
from console.core.db import db, unit_of_work
from console.core.errors import ConsoleError, Misconfigured
from console.core.settings import Settings, load_settings
from console.tenants.models import Tenant, customers
from console.vault.setup import open_vault

json_option = click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document on stdout.")


def operator() -> Actor:
    """Who acts when a command acts: the command line, on behalf of the account that runs it."""
    try:
        account = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        account = f"user {os.getuid()}"
    return system("command line", on_behalf_of=f"{account} (account on the server)")


def fail(message: str) -> NoReturn:
    """End with one clear line on stderr and status 1."""
    click.echo(f"safekeep: {message}", err=True)
    sys.exit(1)


@contextmanager
def refusals() -> Iterator[None]:
    """Refusals and misconfigurations become one line and status 1."""
    try:
        yield
    except ConsoleError as error:
        problems = {name: text for name, text in getattr(error, "fields", {}).items() if text != error.message}
        fail(" ".join([error.message, *(f"{name}: {text}" for name, text in problems.items())]))
    except Misconfigured as error:
        fail(str(error))
    except SQLAlchemyError as error:
        fail(f"the database did not do this: {_first_line(getattr(error, 'orig', None) or error)}")
    except OSError as error:
        fail(f"{error.filename or 'this machine'}: {error.strerror or error}")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextmanager
def installation() -> Iterator[Settings]:
    """The installation that the environment points at, opened without pages."""
    with refusals():
        settings = load_settings()
        check_settings(settings)
        keyring = open_vault(settings.root_key, settings.keystore_url)
        app = bare_app(settings, keyring)
        with app.app_context():
            try:
                check_database(keyring)
                yield settings
            finally:
                db.session.remove()
                db.engine.dispose()


def open_app(settings: Settings) -> Flask:
    """The application without pages, for commands. **Raises:** Misconfigured."""
    return bare_app(settings, open_vault(settings.root_key, settings.keystore_url))


def find_tenant(text: str) -> UUID:
    """The Customer of that id, or of that unambiguous name. Ends the command where there is none."""
    with unit_of_work(write=False):
        found = _matching(text)
    if len(found) == 1:
        return found[0]
    if not found:
        fail(f"there is no Customer {text!r}. `safekeep tenant list` shows them.")
    fail(f"{text!r} fits {len(found)} Customers; give the id. `safekeep tenant list` shows them.")


def _matching(text: str) -> list[UUID]:
    try:
        wanted = db.session.get(Tenant, UUID(text))
    except ValueError:
        pass
    else:
        return [wanted.id] if wanted else []
    named = [(tenant.id, tenant.name.casefold()) for tenant in every_tenant()]
    exact = [tenant_id for tenant_id, name in named if name == text.casefold()]
    return exact or [tenant_id for tenant_id, name in named if text.casefold() in name]


def every_tenant() -> list[Tenant]:
    """All Customers, in the order in which they came."""
    found: list[Tenant] = []
    while batch := customers(after=found[-1].id if found else None):
        found += batch
    return found


def answer(as_json: bool, data: Any, text: str) -> None:
    """Print `data` as JSON, or `text` for people."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str) if as_json else text)


def read_password() -> str:
    """The password on standard input, without its line end. Ends the command where it is no UTF-8 text."""
    try:
        return sys.stdin.buffer.readline().decode().rstrip("\r\n")
    except UnicodeDecodeError:
        fail("the password on standard input is not UTF-8 text.")
