"""Entries as files: a table for spreadsheets, and JSON lines from which anybody can check the chain.

How to check JSON lines without this product: for each line take the fields of `chain.COVERED`, write them
as JSON with sorted keys and no spaces, put "safekeep audit entry 1" and a line feed before it; its SHA-256
is the line's `hash`. The SHA-256 of `details`, written in the same way, is `details_hash`. Each
`previous_hash` is the `hash` of the line before; the first one is 64 zeros.
"""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from console.audit.chain import clear_fields
from console.audit.models import AuditEntry
from console.core.spreadsheet import neutral

COLUMNS = (
    "number",
    "at",
    "tag",
    "event",
    "actor_kind",
    "actor_id",
    "actor",
    "role",
    "on_behalf_of",
    "address",
    "browser",
    "subject_kind",
    "subject_id",
    "subject",
    "changes",
    "reason",
    "facts",
    "reference",
    "hash",
)
"""The columns of the table. Times are in UTC."""


def table_row(entry: AuditEntry, names: Mapping[UUID, str]) -> list[str]:
    """The cells of one entry, in the order of COLUMNS, none of which a spreadsheet takes for a formula."""
    details = entry.details
    cells: dict[str, Any] = {**details, **clear_fields(entry), "event": entry.text, "hash": entry.hash.hex()}
    cells["subject"] = names.get(entry.subject_id) if entry.subject_id else None
    cells["changes"] = "; ".join(
        f"{field}: {_shown(old)} → {_shown(new)}" for field, (old, new) in details.get("changes", {}).items()
    )
    cells["facts"] = "; ".join(f"{name}: {_shown(value)}" for name, value in details.get("facts", {}).items())
    if not entry.readable:
        cells["event"] = f"{entry.text} (the details were changed and cannot be read)"
    return [neutral(cells.get(column)) for column in COLUMNS]


def _shown(value: object) -> str:
    return "(empty)" if value is None or value == "" else str(value)


def json_line(entry: AuditEntry) -> str:
    """One entry as one line of JSON: what its hash covers, the hash, and the details with their salt."""
    line = {
        **clear_fields(entry),
        "hash": entry.hash.hex(),
        "event": entry.text,
        "details": entry.details if entry.readable else None,
    }
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n"
