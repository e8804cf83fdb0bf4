"""Hosts: whether a host's name or address leads inside.  host -> whether

A name is not looked up: whoever answers for it could answer otherwise a moment later.
"""

import ipaddress
from typing import Final

INSIDE: Final = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "test", "invalid", "example")


def is_inside(host: str) -> bool:
    """Tell whether a host is this machine, or of a private network, or a name that no public one has."""
    address = _address(host)
    if address is not None:
        return not address.is_global or address.is_multicast
    labels = host.rstrip(".").lower().split(".")
    return len(labels) < 2 or labels[-1] in INSIDE or labels[-1].isdecimal() or labels[-1].startswith("0x")


def is_link_local(host: str) -> bool:
    """Tell whether a host is an address of the link, where clouds keep their machines' secrets."""
    address = _address(host)
    return address is not None and address.is_link_local


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
