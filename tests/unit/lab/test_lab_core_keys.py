# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Product keys on machines and at Microsoft: which fit, what they cost, what remains of them."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from lab.core.example_company import CSVLK, MAK, UNKNOWN_KEY, company, failure, machine_state, product, used
from lab.core.rehearsal import RehearsedFault

yaml = pytest.importorskip("yaml")

REFERENCE = pathlib.Path(__file__).resolve().parents[3] / "docs" / "reference" / "gvlk.yaml"


@pytest.fixture(scope="session")
def gvlk() -> t.Callable[[str, str], str]:
    """The published key of a product and edition."""
    entries = yaml.safe_load(REFERENCE.read_text(encoding="utf-8"))["keys"]
    keys = {(entry["product"], entry["edition"]): entry["key"] for entry in entries}
    return lambda product, edition: str(keys[product, edition])


def test_a_mak_has_a_budget_and_needless_activation_spends_it() -> None:
    lab = company()
    for name in ("win1", "win2", "win3"):
        lab.install_key(name, MAK)
    lab.activate("win1")
    assert product(lab, "win1")["license_status"] == 1
    assert product(lab, "win1")["grace_minutes"] == 0
    lab.activate("win1")
    assert used(lab, "MKWNH") == 2
    assert failure(lab, "win3") == 0xC004C020
    assert product(lab, "win3")["license_status"] == 5


def test_a_host_key_works_on_few_hosts_and_few_times() -> None:
    two = {"os": "windows-server-2022-datacenter", "products": []}
    lab = company(kms02=two, kms03=two)
    for name in ("kms01", "kms02", "kms03"):
        lab.install_key(name, CSVLK)
    for _ in range(3):
        lab.activate("kms01")
    assert failure(lab, "kms01") == 0xC004C008
    lab.activate("kms02")
    assert failure(lab, "kms03") == 0xC004C008
    lab.activate("kms02")
    assert used(lab, "KMNWX") == 5


def test_without_internet_a_mak_does_not_activate() -> None:
    lab = company()
    lab.install_key("win1", MAK)
    lab.site.set("win1", "internet", "off")
    assert failure(lab, "win1") == 0x80072EE7
    assert used(lab, "MKWNH") == 0


def test_a_gvlk_over_a_mak_moves_to_another_activation_id(gvlk: t.Callable[[str, str], str]) -> None:
    lab = company()
    lab.install_key("win1", MAK)
    lab.activate("win1")
    before = product(lab, "win1")
    lab.install_key("win1", gvlk("Windows 11 / Windows 10", "Enterprise").lower())
    after = product(lab, "win1")
    assert after["activation_id"] != before["activation_id"]
    assert after["name"] == before["name"]
    assert (after["license_status"], after["license_status_reason"]) == (5, "0xC004F056")
    where = f"WHERE ID = '{before['activation_id'].upper()}'"
    former = lab.query("win1", f"SELECT PartialProductKey, LicenseStatus FROM SoftwareLicensingProduct {where}")
    assert former == [{"PartialProductKey": None, "LicenseStatus": "0"}]


def test_the_same_key_again_changes_nothing() -> None:
    lab = company()
    lab.install_key("win1", MAK)
    lab.activate("win1")
    lab.install_key("win1", MAK)
    assert product(lab, "win1")["license_status"] == 1
    assert used(lab, "MKWNH") == 1


@pytest.mark.parametrize(
    ("machine", "key", "code"),
    [
        ("win1", UNKNOWN_KEY, 0xC004F050),
        ("win1", "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE", 0xC004F050),
        ("win1", "nonsense", 0xC004F050),
        ("srv1", MAK, 0xC004F069),
        ("win1", CSVLK, 0xC004F069),
        ("win1", "Windows Server 2022/Standard", 0xC004F069),
        ("win1", "Windows 11 / Windows 10/Pro", 0xC004F069),
        ("eval1", "Windows Server 2022/Datacenter", 0xC004F069),
        ("home1", "Windows 11 / Windows 10/Enterprise", 0xC004F069),
    ],
)
def test_a_key_that_does_not_fit_changes_nothing(
    gvlk: t.Callable[[str, str], str], machine: str, key: str, code: int
) -> None:
    lab = company(eval1={"os": "windows-server-2022-datacenter-eval"}, home1={"os": "windows-11-home"})
    before = machine_state(lab, machine)
    with pytest.raises(RehearsedFault) as caught:
        lab.install_key(machine, gvlk(*key.rsplit("/", 1)) if "Windows" in key else key)
    assert caught.value.code == code
    assert machine_state(lab, machine) == before


def test_a_removed_key_leaves_no_product_and_no_host() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    row = {"ID": product(lab, "kms01")["activation_id"]}
    lab.invoke("kms01", "SoftwareLicensingProduct", "UninstallProductKey", None, row)
    assert machine_state(lab, "kms01")["products"] == []
    assert machine_state(lab, "kms01")["kms_host"] is None
    with pytest.raises(RehearsedFault) as caught:
        lab.invoke("kms01", "SoftwareLicensingProduct", "Activate", None, row)
    assert caught.value.code == 0xC004F014


def test_a_key_that_outlasts_its_request_is_installed_later() -> None:
    lab = company()
    lab.site.set("win1", "slow_key_seconds", "61")
    with pytest.raises(RehearsedFault, match="TimedOut"):
        lab.install_key("win1", MAK)
    assert product(lab, "win1")["partial_product_key"] != "MKWNH"
    lab.site.advance(2)
    assert lab.query("win1", "SELECT PartialProductKey FROM SoftwareLicensingProduct WHERE LicenseStatus = 5") == [
        {"PartialProductKey": "MKWNH"}
    ]


def test_no_part_of_a_key_but_its_end_is_kept() -> None:
    lab = company()
    lab.install_key("win1", MAK)
    lab.activate("win1")
    everything = repr(lab.site.state()) + repr(lab.site.stats()) + repr(vars(lab.site.machines["win1"]))
    assert "BBBBB" not in everything
    assert "MKWNH" in everything
