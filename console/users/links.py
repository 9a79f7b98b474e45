"""Links that work once: invitations, password resets, changes of address. Stored as a digest, dead after use."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, delete, insert, select, update
from sqlalchemy.orm import Mapped, mapped_column

from console.core import clock
from console.core.db import Base, TenantOwned, bind_tenant, bound_tenant, db, settings, tenant_reference
from console.core.errors import Gone, NotFound
from console.core.ids import new_id
from console.core.lookups import add_lookup, add_lookups, digest_of, find_lookup, forget_lookups, new_token
from console.users.models import State, User
from console.vault.access import tenant_keys

INVITATION_STATES = ("invitation_expired", "invitation_revoked", "not_invited")
"""How it stands with invited people whose invitation does not work."""
LinkKind = Literal["invitation", "password_reset", "email_old", "email_new", "email_veto"]


class OneTimeLink(TenantOwned, Base):
    """A link that was given out. What it carries besides the person (a new address) is sealed."""

    __tablename__ = "one_time_links"
    __table_args__ = (
        CheckConstraint("kind IN ('invitation','password_reset','email_old','email_new','email_veto')", name="kind"),
        tenant_reference("user_id", "users"),
        Index("ix_one_time_links_user", "tenant_id", "user_id", "kind"),
    )

    kind: Mapped[str] = mapped_column(String(16))
    user_id: Mapped[UUID]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)

    @property
    def open(self) -> bool:
        """Whether it still works."""
        return self.used_at is None and self.revoked_at is None and self.expires_at > clock.now()

    @property
    def payload(self) -> dict[str, str]:
        """What the link carries. **Raises:** Unreadable."""
        return tenant_keys().open(self.__tablename__, self.id, self.sealed) if self.sealed else {}

    def set_payload(self, payload: dict[str, str]) -> None:
        """Seal what the link is to carry."""
        self.sealed = tenant_keys().seal(self.__tablename__, self.id, payload)


@dataclass(frozen=True)
class Link:
    """A link just made: the only moment at which its address is known."""

    url: str
    expires_at: datetime


_PATHS: dict[LinkKind, str] = {
    "invitation": "/invitations/",
    "password_reset": "/password/reset/",
    "email_old": "/me/e-mail/confirm/",
    "email_new": "/me/e-mail/confirm/",
    "email_veto": "/me/e-mail/stop/",
}


def give_link(
    kind: LinkKind, user_id: UUID, *, valid_for: timedelta, payload: dict[str, str] | None = None, replaces: bool = True
) -> Link:
    """A new link of `kind` for that person. Earlier ones of the kind are dead, if it `replaces` them."""
    if replaces:
        revoke_links(user_id, kind)
    token = new_token()
    now = clock.now()
    row = OneTimeLink(
        id=new_id(), tenant_id=bound_tenant(), kind=kind, user_id=user_id, created_at=now, expires_at=now + valid_for
    )
    if payload:
        row.set_payload(payload)
    db.session.add(row)
    db.session.flush()
    add_lookup("link", digest_of(token), bound_tenant(), row.id)
    return Link(settings().base_url + _PATHS[kind] + token, row.expires_at)


def give_first_links(kind: LinkKind, user_ids: list[UUID], *, valid_for: timedelta) -> list[Link]:
    """A link of `kind` for each of these people, who are new and have none yet; in two statements."""
    now, tenant_id = clock.now(), bound_tenant()
    expires_at = now + valid_for
    made = [(new_token(), new_id(), user_id) for user_id in user_ids]
    if not made:
        return []
    common = {"tenant_id": tenant_id, "kind": kind, "created_at": now, "expires_at": expires_at}
    db.session.execute(
        insert(OneTimeLink), [{**common, "id": link_id, "user_id": user_id} for _token, link_id, user_id in made]
    )
    add_lookups("link", [(digest_of(token), link_id) for token, link_id, _user_id in made], tenant_id)
    address = settings().base_url + _PATHS[kind]
    return [Link(address + token, expires_at) for token, _link_id, _user_id in made]


def revoke_links(user_id: UUID, *kinds: LinkKind) -> None:
    """All open links of that person (of `kinds`, if given) are dead.

    A link to take a change of username back dies only by name: else whoever made the change would suspend the person.
    """
    kinds = kinds or ("invitation", "password_reset", "email_old", "email_new")
    query = update(OneTimeLink).where(
        OneTimeLink.user_id == user_id, OneTimeLink.used_at.is_(None), OneTimeLink.revoked_at.is_(None)
    )
    db.session.execute(query.where(OneTimeLink.kind.in_(kinds)).values(revoked_at=clock.now()))


def follow_link(token: str, *kinds: LinkKind) -> OneTimeLink:
    """The link behind `token`; this unit of work is bound to its tenant from here on. Following uses nothing up.

    **Raises:** NotFound for an unknown one or one of another kind, Gone for one that was used, replaced or expired.
    """
    found = find_lookup("link", digest_of(token))
    if found is None:
        raise NotFound(_UNKNOWN)
    bind_tenant(found[0])
    link = db.session.execute(select(OneTimeLink).where(OneTimeLink.id == found[1]).with_for_update()).scalar_one()
    if link.kind not in kinds:
        raise NotFound(_UNKNOWN)
    if not link.open:
        raise Gone(_why_dead(link), kind=link.kind)
    return link


_UNKNOWN = (
    "This link is not known. Check that the whole address was copied. If it was, ask the person who sent it to you."
)
_ASK = {
    "invitation": "Ask the person who invited you for a new one.",
    "password_reset": "Ask for a new one on the page “Forgot your password?”.",
}


def _why_dead(link: OneTimeLink) -> str:
    """Why the link does not work any more, and who gives a new one."""
    ask = _ASK.get(link.kind, "Start the change of address again on “My profile”.")
    if link.used_at and link.kind == "invitation":
        return "This link was used already. It works once: sign in with the password that you chose then."
    if link.used_at:
        return "This link was used already. It works once."
    if link.revoked_at:
        return f"This link was replaced or withdrawn. Look for a newer mail. {ask}"
    return f"This link has expired. {ask}"


def forget_links(user_ids: list[UUID]) -> None:
    """Nothing is left of the links that those people were given."""
    of_them = OneTimeLink.user_id.in_(user_ids)
    link_ids = list(db.session.execute(select(OneTimeLink.id).where(of_them)).scalars())
    forget_lookups("link", link_ids)
    forget_lookups("kept_username", user_ids)
    db.session.execute(delete(OneTimeLink).where(of_them).execution_options(synchronize_session=False))


def use_link(link: OneTimeLink) -> None:
    """The link does not work again."""
    link.used_at = clock.now()


def open_links(user_id: UUID, *kinds: LinkKind) -> list[OneTimeLink]:
    """The links of that person, of `kinds`, which still work, oldest first."""
    query = (
        select(OneTimeLink)
        .where(OneTimeLink.user_id == user_id, OneTimeLink.kind.in_(kinds), OneTimeLink.used_at.is_(None))
        .where(OneTimeLink.revoked_at.is_(None), OneTimeLink.expires_at > clock.now())
        .order_by(OneTimeLink.id)
    )
    return list(db.session.execute(query).scalars())


def open_invitation(user_id: UUID) -> OneTimeLink | None:
    """The invitation of that person which still works."""
    return next(iter(open_links(user_id, "invitation")), None)


def invitation_states(user_ids: list[UUID] | None = None) -> dict[UUID, str]:
    """Which invited people (of `user_ids`, if given) hold no invitation that works, and why: see INVITATION_STATES."""
    asked = User.state == State.INVITED
    if user_ids is not None:
        asked &= User.id.in_(user_ids)
    people = db.session.execute(select(User.id).where(asked)).scalars()
    found = dict.fromkeys(people, "not_invited")
    if not found:
        return {}
    of_them = select(OneTimeLink.user_id, OneTimeLink.expires_at, OneTimeLink.revoked_at).where(
        OneTimeLink.kind == "invitation", OneTimeLink.used_at.is_(None)
    )
    if user_ids is not None:
        of_them = of_them.where(OneTimeLink.user_id.in_(user_ids))
    now = clock.now()
    for user_id, expires_at, revoked_at in db.session.execute(of_them.order_by(OneTimeLink.id)):  # the newest counts
        if user_id in found:
            state = "invitation_expired" if expires_at <= now else "open"
            found[user_id] = "invitation_revoked" if revoked_at else state
    return {user_id: state for user_id, state in found.items() if state != "open"}
