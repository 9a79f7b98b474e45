"""The steps of the gate, in order, and the command of each."""

import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEST_WORKERS = "2"
WITHOUT_PARTS = "not browser and not object_store"


class Needs(Enum):
    """The outside part without which a step cannot run."""

    NOTHING = "nothing"
    POSTGRESQL = "PostgreSQL"
    CHROMIUM = "Chromium"
    SWIFT = "Swift"


@dataclass(frozen=True)
class Step:
    """One line of the gate. `pytest` steps also count tests; the others are independent of each other."""

    name: str
    command: tuple[str, ...]
    pytest: bool = False
    needs: Needs = Needs.NOTHING
    quick: bool = True


def _module(name: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", name, *arguments)


def _script(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(Path(sysconfig.get_path("scripts")) / name), *arguments)


def _pytest(marker: str, *arguments: str) -> tuple[str, ...]:
    return _module("pytest", "-q", "-m", marker, *arguments)


STEPS = (
    Step("format", _module("ruff", "format", "--check", ".")),
    Step("lint", _module("ruff", "check", ".")),
    Step("types", _module("mypy")),
    Step("imports", _script("lint-imports")),
    Step("templates", _module("djlint", "--lint", "templates")),
    Step("tests-sqlite", _pytest(WITHOUT_PARTS, "-n", TEST_WORKERS), pytest=True),
    Step(
        "tests-postgresql", _pytest(WITHOUT_PARTS, "-n", TEST_WORKERS), pytest=True, needs=Needs.POSTGRESQL, quick=False
    ),
    Step("blobs-s3", _pytest("object_store"), pytest=True, needs=Needs.SWIFT, quick=False),
    Step("journeys", _pytest("browser"), pytest=True, needs=Needs.CHROMIUM, quick=False),
)


def chosen(*, quick: bool, only: Sequence[str]) -> list[Step]:
    """The steps to run, in the gate's own order. **Raises** ValueError naming a step that does not exist."""
    known = [step.name for step in STEPS]
    for name in only:
        if name not in known:
            raise ValueError(f"there is no step {name!r}; the steps are {', '.join(known)}")
    steps = [step for step in STEPS if (step.quick or not quick) and (not only or step.name in only)]
    return [
        replace(step, command=(*step.command, "--first-cases")) if quick and step.pytest else step for step in steps
    ]
