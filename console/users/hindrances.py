"""Who of the chosen people an act cannot be done to, and why: asked before anything is done, and again by the act."""

from typing import Literal
from uuid import UUID

from console.core.actor import Actor
from console.core.db import bound_tenant
from console.core.ids import PLATFORM_TENANT_ID
from console.core.permissions import may, permission_to_manage, role_label
from console.users.models import PRESENT, State, User, other_usable_administrator

Verb = Literal["suspend", "reinstate", "delete", "restore"]

_WANTED: dict[Verb, tuple[State, ...]] = {
    "suspend": (State.ACTIVE,),
    "reinstate": (State.SUSPENDED,),
    "delete": PRESENT,
    "restore": (State.DELETED,),
}
_ONLY: dict[Verb, str] = {
    "suspend": "is {state}; only active people can be suspended.",
    "reinstate": "is {state}, not suspended.",
    "delete": "is deleted already.",
    "restore": "is {state}, not deleted.",
}
LEAVING: frozenset[Verb] = frozenset({"suspend", "delete"})
"""What takes somebody's access away."""
OWN = "You cannot do this to yourself. Ask another administrator."
LAST = "This would leave the account without an active owner or administrator."


def wrong_state(verb: Verb, state: str) -> str:
    """Why `verb` cannot be done to somebody in that state, to be read behind the name; empty where it can."""
    return "" if state in _WANTED[verb] else _ONLY[verb].format(state=state)


def hindrance(verb: Verb, person: User, by: Actor) -> str:
    """Why `by` cannot do `verb` to that person, as a sentence; empty where nothing of the person itself forbids it."""
    if verb in LEAVING and person.id == by.user_id:
        return OWN
    if by.kind != "system" and not may(by.role, permission_to_manage(person.role)):
        return f"Your role does not allow changing people with the role {role_label(person.role)}."
    told = wrong_state(verb, person.state)
    return told[0].upper() + told[1:] if told else ""


def hindrances(verb: Verb, people: list[User], by: Actor) -> dict[UUID, str]:
    """Who of these people is left out, and why. The others can be changed together, as things stand."""
    found = {person.id: why for person in people if (why := hindrance(verb, person, by))}
    leaving = {person.id for person in people if person.id not in found and person.usable_administrator}
    guarded = verb in LEAVING and leaving and bound_tenant() != PLATFORM_TENANT_ID
    if guarded and not other_usable_administrator(leaving):
        found |= dict.fromkeys(leaving, LAST)
    return found
