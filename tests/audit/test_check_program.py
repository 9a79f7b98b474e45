"""The program that Customers download: it finds every fault that can be found without keys, and knows nothing of us."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from console.audit import chain, check_export
from tests.audit.tools import fill
from tests.users.acts import form_of


@pytest.fixture
def files(house, tmp_path):
    """A checkpoint, an export that goes on behind it, and the program, as downloaded."""
    auditor, tenant_id = house.signed_in("auditor"), house["auditor"].tenant_id
    fill(house, tenant_id, 20)
    token = form_of(auditor.get("/audit/export"), "/audit/checkpoint")
    names = {
        "program": (auditor.get("/audit/check-program"), "safekeep-audit-check.py"),
        "checkpoint": (auditor.client.post("/audit/checkpoint", data=token), None),
        "export": (auditor.get("/audit/export?format=jsonl"), None),
    }
    found = {}
    for what, (answer, name) in names.items():
        told = answer.headers["Content-Disposition"].split('filename="')[1].rstrip('"')
        assert name in (None, told)
        found[what] = tmp_path / told
        found[what].write_bytes(answer.data)
    page = auditor.get("/audit/export").text
    assert f"python3 {found['program'].name} {found['export'].name} {found['checkpoint'].name}" in page
    assert f"--checkpoint {found['checkpoint'].name}" in page
    return found


def run(files, *arguments):
    """The program's exit code and words, run by itself in an empty environment."""
    command = [sys.executable, "-I", str(files["program"]), str(files["export"]), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=files["program"].parent)
    return done.returncode, done.stdout + done.stderr


def rewrite(path, change):
    lines = path.read_text().splitlines()
    path.write_text("".join(line + "\n" for line in change(lines)))


def test_a_whole_export_is_sound_and_holds_the_checkpoint(files):
    code, words = run(files, files["checkpoint"])
    assert code == 0, words
    assert "none changed, removed, inserted or moved" in words
    key = json.loads(files["checkpoint"].read_text())["public_key"]
    assert key in words
    assert run(files, files["checkpoint"], "--public-key", key)[0] == 0
    code, words = run(files)
    assert (code, "Without a checkpoint" in words) == (0, True)


def edit(lines):
    lines[7] = lines[7].replace('"tag":"users:', '"tag":"audit:')
    return lines


def edit_details(lines):
    lines[7] = lines[7].replace('"salt":"', '"salt":"f')
    return lines


FAULTS = {
    "edited": edit,
    "details edited": edit_details,
    "details left out": lambda lines: [*lines[:7], json.dumps({**json.loads(lines[7]), "details": None}), *lines[8:]],
    "deleted": lambda lines: [*lines[:7], *lines[8:]],
    "first deleted": lambda lines: lines[1:],
    "inserted": lambda lines: [*lines[:7], lines[7], *lines[7:]],
    "swapped": lambda lines: [*lines[:7], lines[8], lines[7], *lines[9:]],
    "line cut": lambda lines: [*lines[:-1], lines[-1][:40]],
    "no number at all": lambda lines: [*lines[:7], lines[7].replace('"number":', '"number":NaN,"x":'), *lines[8:]],
    "not an entry": lambda lines: [*lines[:7], "[]", *lines[8:]],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_found_without_a_checkpoint(files, fault):
    before = files["export"].read_text()
    rewrite(files["export"], FAULTS[fault])
    assert files["export"].read_text() != before
    code, words = run(files)
    assert (code, words[:9]) == (1, "NOT SOUND"), words


def test_a_cut_off_end_is_found_with_a_checkpoint_alone(files):
    number = json.loads(files["checkpoint"].read_text())["number"]
    rewrite(files["export"], lambda lines: lines[: number - 1])
    assert run(files)[0] == 0
    code, words = run(files, files["checkpoint"])
    assert code == 1
    assert "the end is missing" in words


def test_a_chain_written_anew_is_found_with_a_checkpoint_alone(files):
    def anew(lines):
        previous = check_export.START
        for line in lines:
            entry = json.loads(line)
            entry["reference"], entry["previous_hash"] = "forged", previous
            covered = {name: entry[name] for name in check_export.COVERED}
            previous = entry["hash"] = check_export.hashlib.sha256(
                check_export.DOMAIN + check_export.canonical(covered)
            ).hexdigest()
            yield json.dumps(entry)

    rewrite(files["export"], anew)
    assert run(files)[0] == 0
    code, words = run(files, files["checkpoint"])
    assert (code, "written anew" in words) == (1, True)


def test_a_checkpoint_that_was_changed_or_signed_by_another_is_refused(files):
    signed = json.loads(files["checkpoint"].read_text())
    files["checkpoint"].write_text(json.dumps({**signed, "number": signed["number"] - 1}))
    assert "its signature does not fit" in run(files, files["checkpoint"])[1]
    files["checkpoint"].write_text(json.dumps(signed))
    assert "another key" in run(files, files["checkpoint"], "--public-key", "ab" * 32)[1]
    for text in ("", "[]", "{}", json.dumps({**signed, "public_key": "x"})):
        files["checkpoint"].write_text(text)
        assert run(files, files["checkpoint"])[0] == 2


def test_the_program_is_one_short_file_of_the_standard_library_and_cryptography():
    source = Path(check_export.__file__).read_text()
    assert len(source.splitlines()) < 150
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    assert (check_export.COVERED, check_export.DOMAIN) == (chain.COVERED, chain.HASH_DOMAIN)
