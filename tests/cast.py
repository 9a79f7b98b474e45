"""The cast of all tests: two Customers with one person a role, and service staff. Built once, copied for each test."""

from dataclasses import dataclass
from uuid import UUID

from console.core import clock
from console.core.actor import system
from console.core.db import unit_of_work
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.core.permissions import Role, StaffRole
from console.identity.actions import accept_invitation
from console.identity.passwords import hash_password
from console.identity.totp import start_enrolment
from console.tenants.actions import add_tenant
from console.users.actions import add_user
from console.users.lifecycle import suspend
from console.users.models import Details, user

PASSWORD = "seven-Quiet-herons-9"
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
BY = system("test cast")


@dataclass(frozen=True)
class Person:
    """Somebody of the cast."""

    key: str
    tenant: str
    id: UUID
    tenant_id: UUID
    given_name: str
    family_name: str
    email: str
    role: str

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name}"


PEOPLE = {
    "acme": (
        ("owner", "Olga", "Owner", Role.OWNER),
        ("admin", "Adam", "Admin", Role.ADMINISTRATOR),
        ("user_manager", "Uma", "Manager", Role.USER_MANAGER),
        ("security_manager", "Sven", "Sécurité", Role.SECURITY_MANAGER),
        ("auditor", "Audrey", "Auditor", Role.AUDITOR),
        ("member", "Mika", "Member", Role.MEMBER),
        ("other_member", "Мария", "Иванова", Role.MEMBER),
        ("suspended", "Susan", "Suspended", Role.MEMBER),
        ("invited", "Ingo", "Invited", Role.MEMBER),
    ),
    "birch": (
        ("birch_owner", "Bea", "Birch", Role.OWNER),
        ("birch_admin", "Boris", "Birch", Role.ADMINISTRATOR),
        ("birch_member", "Bente", "Birch", Role.MEMBER),
        ("birch_invited", "Bo", "Birch", Role.MEMBER),
    ),
}
STAFF = (
    ("agent", "Sam", "Staff", StaffRole.AGENT),
    ("platform_administrator", "Pia", "Platform", StaffRole.PLATFORM_ADMINISTRATOR),
)
NAMES = {"acme": "Acme Corporation", "birch": "Birch & Sons"}


def build() -> dict[str, Person]:
    """Everybody is there. Runs inside an application context."""
    password_hash = hash_password(PASSWORD)
    people: dict[str, Person] = {}
    for tenant, members in PEOPLE.items():
        tenant_id = new_id()
        with unit_of_work():
            add_tenant(NAMES[tenant], tenant_id=tenant_id, by=BY)
        for key, given, family, role in members:
            people[key] = add(tenant, tenant_id, key, given, family, role, password_hash)
    with unit_of_work(people["suspended"].tenant_id):
        suspend([people["suspended"].id], by=BY)
    for key, given, family, role in STAFF:
        people[key] = add("host", PLATFORM_TENANT_ID, key, given, family, role, password_hash)
        with unit_of_work(PLATFORM_TENANT_ID):
            factor = start_enrolment(user(people[key].id))
            factor.secret, factor.confirmed_at = TOTP_SECRET, clock.now()
    return people


def add(
    tenant: str, tenant_id: UUID, key: str, given: str, family: str, role: str, password_hash: str | None = None
) -> Person:
    """One more person; active with the cast's password unless `key` says invited."""
    email = f"{key.replace('_', '.')}@{tenant}.example"
    with unit_of_work(tenant_id):
        person, link = add_user(Details(given, family, email), role, by=BY, invite=False)
        person_id = person.id
    if "invited" not in key:
        with unit_of_work():
            accept_invitation(link.url.rsplit("/", 1)[1], password_hash or hash_password(PASSWORD), by=BY)
    return Person(key, tenant, person_id, tenant_id, given, family, email, role)
