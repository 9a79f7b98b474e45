"""Settings that can be understood and are not safe: refused before anything is opened, with the cause and the remedy."""

import os
from collections.abc import Iterator
from email.utils import parseaddr
from urllib.parse import urlsplit

from console.core.errors import Misconfigured
from console.core.settings import Settings

LOOPBACK = ("localhost", "127.0.0.1", "::1")
LEAST_ARGON2_MEMORY_KIB = 7 * 1024
LEAST_ARGON2_WORK_KIB = 5 * 7 * 1024
"""Memory times passes of the smallest profile in OWASP's password storage sheet: 7 MiB, 5 passes."""
MOST_SIGN_INS = 100
WIDEST_IPV4, WIDEST_IPV6 = 8, 19
"""No company has more addresses than these prefixes hold; a wider range trusts strangers to be proxies."""


def check_settings(settings: Settings) -> None:
    """Nothing happens if the settings are safe for their profile. **Raises:** Misconfigured for the first that is not."""
    for problem in _always(settings):
        raise Misconfigured(problem)
    if settings.profile == "production":
        for problem in _in_production(settings):
            raise Misconfigured(problem)


def _always(settings: Settings) -> Iterator[str]:
    base = urlsplit(settings.base_url)
    if base.scheme not in ("http", "https") or not base.hostname or base.username or base.path or base.query:
        yield (
            f"SAFEKEEP_BASE_URL is {settings.base_url!r}; it must be like https://console.company.com, with nothing"
            " after the host and port."
        )
    if settings.profile == "demo" and base.hostname not in LOOPBACK:
        yield (
            f"SAFEKEEP_PROFILE is demo and SAFEKEEP_BASE_URL is {settings.base_url}: the demo shows everybody's mail, so"
            " it runs on localhost only. Use the profile production."
        )
    for network in settings.trusted_proxies:
        if network.prefixlen < (WIDEST_IPV4 if network.version == 4 else WIDEST_IPV6):
            yield (
                f"SAFEKEEP_TRUSTED_PROXIES has {network}: whoever connects from there may claim any address (P06). Name"
                " your proxies only."
            )
    if settings.database_url == settings.keystore_url:
        yield (
            "SAFEKEEP_DATABASE_URL and SAFEKEEP_KEYSTORE_URL are the same: a backup of the data would hold its keys"
            " (P17). Give the key store a database of its own."
        )
    if settings.session_idle_minutes > 60 * settings.session_absolute_hours:
        yield (
            f"SAFEKEEP_SESSION_IDLE_MINUTES is {settings.session_idle_minutes}, longer than"
            f" SAFEKEEP_SESSION_ABSOLUTE_HOURS ({settings.session_absolute_hours}): the idle end would never come."
        )


def _in_production(settings: Settings) -> Iterator[str]:
    if not settings.secure:
        yield f"SAFEKEEP_BASE_URL is {settings.base_url}; in production it must start with https:// (P12)."
    if not settings.mail_url.startswith(("smtp://", "smtps://")):
        yield "SAFEKEEP_MAIL_URL must be smtp:// or smtps:// in production: nobody reads mail in a folder."
    if parseaddr(settings.mail_from)[1].rpartition("@")[2].endswith((".invalid", "example.com")):
        yield f"SAFEKEEP_MAIL_FROM is {settings.mail_from!r}: mail from there arrives nowhere. Give an address of yours."
    if os.environ.get("FLASK_DEBUG", "0") not in ("", "0"):
        yield "FLASK_DEBUG is on; it must be off in production."
    memory_kib, work_kib = settings.argon2_memory_kib, settings.argon2_memory_kib * settings.argon2_passes
    if memory_kib < LEAST_ARGON2_MEMORY_KIB or work_kib < LEAST_ARGON2_WORK_KIB:
        yield (
            f"SAFEKEEP_ARGON2_MEMORY_KIB ({memory_kib}) and SAFEKEEP_ARGON2_PASSES ({settings.argon2_passes}) make"
            " passwords cheap to guess. Leave them at 19456 and 2, or above."
        )
    for name, tries in (
        ("SAFEKEEP_SIGN_INS_PER_ACCOUNT", settings.sign_ins_per_account),
        ("SAFEKEEP_SIGN_INS_PER_ADDRESS", settings.sign_ins_per_address),
    ):
        if tries > MOST_SIGN_INS:
            yield f"{name} is {tries}; above {MOST_SIGN_INS} it stops no guessing (P07)."
    mode = settings.instance.stat().st_mode if settings.instance.exists() else 0o700
    if mode & 0o027:
        yield (
            f"{settings.instance} can be entered or changed by others (mode {mode & 0o777:o}). Run: chmod 700"
            f" {settings.instance}"
        )
