"""Save a Customer's security settings, as a version of their own, or return to an earlier one."""

from dataclasses import asdict

from console.core.actor import Actor
from console.core.errors import Invalid
from console.policies.actions import save
from console.policies.choices import FIELDS, Choices, choices_of, contradictions, spoken
from console.policies.models import InForce, document, in_force, version

REASON_CHARACTERS = 500
Difference = dict[str, tuple[object, object]]


def save_choices(chosen: Choices, *, based_on: int, reason: str, by: Actor) -> int:
    """These choices are in force from the next request on, in every process. Answers the version's number.

    **Raises:** Invalid without a reason where the Customer requires one, or where nothing would change; Stale.
    **Records:** policies:version:saved with each changed setting. **Source:** P08.
    """
    present = in_force("settings")
    check_reason(reason, choices_of(present))
    if based_on == present.number and not difference(choices_of(present), chosen):
        raise Invalid("Nothing is different from the settings in force.")
    changes = difference(choices_of(present), chosen)
    return save("settings", asdict(chosen), based_on=based_on, reason=reason.strip(), by=by, changes=changes)


def return_to(number: int, *, based_on: int, reason: str, by: Actor) -> int:
    """The choices of that earlier version are in force again, as a new version. Number 0 means the defaults.

    **Raises:** NotFound, Invalid, Stale. **Records:** policies:version:saved.
    """
    check_reason(reason, choices_of(in_force("settings")))
    chosen = choices_at(number)
    problems = contradictions(chosen)
    if problems:
        raise Invalid("That version contradicts itself under today's rules.", problems)
    return save_choices(chosen, based_on=based_on, reason=reason or f"Back to version {number}", by=by)


def choices_at(number: int) -> Choices:
    """What that version said. **Raises:** NotFound."""
    if number:
        version("settings", number)
    return choices_of(InForce("settings", number, document("settings", number)))


def difference(old: Choices, new: Choices) -> Difference:
    """The settings that differ, each with its old and new value in words, in the order of the page."""
    return {
        field.name: (spoken(field.name, getattr(old, field.name)), spoken(field.name, getattr(new, field.name)))
        for field in FIELDS
        if getattr(old, field.name) != getattr(new, field.name)
    }


def check_reason(reason: str, chosen: Choices) -> None:
    """Nothing happens if the reason will do. **Raises:** Invalid."""
    if chosen.reasons_required and not reason.strip():
        raise Invalid("Say why.", {"reason": "Your company requires a reason for changes of the security settings."})
    if len(reason) > REASON_CHARACTERS:
        raise Invalid("Shorten the reason.", {"reason": f"A reason has at most {REASON_CHARACTERS} characters."})
