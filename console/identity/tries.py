"""Tries of codes: each is counted, and the count is committed, before the code is compared.

Whatever fails afterwards takes no try back. A browser that the person used before has tries of its own, so that somebody
who knows a password cannot use them up (P07); other browsers share one number of tries.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from console.audit.actions import record
from console.audit.tags import Tag
from console.core import budgets
from console.core.actor import Actor
from console.core.db import bound_tenant
from console.identity.factors import tell
from console.identity.models import recognised_browser
from console.users.models import user
from console.vault.access import platform_keys

Kind = Literal["authenticator app", "recovery code"]
TRIES: dict[Kind, int] = {"authenticator app": 5, "recovery code": 10}
"""In `TRY_WINDOW_SECONDS`, for each kind on its own: wrong codes of an app do not block recovery codes."""
TRY_WINDOW_SECONDS = 300
TRIES_A_DAY = 50
"""Wrong codes of all kinds together: at five in five minutes alone, 1,440 a day could be guessed."""
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Spent:
    """One try that was counted: give it back to `give_back` if it was right. With `wait_seconds` none was left."""

    keys: tuple[bytes, ...] = ()
    wait_seconds: int = 0
    today: bool = False
    """Whether it is the day's number that is used up, and not that of a few minutes."""


def spend(user_id: UUID, kind: Kind, *, tokens: list[str], by: Actor) -> Spent:
    """One try of a second factor's code is counted. Run it in a unit of its own, and commit it before comparing.

    Whose tries of a day are used up is told by mail, once a day. **Records:** identity:factor:refused, once a window.
    """
    keys = _keys(user_id, kind, tokens)
    for key, limit, window in zip(keys, (TRIES[kind], TRIES_A_DAY), (TRY_WINDOW_SECONDS, DAY_SECONDS), strict=True):
        wait = budgets.spend(key, limit=limit, window_seconds=window)
        if wait:
            today = window == DAY_SECONDS
            _refuse(user_id, kind, today=today, by=by)
            return Spent(wait_seconds=wait, today=today)
    return Spent(keys)


def give_back(spent: Spent) -> None:
    """The try was right, so it counts no more."""
    for key in spent.keys:
        budgets.refund(key)


def _keys(user_id: UUID, kind: Kind, tokens: list[str]) -> tuple[bytes, bytes]:
    known = recognised_browser(user_id, tokens or [""])
    whose = bound_tenant().bytes + user_id.bytes + (known.digest if known else b"")
    purpose = "totp-tries" if kind == "authenticator app" else "recovery-tries"
    return platform_keys().index(purpose, whose), platform_keys().index("factor-tries-day", whose)


def _refuse(user_id: UUID, kind: Kind, *, today: bool, by: Actor) -> None:
    """It is in the record that codes are not even looked at, once a window; the person hears of a whole day's."""
    whose = bound_tenant().bytes + user_id.bytes
    held = budgets.one_a_window(platform_keys().index("throttled-totp", whose), window_seconds=TRY_WINDOW_SECONDS)
    if held is not None:
        record(
            Tag.FACTOR_REFUSED,
            by=by,
            subject=("user", user_id),
            reason="too many wrong codes",
            kind=kind,
            earlier_tries_not_listed=held or None,
        )
    told = platform_keys().index("told-of-tries", whose)
    if today and budgets.one_a_window(told, window_seconds=DAY_SECONDS) is not None:
        tell(user(user_id), "too_many_codes", by=by, tries=str(TRIES_A_DAY))
