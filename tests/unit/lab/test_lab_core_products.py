# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Licences beside the volume licences of Windows: retail, OEM, ESU add-ons and Microsoft 365."""

from __future__ import annotations

import typing as t

import pytest

from lab.core import SiteError
from lab.core.example_company import CSVLK, MAK, company, machine_state, used
from lab.core.rehearsal import Rehearsal, RehearsedFault, rehearse

ROWS = "SELECT Name, Description, ApplicationID, LicenseIsAddon, LicenseStatus, ProductKeyChannel FROM "
KEYED = f"{ROWS}SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL"
WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
ESU_KEY = "KKKKK-MMMMM-PPPPP-QQQQQ-MKNCC"
ESU_ID = "f520e45e-7413-4a34-a497-d2765967d094"
OFFICE = "0ff1ce15-a989-479d-af46-f275c6370663"


def with_products(*products: dict[str, t.Any], system: str = "windows-11-enterprise") -> Rehearsal:
    return rehearse(
        {
            "domain": "corp.example.test",
            "machines": {"win1": {"os": system, "products": list(products)}},
            "behaviour": {"products_without_key": 2},
        }
    )


def test_an_oem_licence_is_a_digital_licence() -> None:
    lab = with_products({"channel": "oem_dm"})
    (row,) = lab.query("win1", KEYED)
    assert row == {
        "ApplicationID": WINDOWS,
        "Description": "Windows(R) Operating System, OEM_DM channel",
        "LicenseIsAddon": "false",
        "LicenseStatus": "1",
        "Name": "Windows(R), Enterprise edition",
        "ProductKeyChannel": "OEM:DM",
    }
    assert machine_state(lab, "win1")["products"][0]["license_status_reason"] == "0x4004F401"


def test_a_guest_of_a_licensed_host_is_activated_by_it() -> None:
    (row,) = with_products({"channel": "avma"}, system="windows-server-2022-standard").query("win1", KEYED)
    assert row["Description"] == "Windows(R) Operating System, VIRTUAL_MACHINE_ACTIVATION channel"
    assert row["LicenseStatus"] == "1"


def test_a_retail_licence_may_be_not_activated() -> None:
    (row,) = with_products({"channel": "retail", "activated": False}, system="windows-11-home").query("win1", KEYED)
    assert row["Description"] == "Windows(R) Operating System, RETAIL channel"
    assert (row["ProductKeyChannel"], row["LicenseStatus"]) == ("Retail", "5")


def test_an_esu_add_on_looks_like_windows_but_for_its_mark_and_name() -> None:
    windows, esu = sorted(
        with_products({"channel": "gvlk"}, {"kind": "esu"}).query("win1", KEYED), key=lambda row: len(str(row["Name"]))
    )
    assert windows["ApplicationID"] == esu["ApplicationID"]
    assert (windows["LicenseIsAddon"], esu["LicenseIsAddon"]) == ("false", "true")
    assert str(esu["Name"]).startswith("Windows(R), Client-ESU-Year1 add-on for Education,")
    assert esu["Description"] == "Windows(R) Operating System, VOLUME_MAK channel"


def test_an_esu_add_on_of_windows_7_carries_its_names() -> None:
    lab = with_products({"kind": "esu"}, system="windows-7-enterprise")
    (row,) = lab.query("win1", "SELECT Name FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL")
    assert str(row["Name"]).startswith("Windows(R) 7, Client-ESU-Year1 add-on for ")


def test_a_key_for_security_updates_goes_to_the_add_on_and_leaves_windows_alone() -> None:
    system = "windows-10-enterprise"
    document = {
        "domain": "corp.example.test",
        "machines": {
            "win1": {"os": system, "products": [{"channel": "gvlk"}, {"kind": "esu", "channel": "none"}]},
            "win2": {"os": system, "products": [{"channel": "gvlk"}]},
            "win3": {"os": system, "products": [{"kind": "esu", "key": ESU_KEY, "activated": True}]},
        },
        "microsoft": {"keys": [{"key": ESU_KEY, "kind": "esu", "for": [system], "activations": 2}]},
    }
    lab = rehearse(document)
    lab.install_key("win1", ESU_KEY)
    lab.activate("win1", "MKNCC")
    rows = {row["partial_product_key"]: row for row in machine_state(lab, "win1")["products"]}
    assert sorted(rows) == ["2YT43", "MKNCC"]
    assert (rows["MKNCC"]["activation_id"], rows["MKNCC"]["license_status"]) == (ESU_ID, 1)
    assert used(lab, "MKNCC") == 2
    with pytest.raises(RehearsedFault, match="0xC004F069"):
        lab.install_key("win2", ESU_KEY)


def test_microsoft_365_is_a_subscription_of_another_application() -> None:
    rows = with_products({"channel": "gvlk"}, {"kind": "m365"}).query("win1", KEYED)
    (office,) = [row for row in rows if row["ApplicationID"] == OFFICE]
    assert office["Name"] == "Office 16, Office16O365BusinessR_Subscription edition"
    assert (office["Description"], office["LicenseStatus"]) == ("Office 16, TIMEBASED_SUB channel", "1")


def test_a_new_windows_key_leaves_the_others_in_place() -> None:
    lab = company(pc1={"os": "windows-11-enterprise", "products": [{"key": MAK}, {"kind": "esu"}, {"kind": "m365"}]})
    before = machine_state(lab, "pc1")["products"]
    lab.install_key("pc1", MAK)
    assert machine_state(lab, "pc1")["products"] == before
    assert len(before) == 3


def test_license_status_is_set_on_windows_alone() -> None:
    lab = with_products({"channel": "gvlk"}, {"kind": "m365"})
    lab.site.set("win1", "license_status", "4")
    assert sorted(row["license_status"] for row in machine_state(lab, "win1")["products"]) == [1, 4]


def test_azure_edition_takes_no_host_key() -> None:
    system = "windows-server-2022-datacenter-azure-edition"
    with pytest.raises(SiteError, match=r"The key ending in KMNWX does not fit az1 .*, code 0xC004F069"):
        rehearse(
            {
                "domain": "corp.example.test",
                "machines": {"az1": {"os": system, "products": [{"key": CSVLK}]}},
                "microsoft": {"keys": [{"key": CSVLK, "kind": "kms_host", "for": [system]}]},
            }
        )


@pytest.mark.parametrize(
    ("product", "sentence"),
    [
        (
            {"channel": "oem"},
            "`channel` of a product of machine 'win1' is 'oem'; valid values are gvlk, retail, oem_dm, avma.",
        ),
        ({"kind": "visio"}, "`kind` of a product of machine 'win1' is 'visio'; valid values are esu, m365."),
        (
            {"kind": "esu", "channel": "gvlk"},
            "A product of machine 'win1' needs either `key`, or `channel`, or `kind`.",
        ),
        ({}, "A product of machine 'win1' needs either `key`, or `channel`, or `kind`."),
    ],
)
def test_a_mistake_is_one_sentence(product: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(SiteError) as caught:
        with_products(product)
    assert str(caught.value) == sentence


def test_microsoft_365_on_windows_7_is_of_the_office_classes() -> None:
    lab = with_products({"kind": "m365"}, system="windows-7-enterprise")
    (row,) = lab.query("win1", "SELECT Name FROM OfficeSoftwareProtectionProduct WHERE PartialProductKey IS NOT NULL")
    assert row == {"Name": "Office 16, Office16O365BusinessR_Subscription edition"}
    assert lab.query("win1", "SELECT ID FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL") == []
