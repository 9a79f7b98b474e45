"""The demo's cast: two Customers with their people, and service staff. Made by the same acts as real ones.

It was taken in two months ago; what happened since is told by demo_past.py.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import pyotp

from console import demo_past
from console.core import clock
from console.core.actor import system
from console.core.db import db, unit_of_work
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.core.permissions import Role, StaffRole
from console.core.settings import Settings
from console.demo_data import fill_data
from console.demo_mail import Mailbox
from console.identity.actions import accept_invitation
from console.identity.passwords import hash_password
from console.identity.totp import start_enrolment
from console.tenants.actions import add_tenant
from console.users.actions import add_user
from console.users.lifecycle import delete, suspend
from console.users.models import Details, user_by_email

PASSWORD = "correct-Lantern-42-harbour"  # noqa: S105 (the demo's, printed at every start)
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 (the demo's, printed at every start)
BY = system("demo")

STAFF = (
    ("Sam", "Okafor", "sam@safekeep.example", StaffRole.AGENT),
    ("Petra", "Lindqvist", "petra@safekeep.example", StaffRole.PLATFORM_ADMINISTRATOR),
)
HARBOUR = (
    ("Amara", "Nwosu", "amara", Role.OWNER, "Managing Director", "Africa/Lagos"),
    ("Jonas", "Bergström", "jonas", Role.ADMINISTRATOR, "Head of IT", "Europe/Stockholm"),
    ("Mei", "Tanaka", "mei", Role.ADMINISTRATOR, "IT Operations", "Asia/Tokyo"),
    ("Luca", "Ferrari", "luca", Role.USER_MANAGER, "Human Resources", "Europe/Rome"),
    ("Zsófia", "Kővári", "zsofia", Role.SECURITY_MANAGER, "Information Security", "Europe/Budapest"),
    ("Ingrid", "Sæther", "ingrid", Role.AUDITOR, "Internal Audit", "Europe/Oslo"),
    ("Олена", "Шевченко", "olena", Role.MEMBER, "Customs", "Europe/Kyiv"),
    ("Дмитрий", "Соколов", "dmitri", Role.MEMBER, "Fleet", "Europe/Riga"),
    ("Νίκος", "Παπαδόπουλος", "nikos", Role.MEMBER, "Port Agency", "Europe/Athens"),
    ("Ελένη", "Γεωργίου", "eleni", Role.MEMBER, "Claims", "Asia/Nicosia"),
    ("陽菜", "佐藤", "hina", Role.MEMBER, "Chartering", "Asia/Tokyo"),
    ("小明", "王", "xiaoming", Role.MEMBER, "Logistics", "Asia/Shanghai"),
    ("서연", "김", "seoyeon", Role.MEMBER, "Sales", "Asia/Seoul"),
    ("ليلى", "حداد", "layla", Role.MEMBER, "Finance", "Asia/Beirut"),
    ("יעל", "כהן", "yael", Role.MEMBER, "Legal", "Asia/Jerusalem"),
    ("अनन्या", "शर्मा", "ananya", Role.MEMBER, "Accounting", "Asia/Kolkata"),
    ("Thị Hoa", "Nguyễn", "hoa", Role.MEMBER, "Warehouse", "Asia/Ho_Chi_Minh"),
    ("สมชาย", "ใจดี", "somchai", Role.MEMBER, "Warehouse", "Asia/Bangkok"),
    ("Chloé", "Lefèvre", "chloe", Role.MEMBER, "Marketing", "Europe/Paris"),
    ("Siobhán", "O'Connor", "siobhan", Role.MEMBER, "Customer Care", "Europe/Dublin"),
    ("Łukasz", "Wójcik", "lukasz", Role.MEMBER, "Rail", "Europe/Warsaw"),
    ("Þóra", "Jónsdóttir", "thora", Role.MEMBER, "Cold Chain", "Atlantic/Reykjavik"),
    ("José María", "Núñez de la Vega", "jose", Role.MEMBER, "Iberia", "Europe/Madrid"),
    ("Ayşe", "Yılmaz", "ayse", Role.MEMBER, "Straits", "Europe/Istanbul"),  # noqa: RUF001 (the Turkish letter)
    ("Tāne", "Rāwiri", "tane", Role.MEMBER, "Pacific", "Pacific/Auckland"),
    ("Kwame", "Mensah", "kwame", Role.MEMBER, "West Africa", "Africa/Accra"),
    ("გიორგი", "ბერიძე", "giorgi", Role.MEMBER, "Black Sea", "Asia/Tbilisi"),
    ("Անի", "Հակոբյան", "ani", Role.MEMBER, "Translations", "Asia/Yerevan"),
    ("Marit", "van den Berg", "marit", Role.MEMBER, "Inland Shipping", "Europe/Amsterdam"),
    ("João", "Conceição", "joao", Role.MEMBER, "Brazil Desk", "America/Sao_Paulo"),
)
ORCHARD = (
    ("Grace", "Whitfield", "grace", Role.OWNER, "Director", "Europe/London"),
    ("Tariq", "Rahman", "tariq", Role.ADMINISTRATOR, "Systems", "Europe/London"),
    ("Hannah", "Müller", "hannah", Role.AUDITOR, "Trustee", "Europe/Berlin"),
    ("Oluwaseun", "Adeyemi", "seun", Role.MEMBER, "Outreach", "Europe/London"),
    ("Priya", "Raman", "priya", Role.MEMBER, "Programmes", "Europe/London"),
    ("Björn", "Åkesson", "bjorn", Role.MEMBER, "Archive", "Europe/Stockholm"),
    ("Niamh", "Byrne", "niamh", Role.MEMBER, "Press", "Europe/Dublin"),
    ("Rosa", "García", "rosa", Role.MEMBER, "Volunteers", "Europe/Madrid"),
)
CUSTOMERS = (
    ("Harbour & Lane Shipping", "harbourlane.example", 30, HARBOUR),
    ("Orchard Trust", "orchardtrust.example", 45, ORCHARD),
)
WITH_DATA = (
    "amara",
    "jonas",
    "olena",
    "nikos",
    "hina",
    "layla",
    "yael",
    "ananya",
    "hoa",
    "jose",
    "grace",
    "seun",
    "bjorn",
)
"""Whose mail is in the demo."""
IMPORTERS = {"harbourlane.example": "jonas", "orchardtrust.example": "tariq"}
CONVERSATIONS = 12
INVITED, SUSPENDED, DELETED = ("joao", "ani"), ("kwame",), ("marit",)


def fill(*, new: bool) -> None:
    """The cast is there. Runs once for an installation; `new` False does nothing."""
    if not new:
        return
    password_hash, began_at = hash_password(PASSWORD), clock.now() - timedelta(days=demo_past.DAYS + 1)
    for name, domain, term_days, people in CUSTOMERS:
        tenant_id = new_id()
        with clock.standing_at(began_at):
            with unit_of_work():
                add_tenant(name, tenant_id=tenant_id, term_days=term_days, by=BY)
            _take_in(tenant_id, domain, [one for one in people if one[2] not in INVITED], password_hash)
        demo_past.tell(tenant_id, with_draft=name == CUSTOMERS[-1][0])
        _take_in(tenant_id, domain, [one for one in people if one[2] in INVITED], None)
        _change_some(tenant_id, domain)
        _bring_data(tenant_id, domain, people)
    with clock.standing_at(began_at):
        _add_staff(password_hash)


def _take_in(
    tenant_id: UUID, domain: str, people: Iterable[tuple[str, str, str, str, str, str]], password_hash: str | None
) -> None:
    for given, family, mailbox, role, title, zone in people:
        details = Details(given, family, f"{mailbox}@{domain}", title=title, time_zone=zone)
        _add(tenant_id, details, role, password_hash)


def _add_staff(password_hash: str) -> None:
    for given, family, email, staff_role in STAFF:
        _add(PLATFORM_TENANT_ID, Details(given, family, email), staff_role, password_hash)
        with unit_of_work(PLATFORM_TENANT_ID):
            person = user_by_email(email)
            assert person is not None  # noqa: S101 (just added)
            factor = start_enrolment(person)
            factor.secret, factor.confirmed_at = TOTP_SECRET, clock.now()


def _add(tenant_id: UUID, details: Details, role: str, password_hash: str | None) -> None:
    with unit_of_work(tenant_id):
        _person, link = add_user(details, role, by=BY, invite=password_hash is None)
    if password_hash is not None:
        with unit_of_work():
            accept_invitation(link.url.rsplit("/", 1)[1], password_hash, by=BY)


def _bring_data(tenant_id: UUID, domain: str, people: tuple[tuple[str, str, str, str, str, str], ...]) -> None:
    """Mail and documents of some of them, imported by their administrator."""
    boxes = [Mailbox(f"{given} {family}", f"{key}@{domain}", key) for given, family, key, *_rest in people]
    wanted = [box for box in boxes if box.key in WITH_DATA]
    fill_data(tenant_id, f"{IMPORTERS[domain]}@{domain}", wanted, CONVERSATIONS)


def _change_some(tenant_id: UUID, domain: str) -> None:
    """A suspended and a deleted person, so that every state is there to be seen."""
    for mailboxes, act in ((SUSPENDED, suspend), (DELETED, delete)):
        with unit_of_work(tenant_id):
            found = [user_by_email(f"{mailbox}@{domain}") for mailbox in mailboxes]
            ids = [person.id for person in found if person is not None]
            if ids:
                act(ids, by=BY, reason="Part of the demo")
    db.session.remove()


def logins(settings: Settings) -> str:
    """What the demo prints: the address, and who can sign in."""
    lines = ["", f"  Safekeep is at {settings.base_url}", "", f"  Password of everybody: {PASSWORD}", ""]
    for name, domain, _term, people in CUSTOMERS:
        lines.append(f"  {name}")
        lines += [f"    {role:<17} {mailbox}@{domain}" for _g, _f, mailbox, role, _t, _z in people[:7]]
        lines.append("")
    code = pyotp.TOTP(TOTP_SECRET).now()
    lines += [
        "  Service staff (second factor: add this key to an authenticator app)",
        f"    key {TOTP_SECRET}   code now {code}",
    ]
    lines += [f"    {role:<22} {email}" for _g, _f, email, role in STAFF]
    mails = f"{settings.base_url}/dev/mail"
    lines += [
        "",
        "  A new browser is asked for a code that is mailed; the mails of this demo are shown at",
        f"    {mails}",
    ]
    return "\n".join([*lines, "  Stop with Ctrl-C; the data stays.", ""])
