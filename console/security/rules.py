"""The health check: what is weak, why it matters, whom a remedy would touch. Values in, value out. Promise: P08.

A risk cannot be dismissed: the score would then measure patience. It goes away when it is mended.
"""

from dataclasses import dataclass
from typing import Literal

from console.policies.choices import Choices
from console.security.facts import People

Risk = Literal["high", "medium", "low"]
WEIGHTS: dict[Risk, int] = {"high": 5, "medium": 3, "low": 1}
GOOD_PASSWORD_CHARACTERS = 14
SHORT_IDLE_MINUTES = 60
SHORT_DAY_HOURS = 24


@dataclass(frozen=True)
class Check:
    """One finding. `ok` says whether it is as it should be; `setting` where a change of a setting mends it."""

    key: str
    risk: Risk
    good: str
    bad: str
    ok: bool
    meaning: str
    effect: str = ""
    setting: str | None = None
    page: Literal["settings", "ip_ranges", "users", "new_user"] = "settings"

    @property
    def title(self) -> str:
        """What is the case, in a few words."""
        return self.good if self.ok else self.bad


@dataclass(frozen=True)
class Health:
    """All findings, and how much of what matters is as it should be."""

    checks: tuple[Check, ...]

    @property
    def score(self) -> int:
        """0 to 100: each finding counts by its risk."""
        total = sum(WEIGHTS[check.risk] for check in self.checks)
        good = sum(WEIGHTS[check.risk] for check in self.checks if check.ok)
        return round(100 * good / total)

    @property
    def grade(self) -> str:
        """The score in a word. One open high risk is enough to be called weak."""
        if any(check.risk == "high" and not check.ok for check in self.checks):
            return "Weak"
        return "Strong" if self.score >= 85 else "Fair"

    @property
    def open(self) -> list[Check]:
        """What should be mended, the worst first."""
        return sorted((check for check in self.checks if not check.ok), key=lambda check: -WEIGHTS[check.risk])

    @property
    def done(self) -> list[Check]:
        """What is as it should be."""
        return [check for check in self.checks if check.ok]


def examine(chosen: Choices, people: People, *, ranges_enforced: bool) -> Health:
    """The health of a Customer's security: each check once, in a fixed order."""
    return Health((*_of_people(chosen, people), *_of_access(chosen, people, ranges_enforced), *_of_sessions(chosen)))


def _of_people(chosen: Choices, people: People) -> tuple[Check, ...]:
    bare, unused = people.administrators_without_factor, people.administrators_unused
    return (
        Check(
            "two_administrators",
            "high",
            "At least two people can administer",
            "Only one person can administer",
            people.administrators >= 2,
            "With one only, a lost phone or an illness locks the whole company out.",
            f"{_people(people.administrators)} can administer now.",
            page="new_user",
        ),
        Check(
            "administrators_factor",
            "high",
            "Administrators and managers have a second factor",
            "Administrators or managers sign in with a password alone",
            chosen.factor_required != "nobody" or bare == 0,
            "A guessed or stolen password of an administrator opens everything.",
            f"{_people(bare)} would set one up at the next sign-in." if bare else "Each of them has one already.",
            setting="factor_required",
        ),
        Check(
            "unused_administrators",
            "low",
            "Administrators sign in now and then",
            "Administrators who never come",
            unused == 0,
            "An account that nobody uses is one whose misuse nobody notices.",
            f"{_people(unused)} with such a role did not sign in for 90 days.",
            page="users",
        ),
    )


def _of_access(chosen: Choices, people: People, ranges_enforced: bool) -> tuple[Check, ...]:
    bare = people.without_factor
    return (
        Check(
            "confirmation",
            "high",
            "New browsers are confirmed",
            "New browsers are not confirmed",
            chosen.confirmation != "off" or chosen.factor_required == "everyone",
            "Without it a stolen password works from anywhere in the world.",
            "Nobody is touched until they sign in from a browser that is new to us.",
            setting="confirmation",
        ),
        Check(
            "everyone_factor",
            "medium",
            "Everyone has a second factor",
            "People sign in with a password alone",
            chosen.factor_required == "everyone" or bare == 0,
            "Passwords are reused and phished; a second factor makes a stolen one useless.",
            f"{_people(bare)} would set one up at the next sign-in.",
            setting="factor_required",
        ),
        Check(
            "ranges",
            "medium",
            "Access is restricted to known addresses",
            "Access is open to every address",
            ranges_enforced,
            "Where people work from known networks, nobody else needs to reach the sign-in at all.",
            "The page of IP ranges shows beforehand who would have been refused.",
            page="ip_ranges",
        ),
        Check(
            "passwords",
            "low",
            f"Passwords have {GOOD_PASSWORD_CHARACTERS} characters or more",
            f"Passwords may be shorter than {GOOD_PASSWORD_CHARACTERS} characters",
            chosen.password_characters >= GOOD_PASSWORD_CHARACTERS,
            "Each character more makes guessing many times slower.",
            "Passwords in use stay; the next new one of each person is longer.",
            setting="password_characters",
        ),
    )


def _of_sessions(chosen: Choices) -> tuple[Check, ...]:
    return (
        Check(
            "idle",
            "medium",
            "Idle sessions end within an hour",
            "Idle sessions last longer than an hour",
            chosen.session_idle_minutes <= SHORT_IDLE_MINUTES,
            "An unlocked computer stays signed in until the idle time is over.",
            f"Now it takes {chosen.session_idle_minutes} minutes.",
            setting="session_idle_minutes",
        ),
        Check(
            "absolute",
            "low",
            "Every session ends within a day",
            "Sessions last longer than a day",
            chosen.session_absolute_hours <= SHORT_DAY_HOURS,
            "A copied session cookie works as long as its session.",
            f"Now it takes {chosen.session_absolute_hours} hours.",
            setting="session_absolute_hours",
        ),
        Check(
            "binding",
            "low",
            "Sessions that change network are noticed",
            "Sessions that change network go unnoticed",
            chosen.session_binding != "off",
            "A stolen session usually goes on in another network than it began in.",
            "“Write it in the audit record” disturbs nobody.",
            setting="session_binding",
        ),
    )


def _people(count: int) -> str:
    return f"{count} person" if count == 1 else f"{count} people"
