"""An import of a path on the server, by the command alone: no worker takes it up, because none need see that path."""

import os
import stat
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from console.core import clock
from console.core.actor import Actor
from console.core.db import db, unit_of_work
from console.core.errors import Conflict, Invalid
from console.core.jobs import FINISHED, Run, claim
from console.customer_data.custodians import address_to_import_for, custodian_of
from console.customer_data.importing import PATH_JOB, job_of, resume_import, start_import, whereabouts
from console.customer_data.imports import DataImport, ImportState, data_import

MOST_OPEN = 200


def check_path(path: Path) -> Path:
    """The whole path, if something that can be read lies there. **Raises:** Invalid."""
    whole = path.absolute()
    try:
        mode = whole.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(whole).close()
        elif stat.S_ISREG(mode):
            whole.open("rb").close()
        else:
            raise Invalid(f"{path} is neither a file nor a folder.")
    except OSError as error:
        raise Invalid(f"{path} cannot be imported: {error.strerror or type(error).__name__}.") from error
    return whole


def open_path_import(tenant_id: UUID, path: Path, custodian: str | None, *, by: Actor) -> tuple[UUID, bool]:
    """The import of that path for that custodian: a new one, or the one that was begun and not finished.

    Answers its id, and whether it goes on. **Raises:** Invalid. **Records:** customer_data:import:started for a new one.
    """
    address = address_to_import_for(custodian) if custodian else ""
    wanted = (str(path), address.casefold())
    size = _size(path)
    with unit_of_work(tenant_id):
        for found in _open():
            if (found.facts.get("path"), str(found.facts.get("custodian", "")).casefold()) == wanted:
                job = job_of(found)
                if job is None or job.state in FINISHED:
                    resume_import(found)
                return found.id, True
        keeper = custodian_of(address, by=by) if address else None
        facts = {"label": path.name or str(path), "path": str(path), "custodian": address, **whereabouts(by)}
        found = DataImport.new("command", ImportState.RUNNING, facts, total_bytes=size)
        found.custodian_id = keeper.id if keeper else None
        db.session.add(found)
        start_import(found, by=by)
        return found.id, False


def _open() -> list[DataImport]:
    query = select(DataImport).where(DataImport.source == "command", DataImport.state == ImportState.RUNNING)
    return list(db.session.execute(query.order_by(DataImport.id.desc()).limit(MOST_OPEN)).scalars())


def _size(path: Path) -> int:
    """How many bytes lie there; what cannot be looked at counts nothing, and is reported when it is met."""
    if not path.is_dir():
        return path.stat().st_size
    total, stack = 0, [str(path)]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return total


def lease(tenant_id: UUID, import_id: UUID) -> Run | float:
    """The lease on the import's job, or for how many seconds it cannot be had. **Raises:** Conflict if it is over."""
    with unit_of_work(tenant_id, write=False):
        found = data_import(import_id)
        job = job_of(found)
        if found.state != ImportState.RUNNING or job is None or job.state in FINISHED:
            raise Conflict(f"This import is {found.state} already.")
        job_id = job.id
        until = job.lease_until_at if job.state == "running" else job.run_after_at
    run = claim([PATH_JOB], job_id=job_id)
    if run is not None:
        return run
    return max((until - clock.now()).total_seconds(), 0.0) if until else 0.0


def beat_at(tenant_id: UUID, import_id: UUID) -> object:
    """When whoever holds the lease was last heard of: it moves while that process lives."""
    with unit_of_work(tenant_id, write=False):
        job = job_of(data_import(import_id))
        return job.heartbeat_at if job else None
