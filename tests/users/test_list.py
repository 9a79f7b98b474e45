"""The list of users: search, filters, sort, pages, and what it looks like with nobody in it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from console.core.permissions import Role
from console.users.actions import add_user
from console.users.models import Details
from tests.cast import BY
from tests.users.acts import act, added, listed, main_text

MANY = 120


@pytest.fixture
def many(house):
    """120 more members of Acme, with names that share beginnings; addresses in the order of adding."""
    with house.inside(house["admin"].tenant_id):
        for number in range(MANY):
            details = Details("Max" if number % 2 else "Mia", f"Muster{number % 40:02}", f"m{number:03}@many.example")
            add_user(details, Role.MEMBER, by=BY, invite=False)
    return house.signed_in("admin")


def pages(visitor, query, turn="next"):
    """The addresses of all pages from the one behind `query` on."""
    found = []
    url = f"/users{query}"
    while url:
        page = visitor.get(url)
        found.append(re.findall(r'<td data-label="E-mail">(.*?)</td>', page.text))
        link = re.search(rf'href="([^"]+)" rel="{turn}"', page.text)
        url = link.group(1).replace("&amp;", "&") if link else None
        last = page.request.url
    return found, last


@pytest.mark.parametrize("sort", ["name", "email", "role", "state", "last_sign_in", "created"])
def test_every_sort_goes_both_ways_and_the_one_is_the_other_backwards(house, sort):
    house.signed_in("member")
    admin = house.signed_in("admin")
    up, down = listed(admin, f"?sort={sort}"), listed(admin, f"?sort=-{sort}")
    assert len(up) == 9
    assert up == down[::-1]


def test_the_sorts_sort_by_what_they_say(house):
    admin = house.signed_in("admin")
    assert listed(admin, "?sort=email") == sorted(listed(admin))
    by_name = [house[key].email for key in ("admin", "auditor", "invited", "user_manager", "member", "owner")]
    found = listed(admin, "?sort=name")
    assert [email for email in found if email in by_name] == by_name
    assert listed(admin, "?sort=-last_sign_in")[0] == house["admin"].email
    by_power = ("owner", "admin", "user_manager", "security_manager", "auditor")
    assert listed(admin, "?sort=role")[:5] == [house[key].email for key in by_power]
    assert listed(admin, "?sort=-state")[0] == house["suspended"].email


def test_a_name_with_an_accent_stands_where_its_letter_does(house):
    admin = house.signed_in("admin")
    for given, family in (("Ž", "Żbik"), ("E", "Émile"), ("O", "Østergaard"), ("Z", "Zander")):
        added(
            admin, given_name=given, family_name=family, email=f"{given}{len(family)}@acme.example".lower()
        ) if given.isascii() else added(admin, given_name=given, family_name=family, email="zbik@acme.example")
    found = listed(admin, "?sort=name")
    order = [found.index(f"{mailbox}@acme.example") for mailbox in ("e5", "owner", "o10", "z6", "zbik")]
    assert order[0] == min(order)
    assert order[3:] == sorted(order[3:])


def test_120_people_on_pages_of_25_forward_nobody_is_lost_or_doubled(many):
    found, _last = pages(many, "?limit=25&q=many")
    assert [len(page) for page in found] == [25, 25, 25, 25, 20]
    emails = [email for page in found for email in page]
    assert len(set(emails)) == MANY


@pytest.mark.parametrize("sort", ["name", "-name", "-created", "role"])
def test_paging_back_from_the_last_page_shows_the_same_pages(many, sort):
    forward, last = pages(many, f"?limit=25&q=many&sort={sort}")
    backward, _first = pages(many, "?" + last.split("?", 1)[1], turn="prev")
    assert backward[0] == forward[-1]
    back = [email for page in backward[::-1] for email in page]
    assert back == [email for page in forward for email in page]


def test_somebody_added_between_two_pages_doubles_and_loses_nobody(house, many):
    first = many.get("/users?limit=25&sort=name")
    shown = re.findall(r'<td data-label="E-mail">(.*?)</td>', first.text)
    added(many, given_name="Aa", family_name="Aaronson", email="early@acme.example")
    added(many, given_name="Zz", family_name="Zzyzx", email="late@acme.example")
    following = re.search(r'href="([^"]+)" rel="next"', first.text).group(1).replace("&amp;", "&")
    rest, _last = pages(many, following.removeprefix("/users"))
    emails = shown + [email for page in rest for email in page]
    assert len(emails) == len(set(emails)) == MANY + 9 + 1
    assert "late@acme.example" in emails


def test_somebody_deleted_between_two_pages_loses_nobody_else(house, many):
    first = many.get("/users?limit=25&sort=name")
    ids = re.findall(r'name="ids" value="([^"]+)"', first.text)
    shown = re.findall(r'<td data-label="E-mail">(.*?)</td>', first.text)
    act(house.signed_in("owner"), "delete", ids[-1])
    following = re.search(r'href="([^"]+)" rel="next"', first.text).group(1).replace("&amp;", "&")
    rest, _last = pages(many, following.removeprefix("/users"))
    assert len({*shown, *(email for page in rest for email in page)}) == MANY + 9


@pytest.mark.parametrize("limit", [25, 50, 100])
def test_the_page_size_is_what_was_chosen_and_is_kept_by_the_links(many, limit):
    page = many.get(f"/users?limit={limit}&q=many&sort=-email")
    assert page.text.count('data-label="E-mail"') == limit
    following = re.search(r'href="([^"]+)" rel="next"', page.text).group(1)
    assert f"limit={limit}" in following
    assert "q=many" in following
    assert "sort=-email" in following
    assert f"1 to {limit} of 120 people found" in page.text


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("мария", "other_member"),
        ("ИВАН", "other_member"),
        ("securite", "security_manager"),
        ("SÉCURITÉ", "security_manager"),
        ("sven sec", "security_manager"),
        ("sec sven", "security_manager"),
        ("user.mana", "user_manager"),
        ("auditor@acme", "auditor"),
    ],
)
def test_search_finds_parts_of_names_and_addresses_in_any_script_case_and_order(house, query, key):
    assert listed(house.signed_in("admin"), f"?q={query}") == [house[key].email]


@pytest.mark.parametrize(
    ("given", "family", "query"),
    [
        ("Łukasz", "Wójcik", "lukasz wojcik"),
        ("Ingrid", "Sæther", "saether"),
        ("Þóra", "Jónsdóttir", "thora"),
        ("Ayşe", "Yılmaz", "yilmaz"),
        ("Søren", "Åkesson", "soren akes"),
        ("Jürgen", "Groß", "GROSS"),
        ("Nguyễn", "Thị Hoa", "nguyen thi"),
        ("佐藤", "陽菜", "陽"),
        ("ليلى", "حداد", "حدا"),
        ("Νίκος", "Παπαδόπουλος", "νικοσ παπαδοπουλοσ"),
        ("אברהם", "כהן", "כהן"),
        ("अनन्या", "शर्मा", "शर्मा"),
    ],
)
def test_search_finds_a_name_as_somebody_with_another_keyboard_types_it(house, given, family, query):
    admin = house.signed_in("admin")
    added(admin, given_name=given, family_name=family, title="Searched")
    assert listed(admin, f"?q={query}") == ["nia@acme.example"]


def test_search_finds_titles(house):
    admin = house.signed_in("admin")
    added(admin, title="Head of Chartering")
    assert listed(admin, "?q=charter") == ["nia@acme.example"]


def test_role_and_state_filters_narrow_the_list_and_combine(house):
    admin = house.signed_in("admin")
    assert listed(admin, "?role=owner") == [house["owner"].email]
    assert listed(admin, "?state=suspended") == [house["suspended"].email]
    assert listed(admin, "?state=invited&role=member") == [house["invited"].email]
    assert listed(admin, "?state=active&role=member&q=mika") == [house["member"].email]
    assert listed(admin, "?state=invited&role=owner") == []


def test_the_form_keeps_what_was_chosen(house):
    page = house.signed_in("admin").get("/users?q=mem&role=member&state=active&limit=25&sort=-email").text
    assert 'value="mem"' in page
    for choice in ("member", "active", "25"):
        assert re.search(rf'<option value="{choice}" selected>', page), choice
    assert re.search(r'<option value="-email" selected>', page)
    assert 'aria-sort="descending"' in page


def test_a_search_that_finds_nobody_says_so_and_offers_the_way_back(house):
    page = main_text(house.signed_in("admin").get("/users?q=zzzz"))
    assert "Nobody matches" in page
    assert "Show everybody" in page


def test_nobody_deleted_yet_is_an_empty_page_with_a_way_back(house):
    assert "Nobody matches" in main_text(house.signed_in("admin").get("/users?state=deleted"))


def test_another_customers_people_are_in_no_list_or_search(house):
    admin = house.signed_in("admin")
    assert not [email for email in listed(admin, "?limit=200") if email.endswith("@birch.example")]
    assert listed(admin, "?q=birch") == []
    assert len(listed(house.signed_in("birch_admin"))) == 4


def test_each_cell_carries_its_label_for_narrow_screens(house):
    page = house.signed_in("admin").get("/users").text
    assert page.count('class="cell-primary"') == 9
    for label in ("E-mail", "Role", "State", "Last sign-in"):
        assert page.count(f'data-label="{label}"') == 9


def test_deleted_people_can_be_restored_from_their_list_and_nothing_else(house):
    admin = house.signed_in("admin")
    act(admin, "delete", house["member"].id)
    page = admin.get("/users?state=deleted").text
    assert 'value="restore"' in page
    assert 'value="suspend"' not in page


def test_names_are_shown_as_they_are_sorted_family_name_first(house):
    page = house.signed_in("admin").get("/users?sort=name").text
    names = re.findall(r"<bdi>(.*?)</bdi></a>", page)
    assert "Suspended, Susan" in names
    assert len(names) == 9
    families = [name.split(",")[0] for name in names if name.isascii()]
    assert families == sorted(families, key=str.casefold)


def test_every_page_says_which_people_it_shows_forward_and_back(many):
    told, url = [], "/users?limit=25&q=many"
    while url:
        page = many.get(url).text
        told.append(re.search(r"(\d+ to \d+ of \d+) people found", page).group(1))
        following = re.search(r'href="([^"]+)" rel="next"', page)
        previous = re.search(r'href="([^"]+)" rel="prev"', page)
        url = following.group(1).replace("&amp;", "&") if following else None
    assert told == ["1 to 25 of 120", "26 to 50 of 120", "51 to 75 of 120", "76 to 100 of 120", "101 to 120 of 120"]
    before = many.get(previous.group(1).replace("&amp;", "&")).text
    assert "76 to 100 of 120 people found" in before


@pytest.mark.parametrize("at", ["", "x", "-4", "99999999999999999999", "119"])
def test_a_place_that_somebody_made_up_never_counts_beyond_the_end(many, at):
    first = many.get("/users?limit=25&q=many").text
    following = re.search(r'href="([^"]+)" rel="next"', first).group(1).replace("&amp;", "&")
    page = many.get(re.sub(r"at=\d+", f"at={at}", following))
    assert page.status_code == 200
    assert re.search(r"(25|96 to 120) of 120 people found", page.text)


def states(visitor, query=""):
    """Address and state of everybody on one page of the list."""
    page = visitor.get(f"/users{query}").text
    rows = re.findall(
        r'data-label="E-mail">(.*?)</td>.*?data-label="State"><span class="[^"]*">(.*?)</span>', page, re.DOTALL
    )
    return dict(rows)


def test_an_invitation_that_expired_or_was_revoked_shows_in_the_list_and_can_be_filtered(house):
    admin = house.signed_in("admin")
    with time_machine.travel(datetime.now(UTC) - timedelta(days=8), tick=True):
        added(house.signed_in("admin"), email="late@acme.example")
    revoked = added(admin, email="revoked@acme.example")
    admin.post(f"/users/{revoked}/invitation/revoke")
    shown = states(admin)
    assert shown["late@acme.example"] == "Invitation expired"
    assert shown["revoked@acme.example"] == "Invitation revoked"
    assert shown[house["invited"].email] in ("Invited", "Not invited yet")
    assert listed(admin, "?state=invitation_expired") == ["late@acme.example"]
    assert listed(admin, "?state=invitation_revoked&q=nia") == ["revoked@acme.example"]
    assert listed(admin, "?state=invitation_revoked&role=owner") == []
    assert {"late@acme.example", "revoked@acme.example"} <= set(listed(admin, "?state=invited"))
    assert "Invitation revoked" in main_text(admin.get(f"/users/{revoked}"))
    admin.post(f"/users/{revoked}/invitation")
    assert states(admin)["revoked@acme.example"] == "Invited"
    assert listed(admin, "?state=invitation_revoked") == []


def test_a_filter_by_invitation_exports_the_same_people(house):
    admin = house.signed_in("admin")
    revoked = added(admin, email="revoked@acme.example")
    admin.post(f"/users/{revoked}/invitation/revoke")
    lines = admin.get("/users/export.csv?state=invitation_revoked").text.splitlines()
    assert len(lines) == 2
    assert "revoked@acme.example" in lines[1]
