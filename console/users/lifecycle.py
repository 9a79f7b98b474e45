"""Suspend, reinstate, delete, restore and purge people: one at a time or many, all or none."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from console.audit.actions import Event, record_many
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor, system
from console.core.db import db, settings, unit_of_work
from console.core.errors import Conflict
from console.core.jobs import Run
from console.core.lookups import remove_lookup
from console.mail.actions import post
from console.tenants.models import Tenant, lock_people, this_tenant
from console.users.actions import keep_usable_administrator, touch
from console.users.hindrances import LEAVING, Verb, wrong_state
from console.users.links import forget_links, revoke_links
from console.users.models import State, User, spoken_time, username_digest, users_by_id
from console.users.rules import check_may_manage

PURGE_JOB = "users-purge"
PURGE_EVERY_SECONDS = 3600
PURGE_BATCH = 500
BULK_LIMIT = 1000

Forget = Callable[[list[UUID]], None]
"""Removes what an area keeps of those people. Called in the unit of work that purges them."""


def suspend(user_ids: list[UUID], *, by: Actor, reason: str = "") -> list[User]:
    """These people cannot sign in, and their sessions are over with their next request.

    **Raises:** NotFound, Forbidden, Conflict, LastAdministrator. **Records:** users:user:suspended each.
    """

    def one(person: User, tenant: Tenant) -> None:
        _move(person, State.SUSPENDED, tenant, by)
        revoke_links(person.id)
        _tell(person, "suspended")

    return _each("suspend", user_ids, one, Tag.USER_SUSPENDED, by=by, reason=reason)


def reinstate(user_ids: list[UUID], *, by: Actor, reason: str = "") -> list[User]:
    """These people can sign in again; ended sessions stay ended.

    **Raises:** NotFound, Forbidden, Conflict. **Records:** users:user:reinstated each.
    """

    def one(person: User, tenant: Tenant) -> None:
        _move(person, State.ACTIVE, tenant, by)
        _tell(person, "reinstated")

    return _each("reinstate", user_ids, one, Tag.USER_REINSTATED, by=by, reason=reason)


def delete(user_ids: list[UUID], *, by: Actor, reason: str = "") -> list[User]:
    """These people are gone from lists and cannot sign in (P04). For 30 days each can be restored, then is purged.

    **Raises:** NotFound, Forbidden, Conflict, LastAdministrator. **Records:** users:user:deleted each.
    """
    purge_at = clock.now() + timedelta(days=settings().restore_days)

    def one(person: User, tenant: Tenant) -> None:
        person.state_before = person.state
        _move(person, State.DELETED, tenant, by)
        person.purge_at = purge_at
        revoke_links(person.id)

    return _each("delete", user_ids, one, Tag.USER_DELETED, by=by, reason=reason)


def restore(user_ids: list[UUID], *, by: Actor, reason: str = "") -> list[User]:
    """These deleted people are back as they were. Sessions and links from before stay dead.

    **Raises:** NotFound, Forbidden, Conflict. **Records:** users:user:restored each.
    """

    def one(person: User, tenant: Tenant) -> None:
        person.purge_at = None
        _move(person, State(person.state_before or State.SUSPENDED), tenant, by)
        person.state_before = None

    return _each("restore", user_ids, one, Tag.USER_RESTORED, by=by, reason=reason)


ACTS: dict[Verb, Callable[..., list[User]]] = {
    "suspend": suspend,
    "reinstate": reinstate,
    "delete": delete,
    "restore": restore,
}


def _each(
    verb: Verb, user_ids: list[UUID], act: Callable[[User, Tenant], None], tag: Tag, *, by: Actor, reason: str
) -> list[User]:
    """Do `act` to all or, if one cannot be done, to none. The people lock makes the lock-out guard hold."""
    if len(user_ids) > BULK_LIMIT:
        raise Conflict(f"At most {BULK_LIMIT} people can be changed at once; {len(user_ids)} were chosen.")
    tenant = lock_people()
    people = users_by_id(user_ids, lock=True)
    check_may_manage(by, *{person.role for person in people})
    check_not_oneself(verb, user_ids, by=by)
    if verb in LEAVING:
        _check_leaving(people)
    for person in people:
        if told := wrong_state(verb, person.state):
            raise Conflict(f"{person.name} {told}")
        act(person, tenant)
    db.session.flush()
    record_many([Event(tag, ("user", person.id), reason=reason or None) for person in people], by=by)
    return people


def check_not_oneself(verb: Verb, user_ids: list[UUID], *, by: Actor) -> None:
    """Nothing happens unless somebody is about to suspend or delete themselves. **Raises:** Conflict."""
    if verb in LEAVING and by.user_id in user_ids:
        others = "Nothing was changed." if len(user_ids) == 1 else "Leave yourself out, then the others can be chosen."
        raise Conflict(
            f"You cannot {verb} yourself: your session would end in the middle, and perhaps nobody could let you in again."
            f" {others} Ask another owner or administrator to do it."
        )


def _check_leaving(people: list[User]) -> None:
    if any(person.usable_administrator for person in people):
        keep_usable_administrator({person.id for person in people})


def _move(person: User, state: State, tenant: Tenant, by: Actor) -> None:
    """Change the state, keep the tenant's counts, and end the person's sessions."""
    for old_or_new, step in ((person.state, -1), (state, +1)):
        counter = f"people_{old_or_new}"
        setattr(tenant, counter, getattr(tenant, counter) + step)
    person.state, person.state_at, person.state_by = state, clock.now(), by.user_id
    person.sign_in_epoch += 1
    person.version += 1
    touch(person, tenant)


def _tell(person: User, kind: str) -> None:
    post(
        kind,
        to_name=person.details.name,
        to_address=person.details.email,
        facts={
            "tenant": this_tenant().name,
            "at": spoken_time(clock.now(), person.details.time_zone),
            "link": f"{settings().base_url}/sign-in",
        },
    )


def purge_due(run: Run, *, forget: tuple[Forget, ...]) -> None:
    """Purge everybody whose 30 days are over, Customer by Customer. **Records:** users:user:purged each.

    `forget` removes what the areas above keep of people: passwords, second factors, browsers, sessions.
    """
    with unit_of_work(write=False):
        tenant_ids = list(
            db.session.execute(select(Tenant.id).where(Tenant.people_deleted > 0).order_by(Tenant.id)).scalars()
        )
    for done, tenant_id in enumerate(tenant_ids):
        more = True
        while more:
            with unit_of_work(tenant_id):
                more = _purge_some(forget)
                run.checkpoint(done, len(tenant_ids))


def _purge_some(forget: tuple[Forget, ...]) -> bool:
    tenant = lock_people()
    due = list(
        db.session.execute(
            select(User).where(User.state == State.DELETED, User.purge_at <= clock.now()).limit(PURGE_BATCH)
        ).scalars()
    )
    by = system("retention", tenant.id)
    for person in due:
        remove_lookup("username", username_digest(person.details.email))
        person.state, person.state_at, person.state_by = State.PURGED, clock.now(), None
        person.sealed, person.purge_at = None, None
        tenant.people_deleted -= 1
        touch(person, tenant)
    for forget_people in (forget_links, *forget):
        forget_people([person.id for person in due])
    db.session.flush()
    record_many([Event(Tag.USER_PURGED, ("user", person.id)) for person in due], by=by)
    return len(due) == PURGE_BATCH
