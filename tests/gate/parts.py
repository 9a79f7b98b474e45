"""What both kinds of outside part (a database server, a browser) have in common."""

import os
import signal
from types import FrameType
from typing import NoReturn


class PartMissing(Exception):
    """Raised when a part that a step needs cannot be had; says which, why, and what to install."""

    def __init__(self, part: str, reason: str, remedy: str) -> None:
        super().__init__(f"{part} cannot be had: {reason}")
        self.part = part
        self.reason = reason
        self.remedy = remedy


def say(message: str) -> None:
    """One line of progress is on standard output, at once."""
    print(message, flush=True)


def in_ci() -> bool:
    """Whether this is a build server, where a missing part is a failure."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false", "no"}


def is_root() -> bool:
    """Whether this process may install packages and must not itself run a database server."""
    return os.geteuid() == 0


def interrupt_once() -> None:
    """The first Ctrl-C, SIGTERM or hang-up raises KeyboardInterrupt; later ones do not disturb cleaning up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
