# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Office: its licence rows, the class family that serves them, which row takes a key, and its own count."""

from __future__ import annotations

import typing as t

import pytest
from published_keys import published_key

from lab.core import SiteError
from lab.core.catalogue import OPERATING_SYSTEMS, published_keys
from lab.core.dialect import STANDARD
from lab.core.example_company import machine_state
from lab.core.example_offices import (
    OFFICE_2010_MAK,
    OFFICE_2016_CSVLK,
    OFFICE_CSVLK,
    OFFICE_MAK,
    WINDOWS_CSVLK,
    keyed,
    offices,
)
from lab.core.office import office_of_gvlk, office_products, office_releases, office_row
from lab.core.rehearsal import OFFICE_FAMILY, Rehearsal, RehearsedFault, rehearse

PROPLUS_2021 = published_key("Office LTSC 2021", "Office LTSC Professional Plus 2021")
PROPLUS_2016 = published_key("Office 2016", "Office Professional Plus 2016")
PROPLUS_2010 = published_key("Office 2010", "Office Professional Plus 2010")
WINDOWS_KEY = published_key("Windows 11 / Windows 10", "Enterprise")
WINDOWS_11 = "windows-11-enterprise"
SEVEN = "windows-7-enterprise"


def with_office(*products: dict[str, t.Any], system: str = WINDOWS_11, **behaviour: t.Any) -> Rehearsal:
    """pc1 with these products and Windows' own key."""
    return offices(behaviour, clients=0, pc1={"os": system, "products": [{"channel": "gvlk"}, *products]})


def refused(call: t.Callable[[], object]) -> int:
    with pytest.raises(RehearsedFault) as caught:
        call()
    return caught.value.code


def asked_by(lab: Rehearsal, last_five: str, clients: int = 6) -> list[int]:
    """HRESULTs of one activation after the other; 0 for a good one."""
    return [_asked(lab, f"pc{number}", last_five) for number in range(1, clients + 1)]


def _asked(lab: Rehearsal, machine: str, last_five: str) -> int:
    try:
        lab.activate(machine, last_five)
    except RehearsedFault as fault:
        return fault.code
    return 0


# -- the catalogue


def test_every_published_office_key_belongs_to_one_product() -> None:
    published = {digest for digest, key in published_keys().items() if key.product.startswith("Office")}
    assert {product.gvlk for product in office_products().values()} == published
    assert len(published) == len(office_products()) == 83
    assert sorted(office_releases()) == ["2010", "2013", "2016", "2019", "2021", "2024"]


@pytest.mark.parametrize(
    ("product", "form", "name", "description"),
    [
        ("ProPlus2010", "gvlk", "Office 14, OfficeProPlus-KMS_Client edition", "Office 14, VOLUME_KMSCLIENT channel"),
        ("ProPlus2013", "gvlk", "Office 15, OfficeProPlusVL_KMS_Client edition", "Office 15, VOLUME_KMSCLIENT channel"),
        ("Standard2016", "mak", "Office 16, Office16StandardVL_MAK edition", "Office 16, RETAIL(MAK) channel"),
        (
            "VisioStd2019",
            "gvlk",
            "Office 19, Office19VisioStd2019VL_KMS_Client_AE edition",
            "Office 19, VOLUME_KMSCLIENT channel",
        ),
        (
            "VisioPro2021",
            "gvlk",
            "Office 21, Office21VisioPro2021VL_KMS_Client_AE edition",
            "Office 21, VOLUME_KMSCLIENT channel",
        ),
        (
            "Standard2024",
            "mak",
            "Office 24, Office24Standard2024VL_MAK_AE1 edition",
            "Office 24, RETAIL(MAK) channel",
        ),
    ],
)
def test_a_row_has_the_texts_of_real_outputs(product: str, form: str, name: str, description: str) -> None:
    row = office_row(office_products()[product], form, OPERATING_SYSTEMS[WINDOWS_11], STANDARD)
    assert (row.name, row.description) == (name, description)


def test_a_mak_may_be_of_the_other_family() -> None:
    lab = with_office({"office": "Standard2024"}, {"office": "Word2019"}, dialects=["office-mak-ae2"])
    rows = lab.query("pc1", "SELECT LicenseFamily FROM SoftwareLicensingProduct WHERE Description LIKE '%MAK) channel'")
    assert [row["LicenseFamily"] for row in rows] == ["Office24Standard2024VL_MAK_AE2", "Office19Word2019VL_MAK_AE"]


def test_ids_that_a_source_prints_are_those_of_the_lab() -> None:
    system = OPERATING_SYSTEMS[WINDOWS_11]
    assert office_row(office_products()["ProPlus2016"], "gvlk", system, STANDARD).activation_id == (
        "d450596f-894d-49e0-966a-fd39ed4c4c64"
    )
    ids = {office_row(product, "gvlk", system, STANDARD).activation_id for product in office_products().values()}
    ids |= {office_row(product, "mak", system, STANDARD).activation_id for product in office_products().values()}
    assert len(ids) == 2 * len(office_products())


def test_the_long_names_of_2010_differ_from_2013_by_label_and_id() -> None:
    lab = with_office({"office": "ProPlus2010"}, dialects=["office-2010-long-names"])
    (row,) = keyed(lab, "pc1", OFFICE_FAMILY).values()
    assert row["Name"] == "Microsoft Office 2010, OfficeProPlusVL_KMS_Client edition"


# -- which class family


@pytest.mark.parametrize(
    ("system", "office", "family", "other"),
    [
        (WINDOWS_11, "ProPlus2021", "SoftwareLicensing", None),
        (WINDOWS_11, "ProPlus2010", OFFICE_FAMILY, "SoftwareLicensing"),
        (SEVEN, "ProPlus2016", OFFICE_FAMILY, "SoftwareLicensing"),
        ("windows-server-2008-r2-standard", "ProPlus2013", OFFICE_FAMILY, "SoftwareLicensing"),
        ("windows-8-pro", "ProPlus2013", "SoftwareLicensing", None),
    ],
)
def test_the_family_is_that_of_release_and_windows(system: str, office: str, family: str, other: str | None) -> None:
    lab = with_office({"office": office}, system=system)
    last_five = published_keys()[office_products()[office].gvlk].last_five
    assert last_five in keyed(lab, "pc1", family)
    if other is None:
        assert refused(lambda: lab.query("pc1", f"SELECT ID FROM {OFFICE_FAMILY}Product")) == 0x80041010
    else:
        assert last_five not in keyed(lab, "pc1", other)


def test_office_classes_are_those_of_windows_7_also_on_windows_11() -> None:
    lab = with_office({"office": "ProPlus2010"})
    wql = f"SELECT ProductKeyChannel FROM {OFFICE_FAMILY}Product"
    assert refused(lambda: lab.query("pc1", wql)) == 0x80041017
    row = lab.query("pc1", f"SELECT * FROM {OFFICE_FAMILY}Product WHERE PartialProductKey IS NOT NULL")[0]
    assert row["LicenseFamily"] == "OfficeProPlus-KMS_Client"
    service = lab.query("pc1", f"SELECT * FROM {OFFICE_FAMILY}Service")[0]
    assert (service["Version"], service["KeyManagementServiceHostCaching"]) == ("14.0.370.400", "true")


def test_verified_members_only_leaves_what_ospp_vbs_uses() -> None:
    lab = with_office({"office": "ProPlus2010"}, dialects=["office-classes-verified-only"])
    assert keyed(lab, "pc1", OFFICE_FAMILY)
    assert lab.query("pc1", f"SELECT KeyManagementServiceActivationDisabled FROM {OFFICE_FAMILY}Service")
    assert refused(lambda: lab.query("pc1", f"SELECT LicenseFamily FROM {OFFICE_FAMILY}Product")) == 0x80041017
    assert refused(lambda: lab.invoke_service("pc1", "RefreshLicenseStatus", None, OFFICE_FAMILY)) == 0x8004102E


def test_the_services_of_windows_and_office_have_settings_of_their_own() -> None:
    lab = with_office({"office": "ProPlus2010"})
    lab.invoke_service(
        "pc1", "SetKeyManagementServiceMachine", {"MachineName": "kms01.corp.example.test"}, OFFICE_FAMILY
    )
    state = machine_state(lab, "pc1")
    assert state["office_service"]["kms_machine"] == "kms01.corp.example.test"
    assert state["service"]["kms_machine"] is None


def test_osppsvc_stops_and_starts_when_it_is_asked() -> None:
    lab = with_office({"office": "ProPlus2010"})
    running = "SELECT State FROM Win32_Service WHERE Name = 'osppsvc'"
    lab.invoke("pc1", "Win32_Service", "StopService", None, {"Name": "osppsvc"})
    assert lab.query("pc1", running) == [{"State": "Stopped"}]
    assert lab.query("pc1", "SELECT State FROM Win32_Service WHERE Name = 'sppsvc'") == [{"State": "Running"}]
    keyed(lab, "pc1", OFFICE_FAMILY)
    assert lab.query("pc1", running) == [{"State": "Running"}]


# -- which row takes a key


def test_volume_office_starts_with_its_gvlk_in_initial_grace() -> None:
    lab = with_office({"office": "ProPlus2021"})
    row = keyed(lab, "pc1")["6F7TH"]
    assert (row["Name"], row["LicenseStatus"]) == ("Office 21, Office21ProPlus2021VL_KMS_Client_AE edition", "2")
    lab.site.advance(43201)
    assert keyed(lab, "pc1")["6F7TH"]["LicenseStatus"] == "5"


def test_mak_and_gvlk_of_one_office_stand_side_by_side() -> None:
    lab = with_office({"office": "ProPlus2021", "key": OFFICE_MAK, "activated": True})
    lab.install_key("pc1", PROPLUS_2021)
    rows = keyed(lab, "pc1")
    assert {last: row["LicenseStatus"] for last, row in rows.items()} == {"2YT43": "5", "MKNFF": "1", "6F7TH": "2"}
    lab.invoke_product("pc1", "UninstallProductKey", "MKNFF")
    assert sorted(keyed(lab, "pc1")) == ["2YT43", "6F7TH"]


def test_a_dialect_lets_a_key_replace_the_other_channel_of_the_same_office_alone() -> None:
    products = [{"office": "ProPlus2021", "key": OFFICE_MAK}, {"office": "VisioPro2021"}]
    lab = with_office(*products, dialects=["office-key-replaces"])
    lab.install_key("pc1", PROPLUS_2021)
    assert sorted(keyed(lab, "pc1")) == ["2YT43", "6F7TH", "K2HT4"]


def test_an_office_key_leaves_windows_alone_and_the_other_way_round() -> None:
    lab = with_office({"office": "ProPlus2021", "channel": "none"})
    assert sorted(keyed(lab, "pc1")) == ["2YT43"]
    lab.install_key("pc1", PROPLUS_2021)
    lab.install_key("pc1", WINDOWS_KEY)
    assert sorted(keyed(lab, "pc1")) == ["2YT43", "6F7TH"]


@pytest.mark.parametrize(
    ("products", "key"),
    [
        ([], PROPLUS_2021),
        ([{"office": "ProPlus2016"}], PROPLUS_2021),
        ([{"office": "ProPlus2021", "channel": "retail"}], PROPLUS_2021),
        ([{"office": "Standard2021"}], OFFICE_MAK),
        ([], OFFICE_CSVLK),
        ([{"office_host": "2016"}], OFFICE_CSVLK),
        ([{"office": "ProPlus2010"}], PROPLUS_2010),
    ],
    ids=["no-office", "other-release", "retail", "other-product", "no-pack", "other-pack", "other-family"],
)
def test_a_key_without_its_licences_finds_no_row(products: list[dict[str, t.Any]], key: str) -> None:
    lab = with_office(*products)
    before = machine_state(lab, "pc1")["products"]
    assert refused(lambda: lab.install_key("pc1", key)) == 0xC004F069
    assert machine_state(lab, "pc1")["products"] == before


def test_the_office_service_takes_no_key_of_windows() -> None:
    lab = with_office({"office": "ProPlus2010", "channel": "none"})
    assert refused(lambda: lab.install_key("pc1", WINDOWS_KEY, OFFICE_FAMILY)) == 0xC004F069
    lab.install_key("pc1", PROPLUS_2010, OFFICE_FAMILY)
    lab.install_key("pc1", OFFICE_2010_MAK, OFFICE_FAMILY)
    assert sorted(keyed(lab, "pc1", OFFICE_FAMILY)) == ["H3GVB", "MKTFF"]


def test_a_retail_office_is_licensed_and_has_no_volume_rows() -> None:
    lab = with_office({"office": "ProPlus2021", "channel": "retail"})
    rows = lab.query(
        "pc1", "SELECT Name, Description, LicenseStatus FROM SoftwareLicensingProduct WHERE Name LIKE 'Off%'"
    )
    assert rows == [
        {
            "Name": "Office 21, Office21ProPlus2021R_Retail edition",
            "Description": "Office 21, RETAIL channel",
            "LicenseStatus": "1",
        }
    ]


def test_a_mak_of_office_is_spent_at_microsoft() -> None:
    lab = with_office({"office": "ProPlus2021", "key": OFFICE_MAK})
    lab.activate("pc1", "MKNFF")
    (row,) = [row for row in machine_state(lab, "pc1")["products"] if row["partial_product_key"] == "MKNFF"]
    assert (row["license_status"], row["activated_by"], row["grace_minutes"]) == (1, "microsoft", 0)


# -- KMS


def test_office_has_a_threshold_of_five_and_a_count_of_its_own() -> None:
    lab = offices()
    assert asked_by(lab, "6F7TH") == [0xC004F038] * 4 + [0, 0]
    pools = machine_state(lab, "kms01")["kms_host"]["pools"]
    assert {name: pool["count"] for name, pool in pools.items()} == {"windows": 0, "office-2021": 6, "office-2016": 0}
    rows = lab.query(
        "kms01",
        "SELECT Name, KeyManagementServiceCurrentCount, RequiredClientCount FROM SoftwareLicensingProduct "
        "WHERE IsKeyManagementServiceMachine = 1",
    )
    assert [row["KeyManagementServiceCurrentCount"] for row in rows] == ["0", "6", "0"]
    assert [row["RequiredClientCount"] for row in rows] == ["5", "5", "5"]
    assert rows[2]["Name"] == "Office 16, OfficeKMSHostVL_KMS_Host edition"


def test_the_count_of_office_stops_at_ten() -> None:
    lab = offices(clients=12)
    asked_by(lab, "6F7TH", 12)
    assert machine_state(lab, "kms01")["kms_host"]["pools"]["office-2021"]["count"] == 10


def test_windows_and_office_of_one_machine_ask_with_one_cmid() -> None:
    lab = offices(clients=1)
    asked_by(lab, "6F7TH", 1)
    asked_by(lab, "2YT43", 1)
    pools = machine_state(lab, "kms01")["kms_host"]["pools"]
    assert pools["windows"]["cmids"] == pools["office-2021"]["cmids"] == [machine_state(lab, "pc1")["cmid"]]


def test_the_office_classes_have_a_cmid_of_their_own() -> None:
    lab = with_office({"office": "ProPlus2016"}, system=SEVEN)
    assert refused(lambda: lab.activate("pc1", "WFG99", OFFICE_FAMILY)) == 0xC004F038
    state = machine_state(lab, "pc1")
    assert (state["cmid"], bool(state["office_cmid"])) == (None, True)
    assert lab.query("pc1", f"SELECT ClientMachineID FROM {OFFICE_FAMILY}Service") == [
        {"ClientMachineID": state["office_cmid"]}
    ]


def test_one_count_for_an_application_is_a_dialect() -> None:
    clients = {
        f"mix{number}": {"os": WINDOWS_11, "products": [{"office": f"ProPlus{2016 if number < 3 else 2021}"}]}
        for number in range(1, 6)
    }
    lab = offices({"dialects": ["office-counts-by-application"]}, clients=0, **clients)
    for number in range(1, 5):
        assert refused(lambda number=number: lab.activate(f"mix{number}")) == 0xC004F038  # type: ignore[misc]
    lab.activate("mix5")
    assert machine_state(lab, "kms01")["kms_host"]["pools"]["office"]["count"] == 5


def test_a_host_without_the_key_of_a_release_refuses_it() -> None:
    lab = offices(clients=0, pc1={"os": WINDOWS_11, "products": [{"office": "ProPlus2024"}]})
    assert refused(lambda: lab.activate("pc1")) == 0xC004F042
    last = machine_state(lab, "kms01")["events"][-1]
    assert last["strings"][:2] == ["0xC004F042", "5"]


def test_an_office_host_alone_is_no_host_of_windows() -> None:
    host = {
        "os": "windows-server-2022-datacenter",
        "products": [{"channel": "gvlk"}, {"office_host": "2021", "key": OFFICE_CSVLK}],
    }
    for names, shown in (([], "0"), (["office-host-on-service"], "1")):
        lab = offices({"dialects": names}, clients=0, kms02=host)
        lab.activate("kms02", "KMNFF")
        (service,) = lab.query("kms02", "SELECT IsKeyManagementServiceMachine FROM SoftwareLicensingService")
        assert service == {"IsKeyManagementServiceMachine": shown}
        assert machine_state(lab, "kms02")["kms_host"]["activated"] is True


def test_a_licence_pack_without_a_key_is_an_empty_row_that_takes_one() -> None:
    host = {"os": "windows-server-2022-datacenter", "products": [{"channel": "gvlk"}, {"office_host": "2016"}]}
    lab = offices(clients=0, kms02=host)
    assert machine_state(lab, "kms02")["kms_host"] is None
    lab.install_key("kms02", OFFICE_2016_CSVLK)
    row = keyed(lab, "kms02")["KNMFF"]
    assert row["Description"] == "Office 16, VOLUME_KMS channel"
    lab.invoke_product("kms02", "UninstallProductKey", "KNMFF")
    assert machine_state(lab, "kms02")["kms_host"] is None


def test_a_windows_key_leaves_the_office_hosts_of_a_machine_as_they_are() -> None:
    lab = offices()
    asked_by(lab, "6F7TH")
    lab.install_key("kms01", published_key("Windows Server 2022", "Datacenter"))
    pools = machine_state(lab, "kms01")["kms_host"]["pools"]
    assert {name: pool["count"] for name, pool in pools.items()} == {"office-2021": 6, "office-2016": 0}
    lab.install_key("kms01", WINDOWS_CSVLK)
    assert machine_state(lab, "kms01")["kms_host"]["pools"]["windows"]["count"] == 0


def test_clients_of_one_count_are_set_by_its_name() -> None:
    lab = offices()
    lab.site.set("kms01", "clients", "office-2021:4")
    lab.activate("pc1", "6F7TH")
    with pytest.raises(SiteError, match=r"clients='office-2021:11' of kms01 is not a number of made-up clients"):
        lab.site.set("kms01", "clients", "office-2021:11")
    with pytest.raises(SiteError, match=r"clients='office-2024:1' of kms01 is not a number of made-up clients"):
        lab.site.set("kms01", "clients", "office-2024:1")


def test_a_shared_count_outlives_one_of_its_keys() -> None:
    lab = offices({"dialects": ["office-counts-by-application"]})
    asked_by(lab, "6F7TH")
    lab.invoke_product("kms01", "UninstallProductKey", "KNMFF")
    assert machine_state(lab, "kms01")["kms_host"]["pools"]["office"]["count"] == 6
    lab.install_key("kms01", OFFICE_2016_CSVLK)
    assert machine_state(lab, "kms01")["kms_host"]["pools"]["office"]["count"] == 6


def test_status_and_grace_of_one_product_are_set_by_its_key() -> None:
    lab = with_office({"office": "ProPlus2021"})
    lab.site.set("pc1", "license_status", "6f7th:3")
    lab.site.set("pc1", "grace_minutes", "6F7TH:60")
    found = {row["partial_product_key"]: row for row in machine_state(lab, "pc1")["products"]}
    assert (found["6F7TH"]["license_status"], found["6F7TH"]["grace_minutes"]) == (3, 60)
    assert found["2YT43"]["license_status"] == 5
    with pytest.raises(SiteError, match="license_status='AAAAA:3' of pc1 is not 0 to 6"):
        lab.site.set("pc1", "license_status", "AAAAA:3")


# -- mistakes of a site file


@pytest.mark.parametrize(
    ("product", "sentence"),
    [
        ({"office": "ProPlus2020"}, "'ProPlus2020' in `products` of machine 'pc1' is no product of Office of the lab;"),
        ({"office": "Word2021", "channel": "oem_dm"}, "`channel` of an Office of machine 'pc1' is 'oem_dm'; valid"),
        ({"office": "Word2021", "channel": "gvlk", "key": OFFICE_MAK}, "An Office of machine 'pc1' has either a `key`"),
        ({"office_host": "2020"}, "'2020' in `products` of machine 'pc1' is no release of Office of the lab;"),
        ({"office": "Word2021", "key": OFFICE_MAK}, "The key ending in MKNFF does not fit pc1 (windows-11-enterprise)"),
    ],
)
def test_a_mistake_is_one_sentence(product: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(SiteError) as caught:
        with_office(product)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(
    ("kind", "names"), [("mak", ["office-2021"]), ("kms_host", ["ProPlus2021"]), ("mak", ["ProPlus2021", WINDOWS_11])]
)
def test_a_key_is_for_products_or_for_hosts(kind: str, names: list[str]) -> None:
    with pytest.raises(SiteError, match="is no operating system of the lab"):
        rehearse(
            {
                "domain": "corp.example.test",
                "machines": {"pc1": {"os": WINDOWS_11}},
                "microsoft": {"keys": [{"key": OFFICE_MAK, "kind": kind, "for": names}]},
            }
        )


def test_a_key_that_is_no_office_key_is_of_no_office() -> None:
    assert office_of_gvlk("0" * 64) is None
