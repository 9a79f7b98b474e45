"""Between preview and apply, and while applying, the world goes on: kills, cancels, edits, lost rights."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from console.audit.models import AuditEntry
from console.audit.verify import verify
from console.core import clock, jobs
from console.core.db import db
from console.core.isolation import run_raw
from console.core.jobs import Job, work_once
from console.core.lookups import Lookup
from console.registry import HANDLERS
from console.tenants.models import this_tenant
from console.users import import_apply
from console.users.actions import change_user
from console.users.import_sweep import SWEEP_JOB
from console.users.imports import JOB, ImportChunk, UserImport, user_import
from console.users.lifecycle import delete, suspend
from console.users.models import User, user, user_by_email
from tests.cast import BY
from tests.databases import POSTGRESQL
from tests.users.acts import open_edit
from tests.users.csv_uploads import apply, counts, csv_bytes, id_of, many, state, uploaded
from tests.users.paused_worker import paused_worker

BETWEEN_CHUNKS = "after:console.users.import_apply:_apply_next:{}"
IN_A_CHUNK = "before:console.users.import_apply:record_many:{}"
"""Everything of the chunk but its audit entries is written, and nothing of it is committed."""
MOMENTS = ("between two chunks", "in the middle of one")
CHECKING_A_CHUNK = "before:console.users.import_check:check_next:{}"


def progress(house, page):
    """(state, position, rows in all) of the import, as its row has them."""
    with house.inside(house["admin"].tenant_id, write=False):
        found = user_import(id_of(page))
        return found.state, found.position, found.total


def after_the_lease(house):
    """The dead worker's lease is over."""
    with house.inside():
        db.session.execute(
            update(Job)
            .where(Job.kind == JOB, Job.state == "running")
            .values(lease_until_at=clock.now() - timedelta(seconds=1))
        )


def check_whole(house, page, rows):
    """Everybody is there once: person, username, audit entry, count, and the chain is sound."""
    with house.inside(house["admin"].tenant_id):
        found = user_import(id_of(page))
        assert (found.state, found.position, found.applied_added, found.refused) == ("done", rows, rows, 0)
        invited = select(func.count(User.id)).where(User.created_by == house["admin"].id)
        assert db.session.execute(invited).scalar_one() == rows
        names = select(func.count(Lookup.digest)).where(Lookup.kind == "username", Lookup.tenant_id == found.tenant_id)
        assert db.session.execute(names).scalar_one() == rows + 9
        added = select(func.count(func.distinct(AuditEntry.subject_id)), func.count(AuditEntry.id))
        added = added.where(AuditEntry.tag == "users:user:added", AuditEntry.actor_id == house["admin"].id)
        assert tuple(db.session.execute(added).one()) == (rows, rows)
        assert this_tenant().people_invited == rows + 1
        assert verify().problem is None


@pytest.mark.parametrize("moment", [BETWEEN_CHUNKS.format(2), IN_A_CHUNK.format(3)], ids=MOMENTS)
def test_a_worker_killed_in_mid_import_loses_nothing_and_repeats_nothing(house, moment):
    rows = 2250
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(rows)))
    house.work()
    apply(house, admin, page, invite=False, work=False)
    with paused_worker(house, moment) as worker:
        worker.comes_to(moment)
        worker.is_killed()
    assert progress(house, page) == ("running", 1000, rows)
    assert house.work() == 0, "the lease still protects the dead worker's job"
    after_the_lease(house)
    house.work()
    check_whole(house, page, rows)


def test_a_worker_killed_while_checking_goes_on_and_still_knows_the_addresses_before(house):
    rows = many(2250)
    rows[2249] = rows[3]
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*rows))
    moment = CHECKING_A_CHUNK.format(3)
    with paused_worker(house, moment) as worker:
        worker.comes_to(moment)
        worker.is_killed()
    assert progress(house, page) == ("checking", 1000, 2250)
    after_the_lease(house)
    house.work()
    assert counts(house, page) == {"added": 2249, "changed": 0, "unchanged": 0, "refused": 1}
    assert "Row 5 has the same address" in admin.get(f"{page}?outcome=refused").text


def cancel(admin, page):
    """The form is sent, and once more where the database was locked for longer than a page waits."""
    token = admin.token("/me")
    for _try in range(20):
        answer = admin.client.post(f"{page}/cancel", data={"csrf_token": token})
        if answer.status_code != 503:
            break
    return answer.status_code


@pytest.mark.parametrize("moment", [BETWEEN_CHUNKS.format(2), IN_A_CHUNK.format(2)], ids=MOMENTS)
def test_cancelling_in_mid_import_stops_at_the_next_chunk_and_says_what_was_done(house, moment):
    rows, done, chunk_over = 2250, 1000, BETWEEN_CHUNKS.format(2)
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(rows)))
    house.work()
    apply(house, admin, page, invite=False, work=False)
    stopped = BETWEEN_CHUNKS.format(3)
    with paused_worker(house, *{moment, chunk_over, stopped}) as worker, ThreadPoolExecutor() as pool:
        worker.comes_to(moment)
        cancelled = pool.submit(cancel, admin, page)
        if moment != chunk_over:
            worker.goes_on()  # the chunk in hand holds what cancelling waits for
            worker.comes_to(chunk_over)
        assert cancelled.result() == 303
        worker.goes_on()
        worker.comes_to(stopped)
    text = admin.get(page).text
    assert progress(house, page) == ("cancelled", done, rows)
    with house.inside(house["admin"].tenant_id):
        assert user_import(id_of(page)).applied_added == done
        added = select(func.count(User.id)).where(User.created_by == house["admin"].id)
        assert db.session.execute(added).scalar_one() == done
    assert f"By then {done:,} people had been added and 0 changed; they stay so." in text
    after_the_lease(house)
    house.work()
    assert state(house, page) == "cancelled"
    result = admin.get(f"{page}/result.csv").text
    assert (result.count('"added"'), result.count('"not done"')) == (done, rows - done)


def test_a_person_edited_after_the_preview_is_not_overwritten(house):
    admin = house.signed_in("admin")
    page = uploaded(
        admin, csv_bytes("Mika,Imported,member@acme.example,,,,", "Мария,Imported,other.member@acme.example,,,,")
    )
    form = admin.get(f"/users/{house['member'].id}/edit").text
    assert 'name="version"' in form
    fields = {
        "given_name": "Mika",
        "family_name": "Edited",
        "email": "member@acme.example",
        "role": "member",
        "time_zone": "UTC",
        "version": "2",
    }
    answer = admin.post(f"/users/{house['member'].id}/edit", fields, form=f"/users/{house['member'].id}/edit")
    assert answer.status_code in (303, 409)
    if answer.status_code == 409:
        fields["version"] = open_edit(admin, house["member"].id)["version"]
        assert admin.post(f"/users/{house['member'].id}/edit", fields, form="/me").status_code == 303
    apply(house, admin, page)
    with house.inside(house["admin"].tenant_id):
        assert user(house["member"].id).details.family_name == "Edited"
        assert user(house["other_member"].id).details.family_name == "Imported"
    assert counts(house, page) == {"added": 0, "changed": 1, "unchanged": 0, "refused": 1}
    assert "The person was changed by somebody else after the check. Import this row again." in admin.get(page).text


def test_a_person_deleted_after_the_preview_stays_deleted(house):
    admin = house.signed_in("admin")
    page = uploaded(
        admin, csv_bytes("Mika,Imported,member@acme.example,,,,", "Susan,Suspended,suspended@acme.example,,,,")
    )
    with house.inside(house["admin"].tenant_id):
        delete([house["member"].id, house["suspended"].id], by=BY)
    apply(house, admin, page)
    assert counts(house, page)["refused"] == 2
    with house.inside(house["admin"].tenant_id):
        assert user(house["member"].id).details.family_name == "Member"


def test_addresses_taken_after_the_preview_are_refused_and_the_other_rows_go_on(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(3)))
    for key, address in (("admin", "anna.lind0@new.example"), ("birch_admin", "Anna.Lind1@new.example")):
        fields = {
            "given_name": "Somebody",
            "family_name": "Else",
            "email": address,
            "role": "member",
            "time_zone": "UTC",
        }
        assert house.signed_in(key).post("/users/new", fields, form="/users/new").status_code == 303
    apply(house, admin, page)
    assert counts(house, page) == {"added": 1, "changed": 0, "unchanged": 0, "refused": 2}
    text = admin.get(f"{page}?outcome=refused").text
    assert "anna.lind0@new.example was taken by somebody after the check. Import this row again." in text
    assert "anna.lind1@new.example cannot be used as a username here. Choose another address." in text
    with house.inside(house["birch_admin"].tenant_id):
        assert user_by_email("anna.lind1@new.example").details.given_name == "Somebody"


@pytest.mark.parametrize("how", ["suspended", "demoted"])
def test_somebody_who_lost_the_right_meanwhile_imports_nothing(house, how):
    manager = house.signed_in("user_manager")
    page = uploaded(manager, csv_bytes(*many(3)))
    apply(house, manager, page, work=False)
    lose_right(house, how)
    house.work()
    assert state(house, page) == "failed"
    admin = house.signed_in("admin")
    assert "The person who started it may not import users any more." in admin.get(page).text
    with house.inside(house["admin"].tenant_id):
        assert user_by_email("anna.lind0@new.example") is None


def lose_right(house, how):
    with house.inside(house["admin"].tenant_id):
        person = user(house["user_manager"].id)
        if how == "suspended":
            suspend([person.id], by=BY)
        else:
            change_user(person.id, person.details, "member", version=person.version, by=BY)


def test_the_role_counts_that_the_importing_person_has_when_it_is_applied(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes("New,Admin,new.admin@acme.example,administrator,,,", *many(1)))
    apply(house, admin, page, work=False)
    with house.inside(house["admin"].tenant_id):
        person = user(house["admin"].id)
        change_user(person.id, person.details, "user_manager", version=person.version, by=BY)
    house.work()
    assert counts(house, page) == {"added": 1, "changed": 0, "unchanged": 0, "refused": 1}
    with house.inside(house["admin"].tenant_id):
        assert user_by_email("new.admin@acme.example") is None


def test_an_administrator_left_alone_after_the_preview_stays_one(house):
    """The check saw two; by the time of applying the other one is gone, and the row would demote the last."""
    owner = house.signed_in("owner")
    page = uploaded(owner, csv_bytes("Adam,Admin,admin@acme.example,member,,,"))
    assert counts(house, page)["changed"] == 1
    admin = house.signed_in("admin")
    with house.inside(house["owner"].tenant_id):
        suspend([house["owner"].id], by=BY)
    apply(house, admin, page)
    assert counts(house, page)["refused"] == 1
    assert "You cannot change your own role by an import" in admin.get(page).text
    with house.inside(house["owner"].tenant_id):
        assert user(house["admin"].id).usable_administrator


def test_a_chunk_that_fails_leaves_nothing_of_itself(house, monkeypatch):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(600)))
    apply(house, admin, page, invite=False, work=False)
    failing = {"left": 1}
    real = import_apply.record_many

    def broken(*_args, **_kwargs):
        if failing["left"]:
            failing["left"] -= 1
            raise RuntimeError("planted")
        return real(*_args, **_kwargs)

    monkeypatch.setattr(import_apply, "record_many", broken)
    house.work()
    with house.inside(house["admin"].tenant_id):
        assert user_import(id_of(page)).position == 0
        assert user_by_email("anna.lind0@new.example") is None
        db.session.execute(update(Job).where(Job.kind == JOB).values(run_after_at=clock.now()))
    house.work()
    check_whole(house, page, 600)


def test_the_same_job_run_twice_writes_once(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(3)))
    apply(house, admin, page, work=False)
    with house.inside():
        jobs.enqueue(JOB, tenant_id=house["admin"].tenant_id, target_id=id_of(page))
    house.work()
    assert counts(house, page)["added"] == 3


def test_invitations_of_a_large_import_leave_spread_out(house):
    admin = house.signed_in("admin")
    page = uploaded(admin, csv_bytes(*many(1100)))
    apply(house, admin, page, work=False)
    with house.app.app_context():
        assert work_once({JOB: HANDLERS[JOB]})
    with house.inside():
        due = list(db.session.execute(select(Job.run_after_at, Job.created_at).where(Job.kind == "mail")))
        delays = sorted({round((row.run_after_at - row.created_at).total_seconds()) for row in due})
    assert delays == [0, 25, 50]


def test_rows_of_old_imports_are_forgotten_and_unapplied_ones_cancelled(house):
    admin = house.signed_in("admin")
    done = uploaded(admin, csv_bytes(*many(3)))
    apply(house, admin, done)
    ready, recent = uploaded(admin, csv_bytes(*many(3, 10))), uploaded(admin, csv_bytes(*many(3, 20)))
    long_ago = clock.now() - timedelta(days=31)
    with house.inside(house["admin"].tenant_id):
        db.session.execute(update(UserImport).where(UserImport.id == id_of(done)).values(finished_at=long_ago))
        db.session.execute(update(UserImport).where(UserImport.id == id_of(ready)).values(created_at=long_ago))
        jobs.enqueue(SWEEP_JOB)
    house.work()
    with house.inside(house["admin"].tenant_id):
        left = set(db.session.execute(select(ImportChunk.import_id)).scalars())
        assert left == {id_of(recent)}
    assert [state(house, page) for page in (done, ready, recent)] == ["done", "cancelled", "ready"]
    assert "The rows are gone" in admin.get(done).text
    assert admin.get(f"{done}/result.csv").status_code == 404


@pytest.mark.skipif(not POSTGRESQL, reason="plans are PostgreSQL's")
def test_statements_are_planned_for_the_size_that_tables_have_by_then(house):
    """A plan kept from an empty table made each chunk of an import slower than the one before."""
    with house.inside():
        shown = run_raw(db.session.connection(), "SHOW plan_cache_mode", reason="looks at a setting")
        assert shown.scalar_one() == "force_custom_plan"
