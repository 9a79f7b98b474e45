"""`safekeep tenant`, `safekeep user`, `safekeep staff`: take in Customers and first people."""

from uuid import UUID

import click

from console.commands.base import (
    answer,
    every_tenant,
    fail,
    find_tenant,
    installation,
    json_option,
    operator,
    read_password,
)
from console.core.db import unit_of_work
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.core.permissions import Role, StaffRole
from console.identity.actions import accept_invitation, check_new_password
from console.identity.factors import reset_factors
from console.identity.passwords import hash_password
from console.tenants.actions import add_tenant
from console.users.actions import add_user
from console.users.models import Details, user_by_email

BY = operator()


@click.group()
def tenant() -> None:
    """Customers: add one, list them."""


@tenant.command("add", epilog="Example: safekeep tenant add 'Acme Corporation' --term-days 30")
@click.argument("name")
@click.option("--term-days", default=30, show_default=True, help="The agreed time for requests and data return.")
@json_option
def tenant_add(name: str, term_days: int, as_json: bool) -> None:
    """Take in the Customer NAME, with a key of its own."""
    with installation():
        tenant_id = new_id()
        with unit_of_work():
            add_tenant(name, tenant_id=tenant_id, term_days=term_days, by=BY)
        answer(as_json, {"id": str(tenant_id), "name": name, "term_days": term_days}, f"{name} was added: {tenant_id}")


@tenant.command("list", epilog="Example: safekeep tenant list --json")
@json_option
def tenant_list(as_json: bool) -> None:
    """List Customers with state and number of users."""
    with installation(), unit_of_work(write=False):
        rows = [
            {"id": str(row.id), "name": row.name, "state": row.state, "users": row.people, "term_days": row.term_days}
            for row in every_tenant()
        ]
        lines = [f"{row['id']}  {row['state']:<10} {row['users']:>7}  {row['name']}" for row in rows]
        answer(as_json, rows, "\n".join(lines) or "There are no Customers yet. `safekeep tenant add NAME` adds one.")


@click.group()
def user() -> None:
    """A Customer's people: add one."""


@user.command(
    "add",
    epilog="Example: safekeep user add Acme ada@acme.example --given-name Ada --family-name Lovelace --role owner",
)
@click.argument("tenant")
@click.argument("email")
@click.option("--given-name", required=True)
@click.option("--family-name", required=True)
@click.option("--role", required=True, type=click.Choice([str(role) for role in Role]))
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input instead of inviting.")
@json_option
def user_add(
    tenant: str, email: str, given_name: str, family_name: str, role: str, password_stdin: bool, as_json: bool
) -> None:
    """Add a person to TENANT (an id or a name); prints the activation link."""
    with installation():
        details = Details(given_name=given_name, family_name=family_name, email=email)
        add_person(find_tenant(tenant), details, role, with_password=password_stdin, as_json=as_json)


@click.group()
def staff() -> None:
    """Service staff: add one."""


@staff.command("add", epilog="Example: safekeep staff add sam@host.example --name 'Sam Support' --role agent")
@click.argument("email")
@click.option("--name", required=True, help="Given and family name.")
@click.option("--role", required=True, type=click.Choice([str(role) for role in StaffRole]))
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input instead of inviting.")
@json_option
def staff_add(email: str, name: str, role: str, password_stdin: bool, as_json: bool) -> None:
    """Add a member of the service staff. The second factor is set up at the first sign-in."""
    given, _space, family = name.strip().rpartition(" ")
    if not given:
        raise click.UsageError("--name needs a given and a family name, such as 'Sam Support'.")
    with installation():
        details = Details(given_name=given, family_name=family, email=email)
        add_person(PLATFORM_TENANT_ID, details, role, with_password=password_stdin, as_json=as_json)


@staff.command(
    "reset-factors",
    epilog="Example: safekeep staff reset-factors sam@host.example --reason 'Lost phone; called back on the known number'",
)
@click.argument("email")
@click.option("--reason", required=True, help="How you made sure who asked. It stands in the audit record.")
@json_option
def staff_reset_factors(email: str, reason: str, as_json: bool) -> None:
    """Take away a lost second factor, where no other platform administrator can do it on the page.

    All sessions of the person end. The next sign-in shows the mailbox, and sets up another factor.
    """
    with installation(), unit_of_work(PLATFORM_TENANT_ID):
        found = user_by_email(email)
        if found is None:
            fail(f"There is nobody with the username {email} among the staff.")
        person = reset_factors(found.id, reason=reason, by=BY)
        answer(as_json, {"id": str(person.id)}, f"The second factors of {person.name} were reset.")


def add_person(tenant_id: UUID, details: Details, role: str, *, with_password: bool, as_json: bool) -> None:
    """Add the person, and print the activation link; or set the password that stands on standard input."""
    password = read_password() if with_password else None
    if with_password and not password:
        fail("--password-stdin was given, but standard input holds no password.")
    with unit_of_work(tenant_id):
        person, link = add_user(details, role, by=BY, invite=password is None)
        if password is not None:
            check_new_password(person, password)
        user_id, name = person.id, person.name
    if password is not None:
        with unit_of_work():
            accept_invitation(link.url.rsplit("/", 1)[1], hash_password(password), by=BY)
        answer(as_json, {"id": str(user_id), "activation_link": None}, f"{name} was added and can sign in: {user_id}")
        return
    answer(
        as_json,
        {"id": str(user_id), "activation_link": link.url, "expires_at": link.expires_at.isoformat()},
        f"{name} was added: {user_id}\nActivation link (works once, until {link.expires_at:%Y-%m-%d %H:%M} UTC):"
        f"\n{link.url}",
    )
