"""Which tests `--quick` runs: the first case of each, without those that take long by their nature.

Those are recognised by their file: it walks through every door of the product, starts processes, does things at the same
moment, or measures times. The whole gate runs them all.
"""

import inspect
import re

import pytest

LONG_BY_NATURE = re.compile(
    r"\bopened\(|\bprocesses import|\bsubprocess\b|at_once|identity\.timing|paused_worker|house\.app\.url_map"
)
REASON = "not among the quick ones"


def skip_the_others(items: list[pytest.Item]) -> None:
    """What the choice leaves out is skipped, with the reason that the gate counts."""
    seen: set[tuple[str, str]] = set()
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        name = (item.nodeid.split("::")[0], item.originalname)
        if name in seen or LONG_BY_NATURE.search(inspect.getsource(item.module)):
            item.add_marker(pytest.mark.skip(reason=REASON))
        seen.add(name)
