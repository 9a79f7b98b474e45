"""Rules that can be read off the source: SQL text, the web framework, lengths, the tags of the record."""

import ast
import re

import pytest

from console.audit.tags import TAG_TEXTS, Tag
from tests.architecture.source import PACKAGES, ROOT, files, imports, name_of, tree

LONGEST_FILE = 350
SQL_TEXT = {
    "console/core/": "the guards, the schema and transaction control live here",
    "console/migrations/": "made by alembic, and row-level security",
    "console/vault/schema.py": "the condition of a partial index in the key store, which is no tenant's database",
    "console/vault/store_engine.py": "transaction control of the key store, which is no tenant's database",
}
"""Where SQL may stand as text, and why. Everywhere else statements are built, so that the guards can read them."""

KNOW_FLASK = {
    "blueprints": "the pages",
    "console/app.py": "makes the application",
    "console/core/db.py": "Flask-SQLAlchemy's session, and the running application's services",
}
"""Which modules import the web framework: these folders and files, and no others."""

WEB = (
    "flask",
    "werkzeug",
    "wtforms",
    "flask_login",
    "flask_wtf",
    "flask_limiter",
    "flask_sqlalchemy",
    "jinja2",
    "markupsafe",
)
MAY_USE_FLASK_APP = {"console/commands", "console/install.py", "console/demo.py"}
"""Start the application; for its type."""


def sql_texts(path):
    """(line, what) of every place where the file hands SQL text to a database."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0] if node.args else None
        literal = isinstance(first, ast.JoinedStr) or (isinstance(first, ast.Constant) and isinstance(first.value, str))
        if name in ("text", "literal_column", "exec_driver_sql", "run_raw", "executescript"):
            yield node.lineno, name
        elif name in ("execute", "scalar", "scalars", "executemany") and literal:
            yield node.lineno, f"{name} with text"


def test_sql_text_stands_only_where_the_list_says():
    found = {
        f"{name_of(path)}:{line} {what}"
        for path in files(*PACKAGES)
        for line, what in sql_texts(path)
        if not name_of(path).startswith(tuple(SQL_TEXT))
    }
    assert not found, "\n".join(sorted(found))
    for place in SQL_TEXT:
        assert any(name_of(path).startswith(place) and list(sql_texts(path)) for path in files(*PACKAGES)), place


@pytest.mark.parametrize(
    "line",
    ["session.execute(text('x'))", "c.exec_driver_sql('x')", "c.execute('x')", "c.execute(f'x {y}')", "sa.text(q)"],
)
def test_control_the_scan_sees_sql_text(line, tmp_path):
    planted = tmp_path / "planted.py"
    planted.write_text(line)
    assert list(sql_texts(planted))


def test_the_web_framework_is_known_where_the_list_says():
    found = {
        name_of(path)
        for path in files(*PACKAGES)
        if any(module.split(".")[0] in WEB for module in imports(path))
        and not name_of(path).startswith(tuple(MAY_USE_FLASK_APP))
    }
    unexpected = {name for name in found if not name.startswith(tuple(KNOW_FLASK))}
    assert not unexpected, f"not in KNOW_FLASK: {sorted(unexpected)}"
    for place in KNOW_FLASK:
        assert any(name.startswith(place) for name in found), place


def test_nothing_below_the_pages_imports_them():
    for path in files("console"):
        importing = {module for module in imports(path) if module.split(".")[0] == "blueprints"}
        assert not importing or name_of(path) == "console/app.py", f"{path}: {importing}"


def test_no_product_file_is_long():
    long = {
        name_of(path): count
        for path in [
            *files(*PACKAGES),
            *files("templates", suffix=".html"),
            *files("static", suffix=".css"),
            *files("static", suffix=".js"),
        ]
        if (count := len(path.read_text("utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long, long


def test_every_tag_is_used_and_has_words():
    used = {
        node.attr
        for path in files(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "Tag"
        and name_of(path) != "console/audit/tags.py"
    }
    assert used <= set(Tag.__members__)
    unused = set(Tag.__members__) - used - set(NOT_YET)
    assert not unused, f"never recorded: {sorted(unused)}"
    assert not used & set(NOT_YET), f"take these off NOT_YET: {sorted(used & set(NOT_YET))}"
    assert set(TAG_TEXTS) == set(Tag)
    assert all(words[0].isupper() and not words.endswith(".") for words in TAG_TEXTS.values())
    assert len(set(TAG_TEXTS.values())) == len(Tag)


NOT_YET: dict[str, str] = {}
"""Tags that exist before the page that records them, and which page that is."""


def test_tags_read_area_thing_happened_and_stand_in_order():
    assert all(re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z_]+", tag) for tag in Tag)
    assert [str(tag) for tag in Tag] == sorted(Tag), "not in alphabetical order"


def test_what_a_docstring_says_is_recorded_exists():
    known = {str(tag) for tag in Tag}
    for path in files("console"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef) and (words := ast.get_docstring(node)) and "**Records:**" in words:
                for tag in re.findall(r"\b[a-z_]+:[a-z_]+:[a-z_]+\b", words.split("**Records:**")[1]):
                    assert tag in known, f"{name_of(path)}: {node.name} says {tag}"


def test_every_promise_that_a_test_shows_has_a_number_from_1_to_40():
    marks = []
    for path in files("tests"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.promise":
                [argument] = node.args
                marks.append((name_of(path), node.lineno, ast.literal_eval(argument)))
    wrong = [mark for mark in marks if mark[2] not in {f"P{number:02}" for number in range(1, 41)}]
    assert not wrong, wrong
    assert marks


def test_time_is_read_from_the_one_clock():
    """`datetime.now` and `time.time` elsewhere would escape the tests that travel, or be naive."""
    allowed = {"console/core/clock.py"}
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in files(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("datetime.now", "datetime.utcnow", "date.today", "datetime.today")
        and name_of(path) not in allowed
    ]
    assert not found, found


def test_nothing_is_left_of_debugging():
    for path in files(*PACKAGES):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("breakpoint", "pdb.set_trace", "eval", "exec"), f"{name_of(path)}:{node.lineno}"
    assert (ROOT / "pyproject.toml").exists()
