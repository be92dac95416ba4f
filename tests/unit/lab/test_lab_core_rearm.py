# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rearms that are left, what a rearm does, and the key that InstallProductKey leaves in the registry."""

from __future__ import annotations

import pytest

from lab.core.example_company import MAK, company, machine_state, one_machine
from lab.core.rehearsal import OFFICE_FAMILY, Rehearsal, RehearsedFault, rehearse

OFFICE_2013 = "0ff1ce15-a989-479d-af46-f275c6370663"
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"


def with_office(system: str = "windows-11-enterprise", office: str = "Word2021") -> Rehearsal:
    products = [{"channel": "gvlk"}, {"office": office}]
    return rehearse({"domain": "corp.example.test", "machines": {"win1": {"os": system, "products": products}}})


def counts(lab: Rehearsal, last_five: str) -> tuple[str | None, ...]:
    columns = "RemainingAppReArmCount, RemainingSkuReArmCount"
    (row,) = lab.query(
        "win1", f"SELECT {columns} FROM SoftwareLicensingProduct WHERE PartialProductKey = '{last_five}'"
    )
    return (row["RemainingAppReArmCount"], row["RemainingSkuReArmCount"])


def windows_count(lab: Rehearsal, family: str = "SoftwareLicensing") -> str | None:
    return lab.query("win1", f"SELECT RemainingWindowsReArmCount FROM {family}Service")[0]["RemainingWindowsReArmCount"]


def test_windows_has_1001_rearms_and_office_5() -> None:
    lab = with_office()
    assert (windows_count(lab), counts(lab, "2YT43"), counts(lab, "X79KV")) == ("1001", ("1001", "1001"), ("5", "5"))


def test_windows_7_has_3_rearms_and_the_office_service_5() -> None:
    lab = with_office("windows-7-enterprise", "Word2010")
    assert (windows_count(lab), windows_count(lab, OFFICE_FAMILY)) == ("3", "5")


def test_a_rearm_gives_a_new_cmid_and_initial_grace() -> None:
    lab = one_machine("windows-7-enterprise")
    with pytest.raises(RehearsedFault):
        lab.activate("win1")
    assert machine_state(lab, "win1")["cmid"]
    lab.site.advance(50000)
    lab.invoke_service("win1", "ReArmWindows")
    state = machine_state(lab, "win1")
    assert (state["cmid"], state["products"][0]["license_status"]) == (None, 2)
    assert windows_count(lab) == "2"


def test_when_no_rearm_is_left_there_is_none() -> None:
    lab = one_machine("windows-7-enterprise")
    for _ in range(3):
        lab.invoke_service("win1", "ReArmWindows")
    with pytest.raises(RehearsedFault, match="0xC004D307"):
        lab.invoke_service("win1", "ReArmWindows")


def test_an_application_and_a_licence_have_counts_of_their_own() -> None:
    lab = with_office()
    lab.invoke_service("win1", "ReArmApp", {"ApplicationId": OFFICE_2013})
    assert (counts(lab, "X79KV"), counts(lab, "2YT43")) == (("4", "5"), ("1001", "1001"))
    lab.invoke_product("win1", "ReArmSku", "X79KV")
    assert counts(lab, "X79KV") == ("4", "4")
    lab.invoke_service("win1", "ReArmApp", {"ApplicationId": WINDOWS})
    assert windows_count(lab) == "1000"


def test_an_application_that_is_not_there_has_no_rearm() -> None:
    with pytest.raises(RehearsedFault, match="0x80070057"):
        one_machine().invoke_service("win1", "ReArmApp", {"ApplicationId": OFFICE_2013})


def test_a_rearm_leaves_a_permanent_licence() -> None:
    lab = company()
    lab.install_key("win1", MAK)
    lab.activate("win1")
    lab.invoke_service("win1", "ReArmWindows")
    assert machine_state(lab, "win1")["products"][0]["license_status"] == 1


def test_a_key_stays_readable_in_the_registry_until_it_is_cleared() -> None:
    lab = company()
    lab.invoke_service("win1", "ClearProductKeyFromRegistry")
    assert machine_state(lab, "win1")["key_in_registry"] is False
    lab.install_key("win1", MAK)
    assert machine_state(lab, "win1")["key_in_registry"] is True
    lab.invoke_service("win1", "ClearProductKeyFromRegistry")
    state = machine_state(lab, "win1")
    assert (state["key_in_registry"], state["products"][0]["partial_product_key"]) == (False, "MKWNH")
