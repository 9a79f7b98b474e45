"""One person's page: profile, state, sign-ins, history of changes."""

from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.users import blueprint
from blueprints.users.proofs import recognised
from blueprints.visit import actor
from console.audit.models import AuditEntry, EntryFilter, entries
from console.core.permissions import Permission, may, permission_to_manage
from console.users.actions import resend_invitation, revoke_invitation
from console.users.links import invitation_states, open_invitation
from console.users.models import State, User, names_of, user
from console.users.usernames import pending_change, withdraw_change

HISTORY = 50


@blueprint.get("/<uuid:user_id>")
@requires(Permission.USERS_PEOPLE_READ)
def show_user(user_id: UUID) -> ResponseReturnValue:
    """Everything about one person that the viewer's role may see."""
    person = user(user_id)
    invitation = open_invitation(user_id) if person.state == State.INVITED else None
    state = invitation_states([user_id]).get(user_id, person.state)
    names = names_of({found for found in (person.state_by, person.created_by) if found})
    return render_template(
        "users/person.html",
        person=person,
        details=person.details,
        invitation=invitation,
        state=state,
        pending=pending_change(user_id),
        names=names,
        history=[history_line(entry) for entry in entries(EntryFilter(subject_id=user_id), limit=HISTORY)],
        manageable=manageable(person),
        recognised=recognised(person),
        myself=user_id == actor().user_id,
    )


@blueprint.post("/<uuid:user_id>/invitation")
@requires(Permission.USERS_PEOPLE_WRITE)
def send_again(user_id: UUID) -> ResponseReturnValue:
    """A fresh invitation replaces the earlier one."""
    resend_invitation(user_id, by=actor())
    flash(
        f"A new invitation is on its way to {user(user_id).details.email}. Earlier links do not work any more.",
        "success",
    )
    return redirect(url_for("users.show_user", user_id=user_id), 303)


@blueprint.post("/<uuid:user_id>/invitation/revoke")
@requires(Permission.USERS_PEOPLE_WRITE)
def take_back(user_id: UUID) -> ResponseReturnValue:
    """The open invitation is dead."""
    person = revoke_invitation(user_id, by=actor())
    flash(f"The invitation of {person.name} was revoked: its link does not work any more.", "success")
    return redirect(url_for("users.show_user", user_id=user_id), 303)


@blueprint.post("/<uuid:user_id>/address/cancel")
@requires(Permission.USERS_PEOPLE_WRITE)
def cancel_address(user_id: UUID) -> ResponseReturnValue:
    """The change of address that waits is off."""
    person = withdraw_change(user_id, by=actor())
    flash(f"{person.name} keeps the address {person.details.email}. The links do not work any more.", "success")
    return redirect(url_for("users.show_user", user_id=user_id), 303)


def manageable(person: User) -> bool:
    """Whether the acting person's role may change that person."""
    return may(actor().role, Permission.USERS_PEOPLE_WRITE) and may(actor().role, permission_to_manage(person.role))


def history_line(entry: AuditEntry) -> dict[str, Any]:
    """One line of a history: when, who, what, and which fields."""
    changes = entry.details.get("changes") or {}
    return {
        "id": entry.id,
        "at": entry.at,
        "text": entry.text,
        "fields": [field_label(name) for name in changes],
        "who": entry.details.get("actor") or "The service",
        "reason": entry.details.get("reason"),
    }


_LABELS = {
    "given_name": "Given name",
    "family_name": "Family name",
    "email": "E-mail address",
    "phone": "Phone",
    "title": "Title",
    "time_zone": "Time zone",
    "role": "Role",
    "name": "Name",
}


def field_label(name: str) -> str:
    """A field's name as people read it."""
    return _LABELS.get(name, name.replace("_", " ").capitalize())
