"""Looking after the blob store: sweep what no row names, and find what is damaged, missing or out of place."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Literal
from uuid import UUID

from sqlalchemy import select

from console.core import clock
from console.core.db import db, unit_of_work
from console.core.jobs import FINISHED, Run, job_for
from console.vault.blob_store import BlobStore, ids_of, tenant_prefix
from console.vault.blobs import DELETE_JOB, Blob, blob_store
from console.vault.errors import BlobMissing

SWEEP_JOB = "blob-sweep"
SWEEP_EVERY_SECONDS = 6 * 3600
KEPT = timedelta(hours=24)
"""How long something without a row is left alone: its transaction may still be going on."""

SETTLING = timedelta(hours=1)
"""How young something without a row is no finding yet."""

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with one stored thing. `blob_id` is None where its name is no blob's."""

    kind: Literal["damaged", "missing", "foreign"]
    blob_id: UUID | None
    name: str


def sweep_blobs(run: Run, *, tenant_ids: Callable[[], list[UUID]]) -> None:
    """What was stored a day ago and has no row is gone, and so is what writers that died left half-written.

    Only under tenants that exist, and only what bears a blob's name: whatever else lies in the store was not put there by
    us, and `check_blobs` and `foreign_folders` report it. Memory does not grow with the number of blobs.
    """
    store, horizon = blob_store(), clock.now() - KEPT
    store.remove_unfinished(horizon)
    with unit_of_work(write=False):
        wanted = tenant_ids()
    for done, tenant_id in enumerate(wanted):
        for names in _batches(store.names(tenant_prefix(tenant_id))):
            for name in _without_row(tenant_id, names):
                if ids_of(name) is not None and _older(store, name, KEPT):
                    store.delete(name)
            with unit_of_work():
                run.checkpoint(done, len(wanted))


def check_blobs(tenant_id: UUID) -> Iterator[Finding]:
    """Everything wrong with that tenant's blobs: damaged (another hash than the row's), missing, foreign (without a row).

    Reads every blob whole, needs no keys, and takes what is deleted or stored meanwhile for what it is. Opens units of
    work of its own and holds none open between findings. **Raises:** StoreUnavailable.
    """
    store = blob_store()
    for rows in _rows(tenant_id):
        for blob_id, name, expected in rows:
            kind = _problem(store, name, expected)
            if kind and _still_there(tenant_id, blob_id):
                yield Finding(kind, blob_id, name)
    for names in _batches(store.names(tenant_prefix(tenant_id))):
        for name in _without_row(tenant_id, names):
            found = ids_of(name)
            if found is None or (_older(store, name, SETTLING) and not _being_removed(found[1])):
                yield Finding("foreign", found[1] if found else None, name)


def foreign_folders(tenant_ids: Iterable[UUID]) -> Iterator[Finding]:
    """Everything in the store that lies under none of these tenants. **Raises:** StoreUnavailable."""
    store, known = blob_store(), {tenant_id.hex for tenant_id in tenant_ids}
    for folder in store.folders():
        if folder not in known:
            for name in store.names(f"{folder}/"):
                found = ids_of(name)
                yield Finding("foreign", found[1] if found else None, name)


def _rows(tenant_id: UUID) -> Iterator[list[tuple[UUID, str, bytes]]]:
    after: UUID | None = None
    while True:
        query = select(Blob).order_by(Blob.id).limit(_BATCH)
        with unit_of_work(tenant_id, write=False):
            found = db.session.execute(query.where(Blob.id > after) if after else query).scalars()
            rows = [(blob.id, blob.name, blob.stored_sha256) for blob in found]
        if not rows:
            return
        yield rows
        after = rows[-1][0]


def _problem(store: BlobStore, name: str, expected: bytes) -> Literal["damaged", "missing"] | None:
    found = hashlib.sha256()
    try:
        for piece in store.stream(name):
            found.update(piece)
    except BlobMissing:
        return "missing"
    return None if found.digest() == expected else "damaged"


def _still_there(tenant_id: UUID, blob_id: UUID) -> bool:
    with unit_of_work(tenant_id, write=False):
        return db.session.execute(select(Blob.id).where(Blob.id == blob_id)).first() is not None


def _being_removed(blob_id: UUID) -> bool:
    """Whether its row was deleted and the job that removes it has yet to come to it."""
    with unit_of_work(write=False):
        job = job_for(DELETE_JOB, blob_id)
        return job is not None and job.state not in FINISHED


def _without_row(tenant_id: UUID, names: list[str]) -> list[str]:
    """Those of the names that no row of the tenant stands for."""
    ids = {name: found[1] for name in names if (found := ids_of(name)) and found[0] == tenant_id}
    with unit_of_work(tenant_id, write=False):
        known = set(db.session.execute(select(Blob.id).where(Blob.id.in_(ids.values()))).scalars()) if ids else set()
    return [name for name in names if ids.get(name) not in known]


def _older(store: BlobStore, name: str, age: timedelta) -> bool:
    try:
        return store.stored_at(name) < clock.now() - age
    except BlobMissing:  # removed meanwhile, as it should be
        return False


def _batches(names: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(names, _BATCH)):
        yield batch
