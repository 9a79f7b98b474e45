"""`python -m tests`: runs the chosen steps in order and answers with an exit status."""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.gate import report
from tests.gate.chromium import ensure_chromium
from tests.gate.parts import PartMissing, in_ci, interrupt_once, say
from tests.gate.postgres import throwaway_server
from tests.gate.report import Counts, Outcome, Result
from tests.gate.room import quick_folder
from tests.gate.runner import Children
from tests.gate.steps import ROOT, STEPS, Needs, Step, chosen
from tests.gate.swift import throwaway_s3

INTERRUPTED = 130
HANDED_TO_TESTS = (
    "SAFEKEEP_TEST_DATABASE",
    "SAFEKEEP_TEST_OWNER_URL",
    "SAFEKEEP_TEST_APP_URL",
    "SAFEKEEP_TEST_SUPERUSER_URL",
    "SAFEKEEP_TEST_CHROMIUM",
    "SAFEKEEP_TEST_S3",
)


@dataclass(frozen=True)
class Options:
    """What the command line asked for."""

    steps: list[Step]
    verbose: bool
    pytest_arguments: tuple[str, ...]


def main(arguments: Sequence[str]) -> int:
    """Every chosen step has run and been reported; 0 only when all of them passed."""
    options = _parsed(arguments)
    interrupt_once()
    results: list[Result] = []
    try:
        with tempfile.TemporaryDirectory(prefix="safekeep-gate-", dir=quick_folder()) as folder:
            _run_all(options, Path(folder), results)
    except KeyboardInterrupt:
        say("\nInterrupted: every process that was started has been ended.")
        return INTERRUPTED
    ran = {step.name for step in options.steps}
    say(report.table(results, left_out=[step.name for step in STEPS if step.name not in ran]))
    say(str(report.total(results)))
    return report.exit_status(results)


def _parsed(arguments: Sequence[str]) -> Options:
    own, pytest_arguments = list(arguments), []
    if "--" in own:
        at = own.index("--")
        own, pytest_arguments = own[:at], own[at + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m tests",
        description="Runs every check of the product. What follows -- is handed to pytest.",
        epilog=f"Steps: {', '.join(step.name for step in STEPS)}.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="leave out PostgreSQL, the S3 server, the browser and what takes long"
    )
    parser.add_argument("--only", default="", metavar="STEP[,STEP]", help="run these steps alone")
    parser.add_argument("-v", "--verbose", action="store_true", help="show every step's output")
    given = parser.parse_args(own)
    try:
        steps = chosen(quick=given.quick, only=[name for name in given.only.split(",") if name])
    except ValueError as error:
        parser.error(str(error))
    if not steps:
        parser.error("these choices leave no step to run")
    return Options(steps, given.verbose, tuple(pytest_arguments))


def _run_all(options: Options, folder: Path, results: list[Result]) -> None:
    """Two lanes at a time: the tests on their databases, and beside them the checks and then the browser.

    Each lane runs its steps one after the other; the journeys spend much of their time waiting for pages.
    """
    with ThreadPoolExecutor(len(LANES)) as pool, Children() as children:
        # Leaving the block ends the children first, so that no lane is waited for that has nothing more to do.
        futures: dict[str, Future[Result]] = {step.name: Future() for step in options.steps}
        for lane in LANES:
            steps = [step for step in options.steps if lane(step)]
            pool.submit(_run_lane, steps, futures, children, folder, options.pytest_arguments)
        for step in options.steps:
            _report(step, futures[step.name], options, results)


def _uses_databases(step: Step) -> bool:
    return step.pytest and step.needs is not Needs.CHROMIUM


LANES: tuple[Callable[[Step], bool], ...] = (_uses_databases, lambda step: not _uses_databases(step))


def _run_lane(
    steps: Sequence[Step],
    futures: "Mapping[str, Future[Result]]",
    children: Children,
    folder: Path,
    pytest_arguments: Sequence[str],
) -> None:
    """Every step of the lane has its result, or the exception that kept it from having one."""
    for step in steps:
        try:
            result = _tested(step, children, folder, pytest_arguments) if step.pytest else _checked(step, children)
            futures[step.name].set_result(result)
        except BaseException as error:  # noqa: BLE001 (whoever waits for the step is told)
            futures[step.name].set_exception(error)


def _report(step: Step, future: "Future[Result]", options: Options, results: list[Result]) -> None:
    """The step's one line is printed, and below it the output when it failed or when all output is wanted."""
    print(f"{step.name:<{report.NAME_WIDTH}}", end="", flush=True)
    result = future.result()
    say(report.details(result))
    if result.output and (options.verbose or result.outcome is not Outcome.PASSED):
        say(result.output.rstrip() + "\n")
    results.append(result)


def _checked(step: Step, children: Children) -> Result:
    began = time.monotonic()
    status, output = children.run(step.command, env=_environment({}), cwd=ROOT)
    outcome = Outcome.FAILED if status else Outcome.PASSED
    return Result(step.name, outcome, time.monotonic() - began, output)


def _tested(step: Step, children: Children, folder: Path, pytest_arguments: Sequence[str]) -> Result:
    """The tests of one pytest run, with the outside part that they need for as long as they run."""
    began = time.monotonic()
    with ExitStack() as stack:
        part = _part(step, stack)
        if isinstance(part, PartMissing):
            return _not_run(step, part, time.monotonic() - began)
        junit_xml, own = folder / f"{step.name}.xml", folder / step.name
        own.mkdir()
        command = (*step.command, f"--junitxml={junit_xml}", *pytest_arguments)
        status, output = children.run(command, env=_environment({**part, "TMPDIR": str(own)}), cwd=ROOT)
    counts = report.counted(junit_xml, status=status)
    outcome = Outcome.FAILED if status else Outcome.PASSED
    note = ", ".join(f"{number} left out ({reason})" for reason, number in report.left_out(junit_xml).items())
    return Result(step.name, outcome, time.monotonic() - began, output, counts, note)


def _not_run(step: Step, missing: PartMissing, seconds: float) -> Result:
    """On a build server a failure that counts as one failed test; elsewhere said aloud and left at that."""
    outcome, counts = (Outcome.FAILED, Counts(failed=1)) if in_ci() else (Outcome.NOT_RUN, None)
    output = f"{missing}\nTo have it: {missing.remedy}"
    return Result(step.name, outcome, seconds, output, counts, note=f"{missing.part.upper()} MISSING")


def _part(step: Step, stack: ExitStack) -> dict[str, str] | PartMissing:
    """The variables that tell the tests of their part, valid until the stack closes; or why it is missing."""
    try:
        if step.needs is Needs.POSTGRESQL:
            return stack.enter_context(throwaway_server()).environment()
        variables = {"SAFEKEEP_TEST_DATABASE": "sqlite"}
        if step.needs is Needs.SWIFT:
            variables |= stack.enter_context(throwaway_s3())
        if step.needs is Needs.CHROMIUM:
            variables["SAFEKEEP_TEST_CHROMIUM"] = str(ensure_chromium())
        return variables
    except PartMissing as missing:
        return missing


def _environment(part: Mapping[str, str]) -> dict[str, str]:
    """This process's variables, without the settings of any installation, and with the part's."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SAFEKEEP_") or (name.startswith("SAFEKEEP_TEST_") and name not in HANDED_TO_TESTS)
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **part}
