"""The network that an address belongs to: the grain at which places are remembered. Source: RFC 6177 (a site's /64)."""

from ipaddress import IPv6Address, ip_address, ip_network

IPV4_PREFIX, IPV6_PREFIX = 24, 64


def network_of(address: str | None) -> str:
    """The /24 or /64 around an address, such as "198.51.100.0/24"; IPv4 written as IPv6 is folded back.

    What is not an address is a network of its own, so that "unknown" is never the same place as a known one.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    prefix = IPV4_PREFIX if parsed.version == 4 else IPV6_PREFIX
    return str(ip_network(f"{parsed}/{prefix}", strict=False))


def guessing_place(address: str) -> str:
    """By what guesses from an address are counted: itself, or its /64, of which every subscriber has all addresses."""
    return network_of(address) if ":" in network_of(address) else address
