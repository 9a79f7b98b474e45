"""The parameters of a Content-Type or Content-Disposition, continuations and charsets included (RFC 2231)."""

import re
from urllib.parse import unquote_to_bytes

from console.formats.charsets import header_text, printable, to_text

VALUE_BYTES = 20_000
"""More of one header's value is not looked at for parameters."""
MOST_PARAMETERS = 200

_PARAMETER = re.compile(rb';\s*([^\s=;"]{1,100})\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)', re.DOTALL)
_CONTINUED = re.compile(r"(.+?)\*(\d{1,3})(\*?)")
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def main_value(value: bytes) -> str:
    """What stands before the first semicolon, lower case: `text/plain`, `attachment`."""
    return printable(value[:VALUE_BYTES].split(b";", maxsplit=1)[0].decode("latin-1")).strip().lower()


def parameters(value: bytes) -> dict[str, str]:
    """The parameters by lower-case name. The first of a name counts; nothing here raises."""
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for number, match in enumerate(_PARAMETER.finditer(value[:VALUE_BYTES])):
        if number >= MOST_PARAMETERS:
            break
        name, data = match[1].decode("latin-1").lower(), _unquoted(match[2])
        continued = _CONTINUED.fullmatch(name)
        if continued:
            pieces.setdefault(continued[1], {}).setdefault(int(continued[2]), (data, bool(continued[3])))
        elif name.endswith("*"):
            pieces.setdefault(name[:-1], {}).setdefault(0, (data, True))
        else:
            plain.setdefault(name, header_text(data)[0])
    return plain | {name: _joined(found) for name, found in pieces.items()}


def _unquoted(data: bytes) -> bytes:
    if not data.startswith(b'"'):
        return data.strip()
    return _ESCAPED.sub(rb"\1", data[1:].removesuffix(b'"'))


def _joined(found: dict[int, tuple[bytes, bool]]) -> str:
    label, whole = None, b""
    for place in sorted(found):
        data, encoded = found[place]
        if encoded and place == min(found) and data.count(b"'") >= 2:
            charset, _language, data = data.split(b"'", 2)
            label = charset.decode("latin-1") or None
        whole += unquote_to_bytes(data) if encoded else data
    return to_text(whole, label)[0]
