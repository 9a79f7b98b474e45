"""What is known of people lies encrypted under their Customer's key, like Customer Data itself (P18)."""

import os
import secrets
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import select

from console.core.db import db
from console.users.models import User
from console.vault.access import keyring
from console.vault.errors import Unreadable
from tests import databases
from tests.users.acts import act, added, edit


def places(house):
    """Where the installation and, on PostgreSQL, the server of the tests keep what they write."""
    yield house.settings.instance
    if databases.POSTGRESQL:
        yield Path(os.environ.get("SAFEKEEP_TEST_DATA_FOLDER") or tempfile.gettempdir())


def files_with(house, *words):
    """The files that hold one of the words in clear."""
    found = set()
    for folder in places(house):
        for place, _folders, names in os.walk(folder):
            for name in names:
                try:
                    data = Path(place, name).read_bytes()
                except OSError:  # somebody else's, or gone meanwhile
                    continue
                found |= {str(Path(place, name)) for word in words if word.encode() in data}
    return found


@pytest.mark.promise("P18")
def test_names_addresses_and_everything_said_of_people_is_nowhere_in_clear(house):
    words = {field: f"canary{secrets.token_hex(8)}" for field in ("given_name", "family_name", "title", "reason", "q")}
    address = f"canary{secrets.token_hex(8)}@acme.example"
    admin = house.signed_in("admin", address="203.0.113.77")
    new = {"given_name": words["given_name"], "email": address, "phone": "+44 20 7946 0999", "title": words["title"]}
    person = added(admin, **new)
    assert edit(admin, person, family_name=words["family_name"]).status_code == 303
    assert act(admin, "delete", person, reason=words["reason"]).status_code == 303
    assert act(admin, "restore", person).status_code == 303
    assert words["given_name"] in admin.get(f"/users?q={words['given_name']}").text
    admin.get(f"/users?q={words['q']}")
    with house.app.app_context():
        db.engine.dispose()  # what SQLite still held in its log is in the files
    assert files_with(house, *words.values(), address, "7946 0999", "203.0.113.77") == set()
    planted = house.settings.instance / "planted.log"
    planted.write_text(f"{words['title']}")
    assert files_with(house, words["title"]) == {str(planted)}


@pytest.mark.promise("P18")
def test_another_customers_keys_do_not_open_what_is_known_of_a_person(house):
    acme, birch = house["member"], house["birch_owner"]
    with house.inside(acme.tenant_id, write=False):
        sealed = db.session.execute(select(User.sealed).where(User.id == acme.id)).scalar_one()
        assert keyring().keys(acme.tenant_id).open("users", acme.id, sealed)["email"] == acme.email
        with pytest.raises(Unreadable):
            keyring().keys(birch.tenant_id).open("users", acme.id, sealed)
