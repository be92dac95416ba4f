# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What concerns a KMS host beside counting: limits of its key, its service, updates, intervals, lists, figures."""

from __future__ import annotations

import typing as t

import pytest

from lab.core import SiteError
from lab.core.example_company import CSVLK, company, failure, machine_state, product, used
from lab.core.example_offices import OFFICE_CSVLK, WINDOWS_CSVLK, offices
from lab.core.rehearsal import Rehearsal, RehearsedFault, rehearse

SYSTEM = "windows-server-2022-datacenter"
SPP = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"
WOW6432 = SPP.replace("SOFTWARE", "SOFTWARE\\Wow6432Node")
HKLM = 0x80000002


def host(key: dict[str, t.Any] | None = None, dialects: t.Sequence[str] = (), **machine: t.Any) -> Rehearsal:
    """kms01 with a host key that is not activated."""
    given = {"os": SYSTEM, "products": [{"key": CSVLK}], **machine}
    return rehearse(
        {
            "domain": "corp.example.test",
            "machines": {"kms01": given},
            "microsoft": {"keys": [{"key": CSVLK, "kind": "kms_host", "for": [given["os"]], **(key or {})}]},
            "behaviour": {"products_without_key": 1, "dialects": list(dialects)},
        }
    )


def service_call(lab: Rehearsal, method: str) -> str | None:
    return lab.invoke("kms01", "Win32_Service", method, None, {"Name": "sppsvc"})["ReturnValue"]


def service_state(lab: Rehearsal) -> str | None:
    return lab.query("kms01", "SELECT State FROM Win32_Service WHERE Name = 'sppsvc'")[0]["State"]


def registry(lab: Rehearsal, method: str, path: str = SPP, **arguments: object) -> dict[str, str | None]:
    return lab.invoke("kms01", "StdRegProv", method, {"hDefKey": HKLM, "sSubKeyName": path, **arguments})


# -- limits of a host key


@pytest.mark.parametrize("used_before", [{"kms01": 10}, {f"elsewhere{number}": 1 for number in range(6)}])
def test_a_host_key_whose_limits_are_used_up_is_refused(used_before: dict[str, int]) -> None:
    lab = host({"used": used_before})
    assert failure(lab, "kms01") == 0xC004C008
    assert used(lab, "KMNWX") == sum(used_before.values())


def test_the_sixth_host_and_the_tenth_activation_are_the_last() -> None:
    lab = host({"used": {"kms01": 9, **{f"elsewhere{number}": 1 for number in range(5)}}})
    assert failure(lab, "kms01") == 0
    lab.install_key("kms01", CSVLK)
    assert failure(lab, "kms01") == 0xC004C008


def test_a_wrong_number_of_activations_is_refused() -> None:
    with pytest.raises(SiteError) as caught:
        host({"used": {"kms01": -1}})
    assert "`kms01` in `used` in entry 1 of `microsoft.keys` is not a whole number" in str(caught.value)


def test_a_host_licence_that_runs_out_is_no_host_any_more() -> None:
    lab = host(products=[{"key": CSVLK, "activated": True}])
    lab.site.set("kms01", "grace_minutes", "KMNWX:60")
    assert product(lab, "kms01")["grace_minutes"] == 60
    lab.site.advance(61)
    assert product(lab, "kms01")["license_status"] == 5
    assert machine_state(lab, "kms01")["kms_host"]["activated"] is False


def test_a_host_whose_clock_is_wrong_refuses_its_clients() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    lab.site.set("kms01", "clock_offset_minutes", "-300")
    assert failure(lab, "srv1") == 0xC004F074
    assert machine_state(lab, "kms01")["events"][-1]["strings"][0] == "0xC004F06C"


# -- the service


def test_a_service_may_refuse_to_stop() -> None:
    lab = host()
    lab.site.set("kms01", "service_stop", "refused")
    assert service_call(lab, "StopService") == "3"
    assert service_state(lab) == "Running"


def test_a_service_may_never_stop() -> None:
    lab = host(products=[{"key": CSVLK, "activated": True}])
    lab.enable_firewall_rule("kms01")
    lab.site.set("kms01", "service_stop", "never")
    assert service_call(lab, "StopService") == "0"
    lab.site.advance(60)
    assert service_state(lab) == "Stop Pending"
    assert lab.site.kms_listeners() == {}
    assert service_call(lab, "StopService") == "5"
    assert service_call(lab, "StartService") == "5"
    lab.site.set("kms01", "service_state", "running")
    assert service_state(lab) == "Running"


def test_a_service_may_take_its_time_to_stop() -> None:
    lab = host()
    lab.site.set("kms01", "slow_stop_seconds", "30")
    assert service_call(lab, "StopService") == "0"
    assert service_state(lab) == "Stop Pending"
    lab.site.advance(1)
    assert service_state(lab) == "Stopped"
    assert service_call(lab, "StartService") == "0"


# -- updates


def test_updates_and_the_revision_are_as_the_site_file_says() -> None:
    lab = host(updates=["kb5034765"], revision=2322)
    rows = lab.query("kms01", "SELECT HotFixID, CSName FROM Win32_QuickFixEngineering")
    assert rows == [{"HotFixID": "KB5034765", "CSName": "KMS01"}]
    current = SPP.rpartition("\\")[0]
    assert registry(lab, "GetDWORDValue", current, sValueName="UBR") == {"uValue": "2322", "ReturnValue": "0"}
    assert lab.site.machines["kms01"].service_version == "10.0.20348.2322"


def test_updates_can_be_installed_while_the_lab_runs() -> None:
    lab = host()
    fresh = lab.query("kms01", "SELECT HotFixID FROM Win32_QuickFixEngineering")
    assert len(fresh) == 2
    lab.site.set("kms01", "updates", "KB5034765,KB5034768")
    lab.site.set("kms01", "revision", "3000")
    found = lab.query("kms01", "SELECT HotFixID FROM Win32_QuickFixEngineering")
    assert [row["HotFixID"] for row in found] == ["KB5034765", "KB5034768"]
    assert lab.get("kms01", "SoftwareLicensingService", lab.service("kms01"))["Version"] == "10.0.20348.3000"
    lab.site.set("kms01", "updates", "")
    assert lab.query("kms01", "SELECT HotFixID FROM Win32_QuickFixEngineering") == []


def test_an_old_windows_has_no_revision_in_its_registry() -> None:
    lab = host(os="windows-server-2012-r2-standard")
    current = SPP.rpartition("\\")[0]
    assert registry(lab, "GetDWORDValue", current, sValueName="UBR")["ReturnValue"] == "1"


def test_a_wrong_update_is_refused() -> None:
    with pytest.raises(SiteError) as caught:
        host(updates=["5034765"])
    assert str(caught.value) == ("`updates` of machine 'kms01' names 5034765, which is not KB and six or seven digits.")


# -- intervals, registry


def test_intervals_need_an_activated_host_and_stand_in_the_registry() -> None:
    lab = host()
    intervals = {"SetVLActivationInterval": {"ActivationInterval": 60}, "SetVLRenewalInterval": {"RenewalInterval": 15}}
    for method, arguments in intervals.items():
        with pytest.raises(RehearsedFault) as caught:
            lab.invoke_service("kms01", method, arguments)
        assert caught.value.code == 0xC004F039
    lab.activate("kms01")
    for method, arguments in intervals.items():
        lab.invoke_service("kms01", method, arguments)
    columns = "VLActivationInterval, VLRenewalInterval"
    (row,) = lab.query("kms01", f"SELECT {columns} FROM SoftwareLicensingService")
    assert row == {"VLActivationInterval": "60", "VLRenewalInterval": "15"}
    assert registry(lab, "GetDWORDValue", sValueName="VLActivationInterval")["uValue"] == "60"
    assert registry(lab, "SetDWORDValue", sValueName="VLRenewalInterval", uValue=14)["ReturnValue"] == "87"
    assert registry(lab, "DeleteValue", sValueName="VLRenewalInterval")["ReturnValue"] == "0"
    assert lab.query("kms01", "SELECT VLRenewalInterval FROM SoftwareLicensingService")[0] == {
        "VLRenewalInterval": "10080"
    }


def test_a_host_key_may_be_enough_for_intervals() -> None:
    lab = host(dialects=["intervals-with-key-only"])
    lab.invoke_service("kms01", "SetVLActivationInterval", {"ActivationInterval": 60})
    assert machine_state(lab, "kms01")["kms_host"]["activation_interval"] == 60


def test_a_list_of_texts_is_read_as_it_was_written() -> None:
    lab = host()
    name = {"sValueName": "DnsDomainPublishList"}
    assert registry(lab, "GetMultiStringValue", **name)["ReturnValue"] == "1"
    assert registry(lab, "SetMultiStringValue", sValue=["a.example.test", "b.example.test, 1, 2"], **name) == {
        "ReturnValue": "0"
    }
    found = registry(lab, "GetMultiStringValue", **name)
    assert found == {"sValue": "a.example.test,b.example.test, 1, 2", "ReturnValue": "0"}
    assert registry(lab, "EnumValues")["Types"] == "7"
    assert registry(lab, "GetStringValue", **name)["ReturnValue"] == "1", "it is of another type"
    for nothing in ([], [None]):
        registry(lab, "SetMultiStringValue", sValue=nothing, **name)
        assert registry(lab, "GetMultiStringValue", **name) == {"ReturnValue": "0"}
    assert registry(lab, "DeleteValue", **name)["ReturnValue"] == "0"


def test_a_list_of_texts_may_come_from_the_site_file_and_from_lab_set() -> None:
    lab = host(registry={SPP: {"DnsDomainPublishList": ["a.example.test"]}})
    name = {"sValueName": "DnsDomainPublishList"}
    assert registry(lab, "GetMultiStringValue", **name)["sValue"] == "a.example.test"
    lab.site.set("kms01", "registry", f"{SPP}\\DnsDomainPublishList=b.example.test;c.example.test, 1, 2")
    assert registry(lab, "GetMultiStringValue", **name)["sValue"] == "b.example.test,c.example.test, 1, 2"


@pytest.mark.parametrize(("machine", "there"), [({}, True), ({"architecture": "32-bit"}, False)])
def test_the_32_bit_view_of_the_registry_is_there_on_64_bit(machine: dict[str, t.Any], there: bool) -> None:
    lab = host(**machine)
    version = {"sValueName": "KeyManagementServiceVersion", "sValue": "10.0.20348.1001"}
    assert registry(lab, "SetStringValue", WOW6432, **version)["ReturnValue"] == ("0" if there else "2")
    assert registry(lab, "SetStringValue", **version)["ReturnValue"] == "0"
    (row,) = lab.query("kms01", "SELECT OSArchitecture FROM Win32_OperatingSystem")
    assert row["OSArchitecture"] == ("64-bit" if there else "32-bit")


def test_the_32_bit_view_may_have_to_be_made() -> None:
    lab = host(dialects=["no-wow6432-key"])
    version = {"sValueName": "KeyManagementServiceVersion", "sValue": "10.0.20348.1001"}
    assert registry(lab, "SetStringValue", WOW6432, **version)["ReturnValue"] == "2"
    assert registry(lab, "CreateKey", WOW6432)["ReturnValue"] == "0"
    assert registry(lab, "SetStringValue", WOW6432, **version)["ReturnValue"] == "0"


# -- figures


def test_each_host_key_of_a_machine_has_its_own_count_and_figures() -> None:
    lab = offices(clients=0)
    lab.site.set("kms01", "clients", "25")
    lab.site.set("kms01", "clients", "office-2021:4")
    lab.site.set("kms01", "requests", "office-2021:1,2,3,4,5,6,0,7")
    names = ("CurrentCount", "TotalRequests", "FailedRequests", "UnlicensedRequests", "NotificationRequests")
    columns = ", ".join(f"KeyManagementService{name}" for name in names)
    where = "WHERE PartialProductKey = '{}'"
    (windows,) = lab.query(
        "kms01", f"SELECT {columns} FROM SoftwareLicensingProduct " + where.format(WINDOWS_CSVLK[-5:])
    )
    (office,) = lab.query("kms01", f"SELECT {columns} FROM SoftwareLicensingProduct " + where.format(OFFICE_CSVLK[-5:]))
    assert [windows[f"KeyManagementService{name}"] for name in names] == ["25", "0", "0", "0", "0"]
    assert [office[f"KeyManagementService{name}"] for name in names] == ["4", "21", "7", "1", "6"]


def test_a_site_file_may_have_clones_and_made_up_clients() -> None:
    guid = "36f27b39-2fd5-440b-be67-a09996d27a38"
    lab = company(clone1={"os": SYSTEM, "cmid": guid.upper()})
    assert machine_state(lab, "clone1")["cmid"] == guid
    hosts = host(products=[{"key": CSVLK, "activated": True}], clients={"windows": 24})
    assert machine_state(hosts, "kms01")["kms_host"]["pools"]["windows"]["count"] == 24
    assert machine_state(host(clients=3), "kms01")["kms_host"]["pools"]["windows"]["count"] == 3


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        ({"clients": {"office-2021": 3}}, "`clients` of kms01: it has no host key that counts office-2021 up to 3."),
        ({"clients": 51}, "`clients` of kms01: it has no host key that counts up to 51."),
        ({"cmid": "x"}, "`cmid` of machine 'kms01' is not a GUID: 'x'."),
        ({"architecture": "arm"}, "`architecture` of machine 'kms01' is 'arm'; valid values are 64-bit, 32-bit."),
    ],
)
def test_what_a_machine_cannot_have_is_refused(machine: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(SiteError) as caught:
        host(**machine)
    assert str(caught.value) == sentence


def test_a_host_may_die_after_so_many_answers() -> None:
    lab = company()
    lab.provision_host("kms01", CSVLK)
    lab.site.set("kms01", "kms_answers", "2")
    assert [failure(lab, f"srv{number}") for number in (1, 2, 3)] == [0xC004F038, 0xC004F038, 0xC004F074]
    lab.site.set("kms01", "kms_service", "up")
    assert failure(lab, "srv3") == 0xC004F038


def test_a_mak_comes_back_only_where_a_dialect_says_so() -> None:
    mak = "BBBBB-CCCCC-DDDDD-FFFFF-MKWNH"
    for dialects, status in (([], 5), (["mak-activation-comes-back"], 1)):
        lab = company(behaviour={"dialects": dialects})
        lab.install_key("win1", mak)
        lab.activate("win1")
        lab.invoke_product("win1", "UninstallProductKey", "MKWNH")
        lab.install_key("win1", mak)
        assert product(lab, "win1")["license_status"] == 5
        lab.invoke_service("win1", "RefreshLicenseStatus")
        assert product(lab, "win1")["license_status"] == status
        assert used(lab, "MKWNH") == 1
