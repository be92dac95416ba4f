# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which DNS domains a client looks for `_vlmcs._tcp`, in its own order, as its settings have it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ._registry import Registry

_PARAMETERS = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
_INTERFACES = rf"{_PARAMETERS}\Interfaces"
# That a search list by Group Policy wins over the local one is unverified.
_POLICY = r"SOFTWARE\Policies\Microsoft\Windows NT\DNSClient"
_LIST_VALUE = "SearchList"

# A comma, as the values of others show; that it is always one is unverified.
_SEPARATOR = re.compile(r"(?:\s|,|;)+")


@dataclass(frozen=True, slots=True)
class DnsSuffixes:
    """Domains in lower case without a final dot, each once. `source` says which setting decided.

    It is lookup_domain, policy, search_list or domains.
    """

    suffixes: tuple[str, ...]
    source: str


def read_suffixes(registry: Registry, lookup_domain: str | None) -> DnsSuffixes:
    """The domains of a machine; a lookup domain of its licensing service is the only one, and asks for nothing.

    Source: slmgr.vbs options, "/skms-domain"; TCP/IP and NBT configuration parameters (KB 314053)
    """
    if lookup_domain:
        return DnsSuffixes(_unique([lookup_domain]), "lookup_domain")
    for key, source in ((_POLICY, "policy"), (_PARAMETERS, "search_list")):
        listed = _unique(_SEPARATOR.split(registry.text(key, _LIST_VALUE) or ""))
        if listed:
            return DnsSuffixes(listed, source)
    return DnsSuffixes(_unique(_domains(registry)), "domains")


def _domains(registry: Registry) -> Iterator[str]:
    """The primary suffix, then that of each interface: its own, else the one that DHCP gave."""
    yield _first(registry, _PARAMETERS, ("Domain", "NV Domain", "DhcpDomain"))
    for interface in registry.keys(_INTERFACES):
        yield _first(registry, rf"{_INTERFACES}\{interface}", ("Domain", "DhcpDomain"))


def _first(registry: Registry, key: str, names: tuple[str, ...]) -> str:
    """The first value that is not empty. What the key does not have is not asked for."""
    there = {name.lower() for name in registry.names(key)}
    return next((text for name in names if name.lower() in there and (text := registry.text(key, name))), "")


def _unique(domains: Iterator[str] | list[str]) -> tuple[str, ...]:
    names = (domain.strip().strip(".").lower() for domain in domains)
    return tuple(dict.fromkeys(name for name in names if name))
