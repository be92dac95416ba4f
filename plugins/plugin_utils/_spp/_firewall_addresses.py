# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remote addresses of a firewall rule: one spelling for each, and which of them reach beyond an organisation."""

from __future__ import annotations

import functools
import ipaddress
import typing as t
from collections.abc import Iterable

ANY = "Any"

#: What Windows takes in place of an address. Source: MSFT_NetAddressFilter class, RemoteAddress.
KEYWORDS = (
    ANY,
    "LocalSubnet",
    "DefaultGateway",
    "DHCP",
    "WINS",
    "DNS",
    "Internet",
    "Intranet",
    "IntranetRemoteAccess",
    "PlayToTargets",
)

_INTERNET = "Internet"

_Address: t.TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: t.TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


def canonical(text: str) -> str:
    """One spelling of an address, prefix, range or keyword. Raises ValueError for anything else.

    Windows shows a prefix that it was given as a mask (10.1.0.0/255.255.0.0), so texts cannot be compared as they are.
    """
    stripped = text.strip()
    keyword = next((keyword for keyword in KEYWORDS if keyword.lower() == stripped.lower()), None)
    if keyword:
        return keyword
    first, last = _limits(stripped)
    networks = list(ipaddress.summarize_address_range(first, last))
    if len(networks) > 1:
        return f"{first}-{last}"
    network = networks[0]
    if network.prefixlen == 0:
        return ANY
    return str(first) if network.num_addresses == 1 else str(network)


def canonical_or_as_told(texts: Iterable[str]) -> tuple[str, ...]:
    """What a machine tells, in one spelling; what nobody knows stays as it is. No address at all means any."""
    return tuple(known(text) or text for text in texts) or (ANY,)


def known(text: str) -> str | None:
    """The spelling of `canonical`, or None."""
    try:
        return canonical(text)
    except ValueError:
        return None


def is_any(addresses: Iterable[str]) -> bool:
    """Whether everybody is let in."""
    return ANY in addresses


def public_ones(addresses: Iterable[str]) -> list[str]:
    """Those of canonical `addresses` that reach the internet, wholly or in part; `Any` is not among them."""
    return [address for address in addresses if _is_public(address)]


@functools.cache
def _not_public() -> tuple[_Network, ...]:
    """What is not routed on the internet: private use, shared, loopback, link-local, documentation, benchmark."""
    networks = (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15"),
        *("::1/128", "fc00::/7", "fe80::/10", "2001:db8::/32"),
    )
    return tuple(ipaddress.ip_network(network) for network in networks)


def _is_public(address: str) -> bool:
    if address in KEYWORDS:
        return address == _INTERNET
    try:
        first, last = _limits(address)
    except ValueError:
        return False
    return not all(
        any(
            isinstance(network, type(inside)) and network.subnet_of(inside)  # type: ignore[arg-type]
            for inside in _not_public()
        )
        for network in ipaddress.summarize_address_range(first, last)
    )


def _limits(text: str) -> tuple[t.Any, t.Any]:
    """First and last address of an address, a prefix (also with a mask), or a range. Raises ValueError."""
    start, dash, end = text.partition("-")
    if not dash:
        network: _Network = ipaddress.ip_network(text, strict=False)
        return network.network_address, network.broadcast_address
    first: _Address = ipaddress.ip_address(start.strip())
    last: _Address = ipaddress.ip_address(end.strip())
    if first.version != last.version or int(first) > int(last):
        raise ValueError("a range goes from a lower to a higher address of the same kind")
    return first, last
