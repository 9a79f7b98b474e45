"""The client's address: the socket's, or what a trusted proxy reports. Promise: P06.

A forwarding header counts only when the peer itself is a configured proxy; then hops are walked from the right, and the
first one that is not a configured proxy is the client. Anything else in the header was written by the client.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from console.core.settings import Network

Address = IPv4Address | IPv6Address


def client_address(peer: str | None, forwarded_for: list[str], trusted: tuple[Network, ...]) -> str:
    """The address to believe, in its normal form; IPv4 written as IPv6 is folded back. "unknown" without a peer."""
    believed, _place = _walk(peer, forwarded_for, trusted)
    return str(believed or "unknown")


@dataclass(frozen=True)
class Hop:
    """One address on the way from the socket on: proxy (trusted, so the next one is asked), believed, or ignored."""

    text: str
    verdict: str


@dataclass(frozen=True)
class Path:
    """How the client's address was found: the believed one, every hop, and the reason in words."""

    address: str
    hops: tuple[Hop, ...]
    reason: str


def explain(peer: str | None, forwarded_for: list[str], trusted: tuple[Network, ...]) -> Path:
    """The same answer as `client_address`, with how it was found."""
    believed, place = _walk(peer, forwarded_for, trusted)
    texts = [peer or "", *_hops(forwarded_for)[::-1]]
    verdicts = ["proxy" if at < place else "believed" if at == place else "ignored" for at in range(len(texts))]
    hops = tuple(Hop(text, verdict) for text, verdict in zip(texts, verdicts, strict=True))
    if place:
        reason = "a trusted proxy reported it"
    elif len(texts) == 1:
        reason = "the connection comes from there, and nobody reported another address"
    elif not trusted:
        reason = "the connection comes from there; no proxy is trusted, so what was forwarded is not believed"
    else:
        reason = "the connection comes from there; what it forwarded is not believed"
    return Path(str(believed or "unknown"), hops, reason)


def _walk(peer: str | None, forwarded_for: list[str], trusted: tuple[Network, ...]) -> tuple[Address | None, int]:
    """The address to believe, and how many hops behind the socket it stands."""
    believed, place = parse_address(peer or ""), 0
    hops = _hops(forwarded_for)
    while believed is not None and hops and _trusted(believed, trusted):
        hop = parse_address(hops.pop())
        if hop is None:
            break  # a proxy of ours wrote something else than an address: believe the proxy, not the rest
        believed, place = hop, place + 1
    return believed, place


def _hops(forwarded_for: list[str]) -> list[str]:
    return [part.strip() for header in forwarded_for for part in header.split(",")]


def parse_address(text: str) -> Address | None:
    """An address from a header or socket, without port, brackets or zone; None if it is not one."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def _trusted(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks if address.version == network.version)
