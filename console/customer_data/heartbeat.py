"""A lease that is prolonged while long work goes on between two checkpoints, such as looking through a huge file."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context

from sqlalchemy.exc import SQLAlchemyError

from console.core.db import unit_of_work
from console.core.jobs import LostLease, Run

BEAT_SECONDS = 15.0
log = logging.getLogger(__name__)


@contextmanager
def beating(run: Run, *, every_seconds: float = BEAT_SECONDS) -> Iterator[None]:
    """While this lasts, the job's lease is prolonged every so often. A lost lease ends it; the next checkpoint says so."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(every_seconds):
            try:
                with unit_of_work():
                    run.beat()
            except LostLease:
                return
            except SQLAlchemyError as error:  # busy or full: the lease still has time, and the next beat tries again
                log.warning("job %s: its lease was not prolonged: %s", run.job_id, type(error).__name__)

    thread = threading.Thread(target=copy_context().run, args=(beat,), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
