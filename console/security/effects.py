"""Whom a change of the settings would touch, from the Customer's own data, before it is made."""

from console.policies.choices import Choices
from console.security.facts import People, browsers_not_seen_for, people, sessions_ended_by


def effects(old: Choices, new: Choices) -> list[str]:
    """What would happen, one sentence each, with numbers; nothing that stays as it is."""
    found: list[str] = []
    if new.factor_required != old.factor_required:
        found += _of_factors(new, people())
    if (new.session_absolute_hours, new.session_idle_minutes) != (old.session_absolute_hours, old.session_idle_minutes):
        ended = sessions_ended_by(new)
        found.append(f"{_count(ended, 'open session')} would end at once." if ended else "No open session would end.")
    if 0 < new.remember_browser_days < (old.remember_browser_days or 366):
        gone = browsers_not_seen_for(new.remember_browser_days)
        words = f"{_count(gone, 'recognised browser')} would count as new again."
        found.append(words if gone else "Every recognised browser would stay recognised.")
    if new.remember_browser_days == 0 and old.remember_browser_days:
        found.append("No browser would be recognised: everybody without a second factor is asked at each sign-in.")
    if new.confirmation != old.confirmation and new.confirmation == "always":
        found.append("Everybody without a second factor needs access to their mailbox to sign in, each time.")
    if new.password_characters > old.password_characters or new.password_history > old.password_history:
        found.append("Passwords in use stay as they are; the rule is for new ones.")
    if new.password_expiry_days and new.password_expiry_days != old.password_expiry_days:
        found.append(f"Who had a password for more than {new.password_expiry_days} days chooses a new one at sign-in.")
    if new.session_binding == "enforce" and old.session_binding != "enforce":
        found.append("Phones and laptops that change networks sign in again each time they do.")
    if new.sessions_at_once and new.sessions_at_once != old.sessions_at_once:
        found.append("Nobody is signed out now; the next sign-in beyond the limit ends the session idle longest.")
    return found


def _of_factors(new: Choices, counted: People) -> list[str]:
    if new.factor_required == "nobody":
        return ["Nobody needs a second factor any more; those who have one are still asked for it."]
    administrators = new.factor_required == "administrators"
    bare = counted.administrators_without_factor if administrators else counted.without_factor
    whom = "owners, administrators and managers" if administrators else "people"
    if not bare:
        return [f"All {whom} who are active have a second factor already."]
    return [f"{bare} {whom} without a second factor would set one up at their next sign-in."]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" + ("" if number == 1 else "s")
