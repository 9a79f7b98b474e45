"""Choose and change passwords, accept invitations, recognise browsers, change one's own address."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import budgets, clock
from console.core.actor import Actor
from console.core.db import bind_tenant, bound_tenant, db, settings
from console.core.errors import Conflict, Invalid, Throttled
from console.core.ids import PLATFORM_TENANT_ID, new_id
from console.core.lookups import digest_of, find_lookup, new_token
from console.identity.models import (
    Browser,
    Challenge,
    Credential,
    Passkey,
    RecoveryCode,
    TotpFactor,
    browsers_of,
    credential_of,
    recognised_browser,
)
from console.identity.passwords import check_password
from console.mail.actions import post
from console.tenants.models import lock_people, this_tenant
from console.users.actions import UsernameTaken, apply_change, spoken_time, touch
from console.users.links import LinkKind, OneTimeLink, follow_link, give_link, revoke_links, use_link
from console.users.models import Details, State, User, user, username_digest
from console.users.rules import clean_email
from console.vault.access import platform_keys, tenant_keys

RESETS_AN_HOUR = 5
EMAIL_CHANGES_AN_HOUR = 5
KEPT_BROWSER_TOKENS = 5
EMAIL_LINK_HOURS = 24


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
    credential.password_hash = password_hash
    credential.changed_at = clock.now()
    revoke_links(person.id, "password_reset", "invitation", "email_old", "email_new")


def ask_password_reset(username: str, *, by: Actor) -> None:
    """If the username is an active person's, a reset link is on its way. The answer is the same either way.

    **Records:** identity:password_reset:asked, for a known name.
    """
    digest = username_digest(username.strip())
    found = find_lookup("username", digest)
    key = platform_keys().index("tries-reset", digest)
    if budgets.spend(key, limit=RESETS_AN_HOUR, window_seconds=3600) or found is None:
        return
    bind_tenant(found[0])
    person = user(found[1])
    if person.state != State.ACTIVE:
        return
    link = give_link("password_reset", person.id, valid_for=timedelta(minutes=settings().password_reset_minutes))
    post(
        "password_reset",
        to_name=person.details.name,
        to_address=person.details.email,
        facts={
            "address": by.address or "an unknown address",
            "link": link.url,
            "until": spoken_time(link.expires_at, person.details.time_zone),
        },
    )
    record(Tag.PASSWORD_RESET_ASKED, by=by, subject=("user", person.id))


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


def check_new_password(details: Details, password: str, again: str | None = None) -> None:
    """Nothing happens if the new password will do. **Raises:** Invalid."""
    if again is not None and password != again:
        raise Invalid("The two passwords differ.", {"password_again": "This differs from the password above."})
    check_password(password, context=password_context(details))


def remember_browser(person: User, tokens: list[str], *, by: Actor) -> list[str]:
    """The browser is recognised next time. Answers the secrets for its cookie: one for each person who uses it.

    An unknown secret is never adopted, so that nobody can plant one. A person who is known from other browsers is
    told about a new one by mail.
    """
    seen = {"browser": by.browser, "address": by.address}
    found = recognised_browser(person.id, tokens or [""])
    if found is not None:
        found.last_seen_at = clock.now()
        found.seen = seen
        return tokens[-KEPT_BROWSER_TOKENS:]
    token = new_token()
    first = not browsers_of(person.id)
    row = Browser(
        id=new_id(),
        tenant_id=bound_tenant(),
        user_id=person.id,
        digest=digest_of(token),
        first_seen_at=clock.now(),
        last_seen_at=clock.now(),
    )
    row.seen = seen
    db.session.add(row)
    if not first:
        post(
            "new_browser",
            to_name=person.details.name,
            to_address=person.details.email,
            facts={
                "at": spoken_time(clock.now(), person.details.time_zone),
                "browser": by.browser or "unknown",
                "address": by.address or "unknown",
                "link": f"{settings().base_url}/password/forgot",
            },
        )
    return [*tokens, token][-KEPT_BROWSER_TOKENS:]


def ask_email_change(user_id: UUID, new_email: str, *, by: Actor) -> str:
    """Both addresses have a link to confirm; nothing changes before both were followed (P03). Answers the new address.

    **Raises:** Invalid, UsernameTaken. **Records:** users:username_change:asked.
    """
    try:
        new_email = clean_email(new_email.strip())
    except ValueError as error:
        raise Invalid(str(error), {"email": str(error)}) from error
    person = user(user_id, lock=True)
    if new_email.casefold() == person.details.email.casefold():
        raise Invalid("This is your address already.", {"email": "This is your address already."})
    if find_lookup("username", username_digest(new_email)):
        raise UsernameTaken(f"{new_email} cannot be used as a username here. Choose another address.")
    wait = budgets.spend(
        tenant_keys().index("tries-email-change", person.id.bytes), limit=EMAIL_CHANGES_AN_HOUR, window_seconds=3600
    )
    if wait:
        raise Throttled("You asked for this too often. Try again in an hour.", retry_after_seconds=wait)
    links: tuple[tuple[LinkKind, str], ...] = (("email_old", person.details.email), ("email_new", new_email))
    for kind, address in links:
        link = give_link(kind, person.id, valid_for=timedelta(hours=EMAIL_LINK_HOURS), payload={"email": new_email})
        post(
            f"email_change_{kind.removeprefix('email_')}",
            to_name=person.details.name,
            to_address=address,
            facts={
                "new_address": new_email,
                "link": link.url,
                "until": spoken_time(link.expires_at, person.details.time_zone),
            },
        )
    record(Tag.USERNAME_CHANGE_ASKED, by=by, subject=("user", person.id), changes={"email": (None, new_email)})
    return new_email


def confirm_email_change(token: str, *, by: Actor) -> tuple[User, bool]:
    """One of the two addresses confirmed. Answers the person, and whether the change is now in force.

    **Raises:** NotFound, Gone, Conflict, UsernameTaken. **Records:** users:user:changed.
    """
    link = follow_link(token, "email_old", "email_new")
    tenant = lock_people()
    person = user(link.user_id, lock=True)
    if person.state != State.ACTIVE:
        raise Conflict("This account is not active. Ask your administrator.")
    use_link(link)
    db.session.flush()
    other = "email_new" if link.kind == "email_old" else "email_old"
    if not _confirmed(person.id, other, link):
        return person, False
    apply_change(
        person,
        person.details.changed(email=link.payload["email"]),
        person.role,
        tenant=tenant,
        by=acting_as(person, by),
    )
    return person, True


def _confirmed(user_id: UUID, kind: str, link: OneTimeLink) -> bool:
    """Whether the other address has confirmed the same change."""
    others = db.session.execute(
        select(OneTimeLink).where(
            OneTimeLink.user_id == user_id, OneTimeLink.kind == kind, OneTimeLink.used_at.is_not(None)
        )
    ).scalars()
    return any(
        other.payload == link.payload and abs(other.created_at - link.created_at) < timedelta(minutes=1)
        for other in others
    )


def forget_people(user_ids: list[UUID]) -> None:
    """Nothing is left of what proved who those people are: passwords, second factors, browsers."""
    for kept in (Credential, TotpFactor, Passkey, RecoveryCode, Challenge, Browser):
        db.session.execute(delete(kept).where(kept.user_id.in_(user_ids)).execution_options(synchronize_session=False))
