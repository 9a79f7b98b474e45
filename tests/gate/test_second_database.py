"""On PostgreSQL a test is left out only if it can have no database of it."""

import os
import subprocess
import sys

from tests.gate.steps import ROOT
from tests.second_database import REASON, uses_a_database

PLAIN = """
import pytest

@pytest.fixture
def number():
    return 1

def test_one(number):
    assert number == 1
"""
OWN_FIXTURE = """
import pytest
from tests import databases

@pytest.fixture
def own():
    with databases.{maker}() as name:
        yield name

def test_one(own):
    pass
"""


def outcome(folder, source, *options):
    """What becomes of the test in a run on PostgreSQL; the database itself is not there, which is an error."""
    (folder / "conftest.py").write_text("from tests.conftest import *\n")
    (folder / "test_it.py").write_text(source)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SAFEKEEP_", "PYTEST_"))}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-rs",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--rootdir={folder}",
            str(folder),
            *options,
        ],
        env={**environ, "SAFEKEEP_TEST_DATABASE": "postgresql", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    return done.stdout


def test_a_test_without_a_database_is_left_out_and_says_why(tmp_path):
    said = outcome(tmp_path, PLAIN)
    assert "1 skipped" in said, said
    assert REASON in said


def test_a_fixture_that_makes_a_database_is_seen_wherever_it_is(tmp_path):
    assert "1 error" in outcome(tmp_path, OWN_FIXTURE.format(maker="new_database"))
    (tmp_path / "other").mkdir()
    assert "1 error" in outcome(tmp_path / "other", PLAIN.replace("test_one(number)", "test_one(number, house)"))


def test_a_file_that_speaks_of_the_other_database_runs(tmp_path):
    assert "1 passed" in outcome(tmp_path, PLAIN + "\nPOSTGRESQL = None\n")


def test_a_test_with_a_house_runs_on_both(request, house):
    assert uses_a_database(request.node)


THREE_CASES = """
import pytest

@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_number(number):
    assert number

def test_another():
    "{word}"
"""


def test_the_quick_choice_is_the_first_case_of_each_test(tmp_path):
    said = outcome(tmp_path, THREE_CASES.format(word="POSTGRESQL"), "--first-cases")
    assert "2 passed, 2 skipped" in said, said


def test_the_quick_choice_leaves_out_what_starts_processes(tmp_path):
    said = outcome(tmp_path, THREE_CASES.format(word="subprocess"), "--first-cases")
    assert "4 skipped" in said, said
