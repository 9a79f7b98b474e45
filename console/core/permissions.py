"""Who may do what: the one table of role and permission. The page shown to customers is made from it.

Permissions read `area:thing:verb`; they are never reused for something else.
"""

from enum import StrEnum


class Permission(StrEnum):
    """What an endpoint or an action may demand, in alphabetical order."""

    ACCOUNT_OVERVIEW_READ = "account:overview:read"
    AUDIT_ENTRIES_EXPORT = "audit:entries:export"
    AUDIT_ENTRIES_READ = "audit:entries:read"
    DATA_HOLDS_READ = "data:holds:read"
    DATA_HOLDS_WRITE = "data:holds:write"
    DATA_IMPORTS_READ = "data:imports:read"
    DATA_IMPORTS_WRITE = "data:imports:write"
    DATA_ITEMS_DELETE = "data:items:delete"
    DATA_ITEMS_EXPORT = "data:items:export"
    DATA_ITEMS_READ = "data:items:read"
    DATA_LABELS_WRITE = "data:labels:write"
    DATA_OWN_READ = "data:own:read"
    DATA_REASONS_WRITE = "data:reasons:write"
    DATA_RETENTION_READ = "data:retention:read"
    DATA_RETENTION_WRITE = "data:retention:write"
    ME_PROFILE_READ = "me:profile:read"
    ME_PROFILE_WRITE = "me:profile:write"
    SECURITY_IP_RANGES_READ = "security:ip_ranges:read"
    SECURITY_IP_RANGES_WRITE = "security:ip_ranges:write"
    SECURITY_KEYS_READ = "security:keys:read"
    SECURITY_KEYS_REPLACE = "security:keys:replace"
    SECURITY_SESSIONS_END = "security:sessions:end"
    SECURITY_SESSIONS_READ = "security:sessions:read"
    SECURITY_SETTINGS_READ = "security:settings:read"
    SECURITY_SETTINGS_WRITE = "security:settings:write"
    SUPPORT_FACTORS_RESET = "support:factors:reset"
    SUPPORT_KEYS_READ = "support:keys:read"
    SUPPORT_RESTRICTIONS_LIFT = "support:restrictions:lift"
    SUPPORT_TENANTS_READ = "support:tenants:read"
    USERS_ADMINISTRATORS_WRITE = "users:administrators:write"
    USERS_OWNERS_WRITE = "users:owners:write"
    USERS_PEOPLE_EXPORT = "users:people:export"
    USERS_PEOPLE_READ = "users:people:read"
    USERS_PEOPLE_WRITE = "users:people:write"
    USERS_PROOFS_RESET = "users:proofs:reset"


P = Permission

PERMISSION_TEXTS: dict[Permission, str] = {
    P.ACCOUNT_OVERVIEW_READ: "See the overview of the account",
    P.AUDIT_ENTRIES_EXPORT: "Export the audit record and signed checkpoints",
    P.AUDIT_ENTRIES_READ: "Read the audit record",
    P.DATA_HOLDS_READ: "See legal holds",
    P.DATA_HOLDS_WRITE: "Place legal holds, and lift them two together",
    P.DATA_IMPORTS_READ: "See what was imported, and what became of each item",
    P.DATA_IMPORTS_WRITE: "Import e-mail and documents",
    P.DATA_ITEMS_DELETE: "Delete e-mail and documents that no hold covers",
    P.DATA_ITEMS_EXPORT: "Export e-mail and documents",
    P.DATA_ITEMS_READ: "Read everybody's e-mail and documents",
    P.DATA_LABELS_WRITE: "Label e-mail and documents",
    P.DATA_OWN_READ: "Read one's own e-mail and documents",
    P.DATA_REASONS_WRITE: "Say why somebody else's e-mail or document is opened",
    P.DATA_RETENTION_READ: "See how long e-mail and documents are kept",
    P.DATA_RETENTION_WRITE: "Change how long e-mail and documents are kept",
    P.ME_PROFILE_READ: "See one's own profile and sessions",
    P.ME_PROFILE_WRITE: "Change one's own profile, password and sessions",
    P.SECURITY_IP_RANGES_READ: "See the IP ranges and what they refused",
    P.SECURITY_IP_RANGES_WRITE: "Change the IP ranges",
    P.SECURITY_KEYS_READ: "See the versions of the encryption key and what each still seals",
    P.SECURITY_KEYS_REPLACE: "Replace the encryption key",
    P.SECURITY_SESSIONS_END: "End other people's sessions",
    P.SECURITY_SESSIONS_READ: "See who is signed in, from where and since when",
    P.SECURITY_SETTINGS_READ: "See the security settings and the health check",
    P.SECURITY_SETTINGS_WRITE: "Change the security settings",
    P.SUPPORT_FACTORS_RESET: "Reset the second factors of a colleague of the service staff",
    P.SUPPORT_KEYS_READ: "See the versions of the root key and how many keys each wraps",
    P.SUPPORT_RESTRICTIONS_LIFT: "Lift a Customer's IP ranges in an emergency, two people together",
    P.SUPPORT_TENANTS_READ: "See the list of Customers and their states",
    P.USERS_ADMINISTRATORS_WRITE: "Add, change, suspend and delete administrators of every kind except owners",
    P.USERS_OWNERS_WRITE: "Add, change, suspend and delete owners",
    P.USERS_PEOPLE_EXPORT: "Export the list of users",
    P.USERS_PEOPLE_READ: "See the list of users and each user's page",
    P.USERS_PEOPLE_WRITE: "Add, change, suspend and delete members",
    P.USERS_PROOFS_RESET: "Reset a colleague's second factor and browsers, give a one-time code by telephone",
}


class Role(StrEnum):
    """The roles of a Customer's people, most powerful first."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    USER_MANAGER = "user_manager"
    SECURITY_MANAGER = "security_manager"
    AUDITOR = "auditor"
    MEMBER = "member"


class StaffRole(StrEnum):
    """The roles of service staff."""

    PLATFORM_ADMINISTRATOR = "platform_administrator"
    DATA_RETURN_OFFICER = "data_return_officer"
    APPROVER = "approver"
    AGENT = "agent"


ROLE_TEXTS: dict[str, tuple[str, str]] = {
    Role.OWNER: ("Owner", "Answers for the account: everything, including other owners."),
    Role.ADMINISTRATOR: ("Administrator", "Runs the account day to day: everything except owners."),
    Role.USER_MANAGER: ("User manager", "Adds, changes, suspends and deletes members."),
    Role.SECURITY_MANAGER: ("Security manager", "Chooses the security settings; reads users and the audit record."),
    Role.AUDITOR: ("Auditor", "Reads everything, changes nothing but the own profile."),
    Role.MEMBER: ("Member", "Uses the service; sees and changes the own profile only."),
}

STAFF_ROLE_TEXTS: dict[str, tuple[str, str]] = {
    StaffRole.PLATFORM_ADMINISTRATOR: ("Platform administrator", "Runs the installation and its staff."),
    StaffRole.DATA_RETURN_OFFICER: ("Data-return officer", "Prepares and delivers the data of leaving Customers."),
    StaffRole.APPROVER: ("Approver", "Approves what a colleague prepared."),
    StaffRole.AGENT: ("Support agent", "Answers Customers' questions."),
}

_OWN = frozenset({P.ME_PROFILE_READ, P.ME_PROFILE_WRITE})
_DATA_READ = frozenset(
    {P.DATA_ITEMS_READ, P.DATA_IMPORTS_READ, P.DATA_HOLDS_READ, P.DATA_REASONS_WRITE, P.DATA_RETENTION_READ}
)
_DATA = _DATA_READ | {
    P.DATA_IMPORTS_WRITE,
    P.DATA_ITEMS_DELETE,
    P.DATA_ITEMS_EXPORT,
    P.DATA_HOLDS_WRITE,
    P.DATA_LABELS_WRITE,
    P.DATA_RETENTION_WRITE,
}
_READ = frozenset({P.ACCOUNT_OVERVIEW_READ, P.USERS_PEOPLE_READ})
_AUDIT = frozenset({P.AUDIT_ENTRIES_READ, P.AUDIT_ENTRIES_EXPORT})
_MANAGE = frozenset({P.USERS_PEOPLE_WRITE, P.USERS_PEOPLE_EXPORT, P.USERS_PROOFS_RESET})
_SECURITY_READ = frozenset(
    {P.SECURITY_IP_RANGES_READ, P.SECURITY_KEYS_READ, P.SECURITY_SETTINGS_READ, P.SECURITY_SESSIONS_READ}
)
_SECURITY = _SECURITY_READ | {
    P.SECURITY_IP_RANGES_WRITE,
    P.SECURITY_KEYS_REPLACE,
    P.SECURITY_SETTINGS_WRITE,
    P.SECURITY_SESSIONS_END,
    P.USERS_PROOFS_RESET,
}
_PERSON = _OWN | {P.DATA_OWN_READ}
_ADMINISTRATOR = _PERSON | _READ | _AUDIT | _MANAGE | _SECURITY | _DATA | {P.USERS_ADMINISTRATORS_WRITE}
_STAFF = _OWN | {P.SUPPORT_TENANTS_READ, P.SUPPORT_RESTRICTIONS_LIFT}

ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.OWNER: _ADMINISTRATOR | {P.USERS_OWNERS_WRITE},
    Role.ADMINISTRATOR: _ADMINISTRATOR,
    Role.USER_MANAGER: _PERSON | _READ | _MANAGE,
    Role.SECURITY_MANAGER: _PERSON | _READ | _AUDIT | _SECURITY,
    Role.AUDITOR: _PERSON | _READ | _AUDIT | _SECURITY_READ | _DATA_READ | {P.USERS_PEOPLE_EXPORT, P.DATA_ITEMS_EXPORT},
    Role.MEMBER: _PERSON,
    StaffRole.PLATFORM_ADMINISTRATOR: _STAFF | _AUDIT | {P.SUPPORT_FACTORS_RESET, P.SUPPORT_KEYS_READ},
    StaffRole.DATA_RETURN_OFFICER: _STAFF,
    StaffRole.APPROVER: _STAFF,
    StaffRole.AGENT: _STAFF,
}

MANAGING_ROLES = frozenset({Role.OWNER, Role.ADMINISTRATOR, Role.USER_MANAGER, Role.SECURITY_MANAGER})
"""Whoever can change people or security. A stolen password of one of them is a danger to the others."""

ADMINISTRATOR_ROLES = frozenset({Role.OWNER, Role.ADMINISTRATOR})
"""At least one active person with such a role keeps a Customer able to help itself (the lock-out guard)."""


def may(role: str | None, permission: Permission) -> bool:
    """Whether people of `role` have `permission`. An unknown role has none."""
    return permission in ROLE_PERMISSIONS.get(role or "", frozenset())


def permission_to_manage(role: str) -> Permission:
    """The permission that adding, changing or removing a person of `role` demands."""
    if role == Role.OWNER:
        return P.USERS_OWNERS_WRITE
    if role == Role.MEMBER:
        return P.USERS_PEOPLE_WRITE
    return P.USERS_ADMINISTRATORS_WRITE


def role_label(role: str | None) -> str:
    """The role's name as people read it."""
    texts: dict[str, tuple[str, str]] = {**ROLE_TEXTS, **STAFF_ROLE_TEXTS}
    return texts.get(role or "", ("Nobody", ""))[0]
