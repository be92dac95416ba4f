# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Windows-facing modules as a user runs them: four runs each, over NTLM with encryption, in three languages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_lab import RunningLab, running_lab

SITE = Path(__file__).with_name("windows_site.yml")
HOST_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
CLIENT_MAK = "CCCCC-DDDDD-FFFFF-GGGGG-MKNXC"
HOST: dict[str, Any] = {
    "product_keys": [HOST_KEY],
    "activate": "if_needed",
    "dns_publishing": False,
    "firewall": {"state": "enabled", "profiles": ["domain", "private"]},
}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    with running_lab(SITE, tmp_path_factory.mktemp("windows")) as lab:
        yield lab


@pytest.fixture(scope="module")
def four_runs_of_host(lab: RunningLab) -> list[dict[str, Any]]:
    """Check, apply, apply, check."""
    return [
        lab.module("kms01", "host", *flags, **HOST) for flags in (["--check", "--diff"], ["--diff"], [], ["--check"])
    ]


def test_host_changes_once_and_check_mode_says_the_same(four_runs_of_host: list[dict[str, Any]]) -> None:
    assert [run["changed"] for run in four_runs_of_host] == [True, True, False, False]
    check, applied = four_runs_of_host[:2]
    assert check["operations"] == applied["operations"]
    assert check["host"]["is_kms_host"] is False
    assert applied["host"]["is_kms_host"] is True
    assert applied["host"]["firewall"]["open_in"] == ["domain", "private"]
    assert applied["host"]["service"]["reachable"] is True
    assert applied["outcome"] == "licensed"


def test_host_spends_one_activation(lab: RunningLab, four_runs_of_host: list[dict[str, Any]]) -> None:
    keys = {key["last_five"]: key for key in lab("state")["microsoft"]["keys"]}
    assert keys["KMNHT"]["activations_used"] == 1


def test_host_info_reads_the_same_and_changes_nothing(lab: RunningLab, four_runs_of_host: list[dict[str, Any]]) -> None:
    info = lab.module("kms01", "host_info", include=["firewall"])
    assert info["changed"] is False
    found, left = info["host"], four_runs_of_host[2]["host"]
    assert found["firewall"] == left["firewall"]
    (product,) = found["products"]
    assert product == {name: left["products"][0][name] for name in product}
    assert (product["current_count"], product["nobody_has_asked"]) == (0, True)


def test_client_info_of_a_german_machine_reads_numbers_and_english_names(lab: RunningLab) -> None:
    info = lab.module("win01", "client_info")
    assert info["changed"] is False
    assert info["operating_system"]["language"] == 1031
    assert info["operating_system"]["edition"] == "Enterprise"
    (product,) = info["products"]
    assert (product["channel"], product["license_status_name"], product["grace_ends"]) == ("mak", "Licensed", None)


def test_client_info_reads_windows_7(lab: RunningLab) -> None:
    info = lab.module("old01", "client_info")
    assert info["operating_system"]["version"].startswith("6.1.")
    assert info["products"][0]["activation_type"] is None


def test_client_changes_once_and_check_mode_says_the_same(lab: RunningLab) -> None:
    options: dict[str, Any] = {"channel": "mak", "product_key": CLIENT_MAK, "activate": "if_needed"}
    runs = [
        lab.module("win01", "client", *flags, **options)
        for flags in (["--check", "--diff"], ["--diff"], [], ["--check"])
    ]
    assert [run["changed"] for run in runs] == [True, True, False, False]
    assert runs[0]["operations"] == runs[1]["operations"] == ["InstallProductKey", "Activate"]
    assert runs[1]["products"][0]["partial_product_key"] == "MKNXC"


def test_a_pending_client_fails_unless_that_is_accepted(
    lab: RunningLab, four_runs_of_host: list[dict[str, Any]]
) -> None:
    options: dict[str, Any] = {"channel": "kms", "kms_host": "kms01.corp.example.test", "activate": "if_needed"}
    pending = lab.module("old01", "client", **options, below_threshold="accept")
    assert (pending["pending"], pending["outcome"], pending["changed"]) == (True, "pending", True)
    assert pending["status"] == "CHANGED"
    failed = lab.module("old01", "client", **options)
    assert failed["status"] == "FAILED"
    assert failed["msg"] == (
        "OLD01 has its key, and is not activated yet: the KMS host's count is below the threshold (0xC004F038 "
        "SL_E_VL_NOT_ENOUGH_COUNT). Clients need a count of 25. Run again when more machines have asked, or set "
        "below_threshold to accept and ask again in a later task."
    )
    assert failed["error"]["kind"] == "below_threshold"
    assert failed["operations"] == ["Activate"]
    assert failed["products"][0]["license_status_name"] == "OOBGrace"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channel": "kms", "product_key": "BBBBB-CCCCC"}, "product_key does not have the form of a product key"),
        ({"product_key": CLIENT_MAK}, "missing parameter(s) required by 'product_key': channel"),
        ({"channel": "kmz"}, "value of channel must be one of: kms, mak, ad, token, unmanaged, got: kmz"),
        ({"discovery": True, "kms_host": "kms01"}, "discovery is true, and kms_host or kms_port is given too"),
        ({"kms_port": 70000}, "kms_port is 70000, and a TCP port is from 1 to 65535"),
        ({"chanel": "kms"}, "Unsupported parameters"),
    ],
)
def test_bad_options_get_one_sentence_and_change_nothing(
    lab: RunningLab, options: dict[str, Any], message: str
) -> None:
    before = lab.machine("win01")
    result = lab.module("win01", "client", **options)
    assert result["status"] == "FAILED"
    assert message in result["msg"]
    assert CLIENT_MAK not in str(result)
    assert lab.machine("win01") == before


def test_a_wrong_password_is_unreachable_with_a_sentence(lab: RunningLab) -> None:
    result = lab.module("win01", "client_info", variables={"ansible_password": "wrong"})
    assert result["status"] == "UNREACHABLE"
    assert result["error"]["kind"] == "authentication_refused"


def test_a_machine_that_is_off_is_unreachable_with_a_sentence(lab: RunningLab) -> None:
    result = lab.module("win01", "client_info", variables={"ansible_port": 5999})
    assert result["status"] == "UNREACHABLE"
    assert result["error"]["kind"] == "connection_lost"


def test_access_denied_is_failed_and_not_unreachable(lab: RunningLab) -> None:
    lab("set", "srv05", "access=denied")
    try:
        result = lab.module("srv05", "client_info")
    finally:
        lab("set", "srv05", "access=allowed")
    assert result["status"] == "FAILED"
    assert result["error"]["kind"] == "cim_fault"
    # Which of the two codes a machine sends is unverified.
    sentence = re.sub(r"\(0x\w+ \w+\)", "(CODE)", result["msg"])
    assert sentence == (
        "Enumerate of Win32_OperatingSystem failed on srv05: access denied (CODE). The account must be an "
        "administrator of that machine. Windows takes this right away from local accounts over the network unless "
        "LocalAccountTokenFilterPolicy is 1; a domain account keeps it."
    )
    assert result["error"]["name"] in {"E_ACCESSDENIED", "WBEM_E_ACCESS_DENIED"}


def test_a_delegated_task_is_told_about_delegate_to(lab: RunningLab) -> None:
    result = lab.module("win01", "client_info", variables={"ansible_connection": "local"})
    assert result["status"] == "FAILED"
    assert "ansible_connection" in result["msg"]
    assert "delegate_to" in result["msg"]
