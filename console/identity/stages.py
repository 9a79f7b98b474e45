"""How far a sign-in has come, and what comes next. Values in, value out."""

from typing import Literal

Stage = Literal["confirm", "factor", "enrol", "full"]
"""`confirm`: show that the mailbox is yours. `factor`: prove the second factor. `enrol`: set one up. `full`: signed in."""


def next_stage(
    passed: Stage | Literal["password"], *, has_factor: bool, factor_required: bool, confirmation_needed: bool
) -> Stage:
    """The stage after `passed`. A second factor also confirms who it is; a code by mail never counts as a factor."""
    if has_factor:
        return "full" if passed in ("factor", "enrol") else "factor"
    if passed == "password" and confirmation_needed:
        return "confirm"
    if passed in ("password", "confirm") and factor_required:
        return "enrol"
    return "full"
