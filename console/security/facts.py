"""What the health check and the preview of a change need to know of a Customer's people, each as one number."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, func, select

from console.core import clock
from console.core.db import db
from console.core.permissions import ADMINISTRATOR_ROLES, MANAGING_ROLES
from console.identity.models import Browser, Passkey, TotpFactor
from console.policies.choices import Choices, choices
from console.security.guard import able_administrators
from console.sessions.models import Session, select_open
from console.tenants.models import this_tenant
from console.users.models import State, User, administrators

UNUSED_DAYS = 90


@dataclass(frozen=True)
class People:
    """Numbers of active people and of their open sessions."""

    active: int
    administrators: int
    without_factor: int
    administrators_without_factor: int
    administrators_unused: int


def people() -> People:
    """This tenant's numbers, in as many statements whatever its size."""
    kinds = db.session.execute(
        select(User.role, func.count(), func.count().filter(~_has_factor()))
        .where(User.state == State.ACTIVE)
        .group_by(User.role)
    ).all()
    long_ago = clock.now() - timedelta(days=UNUSED_DAYS)
    unused = db.session.execute(
        select(func.count())
        .select_from(User)
        .where(
            User.state == State.ACTIVE,
            User.role.in_(ADMINISTRATOR_ROLES),
            func.coalesce(User.last_sign_in_at, User.activated_at) < long_ago,
        )
    ).scalar_one()
    return People(
        active=this_tenant().people_active,
        administrators=len(able_administrators(administrators())),
        without_factor=sum(bare for _role, _count, bare in kinds),
        administrators_without_factor=sum(bare for role, _count, bare in kinds if role in MANAGING_ROLES),
        administrators_unused=int(unused),
    )


def _has_factor() -> ColumnElement[bool]:
    app = exists().where(
        TotpFactor.tenant_id == User.tenant_id, TotpFactor.user_id == User.id, TotpFactor.confirmed_at.is_not(None)
    )
    passkey = exists().where(Passkey.tenant_id == User.tenant_id, Passkey.user_id == User.id)
    return app | passkey


def sessions_ended_by(new: Choices) -> int:
    """How many of the open sessions would be over at once under `new`."""
    now = clock.now()
    over = (Session.started_at <= now - timedelta(hours=new.session_absolute_hours)) | (
        Session.last_seen_at <= now - timedelta(minutes=new.session_idle_minutes)
    )
    counted = select_open(choices()).where(over).with_only_columns(func.count(Session.id))
    return int(db.session.execute(counted).scalar_one())


def browsers_not_seen_for(days: int) -> int:
    """How many recognised browsers were last used longer ago than that."""
    before = clock.now() - timedelta(days=days)
    query = select(func.count()).select_from(Browser).where(Browser.last_seen_at < before)
    return int(db.session.execute(query).scalar_one())
