"""Root keys in an environment variable, for containers whose platform keeps secrets itself."""

import os
import re
from collections.abc import Mapping

from console.core.errors import Conflict, Misconfigured
from console.vault.local_provider import LocalProvider, RootKey, decode_root_key
from console.vault.wrapping import Retirement

_ENTRY = re.compile(r"([1-9][0-9]{0,5}):(\S+)")
_FORM = "Write `version:base64 of 32 random bytes`, several separated by commas or lines, newest first."


class EnvProvider(LocalProvider):
    """Root keys in a variable, read once: a process sees a new value when it is started again."""

    name = "env"

    def __init__(self, variable: str, environment: Mapping[str, str] | None = None) -> None:
        self._variable = variable
        super().__init__(_parse(variable, (os.environ if environment is None else environment).get(variable)))

    def rotate(self) -> int:
        """**Raises:** Conflict always: only whoever sets the variable can add a version to it."""
        raise Conflict(
            f"The root key comes from the environment. Put `{max(self._roots) + 1}:<new key>` first in "
            f"{self._variable}, keep the others behind it, and start again."
        )

    def retire(self, version: int) -> Retirement:
        """**Raises:** Conflict always: only whoever sets the variable can remove a version from it."""
        raise Conflict(
            f"The root key comes from the environment. Remove `{version}:…` from {self._variable} and from "
            "every copy of it, and start again."
        )


def _parse(variable: str, text: str | None) -> dict[int, RootKey]:
    if text is None:
        raise Misconfigured(f"The environment variable {variable} is not set, so there is no root key. {_FORM}")
    entries = [entry.strip() for entry in re.split(r"[,\n]", text) if entry.strip()]
    if not entries:
        raise Misconfigured(f"The environment variable {variable} is empty, so there is no root key. {_FORM}")
    roots: dict[int, RootKey] = {}
    for position, entry in enumerate(entries, start=1):
        where = f"Entry {position} of {variable}"
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise Misconfigured(f"{where} is not of the form `version:key`. {_FORM}")
        version = int(match[1])
        if roots and version >= min(roots):  # an old key left in front would silently become the current one
            raise Misconfigured(f"{where} has version {version}, but versions must fall. {_FORM}")
        roots[version] = RootKey(version, decode_root_key(match[2], where=where, remedy=_FORM))
    return roots
