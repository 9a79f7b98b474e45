"""The detector of words from the inside finds each of them, and nothing in a random token or id. The planted faults."""

import base64
import secrets
import traceback

import pytest

from console.core.ids import new_id
from tests.security.inside import traces

PAGE = '<form><input type="hidden" name="csrf_token" value="{token}"></form><p>Reference {id}</p><p>{leak}</p>'


def page(*, token="", leak=""):
    return PAGE.format(token=token, id=new_id(), leak=leak)


def a_traceback():
    try:
        {}["gone"]
    except LookupError:
        return traceback.format_exc()


@pytest.mark.parametrize(
    "leak",
    [
        a_traceback(),
        "see foo.py",
        "foo.py:12 in view",
        'File "/srv/safekeep/console/core/db.py", line 3',
        "/srv/safekeep/console/core/db.py",
        "console/core/db.py.",
        "(users.py)",
        "sqlite3.OperationalError: database is locked",
        "[SQL: SELECT users.id FROM users]",
        "/tmp/instance/safekeep.sqlite",
    ],
)
def test_what_tells_of_the_inside_is_found(leak):
    assert traces(page()) == []
    assert traces(page(leak=leak))


@pytest.mark.parametrize("token", ["abc.pyQ", "ImE3.py.x", "x.py", "SELECT", "Traceback.File"])
def test_a_form_token_says_nothing_whatever_it_is_made_of(token):
    assert traces(page(token=token)) == []


def test_ten_thousand_random_tokens_say_nothing_even_outside_a_form():
    """They have dots as a form token has, and stand where a link's token stands."""
    for _ in range(10_000):
        parts = (base64.urlsafe_b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (30, 4, 20))
        token = ".".join(parts)
        assert traces(page(leak=f'<a href="/invitations/{token}">')) == [], token


def test_the_caller_s_own_words_are_looked_for_as_well():
    assert traces(page(leak="the planted words"), "planted words") == ["planted words"]
