"""What somebody hands in for import, as a stream of entries: a folder, an mbox file, a zip file, a file."""

from collections.abc import Iterator
from pathlib import Path

from console.formats.entries import Entry, Position
from console.formats.folders import walk_file, walk_folder


def walk(path: Path, after: Position | None = None) -> Iterator[Entry]:
    """Everything at that path, be it a folder or a file, from behind `after` on. **Raises:** nothing but by reading it."""
    return walk_folder(path, after) if path.is_dir() else walk_file(path, after)
