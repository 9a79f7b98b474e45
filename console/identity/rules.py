"""When a sign-in must be confirmed, and why. Values in, value out. Promise: P07."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from console.core.actor import Actor
from console.core.errors import Forbidden
from console.core.permissions import Permission, StaffRole, may, permission_to_manage, role_label
from console.policies.choices import Choices, Confirmation

Reason = Literal["always", "new_browser", "unconfirmed_browser", "new_network"]
REASON_TEXTS: dict[Reason, str] = {
    "always": "Your company asks at each sign-in.",
    "new_browser": "This browser is new to us.",
    "unconfirmed_browser": "You have not confirmed who you are in this browser, or not for a while.",
    "new_network": "This network is new to us.",
}
"""What the person and the audit record are told."""


@dataclass(frozen=True)
class KnownBrowser:
    """A browser that the person used before: when it was last confirmed, and until when that was to count."""

    confirmed_at: datetime | None
    remembered_until: datetime | None


def confirmation_needed(
    mode: Confirmation,
    *,
    browser: KnownBrowser | None,
    network_seen_at: datetime | None,
    trusted: bool,
    chosen: Choices,
    now: datetime,
) -> Reason | None:
    """Why this sign-in must be confirmed; None where it need not be.

    `browser` is None for one that the person never used, `network_seen_at` for a network where it never was.
    `trusted` says that the address lies in a range that the Customer trusts: there nobody is asked.
    A period that the Customer made shorter meanwhile counts at once; a longer one, from the next confirmation on.
    """
    if trusted or mode == "off":
        return None
    if mode == "always":
        return "always"
    if browser is None:
        return "new_browser"
    if remembered_end(browser, chosen.remember_browser_days, now) is None:
        return "unconfirmed_browser"
    if chosen.confirm_new_networks and not _seen_lately(network_seen_at, chosen.network_days, now):
        return "new_network"
    return None


def remembered_end(browser: KnownBrowser, days: int, now: datetime) -> datetime | None:
    """Until when that browser's confirmation counts, where browsers are remembered for `days`; None if it does not."""
    if browser.confirmed_at is None or browser.remembered_until is None:
        return None
    end = min(browser.remembered_until, browser.confirmed_at + timedelta(days=days))
    return end if now < end else None


def _seen_lately(seen_at: datetime | None, days: int, now: datetime) -> bool:
    return seen_at is not None and now < seen_at + timedelta(days=days)


def mode_for(chosen: Choices, role: str) -> Confirmation:
    """When people of that role are asked. "Off" holds only for those who need a second factor instead."""
    mode = chosen.confirms(role)
    return "unrecognised" if mode == "off" and not chosen.requires_factor(role) else mode


def can_remember(chosen: Choices, role: str) -> bool:
    """Whether remembering a browser would spare that person anything, so that there is something to ask."""
    return chosen.remember_browser_days > 0 and mode_for(chosen, role) == "unrecognised"


def may_reset_proofs(by_role: str | None, role: str) -> bool:
    """Whether people of `by_role` may forget browsers of, and give codes to, colleagues of `role`.

    Of members with that permission alone; of anybody else only who may change them as well, so that nobody gains by it
    a hold on somebody more powerful. Of service staff only a platform administrator, who is somebody else (factors.py).
    """
    if role in set(StaffRole):
        return may(by_role, Permission.SUPPORT_FACTORS_RESET)
    manage = permission_to_manage(role)
    return may(by_role, Permission.USERS_PROOFS_RESET) and (
        manage == Permission.USERS_PEOPLE_WRITE or may(by_role, manage)
    )


def check_may_reset(by: Actor, role: str) -> None:
    """Nothing happens if `by` may reset what proves a colleague of that role. **Raises:** Forbidden."""
    if by.kind != "system" and not may_reset_proofs(by.role, role):
        raise Forbidden(f"Your role does not allow this for people with the role {role_label(role)}.")


def cautions(chosen: Choices) -> list[str]:
    """Choices that are allowed and do not do what one might expect, each as a sentence."""
    everywhere = chosen.confirmation == "always" or chosen.confirm_always_for == "everyone"
    found = []
    if chosen.confirmation == "off":
        found.append(
            "Nobody is asked for a code. Whoever has not set up a second factor yet does so right after the password,"
            " and only the password guards that moment."
        )
    elif chosen.factor_required == "everyone":
        found.append("Everybody needs a second factor, and nobody who has one is asked for a code by mail.")
    if everywhere and chosen.confirmation != "off" and (chosen.confirm_new_networks or chosen.remember_browser_days):
        found.append("Everybody is asked each time, so remembering browsers and networks changes nothing.")
    if chosen.confirmation == "unrecognised" and not everywhere and not chosen.remember_browser_days:
        found.append("Browsers are never remembered, so everybody is asked at each sign-in.")
    return found
