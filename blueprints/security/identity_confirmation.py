"""Identity confirmation: what the Customer chose, what it means for each role, and how often people are asked.

The form of this page goes to the review of the security settings, which says whom the change touches and saves it.
"""

from dataclasses import asdict

from flask import render_template
from flask.typing import ResponseReturnValue

from blueprints.audit.words import lines
from blueprints.gate import requires
from blueprints.security import blueprint
from console.audit.models import EntryFilter, entries
from console.audit.tags import Tag
from console.core.permissions import Permission, Role, role_label
from console.identity.confirmation_models import confirmations_by_day
from console.identity.rules import cautions, mode_for
from console.policies.choices import FIELDS, choices_of, contradictions, spoken
from console.policies.models import in_force

DAYS = 30
RECENT = 15
OWN = tuple(field for field in FIELDS if field.group == "confirmation")
TAGS = (
    Tag.CONFIRMATION_ASKED,
    Tag.CONFIRMATION_PASSED,
    Tag.CONFIRMATION_REFUSED,
    Tag.CONFIRMATION_DENIED,
    Tag.CONFIRMATION_CODE_GIVEN,
)
MEANING = {
    "off": "Never asked; a second factor is needed at each sign-in",
    "unrecognised": "Asked in a browser that is not recognised",
    "always": "Asked at each sign-in",
}


@blueprint.get("/identity-confirmation")
@requires(Permission.SECURITY_SETTINGS_READ)
def identity_confirmation() -> ResponseReturnValue:
    """The present choices, how they work out, and the form that leads to the review of a change."""
    chosen, days = choices_of(in_force("settings")), confirmations_by_day(DAYS)
    return render_template(
        "security/identity_confirmation.html",
        fields=OWN,
        values={
            name: ("yes" if value else "no") if isinstance(value, bool) else str(value)
            for name, value in asdict(chosen).items()
        },
        present=[(field.label, spoken(field.name, getattr(chosen, field.name))) for field in OWN],
        by_role=[(role_label(role), MEANING[mode_for(chosen, role)], chosen.requires_factor(role)) for role in Role],
        problems=[*contradictions(chosen).values(), *cautions(chosen)],
        totals={name: sum(getattr(day, name) for day in days) for name in ("asked", "confirmed", "refused")},
        points=[
            {"label": f"{day.on_date.day} {day.on_date:%b}", "value": day.confirmed, "value2": day.refused}
            for day in days
        ],
        recent=lines(entries(EntryFilter(tags=TAGS), limit=RECENT)),
    )
