"""The gate itself: it does not call a run passed that was not."""

import sys
from pathlib import Path

import pytest

from tests.gate import room
from tests.gate.command import LANES
from tests.gate.parts import PartMissing, in_ci
from tests.gate.report import Counts, Outcome, Result, counted, exit_status, left_out, total
from tests.gate.room import quick_folder
from tests.gate.runner import Children, Stopped
from tests.gate.steps import STEPS, chosen
from tests.quick_choice import REASON as NOT_QUICK
from tests.second_database import REASON as NO_DATABASE

JUNIT = '<testsuites><testsuite tests="9" failures="1" errors="2" skipped="3"/></testsuites>'


def test_an_error_counts_as_a_failure(tmp_path: Path) -> None:
    junit_xml = tmp_path / "run.xml"
    junit_xml.write_text(JUNIT)
    assert counted(junit_xml, status=1) == Counts(passed=3, failed=3, skipped=3)


def test_what_ran_on_the_other_database_is_counted_apart(tmp_path: Path) -> None:
    junit_xml = tmp_path / "run.xml"
    case = '<testcase name="t"><skipped type="pytest.skip" message="{}">x</skipped></testcase>'
    cases = case.format(NO_DATABASE) * 2 + case.format(NOT_QUICK) + case.format("no such database")
    junit_xml.write_text(
        f'<testsuites><testsuite tests="8" failures="0" errors="0" skipped="4">{cases}</testsuite></testsuites>'
    )
    assert counted(junit_xml, status=0) == Counts(passed=4, failed=0, skipped=1)
    assert left_out(junit_xml) == {NO_DATABASE: 2, NOT_QUICK: 1}


def test_every_step_belongs_to_one_lane() -> None:
    assert all(sum(lane(step) for lane in LANES) == 1 for step in STEPS)


def test_a_run_that_failed_without_naming_a_test_counts_as_one_failure(tmp_path: Path) -> None:
    assert counted(tmp_path / "absent.xml", status=5) == Counts(failed=1)


def test_the_closing_line_adds_up_every_run() -> None:
    runs = [Result("a", Outcome.PASSED, counts=Counts(2, 0, 1)), Result("b", Outcome.PASSED)]
    assert str(total([*runs, Result("c", Outcome.FAILED, counts=Counts(1, 1))])) == "3 passed, 1 failed, 1 skipped"


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [([Outcome.PASSED], 0), ([Outcome.PASSED, Outcome.NOT_RUN], 0), ([Outcome.FAILED, Outcome.PASSED], 1), ([], 1)],
)
def test_only_a_run_without_failure_exits_with_zero(outcomes: list[Outcome], status: int) -> None:
    assert exit_status([Result("step", outcome) for outcome in outcomes]) == status


def test_quick_leaves_out_what_needs_a_part() -> None:
    missing = {step.name for step in STEPS} - {step.name for step in chosen(quick=True, only=[])}
    assert missing == {"tests-postgresql", "blobs-s3", "journeys"}
    assert not any("--first-cases" in step.command for step in chosen(quick=False, only=[]))


def test_an_unknown_step_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'tpyes'"):
        chosen(quick=False, only=["tpyes"])


@pytest.mark.parametrize(("value", "answer"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_a_build_server_is_known_by_its_variable(value: str, answer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", value)
    assert in_ci() is answer


def test_a_missing_part_says_which_and_why() -> None:
    assert str(PartMissing("Chromium", "no download", "install it")) == "Chromium cannot be had: no download"


def test_a_child_answers_with_its_status_and_its_output(tmp_path: Path) -> None:
    with Children() as children:
        command = [sys.executable, "-c", "import sys; print('said'); sys.exit(3)"]
        assert children.run(command, env={}, cwd=tmp_path) == (3, "said\n")


def test_no_child_starts_after_the_end(tmp_path: Path) -> None:
    children = Children()
    children.end()
    with pytest.raises(Stopped):
        children.run([sys.executable, "-c", ""], env={}, cwd=tmp_path)


def test_a_folder_in_memory_is_used_where_it_exists_and_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert quick_folder(tmp_path / "absent") is None
    monkeypatch.setattr(room, "LEAST_FREE_BYTES", 2**60)
    assert quick_folder(tmp_path) is None
    monkeypatch.setattr(room, "LEAST_FREE_BYTES", 0)
    assert quick_folder(tmp_path) in (str(tmp_path), None)
