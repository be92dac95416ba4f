# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`client_info` with `include`: registry and Application log of a machine, and what is said when they can't be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("client_info_site.yml")
HOST = "kms01.corp.example.test"
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
SPP = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
POLICY = r"SOFTWARE\Policies\Microsoft\Windows NT\CurrentVersion\Software Protection Platform"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("sections")) as lab:
        lab("set", "kms01", "clients=25", "firewall=on")
        yield lab


@pytest.fixture(scope="module")
def activated(lab: RunningLab) -> dict[str, Any]:
    """What the log of a server says that the KMS host has activated."""
    run = lab.module("bare01", "client", kms_host=HOST, activate="if_needed")
    assert run["outcome"] == "licensed", run
    return lab.module("bare01", "client_info", include=["events"])


def test_the_last_request_and_its_answer_are_read_from_the_log(activated: dict[str, Any]) -> None:
    events = activated["events"]
    assert events["reason"] is None
    (request,) = events["kms_requests"]
    assert request["activation_id"] == activated["products"][0]["activation_id"]
    assert (request["succeeded"], request["code"], request["code_name"]) == (True, "0x00000000", None)
    assert (request["kms_host"], request["kms_port"]) == (HOST, 1688)
    assert request["cmid"] == activated["kms_client"]["cmid"]
    assert request["recorded"] <= activated["operating_system"]["clock"]
    answer = request["response"]
    assert (answer["succeeded"], answer["activated"]) == (True, True)
    assert (answer["activation_interval_minutes"], answer["renewal_interval_minutes"]) == (120, 10080)


def test_a_request_that_nobody_answered_has_a_code_with_meaning_and_remedy(lab: RunningLab) -> None:
    lab("set", "kms01", "firewall=off")
    try:
        run = lab.module("old01", "client", kms_host=HOST, activate="if_needed")
        assert run["status"] == "FAILED"
    finally:
        lab("set", "kms01", "firewall=on")
    (request,) = lab.module("old01", "client_info", include=["events"])["events"]["kms_requests"]
    assert request["succeeded"] is False
    assert request["code"].startswith("0x8") or request["code"].startswith("0xC")
    assert request["code_meaning"]
    assert request["code_remedy"]
    assert request["response"] is None


def test_a_machine_that_never_asked_is_known_to_have_no_request(lab: RunningLab) -> None:
    events = lab.module("win01", "client_info", include=["events"])["events"]
    assert events == {"kms_requests": [], "reason": None}


def test_the_domains_in_which_a_machine_looks_for_kms_hosts_are_read(lab: RunningLab) -> None:
    info = lab.module("win01", "client_info", include=["dns"])
    assert info["dns"] == {"suffixes": ["corp.example.test"], "source": "domains", "reason": None}


def test_a_policy_and_a_leftover_of_an_application_are_shown(lab: RunningLab) -> None:
    leftover = rf"{SPP}\{WINDOWS}"
    lab("set", "ad01", rf"registry={POLICY}\KeyManagementServiceName=policy.corp.example.test")
    lab("set", "ad01", rf"registry={leftover}\KeyManagementServiceName=old.corp.example.test")
    registry = lab.module("ad01", "client_info", include=["registry"])["registry"]
    assert registry["reason"] is None
    found = {(entry["level"], entry["key"].lower(), entry["kms_host"]) for entry in registry["kms_hosts"]}
    assert ("policy", rf"hklm\{POLICY}".lower(), "policy.corp.example.test") in found
    assert ("application", rf"hklm\{leftover}".lower(), "old.corp.example.test") in found


def test_a_machine_that_nobody_pinned_has_no_kms_host_in_its_registry(lab: RunningLab) -> None:
    registry = lab.module("win01", "client_info", include=["registry"])["registry"]
    assert registry == {"kms_hosts": [], "automatic_activation": True, "user_operations": False, "reason": None}


def test_automatic_activation_that_was_switched_off_is_shown(lab: RunningLab) -> None:
    lab("set", "kms01", rf"registry={SPP}\Activation\Manual=1")
    registry = lab.module("kms01", "client_info", include=["registry"])["registry"]
    assert registry["automatic_activation"] is False
