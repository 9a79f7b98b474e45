"""What is decided about single rows: refusals with a reason, whatever stands in the cells."""

import pytest

from console.core.permissions import Role
from console.users.lifecycle import delete, suspend
from console.users.models import State, user, user_by_email
from tests.cast import BY
from tests.users.csv_uploads import apply, counts, csv_bytes, uploaded

BAD_ROWS = {
    "no given name": (",Neu,n@acme.example,,,,", "Given name:", "Give a given name."),
    "no address": ("Nora,Neu,,,,,", "E-mail address:", "Give an e-mail address."),
    "an address without a dot": ("Nora,Neu,n@acme,,,,", "E-mail address:", "needs a dot"),
    "an address that mixes scripts": ("Nora,Neu,n\N{CYRILLIC SMALL LETTER O}ra@acme.example,,,,", "E-mail address:", "different scripts that look alike"),
    "a right-to-left override": ("No\N{RIGHT-TO-LEFT OVERRIDE}ra,Neu,n@acme.example,,,,", "Given name:", "(U+202E)"),
    "a line break in a name": ('"No\nra",Neu,n@acme.example,,,,', "Given name:", "(U+000A)"),
    "a name that is too long": (f"{'N' * 101},Neu,n@acme.example,,,,", "Given name:", "at most 100 characters; this has 101"),
    "an unknown role": ("Nora,Neu,n@acme.example,king,,,", "Role:", "There is no such role. Use one of: owner,"),
    "a staff role": ("Nora,Neu,n@acme.example,agent,,,", "Role:", "There is no such role."),
    "a formula as phone": ("Nora,Neu,n@acme.example,,=cmd(),,", "Phone:", "digits, spaces"),
    "an unknown time zone": ("Nora,Neu,n@acme.example,,,,Mars/Olympus", "Time zone:", "Choose a time zone"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_ROWS)
def test_a_bad_cell_refuses_its_row_and_names_the_column(house, what):
    row, column, reason = BAD_ROWS[what]
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(row, "Good,One,good@acme.example,,,,"))
    assert counts(house, page) == {"added": 1, "changed": 0, "unchanged": 0, "refused": 1}
    text = admin.get(f"{page}?outcome=refused").text
    assert column in text
    assert reason in text


def test_html_and_formulas_in_names_are_text_everywhere(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("<script>alert(1)</script>,=cmd(),x@acme.example,,,<img src=x onerror=a>,"))
    assert counts(house, page)["added"] == 1
    text = admin.get(page).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "'=cmd()" in admin.get(f"{page}/result.csv").text
    apply(house, admin, page)
    assert "<img src=x" not in admin.get("/users?q=cmd").text


def test_an_address_twice_in_any_case_counts_once(house):
    admin = house.signed_in("admin")
    page = uploaded(
        admin, csv_bytes("A,A,nora@acme.example,,,,", "B,B,NORA@Acme.Example,,,,", "C,C,Nora@acme.example,,,,")
    )
    assert counts(house, page) == {"added": 1, "changed": 0, "unchanged": 0, "refused": 2}
    assert admin.get(page).text.count("Row 2 has the same address, and only one of them can count.") == 2


def test_an_address_twice_is_found_across_chunks_and_by_the_worker(house):
    admin = house.signed_in("admin")
    rows = [f"A,A{n},a{n % 2400}@new.example,,,," for n in range(2401)]
    page = uploaded(admin, csv_bytes(*rows))
    house.work()
    assert counts(house, page)["refused"] == 1
    assert "Row 2 has the same address" in admin.get(f"{page}?outcome=refused").text


def test_an_address_of_another_customer_is_refused_without_saying_whose_it_is(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("Bente,Birch,BIRCH.member@birch.example,,,,"))
    text = admin.get(page).text
    assert "cannot be used as a username here. Choose another address." in text
    assert "Bente Birch" in text  # as the file says, not as the other Customer does
    assert "Birch &amp; Sons" not in text


def test_a_deleted_person_is_to_be_restored_not_imported(house):
    with house.inside(house["member"].tenant_id):
        delete([house["member"].id], by=BY)
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("Mika,Member,member@acme.example,,,,"))
    assert "who was deleted. Restore that person instead." in admin.get(page).text
    assert counts(house, page)["refused"] == 1


def test_a_user_manager_changes_members_only(house):
    manager = house.signed_in("user_manager")
    page = uploaded(manager, csv_bytes(
        "New,Member,new@acme.example,member,,,",
        "New,Admin,new.admin@acme.example,administrator,,,",
        "Mika,Changed,member@acme.example,member,,,",
        "Mika,Raised,other.member@acme.example,administrator,,,",
        "Olga,Changed,owner@acme.example,owner,,,",
        "Adam,Admin,admin@acme.example,administrator,,,",
    ))  # fmt: skip
    assert counts(house, page) == {"added": 1, "changed": 1, "unchanged": 1, "refused": 3}
    text = manager.get(f"{page}?outcome=refused").text
    assert text.count("Your role does not allow changing people with the role Administrator.") == 2
    assert text.count("Your role does not allow changing people with the role Owner.") == 1


def test_roles_may_be_spelt_as_the_pages_spell_them(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("Nora,Neu,nora@acme.example,User Manager,,,"))
    apply(house, admin, page)
    with house.inside(house["admin"].tenant_id):
        assert user_by_email("nora@acme.example").role == Role.USER_MANAGER


def test_suspended_people_are_changed_and_stay_suspended(house):
    admin = house.signed_in("admin")
    apply(house, admin, uploaded(admin, csv_bytes("Susan,Newname,suspended@acme.example,,,,")))
    with house.inside(house["admin"].tenant_id):
        susan = user(house["suspended"].id)
        assert (susan.details.family_name, susan.state) == ("Newname", State.SUSPENDED)


def test_no_import_takes_the_last_usable_administrator_away(house):
    with house.inside(house["owner"].tenant_id):
        suspend([house["admin"].id], by=BY)
    owner = house.signed_in("owner")
    page = uploaded(owner, csv_bytes("Olga,Owner,owner@acme.example,member,,,"))
    assert "This would leave the account without an active owner or administrator." in owner.get(page).text
    assert counts(house, page)["refused"] == 1


def test_invited_administrators_do_not_count_as_usable(house):
    with house.inside(house["owner"].tenant_id):
        suspend([house["admin"].id], by=BY)
    owner = house.signed_in("owner")
    page = uploaded(owner, csv_bytes(
        "New,Admin,new.admin@acme.example,administrator,,,", "Olga,Owner,owner@acme.example,member,,,",
    ))  # fmt: skip
    assert "This would leave the account without an active owner" in owner.get(page).text


def test_nobody_changes_the_own_role_by_an_import(house):
    owner = house.signed_in("owner")
    page = uploaded(owner, csv_bytes("Olga,Owner,owner@acme.example,member,,,"))
    assert "You cannot change your own role by an import" in owner.get(page).text


def test_a_new_role_ends_the_sessions_of_that_person(house):
    auditor = house.signed_in("auditor")
    owner = house.signed_in("owner")
    apply(house, owner, uploaded(owner, csv_bytes("Audrey,Auditor,auditor@acme.example,member,,,")))
    assert auditor.get("/overview").location.startswith("/sign-in")
