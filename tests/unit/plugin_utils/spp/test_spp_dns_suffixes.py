# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a client looks for KMS hosts in DNS: one setting decides, and domains come in the machine's own order."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest
from spp_lab import new_lab

from ansible_collections.volact.kms.plugins.plugin_utils._spp import Scope, Section, inspect_client
from ansible_collections.volact.kms.plugins.plugin_utils._spp._dns_suffixes import DnsSuffixes, read_suffixes
from ansible_collections.volact.kms.plugins.plugin_utils._spp._registry import Registry

PARAMETERS = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters"
POLICY = r"SOFTWARE\Policies\Microsoft\Windows NT\DNSClient"
FIRST, SECOND = rf"{PARAMETERS}\Interfaces\{{1}}", rf"{PARAMETERS}\Interfaces\{{2}}"


@dataclass
class Texts:
    """A registry of texts: key -> name -> text."""

    values: dict[str, dict[str, str]]
    asked: list[str] = field(default_factory=list)

    def text(self, key: str, name: str) -> str | None:
        self.asked.append(key)
        return self.values.get(key, {}).get(name)

    def names(self, key: str) -> list[str]:
        self.asked.append(key)
        return list(self.values.get(key, {}))

    def keys(self, key: str) -> list[str]:
        self.asked.append(key)
        return [found.rpartition("\\")[2] for found in self.values if found.rpartition("\\")[0] == key]


def suffixes(values: dict[str, dict[str, str]], lookup_domain: str | None = None) -> DnsSuffixes:
    return read_suffixes(t.cast("Registry", Texts(values)), lookup_domain)


DOMAIN = {"Domain": "corp.example.test"}


@pytest.mark.parametrize(
    ("values", "found", "source"),
    [
        ({PARAMETERS: DOMAIN}, ["corp.example.test"], "domains"),
        ({PARAMETERS: {"Domain": "", "NV Domain": "Corp.Example.Test."}}, ["corp.example.test"], "domains"),
        ({PARAMETERS: {"DhcpDomain": "dhcp.example.test"}}, ["dhcp.example.test"], "domains"),
        (
            {
                PARAMETERS: DOMAIN,
                FIRST: {"Domain": "", "DhcpDomain": "lan.example.test"},
                SECOND: {"Domain": "wlan.example.test", "DhcpDomain": "other.example.test"},
            },
            ["corp.example.test", "lan.example.test", "wlan.example.test"],
            "domains",
        ),
        ({PARAMETERS: DOMAIN, FIRST: DOMAIN}, ["corp.example.test"], "domains"),
        (
            {PARAMETERS: {**DOMAIN, "SearchList": "a.example.test,b.example.test"}},
            ["a.example.test", "b.example.test"],
            "search_list",
        ),
        (
            {PARAMETERS: {"SearchList": "a.example.test"}, POLICY: {"SearchList": "p.example.test; q.example.test"}},
            ["p.example.test", "q.example.test"],
            "policy",
        ),
        ({}, [], "domains"),
    ],
)
def test_one_setting_decides_and_each_domain_comes_once(
    values: dict[str, dict[str, str]], found: list[str], source: str
) -> None:
    assert suffixes(values) == DnsSuffixes(tuple(found), source)


def test_a_lookup_domain_is_the_only_one_and_the_registry_is_not_asked() -> None:
    registry = Texts({PARAMETERS: DOMAIN})
    found = read_suffixes(t.cast("Registry", registry), "kms.example.test")
    assert found == DnsSuffixes(("kms.example.test",), "lookup_domain")
    assert registry.asked == []


def test_a_machine_of_the_lab_looks_in_its_own_domain() -> None:
    shown = inspect_client(new_lab().licensing("win01"), Scope.WINDOWS, [Section.DNS])
    assert shown["dns"] == {"suffixes": ["corp.example.test"], "source": "domains", "reason": None}
