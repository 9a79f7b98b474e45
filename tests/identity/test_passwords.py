"""Which passwords are good enough for whom."""

import pytest

from console.core.errors import Invalid
from console.identity.actions import check_new_password
from console.users.models import user


@pytest.mark.parametrize(
    "password",
    [
        "short-1",
        "mikamember12",
        "Member.MIKA-2026",
        "AcmeCorporation2026",
        "passwordpassword",
        "aaaaaaaaaaaaaaaa",
        "x" * 257,
    ],
)
def test_a_password_that_is_short_guessable_or_made_of_known_words_is_refused(house, password):
    with house.inside(house["member"].tenant_id, write=False), pytest.raises(Invalid):
        check_new_password(user(house["member"].id), password)


@pytest.mark.parametrize(
    "password",
    ["seven-Quiet-herons-9", "correct horse battery staple", "пять-тихих-цапель-летят", "q" * 3 + "7Gz!kk pp Lw" * 8],
)
def test_long_unrelated_words_in_any_script_are_accepted(house, password):
    with house.inside(house["member"].tenant_id, write=False):
        check_new_password(user(house["member"].id), password)


def other_cost(house, password="seven-Quiet-herons-9"):
    """A hash made when hashing cost half of today's."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=1, memory_cost=house.settings.argon2_memory_kib // 2, parallelism=1).hash(password)


@pytest.fixture
def unmet(monkeypatch):
    """A process that has met no hash of another cost yet."""
    from console.identity import passwords

    monkeypatch.setattr(passwords, "_met", set())
    return passwords


def test_a_raised_cost_makes_known_and_unknown_names_and_renewed_hashes_cost_the_same(house, unmet):
    with house.inside(house["member"].tenant_id, write=False):
        old, today = other_cost(house), unmet.hash_password("seven-Quiet-herons-9")
        assert len(unmet.costs(None)) == 1
        assert unmet.verify_password(old, "seven-Quiet-herons-9")
        assert not unmet.verify_password(old, "not-the-password")
        assert unmet.costs(old) == unmet.costs(today) == unmet.costs(None)
        assert len(unmet.costs(None)) == 2
        assert unmet.verify_password(today, "seven-Quiet-herons-9")
        assert not unmet.verify_password(today, "not-the-password")
        assert not unmet.verify_password(None, "seven-Quiet-herons-9")


def test_the_comparison_at_another_cost_is_really_made(house, unmet, monkeypatch):
    made = []
    hasher_of = unmet._hasher

    def noted(*cost):
        made.append(cost)
        return hasher_of(*cost)

    with house.inside(house["member"].tenant_id, write=False):
        old = other_cost(house)
        unmet.verify_password(old, "x")
        monkeypatch.setattr(unmet, "_hasher", noted)
        seen = []
        for stored in (None, old, unmet.hash_password("seven-Quiet-herons-9")):
            made.clear()
            unmet.verify_password(stored, "x")
            seen.append(set(made))
        assert seen[0] == seen[1] == seen[2]
        assert len(seen[0]) == 2


def test_the_hash_is_renewed_at_the_next_sign_in_and_the_password_still_works(house, unmet):
    from console.identity.models import credential_of

    with house.inside(house["member"].tenant_id):
        credential_of(house["member"].id).password_hash = old = other_cost(house)
    assert house.usual_browser("member").sign_in(house["member"].email).status_code == 303
    with house.inside(house["member"].tenant_id, write=False):
        assert credential_of(house["member"].id).password_hash != old
    assert house.usual_browser("member").sign_in(house["member"].email).status_code == 303
