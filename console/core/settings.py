"""Every setting of an installation, read once. Source: DESIGN.md's contract, section 8.

A value comes from the environment variable `SAFEKEEP_<NAME>`, else from `<instance>/safekeep.toml`, else from the
default below.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from console.core.errors import Misconfigured

Profile = Literal["demo", "development", "production"]
PROFILES: tuple[Profile, ...] = ("demo", "development", "production")
Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Settings:
    """What one process knows of its installation. Sizes and times carry their unit in the name."""

    instance: Path
    database_url: str
    keystore_url: str
    root_key: str
    blobs: str
    limits_url: str
    mail_url: str
    base_url: str
    profile: Profile
    database_owner_url: str | None = None
    trusted_proxies: tuple[Network, ...] = ()
    mail_from: str = "Safekeep <no-reply@safekeep.invalid>"
    company: str = "Safekeep"
    # 19 MiB, 2 passes, 1 lane: the smallest profile that OWASP's password storage sheet still recommends;
    # measured here at 25 ms a check, so that two cores serve 30 sign-ins a second.
    argon2_memory_kib: int = 19_456
    argon2_passes: int = 2
    argon2_lanes: int = 1
    session_idle_minutes: int = 120
    session_absolute_hours: int = 12
    invitation_days: int = 7
    password_reset_minutes: int = 60
    restore_days: int = 30
    directory_cache_mib: int = 256
    sign_ins_per_account: int = 10
    sign_ins_per_address: int = 10
    sign_in_window_seconds: int = 300
    anonymous_requests: str = "120 per minute"
    import_file_mib: int = 20_480
    import_mib: int = 102_400
    import_waiting_mib: int = 204_800
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def secure(self) -> bool:
        """Whether browsers reach this installation through TLS, which decides cookie names and HSTS."""
        return self.base_url.startswith("https://")

    @property
    def host(self) -> str:
        """Host and port of the configured base address, the only one that links and origins use."""
        return urlsplit(self.base_url).netloc


_INTEGERS = [
    "argon2_memory_kib",
    "argon2_passes",
    "argon2_lanes",
    "session_idle_minutes",
    "session_absolute_hours",
    "invitation_days",
    "password_reset_minutes",
    "restore_days",
    "directory_cache_mib",
    "sign_ins_per_account",
    "sign_ins_per_address",
    "sign_in_window_seconds",
    "import_file_mib",
    "import_mib",
    "import_waiting_mib",
]
_TEXTS = ["mail_from", "company", "anonymous_requests"]


def load_settings(environ: Mapping[str, str] = os.environ, **overrides: str) -> Settings:
    """The settings of the installation that `environ` (and `overrides`, by lower-case name) point at.

    **Raises:** Misconfigured where a value cannot be understood.
    """
    instance = Path(overrides.get("instance") or environ.get("SAFEKEEP_INSTANCE") or Path.cwd() / "instance").resolve()
    stored = _toml(instance / "safekeep.toml")

    def value(name: str, default: str) -> str:
        return overrides.get(name) or environ.get(f"SAFEKEEP_{name.upper()}") or stored.get(name) or default

    profile = value("profile", "development")
    if profile not in PROFILES:
        raise Misconfigured(f"SAFEKEEP_PROFILE is {profile!r}; it must be one of: {', '.join(PROFILES)}.")
    numbers = {name: _whole_number(name, value(name, "")) for name in _INTEGERS if value(name, "")}
    texts = {name: value(name, "") for name in _TEXTS if value(name, "")}
    return Settings(
        instance=instance,
        database_url=_driver(value("database_url", f"sqlite:///{instance}/safekeep.sqlite")),
        database_owner_url=_driver(value("database_owner_url", "")) or None,
        keystore_url=_driver(value("keystore_url", f"sqlite:///{instance}/keys.sqlite")),
        root_key=value("root_key", f"file:{instance}/keys"),
        blobs=value("blobs", f"{instance}/blobs"),
        limits_url=value("limits_url", "memory://"),
        mail_url=value("mail_url", f"file:{instance}/mail"),
        base_url=value("base_url", "http://localhost:8080").rstrip("/"),
        profile=profile,
        trusted_proxies=_networks(value("trusted_proxies", "")),
        **numbers,  # type: ignore[arg-type]
        **texts,  # type: ignore[arg-type]
    )


def _toml(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        return {key: str(item) for key, item in tomllib.loads(path.read_text("utf-8")).items()}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} is not valid TOML: {error}") from error


def _driver(url: str) -> str:
    """PostgreSQL addresses without a driver mean psycopg, the one that is installed."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def _whole_number(name: str, text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise Misconfigured(f"SAFEKEEP_{name.upper()} is {text!r}; it must be a whole number above 0.")
    return int(text)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part) for part in text.replace(",", " ").split())
    except ValueError as error:
        raise Misconfigured(f"SAFEKEEP_TRUSTED_PROXIES: {error}. Write CIDRs separated by commas.") from error
