"""Addresses and ranges: read what people type, fold it into one form, and say what is odd about it.

IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv4 here, in addresses as in ranges. Values in, values out.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from console.core.errors import Invalid

BITS = {4: 32, 6: 128}
WIDEST_PREFIX = {4: 8, 6: 32}
"""A range that holds more than such a block is over-wide: it is warned about, and never trusted."""
LONGEST = 100
MAPPED_FIRST = 0xFFFF << 32
MAPPED_LAST = MAPPED_FIRST + (1 << 32) - 1
_DASH = re.compile(r"\s*[-\u2010-\u2015]\s*")
_NUMBERS = re.compile(r"[0-9]{1,3}")

_PRIVATE: tuple[tuple[str, str], ...] = (
    ("10.0.0.0/8", "private addresses, which many networks use inside and which never come over the internet"),
    ("172.16.0.0/12", "private addresses, which many networks use inside and which never come over the internet"),
    ("192.168.0.0/16", "private addresses, which many networks use inside and which never come over the internet"),
    ("100.64.0.0/10", "addresses that providers share among many of their customers"),
    ("127.0.0.0/8", "addresses of the server itself"),
    ("169.254.0.0/16", "addresses that devices give themselves on one cable"),
    ("224.0.0.0/3", "addresses that no computer sends from"),
    ("::1/128", "the address of the server itself"),
    ("fc00::/7", "private addresses, which many networks use inside and which never come over the internet"),
    ("fe80::/10", "addresses that devices give themselves on one cable"),
    ("ff00::/8", "addresses that no computer sends from"),
)


@dataclass(frozen=True, order=True)
class Span:
    """All addresses of one version from `first` to `last`, both included, as numbers."""

    version: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """How many addresses it holds."""
        return self.last - self.first + 1

    @property
    def over_wide(self) -> bool:
        """Whether it holds more than a /8 of IPv4, or a /32 of IPv6."""
        return self.size > 1 << (BITS[self.version] - WIDEST_PREFIX[self.version])

    @property
    def text(self) -> str:
        """The normal form: one address, a block (CIDR) where it is one, or start-end."""
        first = str(_address(self.version, self.first))
        if self.size == 1:
            return first
        if self.size & (self.size - 1) == 0 and self.first % self.size == 0:
            return f"{first}/{BITS[self.version] - self.size.bit_length() + 1}"
        return f"{first}-{_address(self.version, self.last)}"

    def holds(self, value: "Span") -> bool:
        """Whether all of `value` lies in it."""
        return self.version == value.version and self.first <= value.first and value.last <= self.last

    def meets(self, other: "Span") -> bool:
        """Whether they have an address in common."""
        return self.version == other.version and self.first <= other.last and other.first <= self.last


def address_value(text: str) -> tuple[int, int] | None:
    """Version and number of an address in its normal or mapped form; None where it is not one."""
    try:
        return _folded(ip_address(text)) if "%" not in text else None
    except ValueError:
        return None


def address_span(text: str) -> Span:
    """The range of one address. **Raises:** Invalid."""
    version, value = _read(text.strip())
    return Span(version, value, value)


def parse_span(text: str) -> tuple[Span, list[str]]:
    """The range that was typed: address, CIDR or start-end; and what was read differently than it stands there.

    **Raises:** Invalid with the reason.
    """
    text = text.strip()
    if not text:
        raise Invalid("There is no address. Give one such as 203.0.113.7, 203.0.113.0/24 or 203.0.113.10-203.0.113.20.")
    if len(text) > LONGEST:
        raise Invalid("This is too long for an address or range.")
    if "/" in text:
        return _network(text)
    parts = _DASH.split(text)
    if len(parts) == 1:
        return address_span(text), _mapped_note(text)
    if len(parts) > 2:
        raise Invalid(f"“{text}” has more than one dash. A range has one start and one end.")
    first, last = _raw(parts[0]), _raw(parts[1])
    if first.version != last.version:
        first, last = (address.ipv4_mapped or address if address.version == 6 else address for address in (first, last))
    if first.version != last.version:
        kinds = f"starts with IPv{first.version} and ends with IPv{last.version}"
        raise Invalid(f"“{text}” {kinds}. Both ends must be of one kind.")
    if first > last:  # type: ignore[operator]
        raise Invalid(f"“{text}” ends before it starts. Exchange start and end.")
    return _fold_span(Span(first.version, int(first), int(last))), _mapped_note(text)


def warnings_of(span: Span, *, trusted: bool) -> list[str]:
    """What is odd about a range, each with the reason; empty for an ordinary one."""
    found = []
    if span.over_wide:
        effect = "As a trusted range it does not count." if trusted else "It lets in far more than a company has."
        found.append(f"Over-wide: it holds more than a /{WIDEST_PREFIX[span.version]} of IPv{span.version}. {effect}")
    for other, reason in PRIVATE_SPANS:
        if span.meets(other) and not (span.over_wide and other.size < span.size):
            found.append(f"It holds {reason} ({other.text}).")
            break
    if span.version == 6 and span.first <= MAPPED_LAST and span.last >= MAPPED_FIRST:
        found.append(
            "It straddles ::ffff:0:0/96, where IPv4 addresses are written as IPv6. IPv4 addresses do not count as"
            " inside it; give them as IPv4 ranges of their own."
        )
    return found


def _network(text: str) -> tuple[Span, list[str]]:
    base, _slash, prefix = text.partition("/")
    base, prefix = base.strip(), prefix.strip()
    _read(base)
    if not _NUMBERS.fullmatch(prefix):
        raise Invalid(f"“{text}” has no whole number behind the slash. Write the length, such as 203.0.113.0/24.")
    try:
        network: IPv4Network | IPv6Network = ip_network(f"{base}/{int(prefix)}", strict=False)
    except ValueError:
        most = 128 if ":" in base else 32
        raise Invalid(f"“{text}” has a length of {int(prefix)}; it must be from 0 to {most}.") from None
    notes = _mapped_note(text)
    first, last = int(network.network_address), int(network.broadcast_address)
    if int(ip_address(base)) != first:
        notes.append(f"Bits behind the length were dropped: read as {network}.")
    return _fold_span(Span(network.version, first, last)), notes


def _fold_span(span: Span) -> Span:
    if span.version == 6 and span.first >= MAPPED_FIRST and span.last <= MAPPED_LAST:
        return Span(4, span.first - MAPPED_FIRST, span.last - MAPPED_FIRST)
    return span


def _mapped_note(text: str) -> list[str]:
    return ["IPv4 written as IPv6: read as IPv4."] if text.lower().startswith("::ffff:") and "." in text else []


def _read(text: str) -> tuple[int, int]:
    """Version and number of one address. **Raises:** Invalid with what is wrong with it."""
    return _folded(_raw(text))


def _raw(text: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address(text if "%" not in text else "")
    except ValueError:
        raise Invalid(f"“{text}” is not an address. {_why_not(text)}") from None


def _why_not(text: str) -> str:
    if "%" in text:
        return "Leave out the zone behind the percent sign."
    if "*" in text:
        return "Write a block instead of asterisks, such as 203.0.113.0/24."
    if text.startswith("[") or re.fullmatch(r"[0-9.]+:[0-9]+", text):
        return "Leave out brackets and port."
    if re.search(r"(^|\.)0[0-9]", text) and ":" not in text:
        return "Numbers must not start with 0: some programs would read them as octal."
    if re.fullmatch(r"[0-9.]+", text):
        return "IPv4 has four numbers from 0 to 255, such as 203.0.113.7."
    return "Give one such as 203.0.113.7 or 2001:db8::7."


def _folded(address: IPv4Address | IPv6Address) -> tuple[int, int]:
    value = int(address)
    if address.version == 6 and MAPPED_FIRST <= value <= MAPPED_LAST:
        return 4, value - MAPPED_FIRST
    return address.version, value


def _address(version: int, value: int) -> IPv4Address | IPv6Address:
    return IPv4Address(value) if version == 4 else IPv6Address(value)


def normal_address(text: str) -> str:
    """One address in its normal form. **Raises:** Invalid."""
    return address_span(text).text


PRIVATE_SPANS: tuple[tuple[Span, str], ...] = tuple((parse_span(text)[0], reason) for text, reason in _PRIVATE)
