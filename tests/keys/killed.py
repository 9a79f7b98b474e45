"""Workers that kill themselves: `python -m tests.keys.killed`, then a line `SECONDS-LATER POINT` for each of them.

A worker is a process of its own, the product's own loop on a real installation; only the places where it may die are
added from outside: before and after every commit, and before and after every write to the key store. POINT is the
number of a point, counted from the start of the process, or a name. For each line one worker runs to its end, and the
line `killed` or `ended` says how. They are forked from one process, because a start costs seconds.
"""

import os
import signal
import sys
from datetime import timedelta

import time_machine
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from console.commands.base import installation
from console.core import clock
from console.core.jobs import work_once
from console.keys import work as rotating
from console.registry import HANDLERS
from console.vault.keystore import KeyStore


class Dying:
    """Counts points, and dies at the one that was asked for, as by `kill -9`."""

    def __init__(self, wanted: str) -> None:
        self.wanted, self.passed = wanted, 0

    def reach(self, name: str) -> None:
        self.passed += 1
        if self.wanted in (name, str(self.passed)):
            os.kill(os.getpid(), signal.SIGKILL)


def watch(point: Dying) -> None:
    event.listen(Engine, "commit", lambda _connection: point.reach("before-commit"))
    event.listen(Session, "after_commit", lambda _session: point.reach("after-commit"))
    for name in ("add_key", "destroy"):
        setattr(KeyStore, name, around(getattr(KeyStore, name), name, point))


def around(method, name, point):
    def wrapped(*args, **kwargs):
        point.reach(f"before-{name}")
        answer = method(*args, **kwargs)
        point.reach(f"after-{name}")
        return answer

    return wrapped


def work(later: str, wanted: str) -> None:
    """One worker, until it dies or finds nothing to do."""
    rotating.BATCH = 4  # many small batches have many points
    with time_machine.travel(clock.now() + timedelta(seconds=float(later)), tick=True), installation():
        watch(Dying(wanted))
        while work_once(HANDLERS):
            pass


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                work(*line.split())
                status = 0
            finally:
                os._exit(status)
        _pid, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "ended" if status == 0 else "failed", flush=True)


if __name__ == "__main__":
    main()
