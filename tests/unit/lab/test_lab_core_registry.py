# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry: levels at which a KMS host is fixed, keys that stand for settings, and Activation\\Manual."""

from __future__ import annotations

import typing as t

import pytest
from published_keys import published_key

from lab.core import SiteError
from lab.core.example_company import MAK, company, machine_state
from lab.core.rehearsal import OFFICE_FAMILY, Rehearsal, RehearsedFault, rehearse

WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
OFFICE = "0ff1ce15-a989-479d-af46-f275c6370663"
SPP = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"
OSPP = "SOFTWARE\\Microsoft\\OfficeSoftwareProtectionPlatform"
POLICY = "SOFTWARE\\Policies\\Microsoft\\Windows NT\\CurrentVersion\\Software Protection Platform"
HIVE = 0x80000002


def machine(registry: dict[str, dict[str, t.Any]] | None = None, **entry: t.Any) -> Rehearsal:
    """pc1 with these registry values."""
    fields = {"os": "windows-11-enterprise", "registry": registry or {}, **entry}
    return rehearse(
        {
            "domain": "corp.example.test",
            "machines": {"pc1": fields},
            "behaviour": {"products_without_key": 1},
        }
    )


def call(lab: Rehearsal, method: str, key: str, **arguments: t.Any) -> dict[str, str | None]:
    return lab.invoke("pc1", "StdRegProv", method, {"hDefKey": HIVE, "sSubKeyName": key, **arguments})


def text(lab: Rehearsal, key: str, name: str) -> str | None:
    return call(lab, "GetStringValue", key, sValueName=name).get("sValue")


def asked(lab: Rehearsal, last_five: str = "2YT43", family: str = "SoftwareLicensing") -> str:
    """Host and port that pc1 asks, as its event 12288 says."""
    with pytest.raises(RehearsedFault):
        lab.activate("pc1", last_five, family)
    return str(machine_state(lab, "pc1")["events"][-1]["strings"][0]).split(", ")[2]


def windows_id(lab: Rehearsal) -> str:
    (row,) = lab.query("pc1", "SELECT ID FROM SoftwareLicensingProduct WHERE PartialProductKey = '2YT43'")
    return str(row["ID"])


def test_a_nearer_level_wins_and_a_policy_wins_over_all() -> None:
    lab = machine()
    lab.invoke_service("pc1", "SetKeyManagementServiceMachine", {"MachineName": "service.example.test"})
    lab.invoke_service("pc1", "SetKeyManagementServicePort", {"PortNumber": 1111})
    assert asked(lab) == "service.example.test:1111"
    lab.site.set("pc1", "registry", f"{SPP}\\{WINDOWS}\\KeyManagementServiceName=application.example.test")
    assert asked(lab) == "application.example.test:1111"
    lab.invoke_product("pc1", "SetKeyManagementServiceMachine", "2YT43", {"MachineName": "product.example.test"})
    lab.invoke_product("pc1", "SetKeyManagementServicePort", "2YT43", {"PortNumber": 3333})
    assert asked(lab) == "product.example.test:3333"
    lab.site.set("pc1", "registry", f"{POLICY}\\KeyManagementServiceName=policy.example.test")
    lab.site.set("pc1", "registry", f"{POLICY}\\KeyManagementServicePort=4444")
    assert asked(lab) == "policy.example.test:4444"
    lab.site.set("pc1", "registry", f"{POLICY}\\KeyManagementServiceName=")
    lab.site.set("pc1", "registry", f"{POLICY}\\KeyManagementServicePort=")
    assert asked(lab) == "product.example.test:3333"


def test_the_level_of_an_application_is_for_that_application_alone() -> None:
    values = {"KeyManagementServiceName": "office.example.test", "KeyManagementServicePort": "2222"}
    lab = machine({f"{SPP}\\{OFFICE}": values}, products=[{"channel": "gvlk"}, {"office": "Word2021"}])
    assert asked(lab, "X79KV") == "office.example.test:2222"
    with pytest.raises(RehearsedFault, match="0x8007232B"):
        lab.activate("pc1", "2YT43")


def test_the_office_classes_have_a_key_of_their_own() -> None:
    lab = machine(products=[{"channel": "gvlk"}, {"office": "Word2010"}])
    lab.invoke_service("pc1", "SetKeyManagementServiceMachine", {"MachineName": "a.example.test"}, OFFICE_FAMILY)
    assert text(lab, OSPP, "KeyManagementServiceName") == "a.example.test"
    assert text(lab, SPP, "KeyManagementServiceName") is None
    call(lab, "SetStringValue", OSPP, sValueName="KeyManagementServiceName", sValue="b.example.test")
    assert asked(lab, "CRY7T", OFFICE_FAMILY) == "b.example.test:1688"


def test_without_the_office_classes_there_is_no_key_of_theirs() -> None:
    assert call(machine(), "EnumValues", OSPP) == {"ReturnValue": "2"}


def test_what_a_product_has_of_its_own_is_a_key_below_its_application() -> None:
    lab = machine()
    place = f"{SPP}\\{WINDOWS}\\{windows_id(lab)}"
    assert call(lab, "EnumValues", place) == {"ReturnValue": "2"}
    lab.invoke_product("pc1", "SetKeyManagementServiceMachine", "2YT43", {"MachineName": "a.example.test"})
    lab.invoke_product("pc1", "SetVLActivationTypeEnabled", "2YT43", {"ActivationType": 2})
    assert text(lab, place, "KeyManagementServiceName") == "a.example.test"
    assert call(lab, "GetDWORDValue", place, sValueName="VLActivationType")["uValue"] == "2"
    assert windows_id(lab) in str(call(lab, "EnumKey", f"{SPP}\\{WINDOWS}"))
    call(lab, "DeleteValue", place, sValueName="KeyManagementServiceName")
    call(lab, "DeleteValue", place, sValueName="VLActivationType")
    (row,) = machine_state(lab, "pc1")["products"]
    assert (row["kms_machine"], row["activation_type_enabled"]) == (None, 0)


def test_a_value_that_is_no_setting_is_kept_as_it_is() -> None:
    lab = machine({f"{SPP}\\{WINDOWS}": {"Answer": 42}})
    assert call(lab, "GetDWORDValue", f"{SPP}\\{WINDOWS}", sValueName="answer")["uValue"] == "42"
    call(lab, "SetDWORDValue", SPP, sValueName="UserOperations", uValue=1)
    assert call(lab, "EnumValues", SPP)["sNames"] == "UserOperations"


def test_a_policy_is_written_in_a_key_that_is_made_first() -> None:
    lab = machine()
    arguments = {"sValueName": "KeyManagementServiceName", "sValue": "policy.example.test"}
    assert call(lab, "SetStringValue", POLICY, **arguments) == {"ReturnValue": "2"}
    call(lab, "CreateKey", POLICY)
    assert call(lab, "SetStringValue", POLICY, **arguments) == {"ReturnValue": "0"}
    assert asked(lab) == "policy.example.test:1688"


def test_a_dialect_shows_the_host_of_the_application_on_the_product() -> None:
    shown = "SELECT KeyManagementServiceMachine, KeyManagementServicePort FROM SoftwareLicensingProduct"
    values = {f"{SPP}\\{WINDOWS}": {"KeyManagementServiceName": "a.example.test", "KeyManagementServicePort": "1689"}}
    for dialects, expected in (([], (None, "0")), (["product-shows-application-host"], ("a.example.test", "1689"))):
        row = machine(values, dialects=dialects).query("pc1", f"{shown} WHERE PartialProductKey IS NOT NULL")[0]
        assert (row["KeyManagementServiceMachine"], row["KeyManagementServicePort"]) == expected


@pytest.mark.parametrize(("manual", "spent"), [(0, 1), (1, 0)])
def test_manual_keeps_the_service_from_spending_an_activation_by_itself(manual: int, spent: int) -> None:
    lab = company(behaviour={"background_activation_seconds": 0})
    activation = {"hDefKey": HIVE, "sSubKeyName": f"{SPP}\\Activation", "sValueName": "Manual", "uValue": manual}
    assert lab.invoke("win1", "StdRegProv", "SetDWORDValue", activation) == {"ReturnValue": "0"}
    lab.install_key("win1", MAK)
    lab.run_due()
    assert machine_state(lab, "win1")["products"][0]["license_status"] == (1 if spent else 5)
    lab.activate("win1")
    assert machine_state(lab, "win1")["products"][0]["license_status"] == 1


def test_manual_is_not_for_clients_of_a_kms_host() -> None:
    lab = company(behaviour={"background_activation_seconds": 0})
    lab.site.set("win1", "registry", f"{SPP}\\Activation\\Manual=1")
    lab.install_key("win1", MAK)
    lab.install_key("win1", published_key("Windows 11 / Windows 10", "Enterprise"))
    lab.run_due()
    assert machine_state(lab, "win1")["products"][0]["license_status_reason"] == "0x8007232B"


def test_the_key_of_manual_may_be_missing() -> None:
    lab = machine(dialects=["no-activation-registry-key"])
    assert call(lab, "SetDWORDValue", f"{SPP}\\Activation", sValueName="Manual", uValue=1) == {"ReturnValue": "2"}


@pytest.mark.parametrize(
    "value",
    ["KeyManagementServiceName=x", f"{SPP}\\X", "=x", f"{SPP}\\KeyManagementServicePort=high", f"{SPP}\\=3"],
)
def test_a_registry_value_to_set_has_a_path_a_name_and_data_of_its_type(value: str) -> None:
    with pytest.raises(SiteError, match="of pc1 is not PATH"):
        machine().site.set("pc1", "registry", value)


def test_a_registry_of_a_site_file_holds_texts_and_numbers() -> None:
    with pytest.raises(SiteError) as caught:
        machine({SPP: {"Flag": True}})
    assert (
        str(caught.value)
        == "`registry` of machine 'pc1' has neither a text nor a number nor a list of texts for Flag: True."
    )
