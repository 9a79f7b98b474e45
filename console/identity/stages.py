"""How far a sign-in has come, and what comes next. Values in, value out."""

from typing import Literal

Stage = Literal["confirm", "factor", "renew", "enrol", "full"]
"""`confirm`: show that the mailbox is yours. `factor`: prove the second factor. `renew`: choose a new password, the old
one has expired. `enrol`: set up a second factor. `full`: signed in."""
_ORDER = ("password", "confirm", "factor", "renew", "enrol", "full")


def next_stage(
    passed: Stage | Literal["password"],
    *,
    has_factor: bool,
    factor_required: bool,
    confirmation_needed: bool,
    password_expired: bool = False,
) -> Stage:
    """The stage after `passed`. A second factor also confirms who it is; a code by mail never counts as a factor.

    Who it is comes first: a stolen password alone neither chooses a new one nor sets up a second factor.
    """
    wanted: dict[Stage, bool] = {
        "confirm": confirmation_needed and not has_factor,
        "factor": has_factor and passed != "enrol",
        "renew": password_expired,
        "enrol": factor_required and not has_factor,
    }
    for stage, needed in wanted.items():
        if needed and _ORDER.index(stage) > _ORDER.index(passed):
            return stage
    return "full"
