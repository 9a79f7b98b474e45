"""`safekeep init`, and what every command says where an installation is missing, damaged or somebody else's."""

import os
import shutil
import time

import pytest

from tests import databases
from tests.commands.processes import answer_of, environment, here, refused, safekeep
from tests.commands.test_people_commands import database_of

QUICK_SECONDS = 5


@pytest.fixture
def empty(empty_house):
    return environment(empty_house.instance, database_of(empty_house))


def refused_quickly(done_by, *words):
    """Refused in little more than the time in which a command can be had at all, which depends on the machine's load."""
    seconds, done = timed(done_by)
    refused(done, *words)
    allowed = 2 * QUICK_SECONDS
    if seconds > allowed:
        allowed += 3 * timed(lambda: safekeep({**os.environ}, "--help"))[0]
    assert seconds < allowed


def timed(act):
    started = time.monotonic()
    answer = act()
    return time.monotonic() - started, answer


def files(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "keys").rglob("*")) if path.is_file()}


def test_init_makes_everything_and_once_more_changes_nothing(empty, empty_house):
    first = answer_of(empty, "init")
    assert first["new"] is True
    assert first["instance"] == str(empty_house.instance)
    keys = files(empty_house.instance)
    assert keys
    for path in (empty_house.instance / "keys").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert empty_house.instance.stat().st_mode & 0o777 == 0o700
    again = answer_of(empty, "init")
    assert again == {**first, "new": False}
    assert files(empty_house.instance) == keys
    assert "is up to date" in safekeep(empty, "init").stdout
    assert answer_of(empty, "tenant", "list") == []
    assert "There are no Customers yet" in safekeep(empty, "tenant", "list").stdout


def test_where_there_is_no_installation_every_command_says_so(empty, empty_house):
    for arguments in (("tenant", "list"), ("keys", "status"), ("audit", "verify")):
        refused(here(empty, *arguments))
    for arguments in (("worker",), ("run",)):
        refused(safekeep(empty, *arguments))
    assert here(empty, "doctor").returncode == 1
    assert not empty_house.instance.exists() or not list(empty_house.instance.iterdir()), "a command made something"


def test_a_damaged_root_key_stops_every_start_in_time_and_is_never_replaced(house):
    env = environment(house.settings.instance, database_of(house.settings))
    key = next(path for path in (house.settings.instance / "keys").rglob("*") if path.is_file())
    whole = key.read_bytes()
    for damage, words in (
        (lambda: key.chmod(0o644), "chmod"),
        (lambda: key.write_bytes(whole[: len(whole) // 2]), ""),
        (lambda: key.write_bytes(b""), ""),
        (lambda: key.write_bytes(os.urandom(len(whole))), ""),
        (key.unlink, ""),
    ):
        damage()
        left = key.read_bytes() if key.exists() else None
        refused_quickly(lambda: safekeep(env, "run"), words)
        refused(here(env, "init"), words)
        assert (key.read_bytes() if key.exists() else None) == left, "the key was replaced"
        key.write_bytes(whole)
        key.chmod(0o600)
    assert safekeep(env, "tenant", "list").returncode == 0


def test_a_lost_key_store_is_never_made_anew_over_existing_data(house):
    env = environment(house.settings.instance, database_of(house.settings))
    for path in house.settings.instance.glob("keys.sqlite*"):
        path.unlink()
    for arguments in (("init",), ("tenant", "list")):
        refused(here(env, *arguments))
    refused(safekeep(env, "run"))
    assert not (house.settings.instance / "keys.sqlite").exists()


def test_the_database_of_another_installation_is_not_touched(house, tmp_path):
    other = tmp_path / "other"
    with databases.new_database() as database:
        assert answer_of(environment(other, database), "init")["new"]
        mixed = environment(other, database_of(house.settings))
        if not databases.POSTGRESQL:
            mixed["SAFEKEEP_DATABASE_URL"] = house.settings.database_url
        for run, arguments in (
            (here, ("tenant", "list")),
            (here, ("tenant", "add", "Intruder")),
            (safekeep, ("run",)),
            (safekeep, ("worker",)),
        ):
            refused(run(mixed, *arguments), "belongs to installation", "but the key store to")
        assert here(mixed, "doctor").returncode == 1


def test_a_database_that_is_gone_or_empty_is_named(house, tmp_path):
    env = environment(house.settings.instance, database_of(house.settings))
    if databases.POSTGRESQL:
        env["SAFEKEEP_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
        words = "the database did not do this"
    else:
        env["SAFEKEEP_DATABASE_URL"] = f"sqlite:///{tmp_path}/empty.sqlite"
        words = "The database is empty; this version needs"
    for run, arguments in ((here, ("tenant", "list")), (here, ("tenant", "add", "x")), (safekeep, ("run",))):
        refused(run(env, *arguments), words)
    done = here(env, "doctor")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"SAFEKEEP_PROFILE": "production"}, "must start with https://"),
        (
            {"SAFEKEEP_PROFILE": "production", "SAFEKEEP_BASE_URL": "https://x.example"},
            "SAFEKEEP_MAIL_URL must be smtp",
        ),
        ({"SAFEKEEP_PROFILE": "staging"}, "must be one of"),
        ({"SAFEKEEP_MAIL_URL": "carrier-pigeon:coop"}, "SAFEKEEP_MAIL_URL is"),
        ({"SAFEKEEP_RESTORE_DAYS": "soon"}, "SAFEKEEP_RESTORE_DAYS"),
    ],
)
def test_settings_that_are_not_safe_are_named_before_anything_starts(house, more, words):
    env = environment(house.settings.instance, database_of(house.settings), **more)
    refused(here(env, "tenant", "list"), words)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    refused(safekeep(environment(closed / "instance"), "init"), "Permission denied")


def test_an_instance_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("x")
    refused(safekeep(environment(tmp_path / "file"), "init"), "file")


def test_an_installation_that_was_moved_works_where_it_is_now(house, tmp_path):
    if databases.POSTGRESQL:
        env = environment(tmp_path / "moved", database_of(house.settings))
    else:
        env = environment(tmp_path / "moved")
    shutil.copytree(house.settings.instance, tmp_path / "moved")
    assert len(answer_of(env, "tenant", "list")) == 2
