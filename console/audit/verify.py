"""Check a tenant's audit record, and sign its end. **Source:** RFC 9162's signed heads, reduced to one chain.

The chain shows an entry that was edited, deleted, inserted or moved, and the seals show one that was written
anew by somebody without the keys (`chain`). Neither can show that the newest entries were cut off together
with the note of where the record ends, nor what somebody with the keys wrote anew. A checkpoint that is kept
elsewhere shows both.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from console.audit.chain import START, canonical, hash_details, hash_entry
from console.audit.models import AuditEntry, head, open_seals
from console.core import clock
from console.core.db import bound_tenant, db
from console.core.errors import Invalid
from console.vault import checkpoint as signing
from console.vault.access import keyring, platform_keys
from console.vault.errors import KeyUnavailable

FORMAT = "safekeep-audit-checkpoint-1"
BATCH = 2000
_COLUMNS = select(*(getattr(AuditEntry, column.key) for column in AuditEntry.__mapper__.column_attrs))
Entry = Row[Any] | AuditEntry


@dataclass(frozen=True)
class Verdict:
    """What a check found: how many entries are sound, and the first that is not.

    `details_checked` is False where the keys are gone, as after a Customer's destruction: the chain stands.
    """

    checked: int
    bad_number: int | None = None
    problem: str | None = None
    checkpoint_number: int | None = None
    details_checked: bool = True

    @property
    def sound(self) -> bool:
        """Whether nothing wrong was found."""
        return self.problem is None


@dataclass
class _Walk:
    """How far the check has come: the last sound entry, and the hash of the one that was signed."""

    number: int = 0
    hash: bytes = START
    signed_hash: str | None = None
    details_checked: bool = True


def verify(checkpoint: dict[str, Any] | None = None) -> Verdict:
    """Walk this tenant's record from the start, and hold it against `checkpoint` if one is given.

    Names the first entry that was edited, deleted, inserted or moved. Entries may be added meanwhile. Memory
    stays flat: columns are read in batches, no entities.
    **Raises:** Invalid for a checkpoint that is not this tenant's, or not signed by this installation.
    """
    promised = None if checkpoint is None else check_signature(checkpoint)
    walk = _Walk(signed_hash=START.hex() if promised and promised["number"] == 0 else None)
    while True:
        bad = _walk_on(walk, promised["number"] if promised else 0)
        if bad:
            return _verdict(walk, bad, promised)
        end = head()  # read after the entries: what was added since then is walked in the next turn
        if end.number <= walk.number or not _read(walk.number, limit=1):
            return _verdict(walk, _end_problem(walk, end) or _promise_problem(walk, promised), promised)


def _verdict(walk: _Walk, bad: tuple[int, str] | None, promised: dict[str, Any] | None) -> Verdict:
    number, problem = bad or (None, None)
    held = promised["number"] if promised and not bad else None
    return Verdict(walk.number, number, problem, held, walk.details_checked)


def _end_problem(walk: _Walk, end: Any) -> tuple[int, str] | None:
    if end.number > walk.number:
        return walk.number + 1, f"the record ends at {walk.number}, but {end.number} entries were written"
    if end.number < walk.number:
        return end.number + 1, f"entry {end.number + 1} was added behind the end of the record"
    if end.hash != walk.hash:
        return walk.number, f"the note of the record's end does not fit its last entry {walk.number}"
    return None


def _promise_problem(walk: _Walk, promised: dict[str, Any] | None) -> tuple[int, str] | None:
    if promised is None:
        return None
    wanted = promised["number"]
    if wanted > walk.number:
        missing = f"entries {walk.number + 1} to {wanted}" if wanted > walk.number + 1 else f"entry {wanted}"
        return walk.number + 1, f"{missing} of the checkpoint: missing, the end of the record was cut off"
    if walk.signed_hash != promised["hash"]:
        return wanted, (
            f"entry {wanted} is not the one that the checkpoint signed:"
            " the record was written anew, from this entry or an earlier one on"
        )
    return None


def _walk_on(walk: _Walk, signed_number: int) -> tuple[int, str] | None:
    """Check all entries behind `walk`, which moves along. Answers the first bad one, and why."""
    after = walk.number or None  # from the very start, for an entry may have been inserted with number 0 or below
    while True:
        try:
            rows = _read(after, limit=BATCH)
        except (ValueError, TypeError):  # a value that is no date, id or number at all
            return _first_unreadable(walk)
        bad = _check(rows, walk, signed_number)
        if bad or len(rows) < BATCH:
            return bad
        after = walk.number


def _read(after: int | None, *, limit: int) -> Sequence[Row[Any]]:
    query = _COLUMNS if after is None else _COLUMNS.where(AuditEntry.number > after)
    return db.session.execute(query.order_by(AuditEntry.number).limit(limit)).all()


def _first_unreadable(walk: _Walk) -> tuple[int, str]:
    while True:
        try:
            rows = _read(walk.number or None, limit=1)
        except (ValueError, TypeError):
            break
        bad = _check(rows, walk, 0)
        if bad:
            return bad
    number = walk.number + 1
    return number, f"entry {number} was changed after it was written: it holds a value that cannot be read"


def _check(rows: Sequence[Row[Any]], walk: _Walk, signed_number: int) -> tuple[int, str] | None:
    for row, opened in zip(rows, _open(rows, walk), strict=False):
        bad = _problem(row, opened, walk)
        if bad:
            return bad
        walk.number, walk.hash = row.number, row.hash
        if row.number == signed_number:
            walk.signed_hash = row.hash.hex()
    return None


def _open(rows: Sequence[Row[Any]], walk: _Walk) -> Any:
    if walk.details_checked:
        try:
            return open_seals([(row.id, row.sealed) for row in rows])
        except KeyUnavailable:
            walk.details_checked = False
    return repeat(None)


def _problem(row: Entry, opened: dict[str, Any] | None, walk: _Walk) -> tuple[int, str] | None:
    try:
        return _chain_problem(row, walk) or (_seal_problem(row, opened) if walk.details_checked else None)
    except (AttributeError, TypeError, ValueError):  # SQLite keeps any kind of value in any column
        number = walk.number + 1
        return number, f"entry {number} was changed after it was written: it holds a value of the wrong kind"


def check_entry(entry: AuditEntry, previous: AuditEntry | None) -> str | None:
    """What is wrong with that one entry, if anything: by itself, and as the one that follows `previous`."""
    start = previous.number if previous else 0
    walk = _Walk(start, previous.hash if previous else START)
    try:
        opened = next(iter(open_seals([(entry.id, entry.sealed)])))
    except KeyUnavailable:
        opened, walk.details_checked = None, False
    bad = _problem(entry, opened, walk)
    return bad[1] if bad else None


def _chain_problem(row: Entry, walk: _Walk) -> tuple[int, str] | None:
    expected = walk.number + 1
    if row.number > expected:
        return expected, f"entry {expected} is missing"
    if row.number < expected:
        return row.number, f"entry {row.number} was inserted"
    if hash_entry(row) != row.hash:
        return row.number, f"entry {row.number} was changed after it was written"
    if row.previous_hash != walk.hash:
        return row.number, f"entry {row.number} does not follow entry {walk.number}"
    return None


def _seal_problem(row: Entry, opened: dict[str, Any] | None) -> tuple[int, str] | None:
    if opened is None:
        return row.number, f"the details of entry {row.number} were changed and cannot be read"
    if hash_details(opened["details"]) != row.details_hash:
        return row.number, f"the details of entry {row.number} are not those that were written"
    if opened["entry"] != row.hash.hex():
        return (row.number, f"entry {row.number} was written anew: it was sealed at another place, or as another entry")
    return None


def sign_checkpoint() -> dict[str, Any]:
    """The present end of this tenant's record, signed: keep it outside this installation."""
    end = head()
    keys = platform_keys()
    body = {
        "format": FORMAT,
        "installation": keyring().installation_id,
        "tenant": str(bound_tenant()),
        "number": end.number,
        "hash": end.hash.hex(),
        "signed_at": clock.now().isoformat(),
    }
    signature = signing.sign(keys, canonical(body))
    return {**body, "public_key": signing.public_key_hex(keys), "signature": signature.hex()}


def check_signature(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """The signed body of a checkpoint of this tenant. **Raises:** Invalid."""
    body = {key: value for key, value in checkpoint.items() if key not in ("public_key", "signature")}
    try:
        own_key = signing.public_key_hex(platform_keys())
        genuine = checkpoint["public_key"] == own_key and signing.verify(
            bytes.fromhex(own_key), canonical(body), bytes.fromhex(checkpoint["signature"])
        )
        ours = (
            body["format"] == FORMAT
            and UUID(body["tenant"]) == bound_tenant()
            and type(body["number"]) is int
            and body["number"] >= 0
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Invalid("This is not a checkpoint file of Safekeep.") from error
    if not genuine:
        raise Invalid("The checkpoint's signature is not this installation's, or the file was changed.")
    if not ours:
        raise Invalid("The checkpoint belongs to another Customer.")
    return body


def read_checkpoint(data: bytes) -> dict[str, Any]:
    """A checkpoint file as an object. **Raises:** Invalid."""
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Invalid("The checkpoint file is not JSON.") from error
    if not isinstance(value, dict):
        raise Invalid("This is not a checkpoint file of Safekeep.")
    return value
