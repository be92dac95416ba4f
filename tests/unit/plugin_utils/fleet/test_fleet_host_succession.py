# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A KMS host goes only when others are ready for every class of clients that it activates."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.volact.kms.plugins.filter.host_succession import FilterModule, host_succession
from ansible_collections.volact.kms.plugins.plugin_utils._fleet._host_succession import lacks

OFFICE_2021, OFFICE_2024 = "id-of-2021", "id-of-2024"
Host = dict[str, t.Any]


def product(name: str, count: int, thresholds: dict[str, int], activation_id: str) -> dict[str, t.Any]:
    readiness = {
        requesters: {"threshold": threshold, "current_count": count, "ready": count >= threshold}
        for requesters, threshold in thresholds.items()
    }
    application = "windows" if name.startswith("Windows") else "office"
    return {"name": name, "application": application, "activation_id": activation_id, "readiness": readiness}


def host(windows: int, offices: dict[str, int] | None = None, *, is_host: bool = True) -> Host:
    """`windows` counted for Windows, and so many for each Office by its activation ID."""
    products = [product("Windows(R)", windows, {"windows_client": 25, "windows_server": 5}, f"windows-{windows}")]
    products += [product(f"Office {name}", count, {"office": 5}, name) for name, count in (offices or {}).items()]
    return {"is_kms_host": is_host, "products": products}


def test_a_host_goes_when_its_successor_is_ready_for_each_class_that_it_activates() -> None:
    assert lacks(host(30), {"kms02": host(25)}, ()) == []
    assert lacks(host(30), {"kms02": host(24)}, ()) == ["for windows_client (Windows(R)) kms02 has counted 24 of 25"]
    assert lacks(host(30), {"kms02": host(0)}, ()) == [
        "for windows_client (Windows(R)) kms02 has counted 0 of 25",
        "for windows_server (Windows(R)) kms02 has counted 0 of 5",
    ]


def test_what_the_old_host_activates_nobody_for_is_not_waited_for() -> None:
    assert lacks(host(7), {"kms02": host(5)}, ()) == []
    assert lacks(host(0), {"kms02": host(0)}, ()) == []


def test_each_release_of_office_needs_its_own_key_and_count() -> None:
    old = host(30, {OFFICE_2021: 6})
    assert lacks(old, {"kms02": host(30, {OFFICE_2021: 5})}, ()) == []
    assert lacks(old, {"kms02": host(30, {OFFICE_2021: 4})}, ()) == [
        "for office (Office id-of-2021) kms02 has counted 4 of 5"
    ]
    assert lacks(old, {"kms02": host(30, {OFFICE_2024: 9})}, ()) == [
        "for office (Office id-of-2021) nobody else has a host key"
    ]


def test_several_hosts_may_share_what_the_old_one_did() -> None:
    old = host(30, {OFFICE_2021: 6})
    assert lacks(old, {"kms02": host(30), "kms03": host(0, {OFFICE_2021: 6})}, ()) == []


def test_classes_that_are_declared_are_waited_for_and_no_others() -> None:
    assert lacks(host(30), {"kms02": host(5)}, ["windows_server"]) == []
    assert lacks(host(0), {"kms02": host(4)}, ["windows_server"]) == ["for windows_server kms02 has counted 4 of 5"]


def test_a_host_that_cannot_be_read_stays_unless_it_is_gone() -> None:
    assert lacks(None, {"kms02": host(25)}, ()) == [
        "it could not be read, and what it does is unknown; if it is gone for good, say so"
    ]
    assert lacks(None, {"kms02": host(25)}, (), is_gone=True) == []
    assert lacks(None, {"kms02": host(24)}, (), is_gone=True) == [
        "for windows_client (Windows(R)) kms02 has counted 24 of 25"
    ]


def test_without_anybody_who_answers_the_host_stays() -> None:
    nobody = ["none of kms02, kms03 answers as a KMS host"]
    assert lacks(host(0), {"kms02": None, "kms03": host(9, is_host=False)}, ()) == nobody
    assert lacks(None, {"kms02": None, "kms03": None}, (), is_gone=True) == nobody


def test_one_that_is_no_kms_host_any_more_is_not_waited_for() -> None:
    assert lacks({"is_kms_host": False, "products": []}, {"kms02": None}, ()) == []


def test_the_filter_takes_what_ansible_gives_and_names_the_classes() -> None:
    assert host_succession({"kms02": host(25)}, old=host(30), classes=[]) == []
    assert host_succession({"kms02": {}}, old={}, is_gone=True) == ["none of kms02 answers as a KMS host"]
    with pytest.raises(AnsibleFilterError, match=r"servers: there is no such class\. Nothing was changed\. Classes"):
        host_succession({"kms02": host(25)}, classes=["servers"])
    assert FilterModule().filters() == {"host_succession": host_succession}
