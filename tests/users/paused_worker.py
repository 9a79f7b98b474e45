"""The product's worker, as `safekeep worker` runs it, that pauses at moments which a test chose.

    python -m tests.users.paused_worker after:console.users.import_apply:_apply_next:2

It prints the moment when it comes there, and goes on when a line comes in. So a test acts at exactly that moment,
however busy the machine is.
"""

import importlib
import itertools
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from console.cli import main
from tests import databases
from tests.commands.processes import ROOT, environment
from tests.house import House

LONGEST_SECONDS = 300


def pause_at(moment: str) -> None:
    """The function pauses at its call of that number, before or after it does its work."""
    when, module, name, number = moment.split(":")
    holder = importlib.import_module(module)
    real, calls = getattr(holder, name), itertools.count(1)

    def watched(*args, **kwargs):
        now = next(calls) == int(number)
        if now and when == "before":
            _pause(moment)
        answer = real(*args, **kwargs)
        if now and when == "after":
            _pause(moment)
        return answer

    setattr(holder, name, watched)


def _pause(moment: str) -> None:
    print(moment, flush=True)
    sys.stdin.readline()


class PausedWorker:
    """The test's end of such a worker."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def comes_to(self, moment: str) -> None:
        """The worker is at that moment and stays there."""
        ready, _, _ = select.select([self.process.stdout], [], [], LONGEST_SECONDS)
        assert ready, f"the worker never came to {moment}"
        assert self.process.stdout.readline() == f"{moment}\n"

    def goes_on(self) -> None:
        self.process.stdin.write("go on\n")
        self.process.stdin.flush()

    def is_killed(self) -> None:
        """As by the machine: it has no time to say anything."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def paused_worker(house: House, *moments: str) -> Iterator[PausedWorker]:
    """A worker process on that house's installation; gone at the end."""
    database = house.settings.database_url.rsplit("/", 1)[1] if databases.POSTGRESQL else None
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.users.paused_worker", *moments],
        env=environment(house.settings.instance, database),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield PausedWorker(process)
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    for chosen in sys.argv[1:]:
        pause_at(chosen)
    main(["worker"])
