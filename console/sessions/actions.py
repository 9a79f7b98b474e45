"""Start, carry on and end sessions."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from console.audit.actions import Event, record, record_many
from console.audit.tags import Tag
from console.core import budgets, clock
from console.core.actor import Actor
from console.core.db import bound_tenant, db, unit_of_work
from console.core.errors import NotFound
from console.core.ids import new_id
from console.core.jobs import Run
from console.core.lookups import Lookup, add_lookup, digest_of, forget_lookups, new_token, remove_lookup
from console.policies.choices import choices
from console.sessions.models import Session, SignInDay, open_sessions
from console.tenants.models import Tenant, lock_people
from console.users.actions import touch
from console.users.models import User

SWEEP_JOB = "sessions-sweep"
SWEEP_EVERY_SECONDS = 3600
KEPT_DAYS = 30
UNFINISHED_MINUTES = 60


def start_session(person: User, *, stage: str, by: Actor, session_id: UUID | None = None) -> str:
    """A new session for that person (of that id, if given); answers its token, which only the cookie will hold (P09).

    **Records:** sessions:session:started, once the session is full.
    """
    token = new_token()
    now = clock.now()
    session = Session(
        id=session_id or new_id(),
        tenant_id=bound_tenant(),
        user_id=person.id,
        digest=digest_of(token),
        stage=stage,
        epoch=person.sign_in_epoch,
        started_at=now,
        authenticated_at=now,
        last_seen_at=now,
        expires_at=now + timedelta(hours=choices().session_absolute_hours),
    )
    session.seen = {"address": by.address, "browser": by.browser}
    db.session.add(session)
    db.session.flush()
    add_lookup("session", session.digest, bound_tenant(), session.id)
    if stage == "full":
        _signed_in(person, by)
    return token


def _signed_in(person: User, by: Actor) -> None:
    tenant = lock_people()
    person.last_sign_in_at = clock.now()
    touch(person, tenant)
    count_sign_in(succeeded=True)
    db.session.flush()
    _keep_within_limit(person, by)
    record(Tag.SESSION_STARTED, by=by, subject=("user", person.id))


def _keep_within_limit(person: User, by: Actor) -> None:
    """Where the Customer allows so many sessions at once, those that were idle longest make room for the new one."""
    limit = choices().sessions_at_once
    if limit:
        _end(open_sessions(person)[limit:], why="made room", by=by)


def count_sign_in(*, succeeded: bool) -> None:
    """Today's count of this tenant is one higher."""
    insert = postgresql.insert if db.session.get_bind().dialect.name == "postgresql" else sqlite.insert
    today = clock.now().date()
    db.session.execute(
        insert(SignInDay)
        .values(tenant_id=bound_tenant(), id=new_id(), on_date=today, succeeded=0, refused=0)
        .on_conflict_do_nothing()
    )
    column = SignInDay.succeeded if succeeded else SignInDay.refused
    db.session.execute(
        update(SignInDay)
        .where(SignInDay.on_date == today)
        .values({column: column + 1})
        .execution_options(synchronize_session=False)
    )


def move_session(session_id: UUID, *, stage: str, person: User) -> str:
    """The sign-in stands at its next stage, under a new token; the old token is dead. **Raises:** NotFound."""
    session = _session(session_id, person.id)
    remove_lookup("session", session.digest)
    token = new_token()
    session.digest, session.stage = digest_of(token), stage
    db.session.flush()
    add_lookup("session", session.digest, bound_tenant(), session.id)
    return token


def renew_token(session_id: UUID, *, by: Actor, person: User) -> str:
    """The session goes on under a new token, and is full from here on; the old token is dead.

    **Records:** sessions:session:started.
    """
    token = move_session(session_id, stage="full", person=person)
    _session(session_id, person.id).authenticated_at = clock.now()
    _signed_in(person, by)
    return token


def keep_session(session_id: UUID, *, person: User) -> str:
    """The session outlives a change that ended all others: it goes on under a new token. The old token is dead.

    The caller holds the person's row, and has raised its epoch by one in this unit of work.
    **Raises:** NotFound where the session had ended before that change.
    """
    session = _session(session_id, person.id)
    if session.epoch != person.sign_in_epoch - 1:
        raise NotFound("This session has ended already.")
    session.epoch = person.sign_in_epoch
    return move_session(session_id, stage=session.stage, person=person)


def confirm_session(session_id: UUID, *, by: Actor, person: User) -> str:
    """The person has just proved again who it is: the session counts as fresh, under a new token.

    **Raises:** NotFound. **Records:** identity:step_up:passed.
    """
    _session(session_id, person.id).authenticated_at = clock.now()
    token = move_session(session_id, stage="full", person=person)
    record(Tag.STEP_UP_PASSED, by=by, subject=("user", person.id))
    return token


def touch_session(session_id: UUID) -> None:
    """The session was used just now. Called at most once a minute and session, in a unit of its own."""
    db.session.execute(
        update(Session)
        .where(Session.id == session_id, Session.ended_at.is_(None))
        .values(last_seen_at=clock.now())
        .execution_options(synchronize_session=False)
    )


def end_session(session_id: UUID, *, why: str, by: Actor) -> None:
    """The session is over, on every machine, with its next request.

    **Raises:** NotFound for a session of somebody else. **Records:** sessions:session:ended.
    """
    session = _session(session_id, by.user_id)
    _end([session], why=why, by=by)


def note_move(session_id: UUID, *, by: Actor) -> None:
    """The session goes on in the network of `by`, and that is where it is expected from now on.

    **Records:** sessions:session:moved, once for each move.
    """
    session = _session(session_id, by.user_id)
    before = session.seen
    session.seen = before | {"address": by.address}
    db.session.flush()
    change = {"address": (before.get("address"), by.address)}
    record(Tag.SESSION_MOVED, by=by, subject=("user", session.user_id), changes=change)


def end_other_sessions(*, by: Actor) -> int:
    """All sessions of the acting person but the present one are over. Answers how many."""
    return _end_where(Session.user_id == by.user_id, Session.id != by.session_id, why="ended", by=by)


def end_sessions_of(user_ids: list[UUID], *, by: Actor, but: UUID | None = None, why: str = "by administrator") -> int:
    """All sessions of those people are over, all but the session `but`. Answers how many.

    **Records:** sessions:session:ended each.
    """
    others = [Session.id != but] if but is not None else []
    return _end_where(Session.user_id.in_(user_ids), *others, why=why, by=by)


def end_session_of_somebody(session_id: UUID, *, by: Actor, why: str = "by administrator") -> None:
    """That session of this tenant is over. **Raises:** NotFound. **Records:** sessions:session:ended."""
    query = select(Session).where(Session.id == session_id).with_for_update()
    session = db.session.execute(query).scalar_one_or_none()
    if session is None or session.ended_at is not None:
        raise NotFound("This session has ended already.")
    _end([session], why=why, by=by)


def end_all_sessions(*, by: Actor) -> int:
    """Everybody of this tenant is signed out but the acting person's present session. Answers how many sessions.

    **Records:** sessions:session:ended each.
    """
    return _end_where(Session.id != by.session_id, why="by administrator", by=by)


def _end_where(*which: ColumnElement[bool], why: str, by: Actor) -> int:
    rows = list(db.session.execute(select(Session).where(Session.ended_at.is_(None), *which)).scalars())
    _end(rows, why=why, by=by)
    return len(rows)


def _end(sessions: list[Session], *, why: str, by: Actor) -> None:
    for session in sessions:
        session.ended_at, session.ended_why = clock.now(), why
        remove_lookup("session", session.digest)
    db.session.flush()
    record_many([Event(Tag.SESSION_ENDED, ("user", session.user_id), reason=why) for session in sessions], by=by)


def _session(session_id: UUID, user_id: UUID | None) -> Session:
    """That session of that person. Somebody else's, an ended one and an unknown one are refused in the same words."""
    found = db.session.execute(
        select(Session).where(Session.id == session_id, Session.user_id == user_id).with_for_update()
    ).scalar_one_or_none()
    if found is None or found.ended_at is not None:
        raise NotFound("This session has ended already.")
    return found


def forget_people(user_ids: list[UUID]) -> None:
    """Nothing is left of the sessions of those people, their addresses and browsers included."""
    of_them = Session.user_id.in_(user_ids)
    forget_lookups("session", list(db.session.execute(select(Session.id).where(of_them)).scalars()))
    db.session.execute(delete(Session).where(of_them).execution_options(synchronize_session=False))


def end_unfinished_sign_ins() -> int:
    """Sign-ins that showed the right password and then no second factor are over. Answers how many.

    **Records:** identity:sign_in:refused each: somebody may know a password, and only the factor held.
    """
    now = clock.now()
    unfinished = or_(Session.expires_at < now, Session.last_seen_at < now - timedelta(minutes=UNFINISHED_MINUTES))
    query = select(Session).where(Session.stage != "full", Session.ended_at.is_(None), unfinished).limit(1000)
    rows = list(db.session.execute(query).scalars())
    for session in rows:
        session.ended_at, session.ended_why = now, "no second factor"
        remove_lookup("session", session.digest)
    db.session.flush()
    for session in rows:
        seen = session.seen
        by = Actor(
            kind="anonymous", tenant_id=session.tenant_id, address=seen.get("address"), browser=seen.get("browser")
        )
        reason = "right password, but no second factor"
        record(Tag.SIGN_IN_REFUSED, by=by, subject=("user", session.user_id), reason=reason)
    return len(rows)


def sweep_sessions(run: Run) -> None:
    """Old sessions and the tokens that led to them are gone, unfinished sign-ins over, and old budgets forgotten."""
    horizon = clock.now() - timedelta(days=KEPT_DAYS)
    with unit_of_work(write=False):
        tenant_ids = list(db.session.execute(select(Tenant.id)).scalars())
    for done, tenant_id in enumerate(tenant_ids):
        with unit_of_work(tenant_id):
            old = select(Session.id).where(or_(Session.expires_at < horizon, Session.ended_at < horizon)).limit(1000)
            ids = list(db.session.execute(old).scalars())
            db.session.execute(delete(Lookup).where(Lookup.kind == "session", Lookup.target_id.in_(ids)))
            db.session.execute(delete(Session).where(Session.id.in_(ids)).execution_options(synchronize_session=False))
            end_unfinished_sign_ins()
            run.checkpoint(done, len(tenant_ids))
    with unit_of_work():
        budgets.forget_old_budgets(older_than=timedelta(days=1))
