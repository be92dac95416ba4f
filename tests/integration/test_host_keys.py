# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module `host` through Ansible: several keys, licence files of the controller, the telephone, and retiring."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab_process import perform
from running_lab import RunningLab, running_lab

from lab.core.licence_files import licence_text

SYSTEM = "windows-server-2022-datacenter"
WINDOWS_KEY = "MMMMM-PPPPP-QQQQQ-RRRRR-KMNHT"
OFFICE_KEY = "RRRRR-TTTTT-VVVVV-WWWWW-KMNRT"
OPEN = {"state": "enabled", "profiles": ["domain", "private"]}

SITE: dict[str, Any] = {
    "domain": "corp.example.test",
    "machines": {"kms[01:04]": {"os": SYSTEM, "groups": ["kms_hosts"], "products": [{"channel": "gvlk"}]}},
    "microsoft": {
        "keys": [
            {"key": WINDOWS_KEY, "kind": "kms_host", "for": [SYSTEM]},
            {"key": OFFICE_KEY, "kind": "kms_host", "for": ["office-2021"]},
        ]
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("host_keys")


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[RunningLab]:
    path = folder / "site.yml"
    path.write_text(yaml.safe_dump(SITE, sort_keys=False), encoding="utf-8")
    with running_lab(path, folder) as lab:
        yield lab


def status_of(result: dict[str, Any]) -> dict[str, str]:
    return {row["partial_product_key"]: row["license_status_name"] for row in result["host"]["products"]}


def test_a_host_for_windows_and_office_takes_its_licence_pack_from_the_controller(
    lab: RunningLab, folder: Path
) -> None:
    pack = folder / "office-2021.xrm-ms"
    pack.write_bytes(licence_text("2021").encode("utf-16"))
    options: dict[str, Any] = {
        "product_keys": [WINDOWS_KEY, OFFICE_KEY],
        "license_files": [str(pack)],
        "activate": "if_needed",
        "dns_publishing": False,
        "firewall": OPEN,
    }
    runs = [lab.module("kms01", "host", *flags, **options) for flags in (["--check"], [], [], ["--check"])]
    assert [run["changed"] for run in runs] == [True, True, False, False]
    assert runs[0]["operations"] == runs[1]["operations"]
    assert runs[1]["operations"][:3] == ["InstallLicense", "InstallProductKey", "InstallProductKey"]
    assert status_of(runs[1]) == {"KMNHT": "Licensed", "KMNRT": "Licensed"}
    assert [row["outcome"] for row in runs[1]["host"]["products"]] == ["licensed", "licensed"]
    assert runs[1]["host"]["service"]["reachable"] is True


def test_a_host_is_activated_by_telephone(lab: RunningLab) -> None:
    waiting = lab.module("kms02", "host", product_keys=[WINDOWS_KEY])
    (product,) = waiting["host"]["products"]
    assert product["installation_id"].isdigit()
    # As a text: 48 digits that begin with 0 are no number.
    told = perform(lab.state_folder, "confirmation-id", "kms02").stdout.strip()
    activated = lab.module("kms02", "host", confirmation_id=f"{told[:6]}-{told[6:]}")
    assert activated["operations"] == ["DepositOfflineConfirmationId"]
    assert activated["outcome"] == "licensed"
    assert activated["host"]["products"][0]["installation_id"] is None


def test_a_failure_of_one_key_returns_the_state_of_all(lab: RunningLab) -> None:
    run = lab.module("kms03", "host", product_keys=[WINDOWS_KEY, OFFICE_KEY], activate="if_needed")
    assert run["status"] == "FAILED"
    assert "for an Office whose licence pack is not installed there" in run["msg"]
    assert status_of(run) == {"KMNHT": "Licensed"}
    assert run["error"]["kind"] == "bad_input"


def test_a_retired_host_is_a_client_and_listens_no_more(lab: RunningLab) -> None:
    lab.module("kms04", "host", product_keys=[WINDOWS_KEY], activate="if_needed", firewall=OPEN)
    retired = lab.module("kms04", "host", state="absent")
    assert retired["operations"][-1] == "Disable"
    assert retired["host"]["is_kms_host"] is False
    assert lab.machine("kms04")["kms_host"] is None
    assert lab.module("kms04", "host", state="absent")["changed"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"product_keys": [WINDOWS_KEY, "BBBBB-SECRET"]}, "product_key does not have the form of a product key"),
        ({"confirmation_id": "12345-SECRET"}, "confirmation_id has a character that is no digit"),
        ({"license_files": ["/nowhere/SECRETS.xrm-ms"]}, "license_files: /nowhere/SECRETS.xrm-ms could not be read"),
        ({"state": "absent", "listening_port": 1700}, "state is absent, which retires a KMS host, and listening_port"),
        ({"kms_host": "kms01"}, "kms_host says whom the machine asks once it is no KMS host any more"),
        ({"activation_interval": 5}, "activation_interval is 5, and an interval is from 15 to 43200 minutes"),
        ({"serves": ["Windows 3.11"]}, "Windows 3.11"),
    ],
)
def test_options_that_cannot_be_are_refused_and_secrets_stay_inside(
    lab: RunningLab, options: dict[str, Any], message: str
) -> None:
    run = lab.module("kms01", "host", **options)
    assert run["status"] == "FAILED"
    assert message in run["msg"]
    assert "-SECRET" not in run["msg"]
    assert run["changed"] is False
