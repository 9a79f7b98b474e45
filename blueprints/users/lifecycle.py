"""Suspend, reinstate, delete, restore: for one person or many, always with a page that says what will happen."""

from typing import Any, cast, get_args
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.users import blueprint
from blueprints.visit import actor
from console.core.db import settings
from console.core.errors import Invalid, NotFound
from console.core.permissions import Permission, Role
from console.users.lifecycle import ACTS, BULK_LIMIT, Verb
from console.users.models import users_by_id
from console.users.rules import check_may_manage

VERBS = get_args(Verb)
REASON_CHARACTERS = 300
_DONE = {"suspend": "suspended", "reinstate": "reinstated", "delete": "deleted", "restore": "restored"}
_TEXTS: dict[str, dict[str, Any]] = {
    "suspend": {
        "title": "Suspend",
        "kind": "warning",
        "lines": [
            "Every session ends at once, and signing in is refused.",
            "The person is told by mail.",
            "Profile, role and history stay.",
        ],
        "undo": "You can reinstate at any time.",
    },
    "reinstate": {
        "title": "Reinstate",
        "kind": "info",
        "lines": ["Signing in works again with the same username and password.", "The person is told by mail."],
        "undo": "You can suspend again at any time.",
    },
    "delete": {
        "title": "Delete",
        "kind": "danger",
        "lines": [
            "Every session ends at once, and signing in is refused.",
            "Open invitations and links stop working.",
            "What goes for good after {days} days: name, e-mail address, phone, title, password, recognised browsers.",
            "What stays: the history in the audit record, with names as they were at the time.",
        ],
        "undo": "You can restore for {days} days. Until then nobody else can use the e-mail address.",
    },
    "restore": {
        "title": "Restore",
        "kind": "info",
        "lines": ["The profile, role and state from before come back.", "Sessions and links from before stay dead."],
        "undo": "You can delete again at any time.",
    },
}


def _on_administrators() -> bool:
    """Whether the act is about somebody who has more say in the account than a member."""
    given = (request.view_args or {}).get("user_id")
    if given is None and request.form.get("confirmed") != "yes":
        return False  # only the page that says what will happen
    return any(person.role != Role.MEMBER for person in users_by_id([given] if given else _chosen()))


def _add_pages(verb: str) -> None:
    """The confirm page and the act of one verb, for one person."""

    @requires(Permission.USERS_PEOPLE_WRITE)
    def confirm(user_id: UUID) -> ResponseReturnValue:
        return _confirm_page(verb, [user_id], url_for(f"users.{verb}_user", user_id=user_id))

    @requires(Permission.USERS_PEOPLE_WRITE, fresh=_on_administrators)
    def act(user_id: UUID) -> ResponseReturnValue:
        reason, problem = _reason()
        if problem:
            return _confirm_page(verb, [user_id], url_for(f"users.{verb}_user", user_id=user_id), problem)
        person = ACTS[cast("Verb", verb)]([user_id], by=actor(), reason=reason)[0]
        flash(f"{person.name} was {_DONE[verb]}.", "success")
        return redirect(url_for("users.show_user", user_id=user_id), 303)

    confirm.__doc__ = f"What will happen if the person is to be {_DONE[verb]}."
    act.__doc__ = f"The person is {_DONE[verb]}."
    blueprint.add_url_rule(f"/<uuid:user_id>/{verb}", f"confirm_{verb}", confirm, methods=["GET"])
    blueprint.add_url_rule(f"/<uuid:user_id>/{verb}", f"{verb}_user", act, methods=["POST"])


for _verb in VERBS:
    _add_pages(_verb)


@blueprint.post("/bulk")
@requires(Permission.USERS_PEOPLE_WRITE, fresh=_on_administrators)
def bulk() -> ResponseReturnValue:
    """Many people at once: first the page that says what will happen to whom, then, confirmed, the act."""
    verb = request.form.get("verb", "")
    if verb not in VERBS:
        raise NotFound
    user_ids = _chosen()
    reason, problem = _reason()
    if problem or request.form.get("confirmed") != "yes":
        return _confirm_page(verb, user_ids, url_for("users.bulk"), problem)
    people = ACTS[cast("Verb", verb)](user_ids, by=actor(), reason=reason)
    flash(f"{'1 person was' if len(people) == 1 else f'{len(people)} people were'} {_DONE[verb]}.", "success")
    return redirect(url_for("users.list_users"), 303)


def _chosen() -> list[UUID]:
    texts = request.form.getlist("ids")
    if not texts:
        raise Invalid("Nobody was chosen. Go back and tick the people first.")
    if len(texts) > BULK_LIMIT:
        raise Invalid(f"At most {BULK_LIMIT} people can be changed at once.")
    try:
        return [UUID(text) for text in texts]
    except ValueError:
        raise NotFound from None


def _reason() -> tuple[str, str]:
    """The reason that was typed, on one line, and what is wrong with it, if anything."""
    reason = " ".join(request.form.get("reason", "").split())
    if len(reason) > REASON_CHARACTERS:
        return reason, f"A reason has at most {REASON_CHARACTERS} characters; this has {len(reason)}."
    if not reason.isprintable():
        return reason, "The reason holds a character that cannot be shown. Remove it."
    return reason, ""


def _confirm_page(verb: str, user_ids: list[UUID], action: str, problem: str = "") -> ResponseReturnValue:
    """What will happen to whom; 422 with what was typed, where the reason has a `problem`."""
    people = users_by_id(user_ids)
    check_may_manage(actor(), *{person.role for person in people})
    texts, days = _TEXTS[verb], settings().restore_days
    page = render_template(
        "users/confirm.html",
        verb=verb,
        people=people,
        action=action,
        title=texts["title"],
        kind=texts["kind"],
        lines=[line.format(days=days) for line in texts["lines"]],
        undo=texts["undo"].format(days=days),
        reason=_reason()[0],
        problem=problem,
    )
    return page, 422 if problem else 200
