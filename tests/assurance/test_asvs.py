"""The table of requirements names tests that exist; a test that is renamed or deleted fails here."""

import ast
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_name("asvs.txt")
CHAPTERS = {"V6": 38, "V7": 17, "V8": 13}
"""How many rows of each chapter were selected."""


def rows():
    lines = [line for line in TABLE.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return [tuple(part.strip() for part in line.split("|")) for line in lines]


@cache
def functions_in(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def test_every_row_has_a_test_that_exists_or_a_reason(capsys):
    faults, reasons = [], 0
    for number, words, shown in rows():
        assert words, number
        if shown.startswith("- "):
            reasons += 1
            continue
        file, _colons, name = shown.partition("::")
        path = TESTS / file
        if not path.exists() or name not in functions_in(path):
            faults.append(f"{number}: {shown}")
    assert not faults, "\n".join(faults)
    with capsys.disabled():
        print(
            f"\n  ASVS 5.0, chapters 6 to 8: {len(rows())} rows, {len(rows()) - reasons} by a test, {reasons} by a reason"
        )


def test_every_selected_row_is_there_once_and_in_order():
    numbers = [row[0] for row in rows()]
    assert len(set(numbers)) == len(numbers)
    found = [tuple(int(part) for part in number[1:].split(".")) for number in numbers]
    assert found == sorted(found)
    assert {chapter: sum(number.startswith(chapter + ".") for number in numbers) for chapter in CHAPTERS} == CHAPTERS
