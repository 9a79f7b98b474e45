"""What the gate prints: a line per step, a closing table, and the closing line with the number of tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.quick_choice import REASON as NOT_QUICK
from tests.second_database import REASON as NO_DATABASE

NAME_WIDTH = 18


class Outcome(Enum):
    """How a step ended."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_RUN = "NOT RUN"


@dataclass(frozen=True)
class Counts:
    """Numbers of tests; an error in a fixture or while collecting is a failure."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Result:
    """How one step ended, after how many seconds, with what it printed and which tests it counted."""

    step: str
    outcome: Outcome
    seconds: float = 0.0
    output: str = ""
    counts: Counts | None = None
    note: str = ""


def _suites(junit_xml: Path) -> list[ET.Element]:
    try:
        return list(ET.parse(junit_xml).getroot().iter("testsuite"))
    except (OSError, ET.ParseError):
        return []


def left_out(junit_xml: Path) -> dict[str, int]:
    """How many tests were left out on purpose, for each reason; the others that were skipped are not among them."""
    skips = [skipped.get("message", "") for suite in _suites(junit_xml) for skipped in suite.iter("skipped")]
    found = {reason: sum(reason in said for said in skips) for reason in (NOT_QUICK, NO_DATABASE)}
    return {reason: number for reason, number in found.items() if number}


def counted(junit_xml: Path, *, status: int) -> Counts:
    """The tests of one pytest run, without those left out on purpose. A run that failed without naming a test counts
    as one failure.
    """
    counts = Counts(skipped=-sum(left_out(junit_xml).values()))
    for suite in _suites(junit_xml):
        tests, failures, errors, skipped = (
            int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")
        )
        failed = failures + errors
        counts += Counts(passed=tests - failed - skipped, failed=failed, skipped=skipped)
    if status != 0 and counts.failed == 0:
        counts += Counts(failed=1)
    return counts


def details(result: Result) -> str:
    """Outcome, time and what else there is to say of a step, on one line."""
    text = f"{result.outcome.value:<8}{result.seconds:7.1f} s"
    said = [str(result.counts)] if result.counts and result.counts != Counts() else []
    said += [result.note] if result.note else []
    return "  ".join([text, *said])


def table(results: Iterable[Result], *, left_out: Sequence[str]) -> str:
    """The closing table, with whatever did not run in capital letters."""
    rows = [f"  {result.step:<{NAME_WIDTH}}{details(result)}" for result in results]
    rows += [f"  left out by choice: {', '.join(left_out)}"] if left_out else []
    return "\n".join(["", *rows, ""])


def total(results: Iterable[Result]) -> Counts:
    """The tests of all pytest runs together."""
    return sum((result.counts for result in results if result.counts), Counts())


def exit_status(results: Sequence[Result]) -> int:
    """0 when nothing failed and something was asked for, else 1."""
    return int(not results or any(result.outcome is Outcome.FAILED for result in results))
