"""Bytes to text whatever the label says: the label where it is known, else UTF-8, else Latin-1, never an exception."""

import binascii
import codecs
import encodings
import pkgutil
import re
from encodings.aliases import aliases
from functools import cache

UNKNOWN_CHARSET = "unknown_charset"
"""The flag of a label that no codec here answers to."""
WRONG_CHARSET = "wrong_charset"
"""The flag of bytes that are not what their label says."""
UNLABELLED_8BIT = "unlabelled_8bit"
"""The flag of bytes above 127 where no label stands."""
BAD_BASE64 = "bad_base64"
REPLACED_CHARACTERS = "replaced_characters"
"""The flag of text with characters that no store holds (NUL, other control characters, half surrogates)."""

_NO_TEXT = {
    "base64_codec", "bz2_codec", "charmap", "hex_codec", "idna", "mbcs", "oem", "palmos", "punycode", "quopri_codec",
    "raw_unicode_escape", "rot_13", "undefined", "unicode_escape", "unicode_internal", "uu_codec", "zlib_codec", "aliases",
}  # fmt: skip
_KNOWN = (
    set(aliases) | set(aliases.values()) | {module.name for module in pkgutil.iter_modules(encodings.__path__)}
) - {name for name in (*aliases, *_NO_TEXT) if aliases.get(name, name) in _NO_TEXT}
_BETTER = {
    "ascii": "utf-8", "us_ascii": "utf-8", "646": "utf-8", "ansi_x3.4_1968": "utf-8",
    "iso_8859_1": "cp1252", "iso8859_1": "cp1252", "latin_1": "cp1252", "latin1": "cp1252",
    "gb2312": "gb18030", "gb2312_charset": "gb18030", "gbk": "gb18030", "chinesebig5": "big5hkscs", "big5": "big5hkscs",
    "euc_kr": "cp949", "ks_c_5601_1987": "cp949", "ks_c_5601": "cp949", "shift_jis": "cp932", "x_sjis": "cp932",
    "iso_8859_8_i": "iso8859_8", "iso_8859_6_i": "iso8859_6", "unicode_1_1_utf_7": "utf_7", "windows_874": "cp874",
}  # fmt: skip
"""Labels that writers use for something wider, and names that only mail programs know."""
_LABEL = re.compile(r"[a-z0-9._:+()-]{1,40}")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NOTHING_ODD: frozenset[str] = frozenset()
_CONTROLS = bytes({*range(32), 127} - {9, 10, 13})
_ENCODED_WORD = re.compile(rb"=\?([^?\s]{1,80})\?([bBqQ])\?([^?]*)\?=")
_Q_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")
_BASE64_ONLY = re.compile(rb"[^A-Za-z0-9+/=]+")


@cache
def _codec_of(normal: str) -> str | None:
    name = _BETTER.get(normal, normal)
    if name not in _BETTER.values() and name.replace("-", "_") not in _KNOWN:
        return None  # looking up each strange label would fill the interpreter's table of codecs
    try:
        return codecs.lookup(name).name
    except LookupError:
        return None


def codec_of(label: str) -> str | None:
    """The codec for a charset label as mail uses it, or None. Labels that mean no text at all count as unknown."""
    lowered = label.strip().strip("'\"").lower()
    if not _LABEL.fullmatch(lowered):
        return None
    normal = re.sub(r"[-\s:()]+", "_", lowered).strip("_")
    if _BETTER.get(normal, normal).replace("-", "_") not in _KNOWN:
        return None
    return _codec_of(normal)


def to_text(data: bytes, label: str | None) -> tuple[str, frozenset[str]]:
    """The text of those bytes, and flags about how it was found. Ends of lines stay as they are."""
    flags = set()
    text: str | None = None
    codec = codec_of(label) if label else "utf-8"
    if codec is None:
        flags.add(UNKNOWN_CHARSET)
    else:
        try:
            text = data.decode(codec)
        except (UnicodeError, ValueError):
            flags.add(WRONG_CHARSET if label else UNLABELLED_8BIT)
    if text is None:
        text = _guessed(data)
    if not label and not data.isascii():
        flags.add(UNLABELLED_8BIT)
    clean = text if codec == "utf-8" and _is_clean(data) else printable(text)
    if clean is not text:
        flags.add(REPLACED_CHARACTERS)
    return clean, frozenset(flags)


def _is_clean(data: bytes) -> bool:
    return len(data.translate(None, _CONTROLS)) == len(data)


def printable(text: str) -> str:
    """The text without what no store and no page holds: a replacement character stands in its place."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text) if _UNPRINTABLE.search(text) else text


def _guessed(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def header_text(value: bytes) -> tuple[str, frozenset[str]]:
    """A header's value with its encoded words (RFC 2047) decoded, on one line. **Source:** RFC 2047, read leniently."""
    if value.isascii() and b"=?" not in value and (plain := value.decode("ascii")).isprintable():
        return plain.strip(), _NOTHING_ODD
    one_line = b" ".join(part.strip() for part in value.splitlines()) if b"\n" in value or b"\r" in value else value
    if b"=?" not in one_line:
        text, odd = to_text(one_line, None)
        return text.strip(), odd
    pieces: list[str] = []
    flags: frozenset[str] = frozenset()
    for label, data in _runs(one_line):
        text, found = to_text(data, label)
        pieces.append(text)
        flags |= found
    whole = "".join(pieces)
    return " ".join(whole.split("\n")).replace("\r", " ").strip(), flags


def _runs(value: bytes) -> list[tuple[str | None, bytes]]:
    """Labelled and plain stretches. Neighbours with one label are joined: writers cut characters in two."""
    runs: list[tuple[str | None, bytes]] = []
    end = 0
    for match in _ENCODED_WORD.finditer(value):
        between = value[end : match.start()]
        if between.strip() or (not end and between):
            runs.append((None, between))
        label = match[1].decode("latin-1").split("*", maxsplit=1)[0]
        data = _q_bytes(match[3]) if match[2] in b"qQ" else base64_bytes(match[3])[0]
        if runs and runs[-1][0] is not None and runs[-1][0].lower() == label.lower():
            runs[-1] = (label, runs[-1][1] + data)
        else:
            runs.append((label, data))
        end = match.end()
    if value[end:].strip():
        runs.append((None, value[end:]))
    return runs


def _q_bytes(data: bytes) -> bytes:
    return _Q_HEX.sub(lambda match: bytes((int(match[1], 16),)), data.replace(b"_", b" "))


def base64_bytes(data: bytes) -> tuple[bytes, bool]:
    """What can be read of base64 text, and whether it was whole. Foreign characters and missing ends are passed over."""
    try:
        return binascii.a2b_base64(data.translate(None, b"\r\n \t"), strict_mode=True), True
    except binascii.Error:
        pass
    whole = b"".join(_base64_run(run) for run in _BASE64_ONLY.sub(b"", data).split(b"="))
    return whole, False


def _base64_run(run: bytes) -> bytes:
    if len(run) % 4 == 1:
        run = run[:-1]
    return binascii.a2b_base64(run + b"=" * (-len(run) % 4))
