"""Sessions as each Customer chose: how long, how many, bound to where. Promises: P08, P09."""

import re
from datetime import timedelta

import pytest
import time_machine

from console.audit.models import EntryFilter, entries
from console.core.addresses import network_of
from tests.house import said
from tests.security.test_settings_pages import save

NOW = "2026-11-24T08:00:00Z"


def alive(visitor):
    return visitor.get("/me").status_code == 200


def choose(house, **values):
    assert save(house.signed_in("security_manager"), **values).status_code == 303


def tags(house):
    with house.inside(house["owner"].tenant_id, write=False):
        return [str(entry.tag) for entry in entries(EntryFilter(), limit=50)]


@pytest.mark.parametrize(("seconds", "counts"), [(-1, True), (0, False)])
def test_a_shorter_idle_time_counts_for_sessions_that_are_open_already(house, seconds, counts):
    with time_machine.travel(NOW, tick=False) as time:
        visitor = house.signed_in("member")
        choose(house, session_idle_minutes="5")
        time.shift(timedelta(minutes=5, seconds=seconds))
        assert alive(visitor) is counts


def test_a_short_idle_time_is_measured_from_a_note_that_is_seconds_old(house):
    with time_machine.travel(NOW, tick=False) as time:
        choose(house, session_idle_minutes="5")
        visitor = house.signed_in("member")
        for _page in range(20):
            time.shift(timedelta(minutes=4, seconds=44))
            assert alive(visitor)
            time.shift(timedelta(seconds=14))
            assert alive(visitor)


@pytest.mark.parametrize(("seconds", "counts"), [(-1, True), (0, False)])
def test_a_shorter_absolute_end_counts_for_sessions_that_are_open_already(house, seconds, counts):
    with time_machine.travel(NOW, tick=False) as time:
        visitor = house.signed_in("member")
        choose(house, session_absolute_hours="1", session_idle_minutes="50")
        time.shift(timedelta(minutes=40))
        assert alive(visitor)
        time.shift(timedelta(minutes=20, seconds=seconds))
        assert alive(visitor) is counts


def test_one_customers_choice_is_not_anothers(house):
    with time_machine.travel(NOW, tick=False) as time:
        visitor = house.signed_in("birch_member")
        choose(house, session_idle_minutes="5")
        time.shift(timedelta(minutes=6))
        assert alive(visitor)


def test_a_sign_in_beyond_the_limit_ends_the_session_idle_longest(house):
    with time_machine.travel(NOW, tick=False) as time:
        choose(house, sessions_at_once="2")
        visitors = []
        for _browser in range(2):
            visitors.append(house.signed_in("member"))
            time.shift(timedelta(minutes=2))
        assert alive(visitors[0])
        time.shift(timedelta(minutes=2))
        third = house.signed_in("member")
        assert [alive(visitor) for visitor in (*visitors, third)] == [True, False, True]


def test_a_session_bound_to_its_network_ends_when_it_leaves_it(house):
    choose(house, session_binding="enforce")
    visitor = house.signed_in("member", address="198.51.100.7")
    visitor.client.environ_base["REMOTE_ADDR"] = "198.51.100.250"
    assert alive(visitor), "the same /24 is the same network"
    visitor.client.environ_base["REMOTE_ADDR"] = "203.0.113.5"
    answer = visitor.get("/me")
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert "Your company binds sessions to a network" in visitor.get("/sign-in").text
    visitor.client.environ_base["REMOTE_ADDR"] = "198.51.100.7"
    assert not alive(visitor), "coming back does not revive it"


def test_a_move_is_written_down_once_where_only_that_is_chosen(house):
    choose(house, session_binding="log")
    visitor = house.signed_in("member", address="198.51.100.7")
    visitor.client.environ_base["REMOTE_ADDR"] = "203.0.113.5"
    assert alive(visitor)
    assert alive(visitor)
    assert tags(house).count("sessions:session:moved") == 1


def test_a_move_is_nothing_where_nothing_was_chosen(house):
    visitor = house.signed_in("member", address="198.51.100.7")
    visitor.client.environ_base["REMOTE_ADDR"] = "203.0.113.5"
    assert alive(visitor)
    assert "sessions:session:moved" not in tags(house)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("198.51.100.7", "198.51.100.255", True),
        ("198.51.100.7", "198.51.101.7", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:198.51.100.7", "198.51.100.9", True),
        ("unknown", "198.51.100.7", False),
        (None, "unknown", True),
    ],
)
def test_a_network_is_a_24_or_a_64(one, other, same):
    assert (network_of(one) == network_of(other)) is same


def test_the_list_shows_who_is_in_and_ends_one_persons_and_everybodys_sessions(house):
    manager, member, auditor = (house.signed_in(key) for key in ("security_manager", "member", "auditor"))
    page = manager.get("/security/sessions").text
    assert all(name in page for name in ("Sven Sécurité", "Mika Member", "Audrey Auditor"))
    assert "Birch" not in said(page)
    ended = manager.post(f"/security/sessions/of/{house['member'].id}/end", form="/security/sessions")
    assert ended.status_code == 303
    assert [alive(visitor) for visitor in (manager, member, auditor)] == [True, False, True]
    assert "Mika Member" not in manager.get(f"/security/sessions?user={house['auditor'].id}").text
    manager.post("/security/sessions/end-all", form="/security/sessions/end-all")
    assert [alive(visitor) for visitor in (manager, auditor)] == [True, False]


def test_more_sessions_than_fit_on_a_page_are_reached_page_by_page(house):
    manager = house.signed_in("security_manager")
    _many_sessions(house, 60)
    first = manager.get("/security/sessions").text
    assert first.count('<td class="cell-primary">') == 50
    older = re.search(r'href="(/security/sessions\?after=[^"]+)"', first).group(1)
    assert manager.get(older).text.count('<td class="cell-primary">') == 11
    assert manager.get("/security/sessions?after=nonsense").status_code == 200


def _many_sessions(house, count):
    from console.core.actor import Actor
    from console.sessions.actions import start_session
    from console.users.models import user

    person = house["member"]
    with house.inside(person.tenant_id):
        for _session in range(count):
            by = Actor("person", person.tenant_id, person.id, address="198.51.100.9")
            start_session(user(person.id), stage="full", by=by)


def test_asking_how_long_is_left_does_not_prolong_the_session_and_staying_does(house):
    with time_machine.travel(NOW, tick=False) as time:
        choose(house, session_idle_minutes="10")
        visitor = house.signed_in("member")
        for _ask in range(4):
            time.shift(timedelta(minutes=2))
            answer = visitor.get("/me/session").json
        assert (answer["seconds_left"], answer["at_limit"]) == (120, False)
        stayed = visitor.client.post("/me/session", headers={"X-CSRFToken": answer["form_token"]})
        assert stayed.json["seconds_left"] == 600
        time.shift(timedelta(minutes=9, seconds=59))
        assert visitor.get("/me/session").json["seconds_left"] == 1
        time.shift(timedelta(seconds=1))
        assert visitor.get("/me/session").status_code == 303


def test_staying_does_not_move_the_absolute_end(house):
    with time_machine.travel(NOW, tick=False) as time:
        choose(house, session_absolute_hours="1", session_idle_minutes="45")
        visitor = house.signed_in("member")
        time.shift(timedelta(minutes=40))
        token = visitor.get("/me/session").json["form_token"]
        answer = visitor.client.post("/me/session", headers={"X-CSRFToken": token}).json
        assert (answer["seconds_left"], answer["at_limit"]) == (20 * 60, True)
