"""Templates: nothing that the content security policy would stop, and nothing that escapes the escaping."""

import re

import pytest
from jinja2 import nodes

from tests.architecture.source import ROOT, files, name_of

SAFE = {
    "templates/factors/_app.html: app.qr": "drawn by segno from an address that holds no text of anybody but the account's name, in paths only",
    "templates/_macros/icons.html: shapes[name]": "written in the same file",
    "templates/_macros/brand.html: scenes[kind]": "written in the same file",
}
"""Every use of the filter `safe`, as `file: expression`, and why what it lets through is harmless."""

MARKUP = {"blueprints/fields.py": "a select; everything in it is escaped by html_params and escape"}
"""Files that make Markup themselves, and why."""

FORBIDDEN = {
    "an inline style": re.compile(r"<style\b|\sstyle\s*=", re.IGNORECASE),
    "an inline script": re.compile(r"<script\b(?![^>]*\bsrc\s*=)", re.IGNORECASE),
    "an inline handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "escaping turned off": re.compile(r"{%-?\s*autoescape|\|\s*forceescape"),
    "something of another site": re.compile(r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//", re.IGNORECASE),
    "a form by GET with a token": re.compile(
        r"<form[^>]*method=\"get\"[^>]*>(?:(?!</form>).)*csrf\(\)", re.IGNORECASE | re.DOTALL
    ),
}


def templates():
    return files("templates", suffix=".html")


def without_comments(text):
    return re.sub(r"{#.*?#}", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_has(what):
    found = [
        f"{name_of(path)}: {match.group(0)[:80]}"
        for path in templates()
        for match in FORBIDDEN[what].finditer(without_comments(path.read_text("utf-8")))
    ]
    assert not found, found


@pytest.mark.parametrize(
    ("what", "planted"),
    [
        ("an inline style", '<p style="color:red">'),
        ("an inline style", "<style>p{}</style>"),
        ("an inline script", "<script>alert(1)</script>"),
        ("an inline handler", '<p class="a" onclick="x()">'),
        ("a javascript: address", '<a href="JavaScript:x()">'),
        ("something of another site", '<img src="//cdn.example/x.png">'),
    ],
)
def test_control_the_rule_sees(what, planted):
    assert FORBIDDEN[what].search(planted)


def test_the_filter_safe_is_used_where_the_list_says(app):
    found = set()
    for path in templates():
        parsed = app.jinja_env.parse(path.read_text("utf-8"))
        for node in parsed.find_all(nodes.Filter):
            if node.name == "safe":
                lines = path.read_text("utf-8").splitlines()
                expression = re.search(r"([\w\[\].]+)\s*\|\s*safe", lines[node.lineno - 1])
                what = expression.group(1) if expression else f"line {node.lineno}"
                found.add(f"{name_of(path)}: {what}")
    assert found == set(SAFE), f"not in SAFE: {found - set(SAFE)}; gone: {set(SAFE) - found}"


def test_markup_is_made_where_the_list_says():
    found = {
        name_of(path) for path in files("blueprints", "console") if re.search(r"\bMarkup\(", path.read_text("utf-8"))
    }
    assert found == set(MARKUP)


def test_every_template_is_escaped(app):
    for path in templates():
        assert app.jinja_env.autoescape(path.name), path


def test_every_form_that_changes_something_carries_a_token():
    faults = [
        f"{name_of(path)}: {form[:100]}"
        for path in templates()
        for form in re.findall(r"<form\b.*?</form>", without_comments(path.read_text("utf-8")), re.DOTALL)
        if 'method="post"' in form and "csrf(" not in form
    ]
    assert not faults, "\n".join(faults)


def test_every_template_is_used():
    source = "\n".join(path.read_text("utf-8") for path in [*templates(), *files("blueprints")])
    unused = [
        name
        for path in templates()
        if (name := path.relative_to(ROOT / "templates").as_posix()) and f'"{name}"' not in source
    ]
    assert not unused, unused


def test_no_script_makes_code_or_markup_from_text():
    pattern = re.compile(
        r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|setTimeout\(\s*[\"'`]"
    )
    found = [name_of(path) for path in files("static", suffix=".js") if pattern.search(path.read_text("utf-8"))]
    assert not found, found
