"""Where the tests put their thousands of short-lived files: into memory, where there is enough of it."""

import os
import shutil
from pathlib import Path

MEMORY = Path("/dev/shm")  # Linux's file system in memory; others have none under a name that is agreed on
LEAST_FREE_BYTES = 3 * 2**30
"""Several times what a whole run leaves there, as each test's folder goes with it."""


def quick_folder(memory: Path = MEMORY) -> str | None:
    """The folder in which to make temporary ones; None: the usual one.

    On a disk each new file is looked for a place beside those deleted seconds ago, and a test makes a database of three
    hundred files and deletes it: a copy took half a second of processor time on ext4, and takes a twentieth in memory.
    """
    try:
        free = min(shutil.disk_usage(memory).free, _memory_available())
        programs_run = not os.statvfs(memory).f_flag & os.ST_NOEXEC
    except (OSError, AttributeError, ValueError):
        return None
    usable = programs_run and os.access(memory, os.W_OK | os.X_OK)
    return str(memory) if usable and free >= LEAST_FREE_BYTES else None


def _memory_available() -> int:
    """The bytes that could be filled without pushing out what is in use. **Raises** OSError outside Linux."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    found = next(line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(found) * 1024
