"""Faults planted past the product, in the database itself, and the entry that the check names."""

import json
import sqlite3

import pytest
from click.testing import CliRunner

from console.audit.actions import take_checkpoint
from console.audit.models import EntryFilter, entries
from console.audit.verify import sign_checkpoint
from console.cli import main
from console.core.errors import Invalid
from tests.audit.tools import BY, chain_anew, check, fill, key, raw
from tests.databases import POSTGRESQL

OF_TENANT = "WHERE tenant_id = :t AND number = :n"
COPIED = "at, tag, actor_kind, actor_id, subject_kind, subject_id, reference, sealed, details_hash, previous_hash, hash"


@pytest.fixture
def record_of(house):
    """The house, a tenant whose record has entries to spare, and its last number."""
    tenant_id = house["admin"].tenant_id
    return house, tenant_id, fill(house, tenant_id)


def shift(run, tenant_id, first, step):
    """Move the numbers from `first` on, in an order that never meets the unique constraint."""
    run("UPDATE audit_entries SET number = -number WHERE tenant_id = :t AND number >= :n", t=key(tenant_id), n=first)
    run("UPDATE audit_entries SET number = :s - number WHERE tenant_id = :t AND number < 0", t=key(tenant_id), s=step)


def test_an_untouched_record_is_sound_to_its_last_entry(record_of):
    house, tenant_id, last = record_of
    verdict = check(house, tenant_id)
    assert (verdict.sound, verdict.checked, verdict.details_checked) == (True, last, True)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("tag", "users:user:deleted"),
        ("actor_kind", "staff"),
        ("subject_kind", "tenant"),
        ("reference", "XXXXXXXX"),
        ("details_hash", b"x" * 32),
        ("previous_hash", b"x" * 32),
        ("hash", b"x" * 32),
        ("sealed", b"x" * 80),
        ("at", "2020-01-01 00:00:00.000000+00:00"),
    ],
)
def test_an_edited_entry_is_named_whichever_column_was_edited(record_of, column, value):
    house, tenant_id, last = record_of
    with raw(house) as run:
        run(f"UPDATE audit_entries SET {column} = :v {OF_TENANT}", v=value, t=key(tenant_id), n=last - 5)
    verdict = check(house, tenant_id)
    assert (verdict.bad_number, verdict.checked) == (last - 5, last - 6)


@pytest.mark.parametrize("column", ["actor_id", "subject_id"])
def test_an_entry_blamed_on_somebody_else_is_named(record_of, column):
    house, tenant_id, last = record_of
    with raw(house) as run:
        run(
            f"UPDATE audit_entries SET {column} = :v {OF_TENANT}",
            v=key(house["owner"].id),
            t=key(tenant_id),
            n=last - 2,
        )
    assert check(house, tenant_id).bad_number == last - 2


def test_a_deleted_entry_is_named(record_of):
    house, tenant_id, last = record_of
    with raw(house) as run:
        run(f"DELETE FROM audit_entries {OF_TENANT}", t=key(tenant_id), n=last - 4)
    verdict = check(house, tenant_id)
    assert (verdict.bad_number, verdict.problem) == (last - 4, f"entry {last - 4} is missing")


def test_the_first_entry_deleted_is_named(record_of):
    house, tenant_id, _last = record_of
    with raw(house) as run:
        run(f"DELETE FROM audit_entries {OF_TENANT}", t=key(tenant_id), n=1)
    assert check(house, tenant_id).bad_number == 1


def test_a_deleted_entry_whose_gap_was_closed_is_named(record_of):
    house, tenant_id, last = record_of
    with raw(house) as run:
        run(f"DELETE FROM audit_entries {OF_TENANT}", t=key(tenant_id), n=last - 4)
        shift(run, tenant_id, last - 3, -1)
    with raw(house) as run:
        chain_anew(house, run, tenant_id, last - 4)
    assert check(house, tenant_id).bad_number == last - 4


@pytest.mark.parametrize("number", [0, -7])
def test_an_entry_inserted_before_the_first_one_is_named(record_of, number):
    house, tenant_id, last = record_of
    with raw(house) as run:
        copy_entry(run, tenant_id, last, number, house["owner"].id)
    assert check(house, tenant_id).bad_number == number


def test_an_entry_inserted_in_the_middle_is_named(record_of):
    house, tenant_id, last = record_of
    with raw(house) as run:
        shift(run, tenant_id, last - 3, +1)
        copy_entry(run, tenant_id, last - 4, last - 3, house["owner"].id)
    assert check(house, tenant_id).bad_number == last - 3
    with raw(house) as run:
        chain_anew(house, run, tenant_id, last - 3)
    assert check(house, tenant_id).bad_number == last - 3


def test_an_entry_added_behind_the_end_is_named(record_of):
    house, tenant_id, last = record_of
    with raw(house) as run:
        copy_entry(run, tenant_id, last, last + 1, house["owner"].id)
    assert check(house, tenant_id).bad_number == last + 1


def copy_entry(run, tenant_id, source, number, new_id):
    run(
        f"INSERT INTO audit_entries (tenant_id, id, number, {COPIED})"
        f" SELECT tenant_id, :id, :new, {COPIED} FROM audit_entries {OF_TENANT}",
        id=key(new_id), new=number, t=key(tenant_id), n=source,
    )  # fmt: skip


def test_of_two_swapped_entries_the_first_is_named(record_of):
    house, tenant_id, last = record_of
    with raw(house) as run:
        for old, new in ((last - 6, -1), (last - 2, last - 6), (-1, last - 2)):
            run(f"UPDATE audit_entries SET number = :new {OF_TENANT}", new=new, t=key(tenant_id), n=old)
    assert check(house, tenant_id).bad_number == last - 6


def test_a_chain_written_anew_without_the_keys_is_named_even_without_a_checkpoint(record_of):
    house, tenant_id, last = record_of
    with raw(house) as run:
        run(f"UPDATE audit_entries SET tag = :v {OF_TENANT}", v="users:user:deleted", t=key(tenant_id), n=last - 7)
    with raw(house) as run:
        chain_anew(house, run, tenant_id, last - 7)
    verdict = check(house, tenant_id)
    assert (verdict.bad_number, "written anew" in verdict.problem) == (last - 7, True)


def test_details_sealed_with_the_keys_but_other_than_written_are_named(record_of):
    from console.vault.access import tenant_keys

    house, tenant_id, last = record_of
    with house.inside(tenant_id, write=False):
        row = entries(EntryFilter(), before=last, limit=1)[0]
        changed = {"details": {**row.details, "address": "203.0.113.9"}, "entry": row.hash.hex()}
        sealed = tenant_keys().seal("audit_entries", row.id, changed)
    with raw(house) as run:
        run(f"UPDATE audit_entries SET sealed = :v {OF_TENANT}", v=sealed, t=key(tenant_id), n=last - 1)
    verdict = check(house, tenant_id)
    assert (verdict.bad_number, "details" in verdict.problem) == (last - 1, True)


def test_a_seal_moved_from_another_entry_is_named(record_of):
    house, tenant_id, last = record_of
    with raw(house) as run:
        run(
            f"UPDATE audit_entries SET sealed = (SELECT sealed FROM audit_entries {OF_TENANT})"
            " WHERE tenant_id = :t AND number = :m",
            t=key(tenant_id), n=last, m=last - 3,
        )  # fmt: skip
    assert check(house, tenant_id).bad_number == last - 3


def cut(house, tenant_id, keep, *, head_too):
    with raw(house) as run:
        run("DELETE FROM audit_entries WHERE tenant_id = :t AND number > :n", t=key(tenant_id), n=keep)
        if head_too:
            run(
                "UPDATE audit_heads SET number = :n, hash = (SELECT hash FROM audit_entries"
                f" {OF_TENANT}) WHERE tenant_id = :t",
                t=key(tenant_id), n=keep,
            )  # fmt: skip


def test_entries_cut_off_are_named_as_long_as_the_end_is_noted(record_of):
    house, tenant_id, last = record_of
    cut(house, tenant_id, last - 3, head_too=False)
    assert check(house, tenant_id).bad_number == last - 2


def test_entries_cut_off_together_with_the_noted_end_are_named_against_a_checkpoint(record_of):
    house, tenant_id, last = record_of
    with house.inside(tenant_id, write=False):
        signed = sign_checkpoint()
    cut(house, tenant_id, last - 3, head_too=True)
    assert check(house, tenant_id).sound  # nothing inside the database can show it: that is what checkpoints are for
    verdict = check(house, tenant_id, signed)
    assert (verdict.bad_number, "cut off" in verdict.problem) == (last - 2, True)


def test_a_record_written_anew_with_the_keys_does_not_hold_an_earlier_checkpoint(record_of):
    house, tenant_id, last = record_of
    with house.inside(tenant_id, write=False):
        signed = sign_checkpoint()
    cut(house, tenant_id, last - 3, head_too=True)
    fill(house, tenant_id, 9)  # whoever has the whole installation can write entries that are sound by themselves
    assert check(house, tenant_id).sound
    verdict = check(house, tenant_id, signed)
    assert (verdict.bad_number, "written anew" in verdict.problem) == (last, True)


def test_a_record_that_grew_still_holds_an_earlier_checkpoint(record_of):
    house, tenant_id, _last = record_of
    with house.inside(tenant_id):
        signed = take_checkpoint(by=BY)
    fill(house, tenant_id, 5)
    verdict = check(house, tenant_id, signed)
    assert (verdict.sound, verdict.checkpoint_number) == (True, signed["number"])


def test_a_wrong_checkpoint_is_refused(record_of):
    house, tenant_id, last = record_of
    with house.inside(tenant_id, write=False):
        signed = sign_checkpoint()
    with house.inside(house["birch_admin"].tenant_id, write=False):
        foreign = sign_checkpoint()
    wrong = [
        foreign, {}, {**signed, "number": last - 1}, {**signed, "hash": "00" * 32}, {**signed, "more": 1},
        {**signed, "signature": "zz"}, {**signed, "signature": "00" * 64}, {**signed, "public_key": "00" * 32},
        {key: value for key, value in signed.items() if key != "signature"},
    ]  # fmt: skip
    for checkpoint in wrong:
        with pytest.raises(Invalid):
            check(house, tenant_id, checkpoint)


def test_a_record_whose_keys_are_gone_can_still_be_checked(record_of, tmp_path):
    house, tenant_id, last = record_of
    keyring = house.app.extensions["safekeep.keyring"]
    with sqlite3.connect(house.settings.instance / "keys.sqlite") as store:
        store.execute("DELETE FROM tenant_keys WHERE tenant_id = ?", [tenant_id.hex])
    store.close()
    keyring.drop(tenant_id)
    verdict = check(house, tenant_id)
    assert (verdict.sound, verdict.checked, verdict.details_checked) == (True, last, False)


@pytest.mark.skipif(POSTGRESQL, reason="PostgreSQL refuses values of the wrong kind by itself")
@pytest.mark.parametrize("column", ["at", "number", "id", "hash", "details_hash", "sealed", "actor_id"])
def test_a_value_of_the_wrong_kind_is_named_and_does_not_stop_the_check(record_of, column):
    house, tenant_id, last = record_of
    with raw(house) as run:
        run(f"UPDATE audit_entries SET {column} = :v {OF_TENANT}", v="rubbish", t=key(tenant_id), n=last - 3)
    assert check(house, tenant_id).bad_number == last - 3


def run_command(house, *arguments):
    settings = house.settings
    environment = {
        "SAFEKEEP_INSTANCE": str(settings.instance), "SAFEKEEP_PROFILE": "demo",
        "SAFEKEEP_BASE_URL": settings.base_url, "SAFEKEEP_DATABASE_URL": settings.database_url,
        "SAFEKEEP_DATABASE_OWNER_URL": settings.database_owner_url or "",
    }  # fmt: skip
    return CliRunner(env=environment).invoke(main, arguments)


def test_the_command_says_sound_and_ends_with_0(record_of):
    house, tenant_id, last = record_of
    answer = run_command(house, "audit", "verify", "Acme", "--json")
    assert answer.exit_code == 0, answer.output
    (row,) = json.loads(answer.stdout)
    assert (row["tenant"], row["sound"], row["entries_checked"]) == (str(tenant_id), True, last)


def test_the_command_names_the_first_bad_entry_and_ends_with_1(record_of):
    house, tenant_id, last = record_of
    with raw(house) as run:
        run(f"UPDATE audit_entries SET tag = :v {OF_TENANT}", v="x", t=key(tenant_id), n=last - 1)
    answer = run_command(house, "audit", "verify", "--json")
    assert answer.exit_code == 1
    assert [row["first_bad_entry"] for row in json.loads(answer.stdout)] == [None, last - 1, None]
    assert f"entry {last - 1} was changed" in answer.stderr


def test_the_command_refuses_a_checkpoint_of_another_customer_and_one_that_is_no_json(record_of, tmp_path):
    house, _tenant_id, _last = record_of
    for number, content in enumerate((run_command(house, "audit", "checkpoint", "Birch").stdout, "{}", "no", "\xff")):
        path = tmp_path / f"{number}.json"
        path.write_bytes(content.encode("latin-1"))
        answer = run_command(house, "audit", "verify", "Acme", "--checkpoint", str(path))
        assert (answer.exit_code, answer.stdout) == (1, ""), content
        assert answer.stderr.startswith("safekeep: ")


def test_the_command_signs_a_checkpoint_records_it_and_the_record_holds_it(record_of, tmp_path):
    house, tenant_id, last = record_of
    signed = run_command(house, "audit", "checkpoint", "Acme").stdout
    path = tmp_path / "checkpoint.json"
    path.write_text(signed)
    fill(house, tenant_id, 3)
    answer = run_command(house, "audit", "verify", "Acme", "--checkpoint", str(path))
    assert (answer.exit_code, f"holds the checkpoint at entry {last + 1}" in answer.stdout) == (0, True)
    with house.inside(tenant_id, write=False):
        entry = next(row for row in entries(EntryFilter(), limit=9) if row.tag == "audit:checkpoint:signed")
        assert "account on the server" in entry.details["on_behalf_of"]
