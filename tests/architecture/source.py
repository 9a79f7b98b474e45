"""The product's own files, for rules that can be read off them."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("console", "blueprints")


def files(*folders, suffix=".py"):
    """The files below those folders, relative to the root."""
    found = sorted(
        path for folder in folders for path in (ROOT / folder).rglob(f"*{suffix}") if "__pycache__" not in path.parts
    )
    assert found, folders
    return found


def name_of(path):
    """As it is written in lists: from the root, with slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path):
    """The file's syntax tree."""
    return ast.parse(path.read_text("utf-8"), str(path))


def imports(path):
    """The full names of the modules that the file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
