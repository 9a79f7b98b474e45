"""Passwords: which are good enough, and their Argon2id hashes. Computed outside of any transaction.

A password is used as typed, after Unicode NFC: no trimming, no case folding, no truncation. **Source:** NIST SP
800-63B, section 3.1.1.2; OWASP ASVS 5.0 V6.2.
"""

import os
import threading
import unicodedata
from functools import cache

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from zxcvbn import zxcvbn

from console.core.db import settings
from console.core.errors import Invalid

SHORTEST = 12
LONGEST = 256
SCORED_CHARACTERS = 72
"""zxcvbn refuses more than 72 characters; the first 72 decide the score, all of them the hash."""
REST = 8
"""So many characters must not come from names, address and company: guessers start with those."""
GOOD_SCORE = 3
"""zxcvbn's 0 to 4; 3 is above 10^8 guesses."""

Cost = tuple[int, int, int]
"""Memory in KiB, passes, lanes."""
MOST_COSTS = 4
_met: set[Cost] = set()
_met_lock = threading.Lock()

_hashing = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Each hash takes 19 MiB and a core: more at once would only make all of them slow."""


@cache
def _hasher(memory_kib: int, passes: int, lanes: int) -> PasswordHasher:
    return PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)


def hasher() -> PasswordHasher:
    """The hasher with this installation's parameters."""
    chosen = settings()
    return _hasher(chosen.argon2_memory_kib, chosen.argon2_passes, chosen.argon2_lanes)


@cache
def _stand_in(hashes: PasswordHasher) -> str:
    return hashes.hash(os.urandom(16))


def stand_in() -> str:
    """A hash that no password has, made once with today's parameters."""
    return _stand_in(hasher())


def hash_password(password: str) -> str:
    """The Argon2id hash of a password in PHC string form."""
    with _hashing:
        return hasher().hash(_plain(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether it is the password. Where nothing is stored, the same work is done and the answer is no.

    While hashes of another cost than today's are still stored, every comparison costs as much as all of them together:
    nobody can tell by the time that a name is known, and that its hash is not renewed yet.
    """
    own, typed, right = _cost_of(stored), _plain(password), False
    with _hashing:
        for cost in costs(stored):
            compared = stored if stored is not None and cost == own else _stand_in(_hasher(*cost))
            try:
                _hasher(*cost).verify(compared, typed)
                right = compared is stored
            except (VerifyMismatchError, VerificationError, InvalidHashError):
                continue
    return right


def costs(stored: str | None) -> tuple[Cost, ...]:
    """At which costs a comparison with that hash is made: today's, and each other one that this process has met."""
    today, own = _cost_of(None), _cost_of(stored)
    with _met_lock:
        if own != today and len(_met) < MOST_COSTS:
            _met.add(own)
        return tuple(sorted({today, own} | _met))


def _cost_of(stored: str | None) -> Cost:
    """The cost of that hash, or today's."""
    try:
        made = extract_parameters(stored) if stored is not None else hasher()
    except InvalidHashError:
        made = hasher()
    return made.memory_cost, made.time_cost, made.parallelism


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return hasher().check_needs_rehash(stored)


def warm_up() -> None:
    """Make the stand-in hash now, so that the first unknown name takes as long as any other."""
    _stand_in(hasher())


def check_password(password: str, *, context: list[str], least: int = SHORTEST) -> None:
    """Nothing happens if the password is good enough. `context` are words that guessers try first: names, company.

    `least` is how many characters the Customer asks for.

    **Raises:** Invalid for the field `password`.
    """
    problem = _problem(_plain(password), [word for phrase in context for word in _words(phrase)], max(least, SHORTEST))
    if problem:
        raise Invalid(problem, {"password": problem})


def _problem(password: str, words: list[str], least: int) -> str | None:
    if len(password) < least:
        return f"Use at least {least} characters. A few unrelated words work well."
    if len(password) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if len(_without(password, words)) < REST:
        return "This is little more than your name, address or company. Use a few unrelated words."
    judged = zxcvbn(password[:SCORED_CHARACTERS], user_inputs=words)
    if judged["score"] < GOOD_SCORE:
        advice = judged["feedback"]["warning"] or "This password is easy to guess."
        return f"{advice.rstrip('.')}. Use a few unrelated words, or let a password manager make one."
    return None


def _without(password: str, words: list[str]) -> str:
    """What is left of a password once the words that everybody knows of the person are taken out, in any case."""
    rest = password.casefold()
    for word in sorted((word.casefold() for word in words), key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest


def _words(phrase: str) -> list[str]:
    parts = phrase.replace("@", " ").replace(".", " ").split()
    return [phrase, *[part for part in parts if len(part) > 2]]  # initials would match everything


def _plain(password: str) -> str:
    return unicodedata.normalize("NFC", password)
