"""Suspend, reinstate, delete, restore: for one person or many, always with a page that says what will happen."""

from typing import Any, cast, get_args
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from blueprints.gate import requires
from blueprints.users import blueprint
from blueprints.users.listing import list_url
from blueprints.visit import actor, signed_in
from console.core.db import db, settings
from console.core.errors import Conflict, Invalid, NotFound
from console.core.permissions import Permission, Role
from console.users.hindrances import Verb, hindrances
from console.users.lifecycle import ACTS, BULK_LIMIT, check_not_oneself
from console.users.models import users_by_id
from console.users.rules import check_may_manage

VERBS = get_args(Verb)
REASON_CHARACTERS = 300
_DONE = {"suspend": "suspended", "reinstate": "reinstated", "delete": "deleted", "restore": "restored"}
_GOES = (
    "What goes for good after {days} days: the profile (name, e-mail address, phone, title, time zone), the password and"
    " second factor, recognised browsers and sessions."
)
_STAYS = (
    "What stays: the entries of the audit record, encrypted with your company's own key. They keep what was recorded at"
    " the time, which includes names, addresses and the values before and after a change."
)
_TEXTS: dict[str, dict[str, Any]] = {
    "suspend": {
        "title": "Suspend",
        "kind": "warning",
        "lines": [
            "Every session ends at once, and signing in is refused.",
            "{whom} is told by mail.",
            "Profile, role and history stay.",
        ],
        "undo": "You can reinstate at any time.",
    },
    "reinstate": {
        "title": "Reinstate",
        "kind": "info",
        "lines": ["Signing in works again with the same username and password.", "{whom} is told by mail."],
        "undo": "You can suspend again at any time.",
    },
    "delete": {
        "title": "Delete",
        "kind": "danger",
        "lines": [
            "Every session ends at once, and signing in is refused.",
            "Open invitations and links stop working.",
            _GOES,
            _STAYS,
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
        reason, problem = typed_reason()
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
    reason, problem = typed_reason()
    if problem or request.form.get("confirmed") != "yes":
        return _bulk_page(verb, user_ids, problem)
    try:
        people = ACTS[cast("Verb", verb)](user_ids, by=actor(), reason=reason)
    except (
        Conflict
    ) as refusal:  # somebody changed one of them meanwhile: the page shows whom, and goes on with the rest
        db.session.rollback()
        return _bulk_page(verb, user_ids, refusal=refusal.message)
    flash(f"{_people(len(people), 'was', 'were')} {_DONE[verb]}.", "success")
    return redirect(list_url(request.form.get("place", "")), 303)


def _people(count: int, one: str, many: str) -> str:
    return f"1 person {one}" if count == 1 else f"{count} people {many}"


def _bulk_page(verb: str, user_ids: list[UUID], problem: str = "", refusal: str = "") -> ResponseReturnValue:
    """Who will be changed, and who of the chosen is left out and why; nothing is done by it."""
    chosen = users_by_id(user_ids)
    left_out = hindrances(cast("Verb", verb), chosen, actor())
    page = render_template(
        "users/bulk.html",
        verb=verb,
        people=[person for person in chosen if person.id not in left_out],
        left_out=[(person, left_out[person.id]) for person in chosen if person.id in left_out],
        done=_DONE[verb],
        place=request.form.get("place", ""),
        list_url=list_url(request.form.get("place", "")),
        refusal=refusal,
        **_words(verb, "The person" if len(chosen) == 1 else "Each person"),
        reason=typed_reason()[0],
        problem=problem,
    )
    return page, 422 if problem else 409 if refusal else 200


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


def typed_reason() -> tuple[str, str]:
    """The reason that was typed, on one line, and what is wrong with it, if anything."""
    reason = " ".join(request.form.get("reason", "").split())
    if len(reason) > REASON_CHARACTERS:
        return reason, f"A reason has at most {REASON_CHARACTERS} characters; this has {len(reason)}."
    if not reason.isprintable():
        return reason, "The reason holds a character that cannot be shown. Remove it."
    if not reason and signed_in().choices.reasons_required:
        return reason, "Your company requires a reason."
    return reason, ""


def _confirm_page(verb: str, user_ids: list[UUID], action: str, problem: str = "") -> ResponseReturnValue:
    """What will happen to whom; 422 with what was typed, where the reason has a `problem`."""
    people = users_by_id(user_ids)
    check_may_manage(actor(), *{person.role for person in people})
    check_not_oneself(cast("Verb", verb), user_ids, by=actor())
    page = render_template(
        "users/confirm.html", person=people[0], action=action, **_words(verb), reason=typed_reason()[0], problem=problem
    )
    return page, 422 if problem else 200


def _words(verb: str, whom: str = "The person") -> dict[str, Any]:
    """What will happen, as both confirm pages say it."""
    texts, days = _TEXTS[verb], settings().restore_days
    lines = [line.format(days=days, whom=whom) for line in texts["lines"]]
    return {"title": texts["title"], "kind": texts["kind"], "lines": lines, "undo": texts["undo"].format(days=days)}
