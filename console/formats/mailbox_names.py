"""Names that mail programs give to folders, and to files that are no mail."""

import base64
import binascii
import re

from console.formats.entries import Refusal

BOOKKEEPING = re.compile(
    r"dovecot[-.].*|subscriptions|courierimap.*|maildirfolder|maildirsize|\.uidvalidity|\.mh_sequences|.*\.msf"
    r"|\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|\.imap.*|\.customflags",
    re.IGNORECASE,
)
NOTES = Refusal("bookkeeping", "It holds notes of a mail program or a system, no mail.")
UNFINISHED = Refusal("unfinished", "It lies in a Maildir's tmp folder: its delivery was never finished.")

_SHIFTED = re.compile(r"&([A-Za-z0-9+,]*)-")


def maildir_folder(name: str, *, within: bool) -> tuple[str, ...]:
    """The folders that a folder's name stands for: `.Sent.2024` in a Maildir is `Sent`, `2024`."""
    if within and name.startswith(".") and len(name) > 1:
        return tuple(imap_name(part) for part in name[1:].split(".") if part)
    return (name.removesuffix(".sbd") or name,)


def imap_name(name: str) -> str:
    """A folder's name out of the modified UTF-7 of IMAP; as it stands where it is none. **Source:** RFC 3501, 5.1.3."""
    try:
        return _SHIFTED.sub(_letters, name)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return name


def _letters(match: re.Match[str]) -> str:
    if not match[1]:
        return "&"
    text = match[1].replace(",", "/")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-16-be")
