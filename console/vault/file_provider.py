"""Root keys in a folder: `root-<version>.key`, readable by their owner alone."""

import base64
import os
import re
import secrets
import stat
from pathlib import Path

from console.core.clock import now
from console.core.errors import Conflict, Misconfigured
from console.vault.derivation import KEY_BYTES
from console.vault.local_provider import LARGEST_VERSION, LocalProvider, RootKey, decode_root_key
from console.vault.wrapping import Health, Retirement

_FILE_NAME = re.compile(r"root-([1-9][0-9]{0,5})\.key")
_HEADER = "safekeep root key, version {version}"
"""First line of a key file. It names the version, so that a renamed or mixed-up file is noticed."""

_LARGEST_FILE_BYTES = 1024
"""A key file has about 80 bytes. Reading no more keeps a wrong path, say to a disk image, harmless."""

_OTHERS_ANY = 0o077
_OTHERS_WRITE = 0o022
_RESTORE = "Restore it from your copy of the root keys; a new key would not open existing data."


class FileProvider(LocalProvider):
    """Root keys in a folder. The highest version wraps; every version present unwraps."""

    name = "file"

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self._folder = folder
        if create:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(folder)
        if create and not _versions_in(folder):
            self._create(1)
        super().__init__(_read_all(folder))

    def rotate(self) -> int:
        """The number of the root version just made. **Raises:** Conflict when another process made it."""
        version = self.current_version + 1
        if version > LARGEST_VERSION or not self._create(version):
            raise Conflict(f"Root key version {version} was being made by somebody else. Look, then try again.")
        self._refresh()
        return version

    def retire(self, version: int) -> Retirement:
        """Removes an old root version's file; every key still wrapped under it is lost.

        Callers first see that nothing needs it (`rotation.rewrap` answers none remaining). The bytes are
        overwritten before the name goes, which a copy-on-write file system or a flash disk may not honour:
        copies are in any case the owner's to destroy, and that is what the certificate says.

        **Raises:** Conflict when the version is the current one or not here.
        """
        if version not in self.versions() or version == self.current_version:
            raise Conflict(f"Root key version {version} is in use or not here, so it cannot be retired.")
        retired, path, at = self._root(version), self._path(version), now()
        with path.open("r+b") as file:
            file.write(bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _sync_folder(self._folder)
        self._refresh()
        return Retirement(self.name, version, retired.fingerprint, at, at, f"{path.name} overwritten and removed")

    def health(self) -> Health:
        """Whether every key file is still there, private and readable: all are read again."""
        try:
            _check_folder(self._folder)
            self._roots = _read_all(self._folder)
        except Misconfigured as problem:
            return Health(ready=False, detail=str(problem))
        return super().health()

    def _refresh(self) -> None:
        if _versions_in(self._folder) != set(self._roots):
            self._roots = _read_all(self._folder)

    def _path(self, version: int) -> Path:
        return self._folder / f"root-{version}.key"

    def _create(self, version: int) -> bool:
        """True when this call made the file; False when it was there, in which case nothing changed.

        The bytes are complete and on disk under a temporary name before the real name exists, and `link`
        refuses to replace: a crash leaves no half key, and of two processes one wins.
        """
        temporary = self._folder / f".root-{version}.{secrets.token_hex(8)}.tmp"
        encoded = base64.b64encode(os.urandom(KEY_BYTES)).decode()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(f"{_HEADER.format(version=version)}\n{encoded}\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, self._path(version))
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        _sync_folder(self._folder)
        return True


def _versions_in(folder: Path) -> set[int]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as problem:
        raise Misconfigured(f"The root key folder {folder} cannot be listed: {problem.strerror}.") from None
    return {int(match[1]) for name in names if (match := _FILE_NAME.fullmatch(name))}


def _read_all(folder: Path) -> dict[int, RootKey]:
    versions = _versions_in(folder)
    if not versions:
        raise Misconfigured(
            f"There is no root key in {folder}. {_RESTORE} "
            "For a first installation, run `safekeep init`, which makes one."
        )
    return {version: RootKey(version, _read(folder / f"root-{version}.key", version)) for version in versions}


def _read(path: Path, version: int) -> bytes:
    """The key in a file. Checks and reads the one opened file, so that it cannot be swapped in between."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as problem:
        raise Misconfigured(f"The root key {path} cannot be opened: {problem.strerror}.") from None
    try:
        _check_private(path, os.fstat(descriptor))
        content = os.read(descriptor, _LARGEST_FILE_BYTES)
    finally:
        os.close(descriptor)
    if not content:
        raise Misconfigured(f"The root key {path} is empty. {_RESTORE}")
    lines = content.decode("ascii", "replace").splitlines()
    if len(lines) != 2 or lines[0] != _HEADER.format(version=version):
        raise Misconfigured(f"The root key {path} is cut short, or is not a root key of version {version}. {_RESTORE}")
    return decode_root_key(lines[1], where=f"The root key {path}", remedy=_RESTORE)


def _check_private(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise Misconfigured(f"The root key {path} is not a plain file. {_RESTORE}")
    _check_owner(path, found)
    if found.st_mode & _OTHERS_ANY:
        raise Misconfigured(
            f"The root key {path} is open to other accounts (mode {stat.S_IMODE(found.st_mode):04o}). "
            f"Run `chmod 600 {path}`, and rotate the root key if others may have read it."
        )


def _check_folder(folder: Path) -> None:
    """Whoever can write the folder can replace the key, whatever the file's own mode is."""
    try:
        found = folder.stat()
    except OSError as problem:
        raise Misconfigured(
            f"The root key folder {folder} cannot be used: {problem.strerror}. {_RESTORE} "
            "For a first installation, run `safekeep init`, which makes it."
        ) from None
    if not stat.S_ISDIR(found.st_mode):
        raise Misconfigured(f"The root key folder {folder} is not a folder. Name the folder, not a file in it.")
    _check_owner(folder, found)
    if found.st_mode & _OTHERS_WRITE:
        raise Misconfigured(
            f"Other accounts can write the root key folder {folder} "
            f"(mode {stat.S_IMODE(found.st_mode):04o}). Run `chmod 700 {folder}`."
        )


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid not in {os.geteuid(), 0}:  # root can read and replace everything in any case
        raise Misconfigured(
            f"{path} belongs to account {found.st_uid}, but this program runs as {os.geteuid()}. "
            f"Run `chown {os.geteuid()} {path}`."
        )


def _sync_folder(folder: Path) -> None:
    """Puts the folder's list of names on disk: without it a new name may be gone after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
