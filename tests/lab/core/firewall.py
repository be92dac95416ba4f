# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of the Windows firewall, as far as a KMS host needs them: what a machine has at first, and whom a rule is for.

Sources: cim_classes.yaml, MSFT_NetFirewallRule (kms_rule); kms_rules.yaml, firewall; small_facts.yaml,
firewall_address_filter; DESIGN, "Facts about Windows" (the two rules of a client Windows).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .catalogue import OperatingSystem

FIREWALL_RULE = "SPPSVC-In-TCP"
NO_SCOPE_RULE = "SPPSVC-In-TCP-NoScope"

#: The store of rules that are the machine's own. Any other store is named for its Group Policy object.
PERSISTENT_STORE, ACTIVE_STORE = "PersistentStore", "ActiveStore"

#: Bits of Profiles; 0 stands for all of them.
PROFILES = {"domain": 1, "private": 2, "public": 4}

ALLOW, BLOCK = 2, 4
INBOUND, OUTBOUND = 1, 2
ANY = "Any"

#: Words that stand for addresses, and whether a machine of the lab is one of them.
_TOKENS = {
    "any": True,
    "localsubnet": True,
    "intranet": True,
    "defaultgateway": False,
    "dhcp": False,
    "wins": False,
    "dns": False,
    "internet": False,
    "intranetremoteaccess": False,
    "playtotargets": False,
}

_KMS_GROUP = "@%SystemRoot%\\system32\\firewallapi.dll,-33751"
_KMS_TITLE = "@%SystemRoot%\\system32\\firewallapi.dll,-33752"


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """One rule with its filters. `element_name` may be an indirect string, `title` is what a person reads."""

    name: str
    element_name: str
    title: str
    enabled: bool = False
    profiles: int = 0
    direction: int = INBOUND
    action: int = ALLOW
    protocol: str = ANY
    local_ports: tuple[str, ...] = (ANY,)
    remote_ports: tuple[str, ...] = (ANY,)
    local_addresses: tuple[str, ...] = (ANY,)
    remote_addresses: tuple[str, ...] = (ANY,)
    group: str = ""
    display_group: str = ""
    description: str = ""
    store: str = PERSISTENT_STORE

    def concerns(self, port: int, profile: int) -> bool:
        """Whether it is about TCP connections to a port, in a network of that profile."""
        return (
            self.enabled
            and self.direction == INBOUND
            and self.protocol.upper() in ("ANY", "TCP", "6")
            and (self.profiles == 0 or bool(self.profiles & profile))
            and any(_has_port(text, port) for text in self.local_ports)
        )

    def is_for(self, address: str | None) -> bool:
        """Whether it is for connections from an address, or with None from any machine of the lab."""
        return any(_has_address(text, address) for text in self.remote_addresses)


def fresh_rules(system: OperatingSystem, *, server_no_scope: bool) -> dict[str, FirewallRule]:
    """What a machine has before anybody changes anything: the rules of the KMS, and some of others."""
    kms = FirewallRule(
        FIREWALL_RULE,
        _KMS_TITLE,
        "Key Management Service (TCP-In)",
        protocol="TCP",
        local_ports=("1688",),
        group=_KMS_GROUP,
        display_group="Key Management Service",
        description="Inbound rule for the Key Management Service to allow for machine counting and license compliance.",
    )
    rules = [kms]
    if not system.is_server or server_no_scope:
        scoped = replace(kms, profiles=PROFILES["private"] | PROFILES["public"], remote_addresses=("LocalSubnet",))
        rules = [scoped, replace(kms, name=NO_SCOPE_RULE, profiles=PROFILES["domain"])]
    rules += [
        FirewallRule(
            "WINRM-HTTP-In-TCP",
            "Windows Remote Management (HTTP-In)",
            "Windows Remote Management (HTTP-In)",
            enabled=True,
            profiles=PROFILES["domain"] | PROFILES["private"],
            protocol="TCP",
            local_ports=("5985",),
            group="Windows Remote Management",
            display_group="Windows Remote Management",
        ),
        FirewallRule(
            "FPS-SMB-In-TCP",
            "File and Printer Sharing (SMB-In)",
            "File and Printer Sharing (SMB-In)",
            profiles=PROFILES["domain"],
            protocol="TCP",
            local_ports=("445",),
            group="File and Printer Sharing",
            display_group="File and Printer Sharing",
        ),
    ]
    return {rule.name: rule for rule in rules}


def profile_bits(names: Iterable[str]) -> int:
    """Profiles of names; "any" or no name is 0. Raises ValueError."""
    bits = 0
    for name in names:
        if name != "any":
            if name not in PROFILES:
                raise ValueError(name)
            bits |= PROFILES[name]
    return bits


def profile_names(bits: int) -> list[str]:
    """The names of the bits; all of them for 0."""
    return [name for name, bit in PROFILES.items() if bits == 0 or bits & bit]


def checked_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses as a rule takes them: one address, prefix, mask, range or word each; Any only alone.

    Raises ValueError.
    """
    found = tuple(address.strip() for address in addresses)
    if not found or (len(found) > 1 and any(address.lower() == "any" for address in found)):
        raise ValueError("Any only alone")
    for address in found:
        if address.lower() not in _TOKENS:
            _span(address)
    return found


def checked_ports(ports: Iterable[str]) -> tuple[str, ...]:
    """Ports as a rule takes them: numbers, ranges, or Any alone. Raises ValueError."""
    found = tuple(port.strip() for port in ports)
    if not found or (len(found) > 1 and any(port.lower() == "any" for port in found)):
        raise ValueError("Any only alone")
    for port in found:
        if port.lower() != "any":
            first, _, last = port.partition("-")
            if not 0 <= int(first) <= int(last or first) <= 65535:
                raise ValueError(port)
    return found


def as_mask(address: str) -> str:
    """An IPv4 prefix written with a mask; anything else as it is."""
    try:
        network = ipaddress.IPv4Network(address, strict=False)
    except ValueError:
        return address
    return address if "/" not in address else f"{network.network_address}/{network.netmask}"


def _has_port(text: str, port: int) -> bool:
    first, _, last = text.partition("-")
    return text.lower() == "any" or int(first) <= port <= int(last or first)


def _has_address(text: str, address: str | None) -> bool:
    token = _TOKENS.get(text.lower())
    if token is not None:
        return token
    first, last = _span(text)
    lowest, highest = _span(address or "127.0.0.0/8")
    if first.version != lowest.version:
        return False
    return int(first) <= int(highest) and int(lowest) <= int(last)


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _span(text: str) -> tuple[_Address, _Address]:
    """The first and last address of an address, prefix, mask or range. Raises ValueError."""
    first, dash, last = text.partition("-")
    if dash:
        ends = ipaddress.ip_address(first), ipaddress.ip_address(last)
        if ends[0].version != ends[1].version or int(ends[0]) > int(ends[1]):
            raise ValueError(text)
        return ends
    network = ipaddress.ip_network(text, strict=False)
    return network[0], network[-1]
