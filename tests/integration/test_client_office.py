# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`client` for Office and its keys, as a user runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from client_runs import KMS, client_lab, four_runs, office_clients
from running_lab import RunningLab

SUITE_MAK, VISIO_MAK = "FFFFF-GGGGG-HHHHH-JJJJJ-MKFFG", "HHHHH-JJJJJ-KKKKK-MMMMM-MKHHJ"
TO_KMS: dict[str, Any] = {"product": "all", "channel": "kms", "kms_host": KMS, "activate": "if_needed"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with client_lab(tmp_path_factory.mktemp("office")) as lab:
        yield lab


def channels(result: dict[str, Any]) -> dict[str, str]:
    """Last five -> channel of the products of a result."""
    return {product["partial_product_key"]: product["channel"] for product in result["products"]}


def test_office_is_switched_in_four_runs(lab: RunningLab) -> None:
    run = four_runs(lab, "win01", **TO_KMS)
    assert run["operations"] == [
        "SetKeyManagementServiceMachine",
        *["InstallProductKey", "Activate"] * 2,
        "Activate",
    ]
    assert run["outcome"] == "licensed"
    kms = {product["name"]: product["outcome"] for product in run["products"] if product["channel"] == "kms_client"}
    assert kms == {
        "Windows(R), Enterprise edition": "licensed",
        "Office 21, Office21ProPlus2021VL_KMS_Client_AE edition": "licensed",
        "Office 21, Office21VisioPro2021VL_KMS_Client_AE edition": "licensed",
    }


def test_a_mak_of_office_is_removed_only_after_the_gvlk_is_licensed(lab: RunningLab) -> None:
    office_clients(lab, 0)
    try:
        pending = lab.module("win02", "client", **TO_KMS, old_keys="remove", below_threshold="accept")
        assert pending["pending"] is True
        replaced = "office-key-replaces" in lab.dialects
        assert channels(pending).get("MKFFG") == (None if replaced else "mak")
        refused = lab.module("win02", "client", **TO_KMS, old_keys="remove")
        assert refused["error"]["next_check"]["check"] == "count"
        assert "Office products need a count of 5, each of its own (Office 21, " in refused["msg"]
    finally:
        office_clients(lab, 10)
    done = four_runs(lab, "win02", **TO_KMS, old_keys="remove")
    assert replaced or "UninstallProductKey" in done["operations"]
    assert set(channels(done).values()) == {"kms_client"}


def test_office_of_windows_7_is_switched_by_its_own_classes(lab: RunningLab) -> None:
    run = four_runs(lab, "old01", **TO_KMS, old_keys="remove")
    assert {product["family"] for product in run["products"] if product["application"] == "office"} == {"ospp"}
    assert run["office_kms_client"]["kms_host"] == KMS
    assert set(channels(run).values()) == {"kms_client"}


def test_a_mak_of_office_is_installed(lab: RunningLab) -> None:
    options = {"product_name": "*VisioPro2021*", "channel": "mak", "product_key": VISIO_MAK, "activate": "if_needed"}
    run = four_runs(lab, "win03", **options)
    assert run["operations"] == ["InstallProductKey", "Activate"]
    assert channels(run)["MKHHJ"] == "mak"
    assert VISIO_MAK not in str(run)


def test_a_key_is_removed_by_its_activation_id_only(lab: RunningLab) -> None:
    products = lab.module("win03", "client", product="all")["products"]
    ids = {product["partial_product_key"]: product["activation_id"] for product in products}
    missing = lab.module("win03", "client", state="absent")
    assert (missing["status"], "activation_id" in missing["msg"]) == ("FAILED", True)
    windows = lab.module("win03", "client", state="absent", activation_id=ids["MKNWC"])
    assert windows["status"] == "FAILED"
    assert "is the Windows licence of WIN03 itself" in windows["msg"]
    run = four_runs(lab, "win03", state="absent", activation_id=ids["MKFFG"])
    assert run["operations"] == ["UninstallProductKey"]
    assert set(channels(run)) == set(ids) - {"MKFFG"}


def test_what_is_left_alone_is_listed(lab: RunningLab) -> None:
    run = lab.module("win03", "client", product="all", channel="kms", from_channels=["retail"])
    assert {skipped["reason"] for skipped in run["skipped_products"]} == {"its channel is mak, not in from_channels"}
    nothing = lab.module("joined01", "client", product="office", channel="kms")
    assert nothing["msg"].startswith("JOINED01 has no licence with a key that is of a volume product of Office.")
