"""A refusal for too many tries says how long to wait, and never less than it is."""

import pytest

from console.core.errors import Throttled, spoken_wait


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "1 second"),
        (1, "1 second"),
        (40, "40 seconds"),
        (60, "1 minute"),
        (61, "2 minutes"),
        (240, "4 minutes"),
        (241, "5 minutes"),
        (3600, "60 minutes"),
        (7200, "2 hours"),
        (7201, "3 hours"),
        (172_800, "2 days"),
    ],
)
def test_a_wait_is_said_in_the_unit_people_use(seconds, words):
    assert spoken_wait(seconds) == words


def test_every_refusal_for_too_many_tries_ends_with_it():
    assert Throttled("Too many codes.", retry_after_seconds=240).message == "Too many codes. Try again in 4 minutes."
