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
