"""What every page shows around its content: navigation, who is signed in, theme, dates in the person's zone."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zlib import crc32
from zoneinfo import ZoneInfo

from flask import Flask, request

from blueprints.visit import visit
from console.core.clock import now
from console.core.db import settings
from console.core.permissions import Permission, may, role_label
from console.sessions.rules import idle_end

if TYPE_CHECKING:
    from blueprints.gate import SignedIn

P = Permission
_CUSTOMER: tuple[tuple[str | None, tuple[tuple[str, str, str, Permission, str | None], ...]], ...] = (
    (
        None,
        (
            ("Overview", "/overview", "home", P.ACCOUNT_OVERVIEW_READ, "g o"),
            ("Data", "/data", "archive", P.DATA_OWN_READ, "g d"),
            ("Users", "/users", "users", P.USERS_PEOPLE_READ, "g u"),
            ("Audit", "/audit", "audit", P.AUDIT_ENTRIES_READ, "g a"),
        ),
    ),
    (
        "Security",
        (
            ("Health and settings", "/security", "shield", P.SECURITY_SETTINGS_READ, "g h"),
            ("IP ranges", "/security/ip-ranges", "globe", P.SECURITY_IP_RANGES_READ, "g r"),
            ("Confirmation", "/security/identity-confirmation", "mail", P.SECURITY_SETTINGS_READ, "g i"),
            ("Sessions", "/security/sessions", "monitor", P.SECURITY_SESSIONS_READ, "g e"),
            ("Encryption key", "/security/keys", "lock", P.SECURITY_KEYS_READ, "g k"),
        ),
    ),
    (
        "Support",
        (
            ("Customers", "/support/tenants", "building", P.SUPPORT_TENANTS_READ, "g c"),
            ("Root keys", "/support/keys", "lock", P.SUPPORT_KEYS_READ, "g k"),
            ("Staff", "/support/staff", "users", P.SUPPORT_FACTORS_RESET, "g t"),
            ("Proxy self-test", "/support/proxy", "globe", P.SUPPORT_TENANTS_READ, "g p"),
            ("Audit", "/audit", "audit", P.AUDIT_ENTRIES_READ, "g a"),
        ),
    ),
    (
        "You",
        (
            ("My profile", "/me", "person", P.ME_PROFILE_READ, "g m"),
            ("My second factors", "/me/factors", "key", P.ME_PROFILE_READ, "g f"),
            ("My sessions", "/me/sessions", "monitor", P.ME_PROFILE_READ, "g s"),
            ("My browsers", "/me/browsers", "globe", P.ME_PROFILE_READ, "g b"),
        ),
    ),
)
THEMES = ("light", "dark")
STAFF_HOME = "Staff"
"""What stands beside the service's name where Customers see their company's."""


def install(app: Flask) -> None:
    """Templates have what they need on every page."""
    app.context_processor(_context)
    app.add_template_filter(local_time)
    app.add_template_filter(local_date)
    app.add_template_filter(ago)
    app.add_template_filter(role_label)
    app.add_template_filter(initials)
    app.add_template_filter(avatar_tone)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True


def _context() -> dict[str, Any]:
    person = visit().person
    theme = request.cookies.get("safekeep_theme")
    return {
        "nav": _navigation(),
        "actor": _shown(person) if person is not None and person.stage == "full" else None,
        "seconds_left": _seconds_left(person) if person is not None else 0,
        "theme": theme if theme in THEMES else None,
        "demo": settings().profile == "demo",
        "company": settings().company,
        "time_zone": visit().time_zone,
        "may": lambda permission: may(visit().actor.role, Permission(permission)),
    }


def _seconds_left(person: "SignedIn") -> int:
    """Until the session ends if nothing is done from now on."""
    return max(0, round((min(idle_end(now(), person.choices), person.ends_at) - now()).total_seconds()))


def _shown(person: Any) -> dict[str, Any]:
    by = person.actor
    return {
        "label": by.label,
        "role_label": role_label(by.role),
        "tenant_name": STAFF_HOME if by.kind == "staff" else person.tenant_name,
        "is_staff": by.kind == "staff",
        "id": by.user_id,
    }


def _navigation() -> list[dict[str, Any]]:
    by = visit().actor
    groups = []
    for label, items in _CUSTOMER:
        if (label == "Support") != (by.kind == "staff") and label != "You":
            continue
        shown = [
            {"label": text, "url": url, "icon": icon, "active": _active(url), "shortcut": keys, "badge": None}
            for text, url, icon, permission, keys in items
            if may(by.role, permission)
        ]
        if shown:
            groups.append({"label": label if label in ("You", "Security") else None, "items": shown})
    return groups


def _active(url: str) -> bool:
    path = request.path
    if url == "/security":
        return path == url or path.startswith(("/security/settings", "/security/presets"))
    if url == "/me":
        return path.startswith("/me") and not path.startswith(("/me/sessions", "/me/browsers", "/me/factors"))
    return path == url or path.startswith(url + "/")


def _zone() -> ZoneInfo:
    return ZoneInfo(visit().time_zone)


def local_time(moment: datetime | None) -> str:
    """Date and time in the person's zone, such as "4 Nov 2026, 14:05"."""
    if moment is None:
        return "never"
    local = moment.astimezone(_zone())
    return f"{local.day} {local:%b %Y, %H:%M}"


def local_date(moment: datetime | date | None) -> str:
    """The date in the person's zone, such as "4 Nov 2026"."""
    if moment is None:
        return "never"
    local = moment.astimezone(_zone()) if isinstance(moment, datetime) else moment
    return f"{local.day} {local:%b %Y}"


_STEPS = ((60, 1, "second"), (3600, 60, "minute"), (86_400, 3600, "hour"), (2_592_000, 86_400, "day"))


def ago(moment: datetime | None) -> str:
    """How long ago in round words, such as "3 hours ago"; a date beyond a month."""
    if moment is None:
        return "never"
    seconds = (now() - moment.astimezone(UTC)).total_seconds()
    if seconds < 10:
        return "just now"
    for bound, unit_seconds, word in _STEPS:
        if seconds < bound:
            count = int(seconds // unit_seconds)
            return f"{count} {word}{'s' if count != 1 else ''} ago"
    return local_date(moment)


AVATAR_TONES = 6


def initials(name: str | None) -> str:
    """The first letters of the first and the last word of a name or address, for the circle beside it."""
    words = (name or "?").replace("@", " ").replace(".", " ").replace("-", " ").split() or ["?"]
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


def avatar_tone(name: str | None) -> int:
    """Which of the tones a name's circle has: always the same for the same name."""
    return crc32((name or "").encode()) % AVATAR_TONES
