"""The demo's instance folder: made by the demo, used by one demo at a time, and never mistaken for a real one."""

import fcntl
import shutil
from pathlib import Path
from typing import IO

from console.core.errors import Misconfigured

MARKER = "demo"
"""The file that says so. It is locked while the demo runs, and says `ready` once the cast is complete."""
READY = "ready\n"
_OURS = "# Written by `safekeep demo` at every start."
_KEPT = (MARKER, ".gitkeep", "safekeep.toml")


def take(instance: Path, *, fresh: bool) -> IO[str]:
    """The folder is a demo's and this process's alone while the answer is open; empty if `fresh` or half filled.

    **Raises:** Misconfigured where it holds something that no demo made, or another demo runs on it.
    """
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (instance / MARKER).exists() and _contents(instance):
        raise Misconfigured(
            f"{instance} was not made by `safekeep demo`, so the demo leaves it alone."
            " Choose another folder in SAFEKEEP_INSTANCE."
        )
    held = (instance / MARKER).open("a+", encoding="utf-8")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held.close()
        raise Misconfigured(
            f"A demo runs on {instance} already. Stop it first, or choose another folder in SAFEKEEP_INSTANCE."
        ) from error
    held.seek(0)
    if fresh or held.read() != READY:
        _empty(instance)
        held.truncate(0)
    return held


def mark_ready(held: IO[str]) -> None:
    """The cast is complete: from now on the data is kept from one start to the next."""
    held.truncate(0)
    held.write(READY)
    held.flush()


def write_settings(instance: Path, port: int) -> None:
    """The demo's settings lie in its folder, so that other commands on the same instance agree with it.

    A file that somebody else wrote there is left alone.
    """
    path = instance / "safekeep.toml"
    if path.exists() and not path.read_text("utf-8").startswith(_OURS):
        return
    path.write_text(f'{_OURS}\nprofile = "demo"\nbase_url = "http://localhost:{port}"\n', "utf-8")


def _contents(instance: Path) -> list[Path]:
    return [path for path in instance.iterdir() if path.name not in _KEPT]


def _empty(instance: Path) -> None:
    for path in _contents(instance):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
