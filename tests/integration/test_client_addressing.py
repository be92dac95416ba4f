# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`client` and the KMS address at every level, and what kind of activation is allowed, as a user runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from client_runs import KMS, client_lab, four_runs
from running_lab import RunningLab

OLD = "old.corp.example.test"
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
SPP = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
POLICY = r"SOFTWARE\Policies\Microsoft\Windows NT\CurrentVersion\Software Protection Platform"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with client_lab(tmp_path_factory.mktemp("addressing")) as lab:
        yield lab


def test_a_machine_is_pinned(lab: RunningLab) -> None:
    run = four_runs(lab, "win01", kms_host=OLD, kms_port=1700)
    assert (run["kms_client"]["kms_host"], run["kms_client"]["kms_port"]) == (OLD, 1700)


def test_discovery_clears_every_level(lab: RunningLab) -> None:
    lab("set", "win01", rf"registry={SPP}\{WINDOWS}\KeyManagementServiceName={OLD}")
    lab.module("win01", "client", kms_host="other.corp.example.test")
    lab.module("win01", "client", kms_host=OLD, address_level="product")
    run = four_runs(lab, "win01", discovery=True)
    # A product that shows the service's settings as its own cannot be told from one that has them.
    levels = 2 if "product-shows-service-host" in lab.dialects else 1
    assert sorted(run["operations"]) == [
        "ClearKeyManagementServiceMachine",
        "ClearKeyManagementServiceMachine",
        *["ClearKeyManagementServicePort"] * levels,
        "DeleteRegistryValue",
    ]
    assert run["kms_client"]["kms_host"] is None
    assert run["products"][0]["kms_host"] is None


def test_a_product_gets_a_kms_host_of_its_own(lab: RunningLab) -> None:
    run = four_runs(lab, "win02", product_name="*VisioPro*", address_level="product", kms_host=KMS)
    assert run["kms_client"]["kms_host"] is None
    hosts = {product["license_family"]: product["kms_host"] for product in run["products"]}
    assert hosts["Office21VisioPro2021VL_KMS_Client_AE"] == KMS
    assert [host for host in hosts.values() if host] == [KMS]


def test_the_lookup_domain_is_set_and_cleared(lab: RunningLab) -> None:
    run = four_runs(lab, "win02", lookup_domain="hq.example.test")
    assert run["kms_client"]["lookup_domain"] == "hq.example.test"
    assert four_runs(lab, "win02", clear_lookup_domain=True)["kms_client"]["lookup_domain"] is None
    refused = lab.module("old01", "client", lookup_domain="hq.example.test")
    assert "has no lookup domain for Windows" in refused["msg"]


def test_host_caching_is_switched(lab: RunningLab) -> None:
    assert four_runs(lab, "win02", host_caching=False)["kms_client"]["host_caching"] is False
    assert four_runs(lab, "win02", host_caching=True)["kms_client"]["host_caching"] is True


def test_a_group_policy_and_the_pin_of_a_cloud_are_respected(lab: RunningLab) -> None:
    lab("set", "win03", rf"registry={POLICY}\KeyManagementServiceName={OLD}")
    refused = lab.module("win03", "client", kms_host=KMS)
    assert refused["msg"].startswith(f"A Group Policy sets KeyManagementServiceName to {OLD} on WIN03 (HKLM\\")
    lab("set", "win03", rf"registry={POLICY}\KeyManagementServiceName=")
    lab.module("win03", "client", kms_host="169.254.169.250")
    refused = lab.module("win03", "client", discovery=True)
    assert "pinned to 169.254.169.250, the KMS host of its cloud provider" in refused["msg"]
    assert four_runs(lab, "win03", discovery=True, force=True)["kms_client"]["kms_host"] is None


def test_active_directory_activates_and_kms_is_forced(lab: RunningLab) -> None:
    run = four_runs(lab, "joined01", channel="ad", activate="if_needed")
    product = run["products"][0]
    assert (product["activation_type_name"], product["ad_activation_object_name"]) == ("ActiveDirectory", "Windows")
    run = four_runs(lab, "joined01", channel="kms", activation_type="kms", kms_host=KMS, activate="if_needed")
    assert run["products"][0]["activation_type_name"] == "KMS"
    assert four_runs(lab, "joined01", activation_type="any")["products"][0]["activation_type_enabled"] == 0
    four_runs(lab, "joined01", channel="token")
    refused = lab.module("joined01", "client", activate="renew")
    assert "may be activated by token only" in refused["msg"]


def test_the_key_is_cleared_from_the_registry_and_nothing_activates_itself(lab: RunningLab) -> None:
    options = {"channel": "kms", "clear_key_from_registry": True, "automatic_activation": False}
    run = four_runs(lab, "win03", **options)
    assert run["operations"] == ["SetRegistryValue", "InstallProductKey", "ClearProductKeyFromRegistry"]
    assert lab.machine("win03")["key_in_registry"] is False


def test_a_failure_says_what_to_check_next_and_what_the_controller_saw(lab: RunningLab) -> None:
    failed = lab.module("win03", "client", channel="kms", kms_host="gone.invalid", activate="if_needed")
    assert failed["status"] == "FAILED"
    assert failed["error"]["next_check"] == {
        "check": "name",
        "target": "gone.invalid",
        "checked": True,
        "result": "The name gone.invalid does not resolve on the controller.",
        "what": "Look whether the name of the KMS host resolves on the machine.",
    }
    assert failed["error"]["code"].startswith("0x")
    assert failed["error"]["name"]
    assert failed["error"]["cause"]
    assert failed["kms_client"]["kms_host"] == "gone.invalid"
    quiet = lab.module("win03", "client", kms_host="gone.invalid", activate="if_needed", diagnose=False)
    assert quiet["error"]["next_check"]["checked"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kms_host": "kms01:1700"}, "Give the port as kms_port: kms_host kms01, kms_port 1700."),
        ({"kms_host": "[2001:db8::1]:1700"}, "Give the port as kms_port: kms_host [2001:db8::1], kms_port 1700."),
        ({"kms_host": "kms01", "lookup_domain": "example.test"}, "kms_host and lookup_domain are both given"),
        (
            {"channel": "ad", "activation_type": "kms"},
            "channel is ad, which is activation type ad, and activation_type",
        ),
        ({"activation_id": "Visio"}, "activation_id is Visio, and an activation ID is a GUID such as"),
        ({"activation_id": WINDOWS, "product_name": "*"}, "mutually exclusive"),
        (
            {"state": "absent", "activation_id": WINDOWS, "channel": "kms"},
            "state is absent, which takes a key away, and channel would give or activate one.",
        ),
    ],
)
def test_options_that_contradict_each_other_get_one_sentence(
    lab: RunningLab, options: dict[str, Any], message: str
) -> None:
    result = lab.module("win01", "client", **options)
    assert result["status"] == "FAILED"
    assert message in result["msg"]
