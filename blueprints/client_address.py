"""The client's address: the socket's, or what a trusted proxy reports. Promise: P06.

A forwarding header counts only when the peer itself is a configured proxy; then hops are walked from the right, and the
first one that is not a configured proxy is the client. Anything else in the header was written by the client.
"""

from ipaddress import IPv4Address, IPv6Address, ip_address

from console.core.settings import Network

Address = IPv4Address | IPv6Address


def client_address(peer: str | None, forwarded_for: list[str], trusted: tuple[Network, ...]) -> str:
    """The address to believe, in its normal form; IPv4 written as IPv6 is folded back. "unknown" without a peer."""
    believed = parse_address(peer or "")
    if believed is None:
        return "unknown"
    hops = [part.strip() for header in forwarded_for for part in header.split(",")]
    while hops and _trusted(believed, trusted):
        hop = parse_address(hops.pop())
        if hop is None:
            break  # a proxy of ours wrote something else than an address: believe the proxy, not the rest
        believed = hop
    return str(believed)


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
