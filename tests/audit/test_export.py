"""The record as files: what they hold, that a stranger can check them, and that they stream."""

import csv
import hashlib
import io
import json
import re
import tracemalloc

import pytest

from console.audit.actions import record
from console.audit.models import EntryFilter, entries
from console.audit.tags import Tag
from console.audit.verify import check_signature
from tests.audit.tools import BY, fill

COVERED = (
    "tenant", "id", "number", "at", "tag", "actor_kind", "actor_id", "subject_kind", "subject_id", "reference",
    "details_hash", "previous_hash",
)  # fmt: skip


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def first_bad_line(text):
    """A customer's own check of a JSON-lines export: the number of the first bad entry, or None. Standard library only."""
    previous = "00" * 32
    for number, line in enumerate(text.splitlines(), 1):
        entry = json.loads(line)
        covered = {name: entry[name] for name in COVERED}
        digest = hashlib.sha256(b"safekeep audit entry 1\n" + canonical(covered)).hexdigest()
        details = hashlib.sha256(canonical(entry["details"])).hexdigest()
        if (entry["number"], entry["previous_hash"]) != (number, previous):
            return number
        if (entry["hash"], entry["details_hash"]) != (digest, details):
            return number
        previous = entry["hash"]
    return None


@pytest.fixture
def auditor(house):
    return house.signed_in("auditor")


def test_json_lines_can_be_checked_without_the_product_and_hold_the_checkpoint(house, auditor):
    tenant_id = house["auditor"].tenant_id
    last = fill(house, tenant_id, 2100)  # more than two parts of the stream
    answer = auditor.get("/audit/export?format=jsonl")
    lines = answer.text.splitlines()
    assert (answer.status_code, answer.mimetype, len(lines)) == (200, "application/jsonl", last + 1)
    assert first_bad_line(answer.text) is None
    for fault in (
        lambda: lines[40:],
        lambda: [*lines[:30], *lines[31:]],
        lambda: [*lines[:30], lines[31], lines[30], *lines[32:]],
        lambda: [*lines[:30], lines[30].replace("users:", "tenants:"), *lines[31:]],
        lambda: [*lines[:30], re.sub(r'"actor":"[^"]*"', '"actor":"Adam"', lines[30]), *lines[31:]],
    ):
        assert first_bad_line("\n".join(fault())) in {1, 31}
    signed = json.loads(auditor.post("/audit/checkpoint").text)
    with house.inside(tenant_id, write=False):
        assert check_signature(signed)["number"] == last + 2
    again = [json.loads(line) for line in auditor.get("/audit/export?format=jsonl").text.splitlines()]
    assert again[signed["number"] - 1]["hash"] == signed["hash"]


def test_csv_cells_are_never_formulas_and_hold_who_what_when_and_from_where(house, auditor):
    with house.inside(house["auditor"].tenant_id):
        record(
            Tag.USER_CHANGED, by=BY, subject=("user", house["member"].id), reason="@SUM(1+1)*cmd|' /C calc'!A0",
            changes={"=title": ("-1", '+1"\r\n;')}, note="\t=2",
        )  # fmt: skip
    house.signed_in("admin", browser="=HYPERLINK(1)/1.0")
    answer = auditor.get("/audit/export?format=csv")
    assert re.fullmatch(r'attachment; filename="audit-\d{4}-\d\d-\d\d\.csv"', answer.headers["Content-Disposition"])
    found = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    bad = [
        cell for row in found for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t", "\r", "|", "%"))
    ]
    assert bad == []
    row = next(row for row in found if row["reason"].startswith("'@SUM"))
    assert row["changes"].startswith("'=title: -1 → +1")
    assert (row["actor"], row["subject"], row["subject_id"]) == ("test", "Mika Member", str(house["member"].id))
    assert [int(row["number"]) for row in found] == list(range(1, len(found) + 1))
    assert found[-1]["tag"] == "audit:entries:exported"
    assert (found[-1]["actor"], found[-1]["role"], found[-1]["address"]) == (
        "Audrey Auditor",
        "auditor",
        "198.51.100.7",
    )


def test_an_export_is_recorded_before_it_starts_with_what_was_asked_for(house, auditor):
    answer = auditor.client.get("/audit/export?format=csv&area=users&from=2026-01-01", buffered=False)
    with house.inside(house["auditor"].tenant_id, write=False):
        entry = entries(EntryFilter(), limit=1)[0]  # nothing of the file was read yet
        assert entry.tag == Tag.AUDIT_EXPORTED
        facts = entry.details["facts"]
    assert (facts["format"], facts["area"], facts["from_at"][:10]) == ("csv", "users", "2026-01-01")
    tags = {row["tag"] for row in csv.DictReader(io.StringIO(answer.text))}
    assert tags
    assert all(tag.startswith("users:") for tag in tags)


def test_an_export_never_holds_another_customers_entries(house, auditor):
    text = auditor.get("/audit/export?format=jsonl").text
    assert {json.loads(line)["tenant"] for line in text.splitlines()} == {str(house["auditor"].tenant_id)}
    assert "Birch" not in text


def test_a_long_record_is_exported_in_flat_memory(house, auditor):
    fill(house, house["auditor"].tenant_id, 1000)

    def peak():
        tracemalloc.start()
        answer = auditor.client.get("/audit/export?format=jsonl", buffered=False)
        size = sum(len(part) for part in answer.iter_encoded())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size, most

    peak()
    size, most = peak()
    fill(house, house["auditor"].tenant_id, 7000)
    larger_size, larger_most = peak()
    assert larger_size > 5 * size
    assert larger_most < 2 * most, (most, larger_most)


def test_a_long_record_is_checked_by_the_command_not_by_the_page(house, auditor, monkeypatch):
    from blueprints.audit import export

    assert "The record is sound" in auditor.post("/audit/check").text
    monkeypatch.setattr(export, "CHECKED_AT_MOST", 5)
    assert "too long for a check on this page" in auditor.post("/audit/check").text
