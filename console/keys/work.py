"""The worker's part in replacing a key: small steps, each in a transaction of its own, each safe to repeat.

    queued    what there is to move is counted, and the number of the new version is written down
    making    the new version exists, and seals from now on
    sealing   a walk through all places moves what lies under older versions
    settling  other processes may have gone on with the old version for a few minutes: that is waited for
    checking  a second walk moves what they sealed; then everything is counted, and only if nothing is left under an
              older version are the older versions destroyed

A worker that is killed leaves the last step that was committed; whoever takes the job over goes on from there.
"""

import time
from collections.abc import Callable
from uuid import UUID

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import system
from console.core.db import bound_tenant, db, unit_of_work
from console.core.jobs import NotYet, Run
from console.keys.models import KeyRotation, State, rotation
from console.keys.places import counts_by_version, places
from console.vault import rotation as versions
from console.vault.access import keyring, tenant_keys

BATCH = 500
MOST_WALKS = 5
"""Each walk after the first finds only what the one before missed; what is left after so many will not move."""
NAMED_ROWS = 20
LONGEST_PAUSE_SECONDS = 0.25
BY = system("key replacement")


def rotate_keys(run: Run) -> None:
    """The replacement is done, or stopped with its reason, or goes on when the older version has come to rest.

    After each step others have their turn for as long as it took: on SQLite, whoever writes again and again keeps
    everybody else waiting. **Raises:** NotYet.
    """
    if run.target_id is None:
        return
    while True:
        began = time.monotonic()
        wait = _step(run, run.target_id)
        if wait is None:
            return
        if wait > 0:
            raise NotYet(wait)
        time.sleep(min(time.monotonic() - began, LONGEST_PAUSE_SECONDS))


def _step(run: Run, rotation_id: UUID) -> float | None:
    """One step. Answers how many seconds to wait before the next one, None when there is none."""
    with unit_of_work(run.tenant_id):
        found = rotation(rotation_id, lock=True)
        step = _STEPS.get(State(found.state))
        if step is None:
            return None
        wait = step(found)
        db.session.flush()
        run.checkpoint(found.done_rows, found.total_rows, progressed=True)
        return wait


def _count(found: KeyRotation) -> float:
    found.version = versions.next_version(keyring(), bound_tenant())
    found.totals = _left(found.version)
    found.started_at = clock.now()
    found.state = State.MAKING
    return 0


def _make(found: KeyRotation) -> float:
    """The key store is another database: what was made there stays when this transaction fails, and is found again."""
    versions.ensure_version(keyring(), bound_tenant(), _version(found))
    found.state = State.SEALING
    return 0


def _seal(found: KeyRotation) -> float:
    if not _walk(found):
        found.settled_at = versions.settled_at(keyring(), bound_tenant())
        found.state = State.SETTLING
    return 0


def _settle(found: KeyRotation) -> float:
    wait = (versions.settled_at(keyring(), bound_tenant()) - clock.now()).total_seconds()
    if wait <= 0:
        found.state = State.CHECKING
    return max(wait, 0)


def _check(found: KeyRotation) -> float:
    """**Records:** keys:rotation:finished, keys:rotation:stopped."""
    if _walk(found):
        return 0
    found.remaining, found.counted_at = _left(_version(found)), clock.now()
    if not any(found.remaining.values()):
        _retire(found)
    elif found.unreadable or found.walks >= MOST_WALKS:
        found.state = State.STOPPED
        left = ", ".join(f"{name} ({rows})" for name, rows in found.remaining.items() if rows)
        rows = ", ".join(f"{name} {row_id}" for name, row_id in found.unreadable)
        about = ("key_rotation", found.id)
        record(Tag.KEY_REPLACEMENT_STOPPED, by=BY, subject=about, version=found.version, left=left, unreadable=rows)
    return 0


def _retire(found: KeyRotation) -> None:
    """The older versions are destroyed: this very transaction has counted that nothing lies under them."""
    gone: list[str] = []
    for key in keyring().store.stored_keys([bound_tenant()]):
        if key.version < _version(found) and key.usable:
            versions.retire_version(keyring(), bound_tenant(), key.version)
            gone.append(str(key.version))
    found.state, found.finished_at = State.DONE, clock.now()
    db.session.flush()
    about, retired = ("key_rotation", found.id), ", ".join(gone)
    record(
        Tag.KEY_REPLACED, by=BY, subject=about, version=found.version, retired=retired, moved=found.done_rows, left=0
    )


def _walk(found: KeyRotation) -> bool:
    """Move one batch. Answers whether the walk through all places goes on."""
    here = places(bound_tenant())
    names = [place.name for place in here]
    at = names.index(found.place) if found.place in names else 0
    if found.place is None and found.state == State.CHECKING:
        found.unreadable = []
    place = here[at]
    if tenant_keys().version != found.version:  # opened by this process before another one made the version
        keyring().drop(bound_tenant())
    moved = place.move(_version(found), older=_older(found), after=found.after_id, limit=BATCH)
    if moved.rows:
        found.moved = {**found.moved, place.name: found.moved.get(place.name, 0) + moved.rows}
    if moved.unreadable:
        named = [[place.name, str(row_id)] for row_id in moved.unreadable]
        found.unreadable = [*found.unreadable, *named][:NAMED_ROWS]
    if moved.after is not None:
        found.place, found.after_id = place.name, None if place.wrapped else moved.after
        return True
    if at + 1 < len(here):
        found.place, found.after_id = names[at + 1], None
        return True
    found.place, found.after_id, found.walks = None, None, found.walks + 1
    return False


def _left(version: int) -> dict[str, int]:
    """How many rows lie under another version than this one: every place by name, also those with none."""
    left = {place.name: 0 for place in places(bound_tenant())}
    for other, counts in counts_by_version().items():
        for name, rows in counts.items():
            left[name] += rows if other != version else 0
    return left


def _older(found: KeyRotation) -> list[int]:
    stored = keyring().store.stored_keys([bound_tenant()])
    return [key.version for key in stored if key.usable and key.version < _version(found)]


def _version(found: KeyRotation) -> int:
    assert found.version is not None, "the number is written down in the first step"  # noqa: S101 (a fact, for mypy)
    return found.version


_STEPS: dict[State, Callable[[KeyRotation], float]] = {
    State.QUEUED: _count,
    State.MAKING: _make,
    State.SEALING: _seal,
    State.SETTLING: _settle,
    State.CHECKING: _check,
}
