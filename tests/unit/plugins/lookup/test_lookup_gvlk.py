# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup gvlk."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleLookupError
from published_keys import published_key

from ansible_collections.volact.kms.plugins.lookup.gvlk import LookupModule


def look_up(*names: str) -> list[Any]:
    return LookupModule().run(list(names))


def test_a_product_is_found_by_its_name_in_any_case() -> None:
    key = published_key("Windows Server 2025", "Datacenter")
    assert look_up("Windows Server 2025 Datacenter", " windows  server 2025 DATACENTER") == [key, key]


def test_without_a_name_all_products_are_listed() -> None:
    found = look_up()
    assert len(found) > 100
    assert all(set(each) == {"name", "key"} and each["name"] and len(each["key"]) == 29 for each in found)
    assert {"name": "Windows Server 2025 Datacenter", "key": look_up("Windows Server 2025 Datacenter")[0]} in found


def test_each_listed_name_finds_its_own_key() -> None:
    found = look_up()
    assert look_up(*(each["name"] for each in found)) == [each["key"] for each in found]


def test_an_unknown_product_is_refused_and_the_nearest_names_are_given() -> None:
    with pytest.raises(AnsibleLookupError) as refused:
        look_up("Windows Server 2025 Datacentre")
    assert "no client setup key for 'Windows Server 2025 Datacentre'" in str(refused.value)
    assert "Did you mean Windows Server 2025 Datacenter" in str(refused.value)
    with pytest.raises(AnsibleLookupError, match="lists all"):
        look_up("Solaris")
