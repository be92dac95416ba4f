# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`host_info` over the wire: host keys, readiness, firewall, publishing and updates of hosts, and of none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("client_info_site.yml")
EVERYTHING = ["firewall", "events", "updates"]
OPEN = {"state": "enabled", "allow_public": True}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("host_info")) as lab:
        lab("set", "kms01", "clients=30", "firewall=off")
        yield lab


def test_host_keys_and_readiness_need_no_section(lab: RunningLab) -> None:
    info = lab.module("kms01", "host_info")
    host = info["host"]
    assert (info["changed"], host["is_kms_host"], host["firewall"]) == (False, True, None)
    assert [each["application"] for each in host["products"]] == ["windows", "office"]
    windows, office = host["products"]
    assert (windows["current_count"], windows["nobody_has_asked"]) == (30, False)
    assert host["readiness"]["windows_client"]["ready"]
    assert host["readiness"]["windows_server"]["ready"]
    # Whether Office has a count of its own is a manner of speaking.
    assert host["readiness"]["office"]["missing"] == max(0, 5 - office["current_count"])
    assert (host["service"]["state"], host["service"]["listening_port"]) == ("Running", 1688)
    assert "KMNHT" in json.dumps(info)
    assert "MMMMM" not in json.dumps(info)


def test_a_firewall_that_host_opens_is_shown_open(lab: RunningLab) -> None:
    before = lab.module("kms01", "host_info", include=EVERYTHING)["host"]
    assert (before["firewall"]["open_in"], before["firewall"]["exposed"]) == ([], False)
    assert lab.module("kms01", "host", firewall=OPEN)["changed"]
    assert not lab.module("kms01", "host", firewall=OPEN)["changed"]
    opened = lab.module("kms01", "host_info", include=["firewall"])["host"]["firewall"]
    assert opened["open_in"] == ["domain", "private", "public"]
    assert lab("state")["machines"]["kms01"]["kms_host"]["listening"], "the lab does not let anybody in"


def test_what_would_open_a_host_to_everybody_is_refused_with_the_reason(lab: RunningLab) -> None:
    before = lab.machine("bare01")
    refused = lab.module("bare01", "host", firewall={"state": "enabled", "remote_addresses": ["8.8.8.0/24"]})
    assert refused["status"] == "FAILED"
    assert "to public addresses (8.8.8.0/24)" in refused["msg"]
    assert "(F16)" in refused["msg"]
    assert lab.machine("bare01") == before


def test_updates_and_publishing_are_read_where_asked(lab: RunningLab) -> None:
    host = lab.module("kms01", "host_info", include=EVERYTHING)["host"]
    assert host["publishing_reason"] is None
    assert {each["name"]: each["possible"] for each in host["updates"]["can_host"]}["Windows Server 2022"] is True


def test_a_machine_that_is_no_host_says_so(lab: RunningLab) -> None:
    host = lab.module("old01", "host_info", include=EVERYTHING)["host"]
    assert (host["is_kms_host"], host["products"]) == (False, [])
    assert (host["firewall"]["supported"], host["updates"]["revision"]) == (False, None)


def test_a_wrong_number_of_days_is_refused_before_anything_is_read(lab: RunningLab) -> None:
    refused = lab.module("kms01", "host_info", event_days=0)
    assert refused["status"] == "FAILED"
    assert refused["msg"] == "event_days is 0, and it is from 1 to 366. Nothing was read."
