"""Importing users through the pages: upload, preview, apply, result."""

import csv
import io
import re

from sqlalchemy import func, select

from console.audit.models import AuditEntry, EntryFilter, entries
from console.audit.verify import verify
from console.core.db import db
from console.mail.models import MailMessage
from console.tenants.models import this_tenant
from console.users.links import open_invitation
from console.users.models import State, User, user, user_by_email
from tests.users.acts import act, main_text
from tests.users.csv_uploads import apply, counts, csv_bytes, id_of, many, multipart, state, upload, uploaded


def rows_of(answer):
    text = answer.data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_file_shows_what_it_would_do_and_does_it_when_applied(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(
        "Nora,Neu,nora@acme.example,auditor,+47 22 33 44 55,Controller,Europe/Oslo",
        "Mika,Renamed,MEMBER@acme.example,member,,Clerk,UTC",
        "Audrey,Auditor,auditor@acme.example,auditor,,,UTC",
        "Bad,Row,not-an-address,member,,,UTC",
    ))  # fmt: skip
    preview = admin.get(page).text
    assert counts(house, page) == {"added": 1, "changed": 1, "unchanged": 1, "refused": 1}
    assert re.search(r"<del><bdi>Member</bdi></del>\s*→\s*<ins><bdi>Renamed</bdi></ins>", preview)
    assert "This is not an e-mail address. It should look like name@company.com." in preview
    with house.inside(house["admin"].tenant_id):
        assert user_by_email("nora@acme.example") is None
        assert user(house["member"].id).details.family_name == "Member"

    apply(house, admin, page)
    assert "The import is done" in admin.get(page).text
    with house.inside(house["admin"].tenant_id):
        nora = user_by_email("nora@acme.example")
        assert (nora.state, nora.role, nora.details.phone) == (State.INVITED, "auditor", "+47 22 33 44 55")
        assert nora.details.time_zone == "Europe/Oslo"
        changed = user(house["member"].id).details
        assert (changed.family_name, changed.title, changed.email) == ("Renamed", "Clerk", "member@acme.example")
    assert "Neu, Nora" in admin.get("/users?q=nora").text


def test_an_invited_person_of_an_import_can_accept_the_mailed_invitation(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("Nora,Neu,nora@acme.example,member,,,UTC"))
    apply(house, admin, page)
    link = house.link("nora@acme.example", "invites you")
    guest = house.visitor()
    answer = guest.post(
        link,
        {"password": "four-Blue-otters-7", "password_again": "four-Blue-otters-7", "again": "four-Blue-otters-7"},
        form=link,
    )
    assert answer.status_code == 303, answer.text
    assert house.visitor().sign_in("nora@acme.example", "four-Blue-otters-7").status_code == 303


def test_without_the_tick_nobody_is_invited_until_somebody_sends_the_invitation(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("Nora,Neu,nora@acme.example,member,,,UTC"))
    apply(house, admin, page, invite=False)
    assert house.mails("nora@acme.example") == []
    with house.inside(house["admin"].tenant_id):
        nora = user_by_email("nora@acme.example").id
        assert open_invitation(nora) is None
    admin.post(f"/users/{nora}/invitation", form=f"/users/{nora}")
    assert len(house.mails("nora@acme.example")) == 1


def test_every_person_and_the_import_itself_stand_in_the_audit_record(house):
    admin = house.signed_in("admin", address="203.0.113.9")
    page = uploaded(
        admin, csv_bytes("Nora,Neu,nora@acme.example,member,,,UTC", "Mika,Renamed,member@acme.example,member,,,UTC")
    )
    apply(house, admin, page)
    with house.inside(house["admin"].tenant_id):
        newest = entries(EntryFilter(), limit=5)
        tags = [entry.tag for entry in newest]
        assert tags[0] == "users:import:applied"
        assert set(tags[1:4]) == {"users:user:added", "users:invitation:sent", "users:user:changed"}
        assert tags[4] == "users:import:checked"
        facts = newest[0].details["facts"]
        assert (facts["added"], facts["changed"], facts["refused"]) == (1, 1, 0)
        changed = next(entry for entry in newest if entry.tag == "users:user:changed")
        assert changed.details["changes"] == {"family_name": ["Member", "Renamed"]}
        for entry in newest:
            assert (entry.actor_id, entry.details["address"]) == (house["admin"].id, "203.0.113.9")
        assert verify().problem is None


def test_counts_of_the_account_and_numbers_of_changes_follow_an_import(house):
    admin = house.signed_in("admin")
    with house.inside(house["admin"].tenant_id):
        before = (this_tenant().people_invited, this_tenant().people_seq)
    page = uploaded(admin, csv_bytes(*many(7), "Mika,Renamed,member@acme.example,member,,,UTC"))
    apply(house, admin, page, invite=False)
    with house.inside(house["admin"].tenant_id):
        tenant = this_tenant()
        assert (tenant.people_invited, tenant.people_seq) == (before[0] + 7, before[1] + 8)
        numbers = list(db.session.execute(select(User.people_seq).order_by(User.people_seq)).scalars())
        assert len(set(numbers)) == len(numbers)
        assert numbers[-1] == tenant.people_seq


def test_a_file_beyond_two_thousand_rows_is_checked_by_the_worker_with_a_progress_bar(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(2100)))
    assert state(house, page) == "checking"
    waiting = admin.get(f"{page}/progress").json
    assert (waiting["done"], waiting["total"], waiting["finished"]) == (0, 2100, False)
    assert set(waiting) == {"state", "done", "total", "rate_per_second", "seconds_left", "message", "finished"}
    assert f'data-progress-url="{page}/progress"' in admin.get(page).text
    house.work()
    assert state(house, page) == "ready"
    assert admin.get(f"{page}/progress").json["finished"] is True
    apply(house, admin, page, invite=False)
    assert (state(house, page), counts(house, page)["added"]) == ("done", 2100)


def test_the_preview_leads_through_all_rows_forwards_and_backwards(house):
    admin = house.signed_in("admin")
    rows = many(650)
    rows[600] = "Bad,Row,nowhere,member,,,UTC"
    page = uploaded(admin, csv_bytes(*rows))
    seen, url = [], page
    while url:
        text = admin.get(url).text
        seen += re.findall(r'<td data-label="Row">(\d+)</td>', text)
        link = re.search(r'href="([^"]+)" rel="next"', text)
        url = link.group(1).replace("&amp;", "&") if link else None
    assert seen == [str(number) for number in range(2, 652)]
    back = re.search(r'href="([^"]+)" rel="prev"', text).group(1).replace("&amp;", "&")
    earlier = re.findall(r'<td data-label="Row">(\d+)</td>', admin.get(back).text)
    assert earlier == [str(number) for number in range(502, 602)]
    refused = admin.get(f"{page}?outcome=refused").text
    assert re.findall(r'<td data-label="Row">(\d+)</td>', refused) == ["602"]


def test_the_refused_rows_can_be_fetched_corrected_and_uploaded_again(house):
    admin = house.signed_in("admin")
    page = uploaded(
        admin, csv_bytes("Nora,Neu,nora@acme,member,+47 22334455,=Boss,UTC", "Ned,Neu,ned@acme.example,member,,,UTC")
    )
    answer = admin.get(f"{page}/result.csv?outcome=refused")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=import-")
    rows = rows_of(answer)
    assert [row["row"] for row in rows] == ["2"]
    assert rows[0]["reason"] == "email: The part after the @ needs a dot, as in company.com."
    assert rows[0]["title"] == "'=Boss"
    corrected = answer.data.replace(b'"nora@acme"', b'"nora@acme.example"')
    again = uploaded(admin, corrected)
    assert counts(house, again) == {"added": 1, "changed": 0, "unchanged": 0, "refused": 0}
    assert "Not read: row, outcome, reason" in admin.get(again).text
    apply(house, admin, again)
    with house.inside(house["admin"].tenant_id):
        assert user_by_email("nora@acme.example").details.title == "=Boss"


def test_the_result_file_says_of_each_row_what_became_of_it(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("Nora,Neu,nora@acme.example,member,,,UTC", "Bad,Row,x,member,,,UTC"))
    apply(house, admin, page)
    rows = rows_of(admin.get(f"{page}/result.csv"))
    assert [(row["row"], row["outcome"]) for row in rows] == [("2", "added"), ("3", "refused")]
    assert rows[0]["email"] == "nora@acme.example"


def test_the_page_says_to_be_added_before_and_added_after(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("Nora,Neu,nora@acme.example,member,,,UTC", f"M,M,{house['member'].email},,,,UTC"))
    before = main_text(admin.get(page))
    assert "To be added" in before
    assert "To be changed" in before
    apply(house, admin, page)
    after = main_text(admin.get(page))
    assert "To be added" not in after
    assert "Added" in after


def test_a_row_with_too_many_cells_keeps_them_all_in_the_result_file(house):
    admin = house.signed_in("admin")
    header = "email,state,given_name,family_name,title"
    page = uploaded(admin, csv_bytes("nora@acme.example,active,Nora,Neu,Head, of Sales,=1+1", header=header))
    lines = list(csv.reader(io.StringIO(admin.get(f"{page}/result.csv?outcome=refused").data.decode("utf-8-sig"))))
    assert lines[1][:2] == ["2", "refused"]
    told = dict(zip(lines[0], lines[1], strict=False))
    assert (told["given_name"], told["email"], told["title"]) == ("Nora", "nora@acme.example", "Head")
    assert lines[1][len(lines[0]) :] == ["active", " of Sales", "'=1+1"]


def test_a_row_about_somebody_deleted_leads_to_that_person(house):
    admin, member = house.signed_in("admin"), house["member"]
    act(admin, "delete", member.id)
    page = admin.get(uploaded(admin, csv_bytes(f"M,M,{member.email},member,,,UTC"))).text
    assert "Restore that person instead." in page
    assert f'<a href="/users/{member.id}">Open that person' in page


def test_columns_in_any_order_absent_ones_and_other_delimiters_are_understood(house):
    admin = house.signed_in("admin")
    data = "﻿E-mail;Family Name;GIVEN_NAME\r\nmember@acme.example;Changed;Mika\r\n".replace("E-mail", "email").encode()
    page = uploaded(admin, data)
    assert counts(house, page)["changed"] == 1
    apply(house, admin, page)
    with house.inside(house["admin"].tenant_id):
        assert user(house["member"].id).details.family_name == "Changed"
        assert user(house["member"].id).role == "member"


def test_an_empty_phone_empties_the_field_and_an_absent_column_does_not(house):
    admin = house.signed_in("admin")
    apply(house, admin, uploaded(admin, csv_bytes("Mika,Member,member@acme.example,member,+47 22334455,Clerk,UTC")))
    page = uploaded(admin, csv_bytes("Mika,Member,member@acme.example,", header="given_name,family_name,email,phone"))
    apply(house, admin, page)
    with house.inside(house["admin"].tenant_id):
        details = user(house["member"].id).details
        assert (details.phone, details.title) == ("", "Clerk")


def test_applying_twice_does_everything_once(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(3)))
    apply(house, admin, page, work=False)
    apply(house, admin, page)
    apply(house, admin, page)
    with house.inside(house["admin"].tenant_id):
        mails = db.session.execute(select(MailMessage.id).where(MailMessage.kind == "invitation")).all()
        added = db.session.execute(select(AuditEntry.id).where(AuditEntry.tag == "users:import:applied")).all()
        assert (len(mails), len(added)) == (3, 1)


def test_a_file_that_changes_nothing_offers_nothing_to_apply(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("Mika,Member,member@acme.example,member,,,UTC"))
    assert "There is nothing to apply" in admin.get(page).text
    answer = admin.post(f"{page}/apply", form=page)
    assert answer.status_code == 409
    assert state(house, page) == "ready"


def test_cancelling_before_applying_changes_nobody(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(3)))
    assert admin.post(f"{page}/cancel", form=page).status_code == 303
    assert "Nobody was added or changed." in admin.get(page).text
    assert admin.post(f"{page}/apply", form="/users/import").status_code == 409
    house.work()
    with house.inside(house["admin"].tenant_id):
        assert user_by_email("anna.lind0@new.example") is None
    assert [row["outcome"] for row in rows_of(admin.get(f"{page}/result.csv"))] == ["not done"] * 3


def test_recent_imports_are_listed_with_who_and_what(house):
    admin = house.signed_in("admin")
    upload(admin, csv_bytes(*many(3)), name="../../etc/Personal <b>2026</b>.csv")
    page = admin.get("/users/import").text
    assert "Personal &lt;b&gt;2026&lt;" in page or "b&gt;.csv" in page
    assert "Adam Admin" in page


def test_another_customers_import_is_an_unknown_address(house):
    page = uploaded(house.signed_in("admin"), csv_bytes(*many(3)))
    stranger = house.signed_in("birch_admin")
    unknown = page[:-12] + "0" * 12
    for path in ("", "/progress", "/result.csv"):
        assert stranger.get(page + path).status_code == 404
        assert scrubbed(stranger.get(page + path)) == scrubbed(stranger.get(unknown + path))
    for step in ("apply", "cancel"):
        assert stranger.post(f"{page}/{step}", form="/users/import").status_code == 404
    assert state(house, page) == "ready"
    assert id_of(page)


def scrubbed(answer) -> str:
    text = re.sub(r'name="csrf_token" value="[^"]+"', "", answer.text)
    return re.sub(r"\b[A-Z2-7]{8}\b", "", text)


def test_those_who_may_not_change_people_may_not_import(house):
    for key in ("auditor", "security_manager", "member"):
        visitor = house.signed_in(key)
        assert visitor.get("/users/import").status_code == 403
        assert upload_as(visitor).status_code == 403
    assert house.visitor().get("/users/import").location.startswith("/sign-in")
    with house.inside(house["admin"].tenant_id):
        assert db.session.execute(select(func.count(User.id)).where(User.state == State.INVITED)).scalar_one() == 1


def upload_as(visitor):
    body, kind = multipart(visitor.token("/me"), csv_bytes(*many(1)))
    return visitor.client.post("/users/import", data=body, content_type=kind)


def test_the_list_leads_to_import_and_export_as_far_as_the_role_allows(house):
    assert 'href="/users/import"' in house.signed_in("user_manager").get("/users").text
    auditor = house.signed_in("auditor").get("/users").text
    assert 'href="/users/import"' not in auditor
    assert "/users/export.csv" in auditor
    assert "/users/export.csv" not in house.signed_in("security_manager").get("/users").text
