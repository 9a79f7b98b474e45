"""Child processes of the gate: run to their end, or ended with it."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

INTERRUPT_GRACE_SECONDS = 10


class Stopped(Exception):
    """Raised when a child is wanted after the gate has been interrupted."""


@dataclass
class Children:
    """The children of one gate run. After the `with` block neither they nor their own children are alive."""

    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def run(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> tuple[int, str]:
        """The child's exit status and everything it printed. Safe to call from several threads."""
        with tempfile.TemporaryFile() as output:
            try:
                child = self._start(command, env, cwd, output.fileno())
            except OSError as error:
                return (127, f"{command[0]}: {error.strerror}. Install the test tools: pip install -e '.[test]'\n")
            status = child.wait()
            with self._lock:
                self._running.discard(child)
            output.seek(0)
            return status, output.read().decode(errors="replace")

    def end(self) -> None:
        """No child is alive and none can be started any more."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for child in running:
            _signal_group(child, signal.SIGINT)
        for child in running:
            with suppress(subprocess.TimeoutExpired):
                child.wait(timeout=INTERRUPT_GRACE_SECONDS)
            _signal_group(child, signal.SIGKILL)

    def _start(self, command: Sequence[str], env: Mapping[str, str], cwd: Path, output: int) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise Stopped
            child = subprocess.Popen(
                command,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(child)
            return child


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Every process in the child's own session has been sent the signal, if any is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
