"""Change one's own profile (P03): everything but the role, and the address, which both mailboxes must confirm."""

from console.core.actor import Actor
from console.core.errors import Forbidden
from console.tenants.models import lock_people
from console.users.actions import apply_change
from console.users.models import State, User, user
from console.users.rules import clean_details

OWN_FIELDS = ("given_name", "family_name", "title", "phone", "time_zone")


def change_own_profile(fields: dict[str, str], *, by: Actor) -> User:
    """The acting person's own details are these. Other fields are not looked at.

    **Raises:** Invalid, Forbidden. **Records:** users:user:changed.
    """
    tenant = lock_people()
    if by.user_id is None:
        raise Forbidden("Only a signed-in person has a profile.")
    person = user(by.user_id, lock=True)
    if person.state != State.ACTIVE:
        raise Forbidden("This account is not active.")
    wanted = {name: value for name, value in fields.items() if name in OWN_FIELDS}
    details = clean_details(person.details.changed(**wanted))
    apply_change(person, details, person.role, tenant=tenant, by=by)
    return person
