# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remote addresses of firewall rules: spellings that mean the same, and what reaches the internet."""

from __future__ import annotations

import pytest

from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall_addresses import (
    canonical,
    canonical_or_as_told,
    is_any,
    public_ones,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("any", "Any"),
        ("localsubnet", "LocalSubnet"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("192.0.2.7/32", "192.0.2.7"),
        ("10.1.0.0/255.255.0.0", "10.1.0.0/16"),
        ("10.1.2.3/16", "10.1.0.0/16"),
        ("10.1.0.0-10.1.255.255", "10.1.0.0/16"),
        ("192.0.2.7-192.0.2.19", "192.0.2.7-192.0.2.19"),
        ("192.0.2.7 - 192.0.2.7", "192.0.2.7"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1"),
        ("0.0.0.0/0", "Any"),
        ("::/0", "Any"),
        ("0.0.0.0-255.255.255.255", "Any"),
    ],
)
def test_one_address_has_one_spelling(text: str, expected: str) -> None:
    assert canonical(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "kms.example.test", "192.0.2.300", "192.0.2.9-192.0.2.1", "192.0.2.1-2001:db8::1", "10.0.0.0/33", "1-2"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        canonical(text)


def test_what_a_machine_tells_is_kept_even_if_nobody_knows_it() -> None:
    told = ["10.0.0.0/255.0.0.0", "SomethingNew"]
    assert canonical_or_as_told(told) == ("10.0.0.0/8", "SomethingNew")


def test_a_filter_without_addresses_lets_everybody_in() -> None:
    assert is_any(canonical_or_as_told([]))


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8",
        "10.0.0.0/7",
        "172.16.0.0/11",
        "192.168.0.0-192.169.0.0",
        "2600::/12",
        "Internet",
        "100.64.0.0/9",
        "128.0.0.0/1",
    ],
)
def test_ranges_that_reach_the_internet_even_in_part_are_public(text: str) -> None:
    assert public_ones([canonical(text)]) == [canonical(text)]


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.1.1",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fd00::/8",
        "fe80::1",
        "192.0.2.0-192.0.2.255",
        "LocalSubnet",
        "Intranet",
        "Any",
        "SomethingNew",
    ],
)
def test_private_ranges_and_keywords_are_not_public(text: str) -> None:
    assert public_ones(canonical_or_as_told([text])) == []
