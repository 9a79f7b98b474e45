"""What somebody hands in for import, as a stream of entries: the one door to folders, mbox files, zip files and files."""

from collections.abc import Iterator
from pathlib import Path

from console.formats.entries import (
    HEAD_BYTES,
    Entry,
    Kind,
    Position,
    Refusal,
    Unreadable,
    detect,
    maildir_flags,
    mbox_entries,
)
from console.formats.folders import walk_file, walk_folder
from console.formats.zips import walk_zip

__all__ = [
    "HEAD_BYTES",
    "Entry",
    "Kind",
    "Position",
    "Refusal",
    "Unreadable",
    "detect",
    "maildir_flags",
    "mbox_entries",
    "walk",
    "walk_file",
    "walk_folder",
    "walk_zip",
]


def walk(path: Path, after: Position | None = None) -> Iterator[Entry]:
    """Everything at that path, be it a folder or a file, from behind `after` on. **Raises:** nothing but by reading it."""
    return walk_folder(path, after) if path.is_dir() else walk_file(path, after)
