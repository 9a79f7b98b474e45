"""The directory in memory: brought up to date by what others changed, and bounded."""

import pytest

from console.app import create_app
from console.core.db import db, service, unit_of_work
from console.users import directory
from console.users.directory import BYTES_PER_PERSON, DirectoryCache, Query, all_people, list_people
from console.users.rules import folded
from tests.house import House
from tests.users.acts import act, added, edit, listed


@pytest.fixture
def other_process(house):
    """The same installation, as another process sees it."""
    app = create_app(house.settings)
    yield House(app, house.settings, house.people)
    with app.app_context():
        db.engine.dispose()


def cached(house, key="admin"):
    """That Customer's directory in memory, looked at without bringing it up to date."""
    return house.app.extensions["safekeep.directories"].get(house[key].tenant_id)


def test_a_change_by_another_process_is_seen_with_the_next_page(house, other_process):
    here, there = house.signed_in("admin"), other_process.signed_in("owner")
    assert "nia@acme.example" not in listed(here)
    user_id = added(there, given_name="Nia")
    assert "nia@acme.example" in listed(here)
    edit(there, user_id, email="nia.two@acme.example")
    assert "nia.two@acme.example" in listed(here, "?q=nia")
    act(there, "delete", user_id)
    assert "nia.two@acme.example" not in listed(here)
    assert "nia.two@acme.example" in listed(here, "?state=deleted")


def test_bringing_it_up_to_date_decrypts_the_changed_person_only(house, monkeypatch):
    admin = house.signed_in("admin")
    listed(admin)
    read, seen = directory._read, []
    monkeypatch.setattr(directory, "_read", lambda *, after: iter([seen.append(e) or e for e in read(after=after)]))
    edit(admin, house["member"].id, title="New")
    listed(admin)
    assert [entry.id for entry, _seq in seen] == [house["member"].id]
    listed(admin)
    assert len(seen) == 1


def test_an_act_that_was_rolled_back_never_shows(house):
    admin = house.signed_in("admin")
    listed(admin)
    assert edit(admin, house["member"].id, email=house["auditor"].email, title="Never").status_code == 422
    assert listed(admin, "?q=never") == []
    assert house["member"].email in listed(admin)


def test_the_total_is_counted_without_reading_everybody(house):
    with house.inside(house["admin"].tenant_id, write=False):
        assert list_people(Query()).total == 9
        assert list_people(Query(state="suspended")).total == 1
        assert list_people(Query(role="member", state="active")).total == 2
        assert list_people(Query(q="acme")).total == 9
        assert len(all_people(Query(role="member"))) == 4


def test_the_least_recently_used_directories_are_dropped_beyond_the_bound(house):
    cache = DirectoryCache(most_bytes=10 * BYTES_PER_PERSON)
    house.app.extensions["safekeep.directories"] = cache
    acme, birch = house["admin"].tenant_id, house["birch_admin"].tenant_id
    for tenant_id in (acme, birch):
        with house.inside(tenant_id, write=False):
            list_people(Query())
    assert list(cache._directories) == [birch], "9 and 4 people do not fit into room for 10"
    with house.inside(acme, write=False):
        assert list_people(Query()).total == 9
    assert list(cache._directories) == [acme]


def test_one_directory_stays_however_large_it_is(house):
    cache = DirectoryCache(most_bytes=1)
    house.app.extensions["safekeep.directories"] = cache
    with house.inside(house["admin"].tenant_id, write=False):
        assert list_people(Query()).total == 9
    assert len(cache._directories) == 1


def test_a_directory_that_was_forgotten_is_read_again(house):
    admin = house.signed_in("admin")
    before = listed(admin)
    with house.app.app_context(), unit_of_work(write=False):
        service("directories").drop(house["admin"].tenant_id)
    assert listed(admin) == before


def test_directories_of_two_customers_hold_their_own_people_only(house):
    listed(house.signed_in("admin"))
    listed(house.signed_in("birch_admin"))
    acme = {entry.email for entry in cached(house).people.values()}
    birch = {entry.email for entry in cached(house, "birch_admin").people.values()}
    assert len(acme) == 9
    assert len(birch) == 4
    assert not acme & birch


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Ärger", "arger"), ("GROẞ", "gross"), ("Ⅷ", "viii"), ("ﬁn", "fin"), ("İnce", "ince"), ("Ångström", "angstrom")],
)
def test_folding_makes_spellings_of_a_word_the_same(text, plain):
    assert folded(text) == plain
