"""Who is signed in, from where and since when; end one session, one person's, or all."""

from datetime import UTC, datetime
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.security import blueprint
from blueprints.visit import actor
from console.core.permissions import Permission, may
from console.sessions.actions import end_all_sessions, end_session_of_somebody, end_sessions_of
from console.sessions.models import all_open_sessions
from console.users.models import user

PAGE = 50


@blueprint.get("/sessions")
@requires(Permission.SECURITY_SESSIONS_READ)
def list_sessions() -> ResponseReturnValue:
    """Open sessions, the latest used first; of one person if asked for."""
    wanted = _user_id()
    rows = all_open_sessions(limit=PAGE + 1, after=_after(), of=wanted)
    shown, last = rows[:PAGE], rows[PAGE - 1][0] if len(rows) > PAGE else None
    older = url_for("security.list_sessions", after=f"{last.last_seen_at.timestamp()}_{last.id}") if last else None
    return render_template(
        "security/sessions.html",
        sessions=shown,
        present=actor().session_id,
        older=older,
        person=user(wanted) if wanted else None,
        may_end=may(actor().role, Permission.SECURITY_SESSIONS_END),
    )


@blueprint.post("/sessions/<uuid:session_id>/end")
@requires(Permission.SECURITY_SESSIONS_END)
def end_theirs(session_id: UUID) -> ResponseReturnValue:
    """That session is over with its next request. **Raises:** NotFound.

    Owners' sessions as well, whoever has the permission: a stolen one must be ended fast.
    """
    end_session_of_somebody(session_id, by=actor())
    flash("The session was ended.", "success")
    return redirect(url_for("security.list_sessions"), 303)


@blueprint.post("/sessions/of/<uuid:user_id>/end")
@requires(Permission.SECURITY_SESSIONS_END)
def end_persons(user_id: UUID) -> ResponseReturnValue:
    """All sessions of that person are over. **Raises:** NotFound."""
    person = user(user_id)
    count = end_sessions_of([user_id], by=actor(), but=actor().session_id)
    flash(f"{person.name}: {_sessions(count)} ended.", "success")
    return redirect(url_for("security.list_sessions"), 303)


@blueprint.get("/sessions/end-all")
@requires(Permission.SECURITY_SESSIONS_END)
def confirm_end_all() -> ResponseReturnValue:
    """What signing everybody out means, before it is done."""
    return render_template("security/end_all.html")


@blueprint.post("/sessions/end-all")
@requires(Permission.SECURITY_SESSIONS_END, fresh=True)
def end_all() -> ResponseReturnValue:
    """Everybody is signed out but the acting person's present session."""
    count = end_all_sessions(by=actor())
    flash(f"{_sessions(count)} ended. Yours goes on.", "success")
    return redirect(url_for("security.list_sessions"), 303)


def _sessions(count: int) -> str:
    return "1 session was" if count == 1 else f"{count} sessions were"


def _user_id() -> UUID | None:
    try:
        return UUID(request.args["user"])
    except (KeyError, ValueError):
        return None


def _after() -> tuple[datetime, UUID] | None:
    moment, _line, session_id = request.args.get("after", "").partition("_")
    try:
        return datetime.fromtimestamp(float(moment), UTC), UUID(session_id)
    except (ValueError, OverflowError, OSError):
        return None
