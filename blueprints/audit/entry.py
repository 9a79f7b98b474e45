"""One entry: everything it holds, the difference, and its place in the chain."""

from uuid import UUID

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.audit import blueprint
from blueprints.audit.words import KINDS, change_rows, fact_rows, person_url, subject_of, who
from blueprints.gate import requires
from console.audit.models import entry, neighbours
from console.audit.verify import check_entry
from console.core.permissions import Permission
from console.users.models import names_of
from console.vault.errors import Unreadable


@blueprint.get("/<uuid:entry_id>")
@requires(Permission.AUDIT_ENTRIES_READ)
def show_entry(entry_id: UUID) -> ResponseReturnValue:
    """All that the entry says. One that was tampered with is shown, and says so."""
    found = entry(entry_id)
    try:
        details = found.details
    except Unreadable:
        found.readable, details = False, {}
        found.__dict__["details"] = details
    beside = neighbours(found.number)
    older, newer = beside.get(found.number - 1), beside.get(found.number + 1)
    people = {found.subject_id} if found.subject_kind == "user" and found.subject_id else set()
    names = names_of(people | ({found.actor_id} if found.actor_id else set()))
    subject, subject_url = subject_of(found, names)
    return render_template(
        "audit/entry.html",
        entry=found,
        details=details,
        who=who(found),
        kind=KINDS.get(found.actor_kind),
        who_url=person_url(found.actor_id) if found.actor_id in names else None,
        subject=subject,
        subject_url=subject_url,
        changes=change_rows(details),
        facts=fact_rows(details),
        older=older,
        newer=newer,
        problem=check_entry(found, older),
    )
