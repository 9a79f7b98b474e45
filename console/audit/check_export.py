"""Check an audit export of Safekeep (JSON lines) without Safekeep: python3 safekeep-audit-check.py EXPORT [CHECKPOINT]

Needs Python 3.10 or later and, for a checkpoint, the package "cryptography". It reads files and nothing else.

Checked: each entry's hash and the hash of its details; that entries are numbered without a gap from 1 on, each
following the one before; with CHECKPOINT its signature, and that the entry it names is the one in the export.
Not checked, because it takes keys that only the service has: the seals of the stored entries. Whoever holds the
database can write a whole new chain without a fault in itself; a checkpoint that you kept shows that. Without a
checkpoint it does not show either if the newest entries were left out. "event" only puts "tag" into words.
A checkpoint carries the public key that it is signed with. Note the key when you fetch the first checkpoint, and give
it with --public-key: otherwise the signature only shows that the file was not changed, not who signed it.
Only a complete export can be checked, not one made with filters. Exit code: 0 sound, 1 not sound, 2 not usable.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOMAIN = b"safekeep audit entry 1\n"
CHECKPOINT_FORMAT = "safekeep-audit-checkpoint-1"
START = "0" * 64
_WHO_AND_WHAT = "tag actor_kind actor_id subject_kind subject_id reference"
COVERED = ("tenant", "id", "number", "at", *_WHO_AND_WHAT.split(), "details_hash", "previous_hash")


class NotSound(Exception):
    """Raised at the first thing that is not as it was written."""


class NotUsable(Exception):
    """Raised for files that are no export or no checkpoint at all."""


def canonical(value: Any) -> bytes:
    """The one byte form of a JSON object: sorted keys, no spaces, UTF-8."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def read_lines(path: str) -> Iterator[dict[str, Any]]:
    """The entries of the export, in the order of the file."""
    with Path(path).open(encoding="utf-8-sig") as file:
        for place, line in enumerate(file, start=1):
            try:
                entry = json.loads(line)
            except ValueError as error:
                raise NotSound(f"line {place} is not JSON: it was changed, or the file is cut off") from error
            if not isinstance(entry, dict) or not {*COVERED, "hash", "details"} <= set(entry):
                raise NotSound(f"line {place} is not a whole entry")
            yield entry


def check_entry(entry: dict[str, Any], number: int, previous_hash: str) -> None:
    """Nothing happens if the entry is as it was written and follows the one before."""
    if entry["number"] != number:
        raise NotSound(f"where entry {number} belongs stands entry {entry['number']}: removed, inserted or moved")
    digest = hashlib.sha256(DOMAIN + canonical({name: entry[name] for name in COVERED})).hexdigest()
    if digest != entry["hash"]:
        raise NotSound(f"entry {number} was changed after it was written")
    if entry["previous_hash"] != previous_hash:
        raise NotSound(f"entry {number} does not follow the entry before it")
    if entry["details"] is None:
        raise NotSound(f"the details of entry {number} could not be read by the service when it made the export")
    if hashlib.sha256(canonical(entry["details"])).hexdigest() != entry["details_hash"]:
        raise NotSound(f"the details of entry {number} were changed")


def check_export(path: str) -> tuple[list[str], str | None]:
    """The hashes of all entries, and the Customer's id. The first fault ends the check."""
    hashes: list[str] = []
    tenant: str | None = None
    for entry in read_lines(path):
        check_entry(entry, len(hashes) + 1, hashes[-1] if hashes else START)
        tenant = tenant or entry["tenant"]
        if entry["tenant"] != tenant:
            raise NotSound(f"entry {entry['number']} is of another Customer")
        hashes.append(entry["hash"])
    return hashes, tenant


def read_checkpoint(path: str, public_key: str) -> tuple[dict[str, Any], str]:
    """The checkpoint's body, its signature checked, and the key that it was signed with."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        signed = json.loads(Path(path).read_text(encoding="utf-8-sig"))
        key, signature = signed["public_key"].lower(), bytes.fromhex(signed["signature"])
        body = {name: value for name, value in signed.items() if name not in ("public_key", "signature")}
        usable = body["format"] == CHECKPOINT_FORMAT and type(body["number"]) is int and body["number"] >= 0
        verifier = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotUsable(f"{path} is no checkpoint of Safekeep") from error
    if not usable:
        raise NotUsable(f"{path} is no checkpoint of Safekeep")
    if public_key and public_key.lower() != key:
        raise NotSound("the checkpoint is signed with another key than the one that you noted")
    try:
        verifier.verify(signature, canonical(body))
    except InvalidSignature as error:
        raise NotSound("the checkpoint was changed: its signature does not fit") from error
    return body, key


def check_against(body: dict[str, Any], hashes: list[str], tenant: str | None) -> None:
    """Nothing happens if the export holds the very record that the checkpoint signed."""
    number = body["number"]
    if tenant is not None and body["tenant"] != tenant:
        raise NotSound("the checkpoint is of another Customer than the export")
    if number > len(hashes):
        raise NotSound(f"the export ends with entry {len(hashes)}, the checkpoint has {number}: the end is missing")
    if (hashes[number - 1] if number else START) != body["hash"]:
        raise NotSound(f"entry {number} is not the one that the checkpoint signed: the record was written anew")


def main() -> int:
    """Check what the command line names, and say what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", help="audit-….jsonl, all entries")
    parser.add_argument("checkpoint", nargs="?", help="audit-checkpoint-….json, fetched before the export")
    parser.add_argument("--public-key", default="", help="the key that you noted, 64 hexadecimal digits")
    asked = parser.parse_args()
    try:
        signed = read_checkpoint(asked.checkpoint, asked.public_key) if asked.checkpoint else None
        hashes, tenant = check_export(asked.export)
        if signed:
            check_against(signed[0], hashes, tenant)
    except (NotUsable, OSError, ImportError) as problem:
        print(f"Not checked: {problem}.", file=sys.stderr)
        return 2
    except (NotSound, ValueError, TypeError, RecursionError) as problem:
        print(f"NOT SOUND: {problem}.")
        return 1
    print(f"Sound: {len(hashes)} entries, none changed, removed, inserted or moved.")
    if not signed:
        print("Without a checkpoint this does not show whether the newest entries were left out.")
        return 0
    print(f"They hold what the checkpoint of {signed[0]['signed_at']} signed, up to entry {signed[0]['number']}.")
    if not asked.public_key:
        print(f"Compare its public key with the one that you noted: {signed[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
