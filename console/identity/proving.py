"""Prove a second factor, at sign-in or before a risky act: which ways there are, and whether one was right."""

from dataclasses import dataclass
from uuid import UUID

from console.core.actor import Actor
from console.identity import passkeys, recovery_codes, totp, tries
from console.identity.factors import factors_of
from console.identity.totp import Proof
from console.identity.tries import Spent
from console.users.models import User


@dataclass(frozen=True)
class Offer:
    """The ways in which a person can prove who it is."""

    passkey: bool
    app: bool
    recovery_left: int

    @property
    def factor(self) -> bool:
        """Whether there is a second factor at all; without one the password is what there is."""
        return self.passkey or self.app


@dataclass(frozen=True)
class Given:
    """What was typed or answered; the first that is there counts."""

    assertion: str = ""
    recovery_code: str = ""
    code: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was given."""
        return not (self.assertion or self.recovery_code or self.code)


def offer(user_id: UUID) -> Offer:
    """How that person can prove who it is."""
    kinds = {factor.kind for factor in factors_of(user_id)}
    return Offer("passkey" in kinds, "app" in kinds, recovery_codes.codes_left(user_id) if kinds else 0)


def begin(user_id: UUID, given: Given, *, tokens: list[str], by: Actor) -> Spent:
    """The try is counted. Run it in a unit of its own, committed before `prove`; a passkey's answer needs no count.

    **Records:** identity:factor:refused, where no try is left.
    """
    if given.assertion:
        return Spent()
    return tries.spend(user_id, "recovery code" if given.recovery_code else "authenticator app", tokens=tokens, by=by)


def prove(person: User, given: Given, spent: Spent, *, session_id: UUID, by: Actor) -> Proof:
    """Check what was given, and use it up. A right one costs no try.

    **Records:** identity:factor:refused, identity:recovery_code:used.
    """
    if given.assertion:
        return passkeys.prove(person, given.assertion, session_id=session_id, by=by)
    if spent.wait_seconds:
        return Proof(right=False)
    if given.recovery_code:
        proof = recovery_codes.prove(person, given.recovery_code, by=by)
    else:
        proof = totp.prove(person, given.code, by=by)
    if proof.right:
        tries.give_back(spent)
    return proof
