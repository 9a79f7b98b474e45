"""Rules for the tests themselves, by which they do not fail by chance."""

import ast
import re

import pytest

from tests.architecture.source import files, name_of, tree

SHORT = re.compile(r"[\w-]{1,5}")
"""A word that stands now and then in a random token of a page: five characters once in about ten million tokens."""


def looked_for_in_tokens(module):
    """The lines that expect a short word not to be in the whole text of a page, its random tokens included."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.NotIn):
            continue
        word, place = node.left, node.comparators[0]
        short = isinstance(word, ast.Constant) and isinstance(word.value, str) and SHORT.fullmatch(word.value)
        if short and isinstance(place, ast.Attribute) and place.attr == "text":
            yield node.lineno


def test_a_short_word_is_not_looked_for_in_random_tokens():
    found = [f"{name_of(path)}:{line}" for path in files("tests") for line in looked_for_in_tokens(tree(path))]
    assert not found, f"look in tests.house.said(page) instead: {found}"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('assert "evil" not in answer.text', 1),
        ('assert "evil" not in said(answer.text)', 0),
        ('assert "/tmp" not in answer.text', 0),
        ('assert "evil.example" not in answer.text', 0),
        ('assert "evil" in answer.text', 0),
    ],
)
def test_the_rule_sees_such_a_line(line, found):
    assert len(list(looked_for_in_tokens(ast.parse(line)))) == found


MAKE_DATABASES = {"tests/databases.py": "where it is written", "tests/doors.py": "asks for the fixture `stage`"}
"""Files besides tests and conftest.py that make a database. Each needs a fixture that makes one as well, so that tests
which use it are seen to use a database."""


def test_a_helper_cannot_make_a_database_that_nobody_sees():
    found = {
        name_of(path)
        for path in files("tests")
        if "new_database(" in path.read_text("utf-8")
        and not re.match(r"test_|conftest\.", path.name)
        and "benchmarks" not in path.parts  # they are no tests
    }
    assert found == set(MAKE_DATABASES)
