"""The security settings that each Customer chooses for itself: what each is, its default and its bounds. Promise: P08."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast

from console.core.db import settings
from console.core.errors import Invalid
from console.core.permissions import MANAGING_ROLES
from console.policies.models import InForce, in_force

Confirmation = Literal["off", "unrecognised", "always"]
Whom = Literal["nobody", "administrators", "everyone"]
Binding = Literal["off", "log", "enforce"]


@dataclass(frozen=True)
class Choices:
    """One Customer's choices. Times and counts carry their unit in the name; 0 means "no limit" or "never"."""

    confirmation: Confirmation = "unrecognised"
    confirm_always_for: Whom = "nobody"
    """Who is asked at each sign-in, whatever `confirmation` says: a role may be stricter, never weaker."""
    confirm_new_networks: bool = False
    remember_browser_days: int = 90
    network_days: int = 90
    factor_required: Whom = "nobody"
    session_idle_minutes: int = 120
    session_absolute_hours: int = 12
    sessions_at_once: int = 0
    session_binding: Binding = "off"
    password_characters: int = 12
    password_history: int = 0
    password_expiry_days: int = 0
    sign_in_tries: int = 10
    reasons_required: bool = False
    reason_to_open: bool = False
    record_searches: bool = True

    def requires_factor(self, role: str) -> bool:
        """Whether people of that role need a second factor."""
        return _covers(self.factor_required, role)

    def confirms(self, role: str) -> Confirmation:
        """When people of that role are asked to confirm who they are."""
        return "always" if _covers(self.confirm_always_for, role) else self.confirmation


def _covers(whom: Whom, role: str) -> bool:
    return whom == "everyone" or (whom == "administrators" and role in MANAGING_ROLES)


@dataclass(frozen=True)
class Field:
    """One setting, as people meet it. `options` for a choice, `least` and `most` for a number."""

    name: str
    group: str
    label: str
    help: str
    options: tuple[tuple[str, str], ...] = ()
    least: int = 0
    most: int = 0
    unit: str = ""
    zero: str = ""
    """What 0 means, where it is allowed beside the bounds."""


WHOM = (("nobody", "Nobody"), ("administrators", "Owners, administrators and managers"), ("everyone", "Everyone"))

FIELDS: tuple[Field, ...] = (
    Field(
        "confirmation",
        "confirmation",
        "Confirm identity",
        "When somebody signs in with the right password, and has no second factor, a code by mail can be asked for.",
        options=(
            ("unrecognised", "From a browser we do not recognise"),
            ("always", "At each sign-in"),
            ("off", "Never (only with a second factor required of everyone)"),
        ),
    ),
    Field(
        "confirm_always_for",
        "confirmation",
        "Ask at each sign-in",
        "These people are asked every time, whatever is chosen above.",
        options=WHOM,
    ),
    Field(
        "confirm_new_networks",
        "confirmation",
        "Ask in a new network",
        "Also ask when a recognised browser comes from a network where it was not seen before.",
        options=(("no", "No"), ("yes", "Yes")),
    ),
    Field(
        "remember_browser_days",
        "confirmation",
        "Remember a browser for",
        "After that many days without a confirmation a browser counts as new again.",
        least=1,
        most=365,
        unit="days",
        zero="Never remember",
    ),
    Field(
        "network_days",
        "confirmation",
        "Remember a network for",
        "A network where a person was not seen for that long counts as new again.",
        least=7,
        most=365,
        unit="days",
    ),
    Field(
        "factor_required",
        "factors",
        "Require a second factor of",
        "An authenticator app or a passkey. Whoever has none yet sets one up at the next sign-in.",
        options=WHOM,
    ),
    Field(
        "session_idle_minutes",
        "sessions",
        "End a session after idling for",
        "Counted from the last page that was opened.",
        least=5,
        most=1440,
        unit="minutes",
    ),
    Field(
        "session_absolute_hours",
        "sessions",
        "End every session after",
        "Counted from the sign-in, however busy the session is.",
        least=1,
        most=720,
        unit="hours",
    ),
    Field(
        "sessions_at_once",
        "sessions",
        "Sessions at once, for each person",
        "A further sign-in ends the session that was idle longest.",
        least=1,
        most=20,
        unit="sessions",
        zero="No limit",
    ),
    Field(
        "session_binding",
        "sessions",
        "Bind a session to its network",
        "What happens when a session goes on from another network than it began in. Phones and laptops that move change"
        " networks often.",
        options=(("off", "Nothing"), ("log", "Write it in the audit record"), ("enforce", "End the session")),
    ),
    Field(
        "password_characters",
        "passwords",
        "Passwords have at least",
        "Length is what makes guessing hard. New passwords only; those in use stay.",
        least=12,
        most=64,
        unit="characters",
    ),
    Field(
        "password_history",
        "passwords",
        "Refuse the last",
        "A new password must differ from this many earlier ones. Each is compared with full effort: 24 of them take about"
        " half a second whenever somebody chooses a password.",
        least=1,
        most=24,
        unit="passwords",
        zero="None",
    ),
    Field(
        "password_expiry_days",
        "passwords",
        "Passwords expire after",
        "Off is the better choice: people who must change passwords choose weaker ones (NIST SP 800-63B, 3.1.1.2).",
        least=30,
        most=365,
        unit="days",
        zero="Never",
    ),
    Field(
        "sign_in_tries",
        "passwords",
        "Wrong passwords before a pause",
        "In five minutes, for one account from browsers it does not know. It can be lowered, not raised.",
        least=3,
        most=10,
        unit="tries",
    ),
    Field(
        "reasons_required",
        "records",
        "Require a reason",
        "For each change of the security settings, and for suspending or deleting people.",
        options=(("no", "No"), ("yes", "Yes")),
    ),
    Field(
        "reason_to_open",
        "records",
        "Ask for a reason before data of others is opened",
        "Whoever opens a message or document of another person says why, once a session. It stands in the audit record."
        " Nobody is asked about the own ones.",
        options=(("no", "No"), ("yes", "Yes")),
    ),
    Field(
        "record_searches",
        "records",
        "Record searches in Customer Data",
        "The words that somebody searched e-mail and documents for are written in the audit record.",
        options=(("yes", "Yes"), ("no", "No")),
    ),
)
FIELD = {field.name: field for field in FIELDS}


def choices() -> Choices:
    """What this tenant chose, read from the version in force."""
    return choices_of(in_force("settings"))


def choices_of(policy: InForce) -> Choices:
    """That version's choices; what it does not name is as the installation has it."""
    known = {field.name for field in fields(Choices)}
    chosen = {name: value for name, value in policy.document.items() if name in known}
    return Choices(**{**defaults(), **chosen})


def defaults() -> dict[str, Any]:
    """What a Customer has that never chose. The operator's settings decide sessions and tries."""
    own = settings()
    return asdict(Choices()) | {
        "session_idle_minutes": own.session_idle_minutes,
        "session_absolute_hours": own.session_absolute_hours,
        "sign_in_tries": own.sign_ins_per_account,
    }


def parse(entered: Mapping[str, str], before: Choices) -> Choices:
    """The choices from a form; a setting that it does not send stays. **Raises:** Invalid with one message a field."""
    values, problems = asdict(before), {}
    for field in FIELDS:
        if field.name not in entered:
            continue
        try:
            values[field.name] = _parsed(field, entered[field.name].strip())
        except ValueError as error:
            problems[field.name] = str(error)
    if problems:
        raise Invalid("Some settings need a change.", problems)
    chosen = Choices(**values)
    problems = contradictions(chosen)
    if problems:
        raise Invalid("These settings contradict each other.", problems)
    return chosen


def _parsed(field: Field, text: str) -> str | bool | int:
    if field.options:
        if text not in dict(field.options):
            raise ValueError("Choose one of the answers.")
        return text == "yes" if text in ("yes", "no") else text
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise ValueError(f"Give a whole number of {field.unit}.")
    number = int(text)
    most = _most(field)
    if not (field.least <= number <= most or (number == 0 and field.zero)):
        zero = f", or 0 for “{field.zero.lower()}”" if field.zero else ""
        raise ValueError(f"Give {field.least} to {most} {field.unit}{zero}.")
    return number


def _most(field: Field) -> int:
    """The highest value; what guards against guessing can only be made stricter than the operator has it."""
    return min(field.most, settings().sign_ins_per_account) if field.name == "sign_in_tries" else field.most


def contradictions(chosen: Choices) -> dict[str, str]:
    """What cannot be meant, by the setting to change."""
    problems = {}
    if chosen.confirmation == "off" and chosen.factor_required != "everyone":
        problems["confirmation"] = (
            "Without confirmation a stolen password is enough. Require a second factor of everyone first."
        )
    if chosen.session_idle_minutes > 60 * chosen.session_absolute_hours:
        problems["session_idle_minutes"] = (
            f"The idle end would never come: every session ends after {chosen.session_absolute_hours} hours."
        )
    return problems


def spoken(name: str, value: object) -> str:
    """A value in the words of its setting."""
    field = FIELD[name]
    if field.options:
        key = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        return dict(field.options).get(key, key)
    return field.zero if value == 0 and field.zero else f"{cast('int', value)} {field.unit}"
