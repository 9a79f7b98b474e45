"""Edit the draft, put it into force, confirm it, return to an earlier version."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from console.core import clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db, unit_of_work
from console.core.errors import Conflict, Invalid
from console.core.jobs import Run
from console.ip_ranges import refusals, sightings
from console.ip_ranges.changes import MODE_TEXTS, Change, changes
from console.ip_ranges.entries import MODES, Entry, RangeList
from console.ip_ranges.guard import Verdict, lock_out
from console.ip_ranges.models import RangeDraft, administrators, compiled, draft, list_of, list_version
from console.ip_ranges.overlaps import merged
from console.ip_ranges.rules import Compiled, passes, tightens
from console.policies import actions as policies
from console.policies.models import InForce, in_force
from console.tenants.models import customers, lock_people

TRIAL_MINUTES = 10
REASON_CHARACTERS = 300
TOLD_CHARACTERS = 1000
TOLD_ENTRIES = 50
SWEEP_JOB = "ip-ranges-sweep"
SWEEP_EVERY_SECONDS = 6 * 3600


class LockedOut(Conflict):
    """Raised when a list would shut its author out, or leave nobody who could undo it. `add` is what to allow first."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.add = verdict.add


def edit_draft(change: Callable[[RangeList], RangeList], *, by: Actor) -> RangeList:
    """The draft has the change; the first one begins a draft from the list in force. Nothing is in force yet.

    **Raises:** what `change` raises; Invalid beyond the limit of entries.
    """
    lock_people()  # two who begin the first draft at once begin the same one
    found, policy = draft(lock=True), in_force("ip_ranges")
    before = found.ranges if found is not None else list_of(policy)
    after = change(before)
    if after == before:
        return before
    if found is None:
        found = RangeDraft(
            id=bound_tenant(), tenant_id=bound_tenant(), based_on=policy.number, revision=_first_revision()
        )
        db.session.add(found)
    found.put(after)
    found.revision += 1
    found.edited_at, found.edited_by = clock.now(), by.user_id
    db.session.flush()
    return after


def change_entry(entry: Entry, *, was: Entry, by: Actor) -> RangeList:
    """The draft has the entry as it is now.

    **Raises:** Conflict if the draft does not have it any more as the form showed it.
    """

    def change(ranges: RangeList) -> RangeList:
        if ranges.by_id.get(entry.id) != was:
            raise Conflict("Somebody changed or removed this entry since you opened it. Look at it again.")
        return ranges.put(entry)

    return edit_draft(change, by=by)


def add_entries(entries: list[Entry], *, by: Actor, replace_all: bool = False) -> RangeList:
    """The draft has these entries besides, or instead of all it had. **Raises:** Invalid beyond the limit."""
    return edit_draft(
        lambda ranges: (ranges.changed(entries=()) if replace_all else ranges).with_entries(entries), by=by
    )


def merge_entries(*, by: Actor) -> int:
    """In the draft, entries that overlap and say the same are one. Answers how many entries fewer there are."""
    count = 0

    def change(ranges: RangeList) -> RangeList:
        nonlocal count
        after = merged(ranges)
        count = len(ranges.entries) - len(after.entries)
        return after

    edit_draft(change, by=by)
    return count


def set_switches(*, mode: str, every_request: bool, by: Actor) -> None:
    """The draft has the switches of the whole list. **Raises:** Invalid."""
    if mode not in MODES:
        raise Invalid("Choose off, report only or enforced.", {"mode": "Choose one of these."})
    edit_draft(lambda ranges: ranges.changed(mode=mode, every_request=every_request), by=by)


def discard_draft(*, by: Actor) -> None:  # noqa: ARG001 (acts are told who does them)
    """There is no draft; the list in force stays as it is."""
    found = draft(lock=True)
    if found is not None:
        db.session.delete(found)


def take_version(number: int, *, by: Actor) -> None:
    """The draft is what that version was, ready to be looked at and saved. **Raises:** NotFound."""
    wanted = list_version(number)
    edit_draft(lambda _ranges: wanted, by=by)


def basis(policy: InForce) -> RangeList:
    """The list that people are used to: the one in force, or while that is on trial, the one before."""
    return list_version(policy.fallback or 0) if policy.on_trial else list_of(policy)


def verdict_on(ranges: RangeList, *, by: Actor) -> Verdict | None:
    """Why this list must not come into force; None if it may."""
    if ranges.mode != "enforce":
        return None
    return lock_out(
        ranges, role=by.role or "", address=by.address or "", administrators=administrators(), now=clock.now()
    )


def save_draft(*, based_on: int, revision: int, reason: str, by: Actor) -> tuple[int, bool]:
    """The draft is in force as a new version. Answers its number, and whether it is on trial.

    A version that may refuse somebody who came in before is on trial for ten minutes, and reverts unless confirmed.

    **Raises:** Invalid, LockedOut; Conflict if draft or list changed since they were looked at.
    **Records:** policies:version:saved.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > REASON_CHARACTERS or not reason.isprintable():
        message = f"Say why, in at most {REASON_CHARACTERS} printable characters."
        raise Invalid(message, {"reason": message})
    lock_people()
    found, policy = draft(lock=True), in_force("ip_ranges")
    if found is None:
        raise Conflict("There is no draft any more: it was saved or discarded meanwhile.")
    if found.revision != revision:
        raise Conflict("The draft was changed since you looked at it. Look at it again, then save.")
    new, old = found.ranges, list_of(policy)
    if new == old:
        raise Conflict("The draft says the same as the list in force. There is nothing to save.")
    verdict = verdict_on(new, by=by)
    if verdict is not None:
        raise LockedOut(verdict)
    trial = tightens(basis(policy), new, clock.now())
    number = policies.save(
        "ip_ranges",
        new.as_document(),
        based_on=based_on,
        reason=reason,
        by=by,
        trial_minutes=TRIAL_MINUTES if trial else 0,
        changes=_told(old, new),
    )
    db.session.delete(found)
    return number, trial


def _first_revision() -> int:
    """Where a new draft begins to count. Random, so that a review of an earlier draft never fits a later one."""
    return secrets.randbelow(10**8)


def _told(old: RangeList, new: RangeList) -> dict[str, tuple[object, object]]:
    """What the record says of the change: the switches, how many entries, and which."""
    found = changes(old, new)
    gone = ", ".join(change.old.range for change in found if change.old is not None)
    come = ", ".join(change.new.range for change in found if change.new is not None)
    told: dict[str, tuple[object, object]] = {
        "mode": (MODE_TEXTS[old.mode], MODE_TEXTS[new.mode]),
        "every_request": (old.every_request, new.every_request),
        "entries": (len(old.entries), len(new.entries)),
        "ranges": (_cut(gone), _cut(come)),
    }
    return {name: pair for name, pair in told.items() if pair[0] != pair[1]} | _details(found)


def _details(found: list[Change]) -> dict[str, tuple[object, object]]:
    """What changed within entries that stayed, those first that there is room for."""
    told: dict[str, tuple[object, object]] = {}
    for change in [change for change in found if change.kind == "changed"][:TOLD_ENTRIES]:
        for name, before, after in change.lines:
            told[f"{change.entry.range}: {name}"] = (before or None, after or None)
    return told


def _cut(text: str) -> str:
    return text if len(text) <= TOLD_CHARACTERS else text[:TOLD_CHARACTERS] + "…"


def keep_trial(number: int, *, by: Actor) -> None:
    """The version on trial stays, confirmed by somebody whom it lets in.

    **Raises:** Conflict if its time is over, it was replaced, or it keeps its confirmer out.
    **Records:** policies:version:kept.
    """
    tried = Compiled(list_version(number))
    if not passes(tried, by.address or "", by.role or "", clock.now()):
        raise Conflict("This list does not let you in from your present address, so you cannot confirm it.")
    policies.keep("ip_ranges", number=number, by=by)


def end_trial(number: int, *, by: Actor) -> None:
    """The list before the trial is in force again at once. **Raises:** Conflict. **Records:** policies:version:reverted."""
    policies.fall_back("ip_ranges", number=number, by=by)


def passes_now(address: str, role: str) -> bool:
    """Whether people of that role get in from there under the list in force."""
    return passes(compiled(in_force("ip_ranges")), address, role, clock.now())


def forget_people(user_ids: list[UUID]) -> None:
    """Nothing is left of where those people were seen or kept out."""
    sightings.forget_people(user_ids)
    refusals.forget_people(user_ids)


def sweep(run: Run) -> None:
    """Sightings and refusals older than 90 days are gone, Customer by Customer."""
    after = None
    done = 0
    while True:
        with unit_of_work(write=False):
            tenant_ids = [tenant.id for tenant in customers(after=after)]
        if not tenant_ids:
            return
        for tenant_id in tenant_ids:
            with unit_of_work(tenant_id):
                sightings.forget_old()
                refusals.forget_old()
                done += 1
                run.checkpoint(done, done)
        after = tenant_ids[-1]


def switch_entries(ids: set[str], *, on: bool, by: Actor) -> RangeList:
    """In the draft, those entries are switched on or off."""

    def change(ranges: RangeList) -> RangeList:
        entries = tuple(replace(entry, on=on) if entry.id in ids else entry for entry in ranges.entries)
        return ranges.changed(entries=entries)

    return edit_draft(change, by=by)
