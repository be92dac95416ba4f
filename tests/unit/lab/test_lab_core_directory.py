# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activation by Active Directory and by token: who is activated, by which object, and what is left of it."""

from __future__ import annotations

import typing as t

import pytest

from lab.core import SiteError
from lab.core.example_company import machine_state
from lab.core.rehearsal import Rehearsal, RehearsedFault, rehearse

WS22 = {"name": "Windows 2022", "channel": "VOLUME_KMS_WS22"}
W10 = {"name": "Windows 10", "channel": "VOLUME_KMS_W10"}
OFFICE = {"name": "Office 2021", "office_host": "2021"}
WINDOWS_11 = "windows-11-enterprise"
TYPES = (
    "SELECT LicenseStatus, VLActivationType, ADActivationObjectName, ADActivationObjectDN FROM SoftwareLicensingProduct"
)


def forest(*objects: dict[str, str], system: str = WINDOWS_11, **machine: t.Any) -> Rehearsal:
    """pc1 in a forest with these activation objects."""
    return rehearse(
        {
            "domain": "corp.example.test",
            "machines": {"pc1": {"os": system, **machine}},
            "active_directory": {"activation_objects": list(objects)},
            "behaviour": {"products_without_key": 1},
        }
    )


def outcome(lab: Rehearsal, last_five: str = "%", family: str = "SoftwareLicensing") -> int:
    """The HRESULT of an activation, 0 for a good one."""
    try:
        lab.activate("pc1", last_five, family)
    except RehearsedFault as fault:
        return fault.code
    return 0


def test_an_object_activates_a_client_at_once_and_is_shown() -> None:
    lab = forest(WS22)
    assert outcome(lab) == 0
    (row,) = lab.query("pc1", f"{TYPES} WHERE PartialProductKey IS NOT NULL")
    assert row == {
        "LicenseStatus": "1",
        "VLActivationType": "1",
        "ADActivationObjectName": "Windows 2022",
        "ADActivationObjectDN": "CN=Windows 2022,CN=Activation Objects,CN=Microsoft SPP,CN=Services,CN=Configuration,"
        "DC=corp,DC=example,DC=test",
    }
    state = machine_state(lab, "pc1")
    assert (state["products"][0]["activated_by"], state["products"][0]["grace_minutes"]) == ("ad", 259200)
    (event,) = state["events"]
    assert (event["id"], event["strings"][1:]) == (12308, [row["ADActivationObjectName"], row["ADActivationObjectDN"]])


def test_an_activation_by_the_directory_is_renewed_and_else_ends_after_180_days() -> None:
    lab = forest(WS22)
    outcome(lab)
    lab.site.advance(10081)
    assert lab.run_due() == 1
    assert machine_state(lab, "pc1")["products"][0]["grace_minutes"] == 259200
    lab.site.set("pc1", "directory", "down")
    for _ in range(2):
        lab.site.advance(259201)
        lab.run_due()
    (row,) = machine_state(lab, "pc1")["products"]
    assert (row["license_status"], row["activation_object"]) == (5, None)


@pytest.mark.parametrize(
    ("objects", "machine", "code"),
    [
        ([W10], {}, 0),
        ([W10], {"system": "windows-server-2022-standard"}, 0xC004F081),
        ([WS22], {"system": "windows-server-2025-standard"}, 0xC004F081),
        ([WS22], {"domain_joined": False}, 0xC004F081),
        ([], {}, 0xC004F081),
        ([OFFICE], {}, 0xC004F081),
    ],
    ids=["client-key", "server-by-client-key", "newer", "workgroup", "none", "office-key"],
)
def test_type_active_directory_takes_an_object_that_fits_and_nothing_else(
    objects: list[dict[str, str]], machine: dict[str, t.Any], code: int
) -> None:
    lab = forest(*objects, **machine)
    lab.invoke_service("pc1", "SetVLActivationTypeEnabled", {"ActivationType": 1})
    assert outcome(lab) == code


def test_kms_is_asked_where_the_directory_does_not_answer_unless_it_is_the_only_way() -> None:
    lab = forest(WS22)
    lab.site.set("pc1", "directory", "down")
    assert outcome(lab) == 0x8007232B
    lab.invoke_product("pc1", "SetVLActivationTypeEnabled", "%", {"ActivationType": 1})
    assert outcome(lab) == 0x8007054B


def test_type_kms_does_not_look_at_the_directory() -> None:
    lab = forest(WS22)
    lab.invoke_product("pc1", "SetVLActivationTypeEnabled", "%", {"ActivationType": 2})
    assert outcome(lab) == 0x8007232B
    lab.invoke_product("pc1", "ClearVLActivationTypeEnabled", "%")
    assert outcome(lab) == 0


def test_a_token_that_is_not_there_is_logged() -> None:
    lab = forest(WS22)
    lab.invoke_service("pc1", "SetVLActivationTypeEnabled", {"ActivationType": 3})
    assert outcome(lab) == 0xC004F011
    (event,) = machine_state(lab, "pc1")["events"]
    assert (event["id"], event["log"], event["strings"]) == (12321, "Application", ["0xC004F011"])


def test_office_is_activated_by_its_own_object() -> None:
    products = [{"channel": "gvlk"}, {"office": "ProPlus2021"}, {"office": "VisioPro2019"}]
    lab = forest(OFFICE, products=products)
    assert (outcome(lab, "6F7TH"), outcome(lab, "7VCBB"), outcome(lab, "2YT43")) == (0, 0x8007232B, 0x8007232B)


def test_neither_windows_7_nor_the_office_classes_know_the_directory() -> None:
    lab = forest(WS22, OFFICE, system="windows-7-enterprise", products=[{"channel": "gvlk"}, {"office": "Word2021"}])
    assert outcome(lab) == 0x8007232B
    assert outcome(lab, "X79KV", "OfficeSoftwareProtection") == 0x8007232B


def test_a_machine_of_a_workgroup_says_so() -> None:
    lab = forest(domain_joined=False)
    (row,) = lab.query("pc1", "SELECT PartOfDomain, Domain, DomainRole FROM Win32_ComputerSystem")
    assert row == {"PartOfDomain": "false", "Domain": "WORKGROUP", "DomainRole": "0"}


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"name": "x"}, "Entry 1 of `active_directory.activation_objects` needs either `channel` or `office_host`."),
        (
            {"channel": "x"},
            "`name` is missing in entry 1 of `active_directory.activation_objects`, or is not a text: None.",
        ),
        ({"name": "x", "key": "y"}, "'key' is not a name in entry 1 of `active_directory.activation_objects`; valid"),
        (
            {"name": "x", "office_host": "2003"},
            "'2003' in entry 1 of `active_directory.activation_objects` is no release",
        ),
    ],
)
def test_a_mistake_is_one_sentence(entry: dict[str, str], sentence: str) -> None:
    with pytest.raises(SiteError) as caught:
        forest(entry)
    assert str(caught.value).startswith(sentence)
