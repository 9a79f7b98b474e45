"""Choose and change passwords, accept invitations."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import clock
from console.core.actor import Actor
from console.core.db import db, settings
from console.core.errors import Conflict, Invalid
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.core.lookups import forget_lookups
from console.identity.browsers import drop_all
from console.identity.confirmation_models import Confirmation, close_codes
from console.identity.models import Challenge, Credential, Passkey, RecoveryCode, TotpFactor, credential_of
from console.identity.passwords import check_password, verify_password
from console.identity.totp import forget_unfinished
from console.mail.actions import post
from console.policies.choices import choices
from console.tenants.models import lock_people, this_tenant
from console.users.actions import touch
from console.users.links import follow_link, revoke_links, use_link
from console.users.models import Details, State, User, spoken_time, user


def password_context(details: Details) -> list[str]:
    """The words that a guesser tries first for this person."""
    return [details.given_name, details.family_name, details.email, this_tenant().name, settings().company]


def accept_invitation(token: str, password_hash: str, *, by: Actor) -> User:
    """The invited person is active and has a password; the link is used up.

    **Raises:** NotFound, Gone, Conflict. **Records:** users:invitation:accepted.
    """
    link = follow_link(token, "invitation")
    tenant = lock_people()
    person = user(link.user_id, lock=True)
    if person.state != State.INVITED:
        raise Conflict("This account is not waiting for an invitation any more. Try to sign in.")
    use_link(link)
    store_password(person, password_hash)
    tenant.people_invited -= 1
    tenant.people_active += 1
    person.state, person.state_at, person.state_by = State.ACTIVE, clock.now(), person.id
    person.activated_at = clock.now()
    person.version += 1
    touch(person, tenant)
    db.session.flush()
    record(Tag.INVITATION_ACCEPTED, by=acting_as(person, by), subject=("user", person.id))
    return person


def acting_as(person: User, by: Actor) -> Actor:
    """The visitor `by`, who has just shown to be that person."""
    return Actor(
        kind="staff" if person.tenant_id == PLATFORM_TENANT_ID else "person",
        tenant_id=person.tenant_id,
        user_id=person.id,
        role=person.role,
        label=person.details.name,
        address=by.address,
        browser=by.browser,
        reference=by.reference,
    )


def store_password(person: User, password_hash: str) -> None:
    """The person's password is the one behind the hash; links that could change it are dead."""
    credential = credential_of(person.id)
    if credential is None:
        credential = Credential(id=new_id(), tenant_id=person.tenant_id, user_id=person.id)
        db.session.add(credential)
    credential.replace_hash(password_hash)
    credential.changed_at = clock.now()
    revoke_links(person.id, "password_reset", "invitation", "email_old", "email_new")


def reset_password(token: str, password_hash: str, *, by: Actor) -> User:
    """The person has the new password; the link is used up and all sessions are over.

    **Raises:** NotFound, Gone, Conflict. **Records:** identity:password_reset:used.
    """
    link = follow_link(token, "password_reset")
    person = user(link.user_id, lock=True)
    if person.state != State.ACTIVE:
        raise Conflict("This account is not active. Ask your administrator.")
    use_link(link)
    _replace_password(person, password_hash, acting_as(person, by), Tag.PASSWORD_RESET)
    return person


def change_password(user_id: UUID, password_hash: str, *, by: Actor) -> User:
    """The person has the new password (the caller compared the present one); all sessions are over.

    **Raises:** NotFound. **Records:** identity:password:changed.
    """
    person = user(user_id, lock=True)
    _replace_password(person, password_hash, by, Tag.PASSWORD_CHANGED)
    return person


def _replace_password(person: User, password_hash: str, by: Actor, tag: Tag) -> None:
    store_password(person, password_hash)
    drop_all([person.id])
    close_codes(person.id)
    forget_unfinished(person.id)
    person.sign_in_epoch += 1
    post(
        "password_changed",
        to_name=person.details.name,
        to_address=person.details.email,
        facts={
            "at": spoken_time(clock.now(), person.details.time_zone),
            "address": by.address or "an unknown address",
            "link": f"{settings().base_url}/sign-in",
        },
    )
    db.session.flush()
    record(tag, by=by, subject=("user", person.id))


def password_expired(user_id: UUID) -> bool:
    """Whether the person's password is older than its Customer lets it become."""
    days = choices().password_expiry_days
    credential = credential_of(user_id) if days else None
    return credential is not None and credential.changed_at < clock.now() - timedelta(days=days)


def check_new_password(person: User, password: str, again: str | None = None) -> None:
    """Nothing happens if the new password will do for that person and its Customer's choices. **Raises:** Invalid."""
    if again is not None and password != again:
        raise Invalid("The two passwords differ.", {"password_again": "This differs from the password above."})
    chosen = choices()
    check_password(password, context=password_context(person.details), least=chosen.password_characters)
    credential = credential_of(person.id)
    if credential is None or not chosen.password_history:
        return
    for stored in [credential.password_hash, *credential.earlier_hashes][: chosen.password_history]:
        if verify_password(stored, password):
            problem = "You had this password before. Your company asks for one that is new."
            raise Invalid(problem, {"password": problem})


def check_renewal(person: User, password: str, again: str) -> None:
    """Nothing happens if the password will do in place of one that has expired. **Raises:** Invalid."""
    check_new_password(person, password, again)
    credential = credential_of(person.id)
    if credential is not None and verify_password(credential.password_hash, password):
        problem = "This is the password that has expired. Choose another one."
        raise Invalid(problem, {"password": problem})


def forget_people(user_ids: list[UUID]) -> None:
    """Nothing is left of what proved who those people are: passwords, second factors, browsers, networks, codes."""
    drop_all(user_ids)
    of_them = Confirmation.user_id.in_(user_ids)
    forget_lookups("denial", list(db.session.execute(select(Confirmation.id).where(of_them)).scalars()))
    for kept in (Credential, TotpFactor, Passkey, RecoveryCode, Challenge, Confirmation):
        db.session.execute(delete(kept).where(kept.user_id.in_(user_ids)).execution_options(synchronize_session=False))
