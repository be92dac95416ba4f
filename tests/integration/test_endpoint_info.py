# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module `endpoint_info` as a user runs it, against the machines of a lab and against sockets of other kinds."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hostile_endpoint import silent_listener
from running_lab import RunningLab, running_lab

ZONE = "corp.example.test"
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
KMS_HOST = {"os": "windows-server-2022-datacenter", "products": [{"key": HOST_KEY, "activated": True}]}
SITE = {
    "domain": ZONE,
    "dns": {"software": "builtin"},
    "machines": {"kms01": KMS_HOST, "kms02": KMS_HOST, "win01": {"os": "windows-11-enterprise"}},
    "microsoft": {"keys": [{"key": HOST_KEY, "kind": "kms_host", "for": ["windows-server-2022-datacenter"]}]},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """Two KMS hosts, of which the second is behind its firewall."""
    folder = tmp_path_factory.mktemp("network")
    site = folder / "site.yml"
    site.write_text(yaml.safe_dump(SITE, sort_keys=False), "utf-8")
    with running_lab(site, folder) as lab:
        lab("set", "kms01", "firewall=on")
        yield lab


def address(lab: RunningLab, machine: str) -> str:
    inventory = yaml.safe_load((lab.state_folder / "inventory.yml").read_text("utf-8"))["all"]
    return str(inventory["hosts"][machine]["ansible_host"])


def counts(lab: RunningLab) -> dict[str, Any]:
    """What the KMS host has counted of anybody who asked."""
    found: dict[str, Any] = lab.machine("kms01")["kms_host"]
    return found


def test_every_kind_of_endpoint_is_told_from_the_others_and_nobody_is_counted(lab: RunningLab) -> None:
    before = counts(lab)
    with silent_listener() as silent, socket.create_server(("127.0.0.1", 0)) as closing:
        closing.listen(1)
        expected = {
            f"{address(lab, 'kms01')}:1688": "kms",
            f"{address(lab, 'kms02')}:1688": "refused",
            f"{address(lab, 'win01')}:5985": "other_service",
            f"127.0.0.1:{silent}": "timeout",
            "255.255.255.255:1688": "unreachable",
            "nobody.invalid:1688": "name_not_found",
        }
        result = lab.module("localhost", "endpoint_info", endpoints=list(expected), timeout=2)
    assert (result["status"], result["changed"], result["all_kms"]) == ("SUCCESS", False, False)
    assert {each["endpoint"]: each["status"] for each in result["endpoints"]} == expected, result
    assert counts(lab) == before, "a probe is no client"


def test_check_mode_does_the_same(lab: RunningLab) -> None:
    result = lab.module("localhost", "endpoint_info", "--check", endpoints=[address(lab, "kms01")])
    assert (result["changed"], result["all_kms"]) == (False, True)


def test_a_wrong_endpoint_fails_with_a_sentence(lab: RunningLab) -> None:
    result = lab.module("localhost", "endpoint_info", endpoints=["_vlmcs._tcp.corp.example.test"])
    assert result["status"] == "FAILED"
    assert result["msg"] == (
        "The endpoint '_vlmcs._tcp.corp.example.test' is the name of SRV records; the module srv_info finds and checks "
        "what they name."
    )
