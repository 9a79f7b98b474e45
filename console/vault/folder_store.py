"""Blobs in a folder of this machine, or of a file server that keeps its promises about fsync and links.

A blob is written under `.new/`, forced to the disk, linked to its name, and the name forced to the disk. A link, unlike a
rename, never replaces what is there, so written once means once, whoever else writes at the same moment.
"""

import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from console.core.errors import Conflict, Misconfigured
from console.vault.blob_store import checked
from console.vault.errors import BlobMissing, StoreFull, StoreUnavailable

UNFINISHED = ".new"
FOLDER_MODE, FILE_MODE = 0o700, 0o600
PIECE_BYTES = 256 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_KNOWN_FOLDERS = 100_000


class FolderStore:
    """A `BlobStore` on a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lasting: set[str] = set()
        """Folders that were seen on the disk, so that each costs its fsync once per process."""

    @classmethod
    def from_path(cls, path: str) -> Self:
        """The store in that folder. **Raises:** Misconfigured when the path is empty or relative."""
        if not path or not Path(path).is_absolute():
            raise Misconfigured(f"SAFEKEEP_BLOBS is {path!r}; give the whole path of the folder, beginning with /.")
        return cls(Path(path))

    def put(self, name: str, pieces: Iterable[bytes]) -> int:
        """See `BlobStore.put`."""
        final = self.root / checked(name)
        unfinished = self.root / UNFINISHED / secrets.token_hex(16)
        with _told():
            if final.exists():
                raise _exists()
            self._make_folders(name)
            descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, FILE_MODE)
        try:
            try:
                stored_bytes = _written(descriptor, pieces)
            finally:
                os.close(descriptor)
            with _told():
                final.hardlink_to(unfinished)
        finally:
            with suppress(OSError):
                unfinished.unlink()
        with _told():
            _fsync_folder(final.parent)
        return stored_bytes

    def read(self, name: str, start: int, length: int) -> bytes:
        """See `BlobStore.read`."""
        with _told(), self._opened(name) as descriptor:
            found = os.pread(descriptor, length, start)
            while 0 < len(found) < length:  # one call answers at most 2 GiB
                more = os.pread(descriptor, length - len(found), start + len(found))
                if not more:
                    break
                found += more
            return found

    def stream(self, name: str) -> Iterator[bytes]:
        """See `BlobStore.stream`."""
        with self._opened(name) as descriptor:
            while True:
                with _told():
                    piece = os.read(descriptor, PIECE_BYTES)
                if not piece:
                    return
                yield piece

    def size(self, name: str) -> int:
        """See `BlobStore.size`."""
        return self._stat(name).st_size

    def stored_at(self, name: str) -> datetime:
        """See `BlobStore.stored_at`."""
        return datetime.fromtimestamp(self._stat(name).st_mtime, UTC)

    def delete(self, name: str) -> None:
        """See `BlobStore.delete`."""
        path = self.root / checked(name)
        with _told(), suppress(FileNotFoundError, NotADirectoryError):
            path.unlink()
            _fsync_folder(path.parent)  # else a power loss could bring back what was destroyed

    def names(self, prefix: str = "") -> Iterator[str]:
        """See `BlobStore.names`."""
        if prefix:
            return _files_below(self.root / prefix.rstrip("/"), prefix)
        return (name for name in _files_below(self.root, "") if not name.startswith(f"{UNFINISHED}/"))

    def folders(self) -> Iterator[str]:
        """See `BlobStore.folders`."""
        with _told(), os.scandir(self.root) as entries:
            yield from (entry.name for entry in entries if entry.name != UNFINISHED)

    def remove_unfinished(self, before: datetime) -> int:
        """See `BlobStore.remove_unfinished`."""
        removed = 0
        with _told(), os.scandir(self.root / UNFINISHED) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # its writer finished meanwhile
                    if entry.stat(follow_symlinks=False).st_mtime < before.timestamp():
                        Path(entry.path).unlink()
                        removed += 1
        return removed

    def free_bytes(self) -> int | None:
        """See `BlobStore.free_bytes`."""
        with _told():
            found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def prepare(self) -> None:
        """See `BlobStore.prepare`."""
        for folder in (self.root, self.root / UNFINISHED):
            folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        _fsync_folder(self.root)

    def check(self) -> None:
        """See `BlobStore.check`."""
        for folder in (self.root, self.root / UNFINISHED):
            if not folder.is_dir():
                raise Misconfigured(f"The folder of the blobs, {folder}, does not exist. Run `safekeep init`.")
            mode = stat.S_IMODE(folder.stat().st_mode)
            if mode & 0o077:
                raise Misconfigured(f"{folder} can be entered by others (mode {mode:o}). Run: chmod 700 {folder}")
        probe = self.root / UNFINISHED / f"check-{secrets.token_hex(8)}"
        linked = probe.with_suffix(".linked")
        try:
            with _probing(self.root):
                probe.touch(mode=FILE_MODE, exist_ok=False)
                linked.hardlink_to(probe)
                _fsync_folder(self.root)
        finally:
            for path in (probe, linked):
                with suppress(OSError):
                    path.unlink()

    def _make_folders(self, name: str) -> None:
        """The folders of that name exist and are on the disk, each one's entry in its parent included."""
        tenant, fan, _blob = name.split("/")
        for folder in (tenant, f"{tenant}/{fan}"):
            path = self.root / folder
            if folder in self._lasting and path.is_dir():
                continue
            with suppress(FileExistsError):
                path.mkdir(FOLDER_MODE)
            _fsync_folder(path.parent)
            if len(self._lasting) >= _KNOWN_FOLDERS:
                self._lasting.clear()
            self._lasting.add(folder)

    @contextmanager
    def _opened(self, name: str) -> Iterator[int]:
        try:
            descriptor = os.open(f"{self.root}/{checked(name)}", os.O_RDONLY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing from None
        except OSError as error:
            raise StoreUnavailable(str(error)) from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _stat(self, name: str) -> os.stat_result:
        try:
            return (self.root / checked(name)).lstat()
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing from None
        except OSError as error:
            raise StoreUnavailable(str(error)) from error


def _written(descriptor: int, pieces: Iterable[bytes]) -> int:
    """The pieces are in the file and on the disk. Errors of the pieces' own source are not touched."""
    stored_bytes = 0
    for piece in pieces:
        view = memoryview(piece)
        while view:
            with _told():
                done = os.write(descriptor, view)
            view = view[done:]
            stored_bytes += done
    with _told():
        os.fsync(descriptor)
    return stored_bytes


def _files_below(folder: Path, prefix: str) -> Iterator[str]:
    """The paths of all files below, with the prefix before them; one open folder for each level."""
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _files_below(Path(entry.path), f"{prefix}{entry.name}/")
            else:
                yield prefix + entry.name


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exists() -> Conflict:
    return Conflict("A blob of this name is stored already. Nothing was changed.")


@contextmanager
def _told() -> Iterator[None]:
    """The system's refusals become ours: no room, exists already, or whatever the system says."""
    try:
        yield
    except FileExistsError:
        raise _exists() from None
    except OSError as error:
        if error.errno in _FULL:
            raise StoreFull from error
        raise StoreUnavailable(str(error)) from error


@contextmanager
def _probing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Misconfigured(
            f"The folder of the blobs, {root}, cannot be used: {error.strerror or error}. It must be writable for this"
            " account, have room, and lie on a file system with hard links."
        ) from error
