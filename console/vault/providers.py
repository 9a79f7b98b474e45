"""Which key provider a URL names."""

import re
from pathlib import Path

from console.core.errors import Misconfigured
from console.vault.env_provider import EnvProvider
from console.vault.file_provider import FileProvider
from console.vault.wrapping import Health, KeyProvider, Retirement, WrappedKey

__all__ = ["EnvProvider", "FileProvider", "Health", "KeyProvider", "Retirement", "WrappedKey", "provider_from_url"]

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def provider_from_url(url: str, *, create: bool = False) -> KeyProvider:
    """The provider that `SAFEKEEP_ROOT_KEY` names, with its root keys read and checked.

    With `create`, a folder without any root key gets its first one. Nothing that exists is ever replaced,
    and without `create` nothing is ever made: a new root key would look like success and open no data.

    **Shape:** `file:/path/to/folder` (a relative path is allowed) or `env:VARIABLE`.
    **Raises:** Misconfigured, naming cause and remedy, for every other form and for every key not in order.
    **Source:** P17.
    """
    kind, _, rest = url.partition(":")
    if kind == "file" and rest not in {"", "//"}:
        return FileProvider(Path(rest.removeprefix("//")), create=create)
    if kind == "env" and _VARIABLE.fullmatch(rest):
        return EnvProvider(rest)
    raise Misconfigured(
        f"SAFEKEEP_ROOT_KEY must be `file:/path/to/folder` or `env:VARIABLE`, and this one begins with {kind[:8]!r}."
    )
