"""The table of roles: one place decides, and the page shows that place."""

import re

import pytest

from console.core.permissions import (
    PERMISSION_TEXTS,
    ROLE_PERMISSIONS,
    ROLE_TEXTS,
    STAFF_ROLE_TEXTS,
    Permission,
    Role,
    StaffRole,
    may,
    permission_to_manage,
)
from tests.users.acts import text_of


def test_the_page_shows_the_very_table_that_decides(house):
    page = house.signed_in("auditor").get("/users/roles").text
    table = re.search(r'<table class="table matrix">(.*?)</table>', page, re.DOTALL).group(1)
    head = [text_of(cell) for cell in re.findall(r'<th scope="col">(.*?)</th>', table)]
    assert head == ["Permission", *(ROLE_TEXTS[role][0] for role in Role)]
    shown = {}
    for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)[1:]:
        name, *cells = [text_of(cell) for cell in re.findall(r"<td.*?>(.*?)</td>", row, re.DOTALL)]
        shown[name] = cells
    decided = {
        PERMISSION_TEXTS[item]: ["Yes" if may(role, item) else "No" for role in Role]
        for item in Permission
        if any(may(role, item) for role in Role)
    }
    assert shown == decided


def test_every_role_and_permission_is_described(house):
    assert set(ROLE_TEXTS) == set(Role)
    assert set(STAFF_ROLE_TEXTS) == set(StaffRole)
    assert set(PERMISSION_TEXTS) == set(Permission)
    assert set(ROLE_PERMISSIONS) == {*Role, *StaffRole}
    page = house.signed_in("owner").get("/users/roles").text
    for name, text in ROLE_TEXTS.values():
        assert name in page
        assert text in page


@pytest.mark.parametrize("role", list(StaffRole))
def test_no_staff_role_reaches_a_customers_people(role):
    assert not [item for item in ROLE_PERMISSIONS[role] if item.startswith("users:")]


def test_an_unknown_role_may_nothing():
    assert not any(may(role, item) for item in Permission for role in (None, "", "emperor", "Owner"))


def test_each_role_is_managed_by_who_the_table_says():
    managers = {role: {by for by in Role if may(by, permission_to_manage(role))} for role in Role}
    assert managers[Role.OWNER] == {Role.OWNER}
    assert managers[Role.ADMINISTRATOR] == {Role.OWNER, Role.ADMINISTRATOR}
    assert managers[Role.AUDITOR] == {Role.OWNER, Role.ADMINISTRATOR}
    assert managers[Role.MEMBER] == {Role.OWNER, Role.ADMINISTRATOR, Role.USER_MANAGER}


def test_the_form_to_add_offers_the_roles_that_the_person_may_give(house):
    for key, offered in (("owner", set(Role)), ("admin", set(Role) - {Role.OWNER}), ("user_manager", {Role.MEMBER})):
        page = house.signed_in(key).get("/users/new").text
        assert set(re.findall(r'type="radio" value="([^"]+)"', page)) == {str(role) for role in offered}, key


def test_no_page_offers_a_link_that_the_role_may_not_follow(house):
    """Whoever may see a page may follow the links on it, for every role, two clicks deep."""
    for key in ("owner", "admin", "user_manager", "security_manager", "auditor", "member"):
        visitor = house.signed_in(key)
        todo, seen = ["/overview", "/me"], set()
        while todo and len(seen) < 60:
            url = todo.pop(0)
            if url in seen:
                continue
            seen.add(url)
            answer = visitor.get(url, follow_redirects=True)
            assert answer.status_code == 200, f"{key} is offered {url}: {answer.status_code}"
            links = re.findall(r'<a [^>]*href="(/[^"#]*)"', answer.text)
            todo += [
                link.replace("&amp;", "&")
                for link in links
                if not link.startswith(("/dev/mail", "/static", "/audit")) and not re.search(r"[?&]sort=", link)
            ]
            if "/audit" in answer.text:
                assert may(house[key].role, Permission.AUDIT_ENTRIES_READ), f"{key} is offered the audit on {url}"
