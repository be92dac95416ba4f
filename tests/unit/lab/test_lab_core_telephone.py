# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activation by telephone: the lab's own confirmation IDs, what they spend, and what is refused."""

from __future__ import annotations

import pytest

from lab.core import SiteError
from lab.core.example_company import CSVLK, MAK, company, machine_state, product, used
from lab.core.rehearsal import Rehearsal, RehearsedFault

QUERY = "SELECT ID, OfflineInstallationId FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL"


def ready(key: str = CSVLK, machine: str = "kms01") -> Rehearsal:
    """A machine without the internet, and a key on it."""
    lab = company()
    lab.install_key(machine, key)
    lab.site.set(machine, "internet", "off")
    return lab


def deposit(lab: Rehearsal, confirmation: str, installation: str | None = None, machine: str = "kms01") -> int:
    """The HRESULT of a deposit, 0 for a good one."""
    (row,) = lab.query(machine, QUERY)
    arguments = {"InstallationId": installation or row["OfflineInstallationId"], "ConfirmationId": confirmation}
    try:
        lab.invoke(
            machine, "SoftwareLicensingProduct", "DepositOfflineConfirmationId", arguments, {"ID": str(row["ID"])}
        )
    except RehearsedFault as fault:
        return fault.code
    return 0


def test_the_telephone_spends_an_activation_and_the_deposit_makes_a_kms_host() -> None:
    lab = ready()
    confirmation = lab.site.confirmation_id("kms01")
    assert (len(confirmation), confirmation.isdigit(), used(lab, "KMNWX")) == (48, True, 1)
    assert machine_state(lab, "kms01")["kms_host"]["activated"] is False
    assert deposit(lab, confirmation) == 0
    assert machine_state(lab, "kms01")["kms_host"]["activated"] is True
    assert product(lab, "kms01")["license_status"] == 1
    assert used(lab, "KMNWX") == 1


def test_a_confirmation_id_can_be_used_again_on_the_same_hardware_with_the_same_key() -> None:
    lab = ready(MAK, "win1")
    confirmation = lab.site.confirmation_id("win1", "MKWNH")
    assert deposit(lab, confirmation, machine="win1") == 0
    lab.invoke_product("win1", "UninstallProductKey", "MKWNH")
    lab.install_key("win1", MAK)
    assert product(lab, "win1")["license_status"] == 5
    assert deposit(lab, confirmation, machine="win1") == 0
    assert used(lab, "MKWNH") == 1


def test_an_installation_id_is_of_one_machine_and_one_key() -> None:
    lab = company()
    for machine in ("win1", "win2"):
        lab.install_key(machine, MAK)
    (first,), (second,) = lab.query("win1", QUERY), lab.query("win2", QUERY)
    assert len(str(first["OfflineInstallationId"])) == 63
    assert first["OfflineInstallationId"] != second["OfflineInstallationId"]
    assert deposit(lab, lab.site.confirmation_id("win2"), machine="win1") == 0xC004F031
    assert product(lab, "win1")["license_status"] == 5


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda good: good[:-1], 0xC004F02F),
        (lambda good: good + "0", 0xC004F02F),
        (lambda good: "x" + good[1:], 0xC004F02C),
        (lambda good: ("1" if good[0] != "1" else "2") + good[1:], 0xC004F04D),
    ],
)
def test_a_wrong_confirmation_id_is_refused_and_activates_nothing(spoil: object, code: int) -> None:
    lab = ready()
    assert callable(spoil)
    assert deposit(lab, spoil(lab.site.confirmation_id("kms01"))) == code
    assert product(lab, "kms01")["license_status"] == 5


def test_another_installation_id_is_refused() -> None:
    lab = ready()
    assert deposit(lab, lab.site.confirmation_id("kms01"), "1" * 63) == 0xC004F031


def test_the_telephone_service_has_the_limits_of_the_key() -> None:
    lab = ready(MAK, "win1")
    for _ in range(2):
        lab.site.confirmation_id("win1")
    with pytest.raises(SiteError) as caught:
        lab.site.confirmation_id("win1")
    assert str(caught.value) == "The telephone service refuses the key ending in MKWNH: 0xC004C020."


@pytest.mark.parametrize(
    ("machine", "last_five", "sentence"),
    [
        ("kms01", "XXXXX", "kms01 has not one key that ends in 'XXXXX'; it has KMNWX."),
        ("kms99", "", "There is no machine 'kms99'; there are kms01, srv1,"),
    ],
)
def test_the_telephone_service_needs_a_machine_and_a_key(machine: str, last_five: str, sentence: str) -> None:
    with pytest.raises(SiteError) as caught:
        ready().site.confirmation_id(machine, last_five)
    assert str(caught.value).startswith(sentence)


def test_a_hollow_activation_succeeds_and_changes_nothing() -> None:
    lab = company()
    lab.install_key("kms01", CSVLK)
    lab.site.set("kms01", "activation", "hollow")
    lab.activate("kms01")
    assert deposit(lab, lab.site.confirmation_id("kms01")) == 0
    assert product(lab, "kms01")["license_status"] == 5
    lab.site.set("kms01", "activation", "real")
    lab.activate("kms01")
    assert product(lab, "kms01")["license_status"] == 1
