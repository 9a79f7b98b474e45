"""The root key under all tenants' keys: a new one, everything wrapped under it, and the old one given up."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from console.audit.actions import record
from console.audit.tags import Tag
from console.core.actor import Actor
from console.core.errors import Conflict
from console.vault import rotation as versions
from console.vault.access import keyring
from console.vault.rotation import Rewrapped
from console.vault.wrapping import Retirement

CURRENT, IN_USE, UNUSED, GONE = "current", "in use", "unused", "gone"


@dataclass(frozen=True)
class Root:
    """One root version: how many keys (the store's own test text included) are wrapped under it, and its state.

    `current` wraps what is new; `in use` still has keys; `unused` has none and may be retired; `gone` is not here.
    """

    version: int
    fingerprint: str
    state: str
    wraps: int
    recorded_at: datetime | None


def roots() -> list[Root]:
    """Every root version that is here or ever wrapped here, newest first."""
    ring = keyring()
    here, current = ring.provider.versions(), ring.provider.current_version
    known = {record.version: record for record in ring.store.roots()}
    uses = _uses()
    found = []
    for version in sorted({*here, *known}, reverse=True):
        record_ = known.get(version)
        name = record_.fingerprint if record_ else ring.provider.fingerprint(version)
        state = _state(version, current, uses.get(version, 0), here=version in here)
        found.append(Root(version, name, state, uses.get(version, 0), record_.recorded_at if record_ else None))
    return found


def ensure_new_root(*, by: Actor) -> int:
    """The root version to wrap everything under: made now, or the one that an interrupted run has made.

    Bind the unit of work to the host. **Raises:** Conflict where the provider cannot make a version by itself, saying
    what to do. **Records:** keys:root:made.
    """
    ring = keyring()
    current = ring.provider.current_version
    if set(_uses()) <= {current}:
        current = ring.provider.rotate()
        record(Tag.ROOT_MADE, by=by, version=current, fingerprint=ring.provider.fingerprint(current))
    return current


def wrap_anew(told: Callable[[int, int], None] = lambda _done, _total: None) -> Rewrapped:
    """Every key that opens is wrapped under the newest root version. Call it outside a unit of work.

    Nothing is sealed anew and nobody has to stop: a process finds a new root in the folder by itself. The old root
    stays until it is retired. Killed at any step, it is simply run again.
    """
    return versions.rewrap(keyring(), told=told)


def record_wrapped(done: Rewrapped, *, by: Actor) -> None:
    """The host's record says how it ended. **Records:** keys:root:replaced."""
    version = keyring().provider.current_version
    record(Tag.ROOT_REPLACED, by=by, version=version, rewrapped=done.done, remaining=done.remaining)


def retire_roots(*, by: Actor) -> list[Retirement]:
    """Every root version under which nothing is wrapped any more is given up for good, the current one excepted.

    Bind the unit of work to the host. **Raises:** Conflict, naming what still needs an old root; nothing is retired
    then. **Records:** keys:root:retired.
    """
    old = [root for root in roots() if root.state in {IN_USE, UNUSED}]
    if needed := [root for root in old if root.state == IN_USE]:
        text = ", ".join(f"version {root.version} ({root.wraps})" for root in needed)
        raise Conflict(
            f"Keys are still wrapped under an old root: {text}. Run `safekeep keys rewrap` first; `safekeep doctor`"
            " names keys that do not open."
        )
    gone = []
    for root in old:
        record(Tag.ROOT_RETIRED, by=by, version=root.version, fingerprint=root.fingerprint)
        gone.append(keyring().provider.retire(root.version))
    return gone


def _uses() -> dict[int, int]:
    """How many keys lie under each root version; the store's test text counts as one."""
    ring = keyring()
    found = {ring.store.installation().canary.root_version: 1}
    for key in ring.store.stored_keys():
        if key.usable:
            found[key.root_version] = found.get(key.root_version, 0) + 1
    return found


def _state(version: int, current: int, wraps: int, *, here: bool) -> str:
    if version == current:
        return CURRENT
    if not here:
        return GONE
    return IN_USE if wraps else UNUSED
