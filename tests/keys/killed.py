"""A worker that kills itself: `python -m tests.keys.killed SECONDS-LATER POINT`. POINT is a number or a name.

It is the product's own loop on a real installation; only the places where it may die are added from outside: before and
after every commit, and before and after every write to the key store. Points are counted from the start of the process.
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
from console.registry import HANDLERS
from console.vault.keystore import KeyStore

NAMES = ("before commit", "after commit", "before add_key", "after add_key", "before destroy", "after destroy")


class Dying:
    """Counts points, and dies at the one that was asked for, as by `kill -9`."""

    def __init__(self, wanted: str) -> None:
        self.wanted, self.passed = wanted, 0

    def reach(self, name: str) -> None:
        self.passed += 1
        if self.wanted in (name, str(self.passed)):
            os.kill(os.getpid(), signal.SIGKILL)


def watch(point: Dying) -> None:
    event.listen(Engine, "commit", lambda _connection: point.reach("before commit"))
    event.listen(Session, "after_commit", lambda _session: point.reach("after commit"))
    for name in ("add_key", "destroy"):
        setattr(KeyStore, name, around(getattr(KeyStore, name), name, point))


def around(method, name, point):
    def wrapped(*args, **kwargs):
        point.reach(f"before {name}")
        answer = method(*args, **kwargs)
        point.reach(f"after {name}")
        return answer

    return wrapped


def main() -> None:
    later, wanted = sys.argv[1:]
    with time_machine.travel(clock.now() + timedelta(seconds=float(later)), tick=True), installation():
        watch(Dying(wanted))
        while work_once(HANDLERS):
            pass


if __name__ == "__main__":
    main()
