# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The WS-Management face: paging, rows, values, registry, statistics."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone
from xml.etree.ElementTree import Element

import pytest

from lab.core import SiteError
from lab.core.example_company import one_machine
from lab.core.rehearsal import Rehearsal, RehearsedFault, request_envelope
from lab.core.soap import ENUMERATION, TRANSFER, WMI, WSMAN
from lab.core.values import datetime_text, element

CIMV2 = f"{WMI}root/cimv2"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
NIL = f"{XSI}nil"
RULE = {
    "CreationClassName": "msft|fw|firewallrule|sppsvc-in-tcp",
    "PolicyRuleName": "",
    "SystemCreationClassName": "",
    "SystemName": "",
}


def enumerate_body(wql: str, *, optimised: bool = True, maximum: int = 50, more: str = "") -> str:
    optimise = f"<w:OptimizeEnumeration/><w:MaxElements>{maximum}</w:MaxElements>" if optimised else ""
    dialect = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
    return f'<n:Enumerate>{optimise}{more}<w:Filter Dialect="{dialect}">{wql}</w:Filter></n:Enumerate>'


def enumerate_all(lab: Rehearsal, wql: str, **options: t.Any) -> Element:
    """The s:Body of an Enumerate."""
    return lab.request("win1", f"{ENUMERATION}/Enumerate", f"{CIMV2}/*", enumerate_body(wql, **options))


def pull(lab: Rehearsal, context: str, maximum: int) -> Element:
    place = f"<n:EnumerationContext>{context}</n:EnumerationContext>"
    body = f"<n:Pull>{place}<n:MaxElements>{maximum}</n:MaxElements></n:Pull>"
    return lab.request("win1", f"{ENUMERATION}/Pull", f"{CIMV2}/*", body)


def firewall(lab: Rehearsal) -> bool:
    return lab.site.machines["win1"].firewall.rules["SPPSVC-In-TCP"].enabled


def context_of(answer: Element) -> str:
    return answer.findtext(f".//{{{ENUMERATION}}}EnumerationContext") or ""


def fault_of(call: t.Callable[[], object]) -> RehearsedFault:
    with pytest.raises(RehearsedFault) as caught:
        call()
    return caught.value


def test_several_rows_begin_with_one_and_go_on_by_pull() -> None:
    lab = one_machine()
    first = enumerate_all(lab, "SELECT ID FROM SoftwareLicensingProduct")
    assert len(first.findall(f".//{{{WSMAN}}}Items/*")) == 1
    assert first.find(f".//{{{WSMAN}}}EndOfSequence") is None
    context = context_of(first)
    sizes = []
    while context:
        answer = pull(lab, context, 100)
        sizes.append(len(answer.findall(f".//{{{ENUMERATION}}}Items/*")))
        ended = answer.find(f".//{{{ENUMERATION}}}EndOfSequence") is not None
        context = context_of(answer)
        assert ended is (context == "")
    assert sum(sizes) == 120 + 4 - 1
    assert all(32 <= size <= 52 for size in sizes[:-1])


def test_a_pull_gives_no_more_than_asked() -> None:
    lab = one_machine()
    context = context_of(enumerate_all(lab, "SELECT ID FROM SoftwareLicensingProduct"))
    assert len(pull(lab, context, 7).findall(f".//{{{ENUMERATION}}}Items/*")) == 7


def test_without_optimisation_the_first_response_has_no_rows() -> None:
    answer = enumerate_all(one_machine(), "SELECT Version FROM SoftwareLicensingService", optimised=False)
    assert answer.find(f".//{{{WSMAN}}}Items") is None
    assert context_of(answer)


def test_one_row_ends_at_once_with_an_empty_context() -> None:
    answer = enumerate_all(one_machine(), "SELECT Version FROM SoftwareLicensingService")
    assert context_of(answer) == ""
    assert answer.find(f".//{{{WSMAN}}}EndOfSequence") is not None


def test_no_row_is_a_legal_answer() -> None:
    assert one_machine().query("win1", "SELECT ID FROM SoftwareLicensingProduct WHERE ID = 'x'") == []


def test_a_released_enumeration_cannot_be_pulled() -> None:
    lab = one_machine()
    context = context_of(enumerate_all(lab, "SELECT ID FROM SoftwareLicensingProduct"))
    body = f"<n:Release><n:EnumerationContext>{context}</n:EnumerationContext></n:Release>"
    answer = lab.request("win1", f"{ENUMERATION}/Release", f"{CIMV2}/*", body)
    assert list(answer) == []
    fault = fault_of(lambda: pull(lab, context, 5))
    assert (fault.code, fault.subcode) == (0x8033801B, "n:InvalidEnumerationContext")


def test_windows_7_allows_fifteen_open_enumerations() -> None:
    lab = one_machine("windows-7-enterprise")
    contexts = [context_of(enumerate_all(lab, "SELECT ID FROM SoftwareLicensingProduct")) for _ in range(15)]
    fault = fault_of(lambda: enumerate_all(lab, "SELECT ID FROM SoftwareLicensingProduct"))
    assert fault.code == 0x803381A6
    while contexts[0]:
        contexts[0] = context_of(pull(lab, contexts[0], 50))
    assert context_of(enumerate_all(lab, "SELECT ID FROM SoftwareLicensingProduct"))


def test_a_property_list_gives_fragments_in_alphabetical_order_without_namespace() -> None:
    wql = "SELECT Version, keymanagementservicednspublishing, ClientMachineID FROM SoftwareLicensingService"
    answer = enumerate_all(one_machine(), wql)
    (row,) = answer.findall(f".//{{{WSMAN}}}XmlFragment")
    assert [child.tag for child in row] == ["ClientMachineID", "KeyManagementServiceDnsPublishing", "Version"]
    assert row[0].get(NIL) == "true"
    assert row[1].text == "true"


def test_everything_gives_typed_rows_with_null_arrays_left_out() -> None:
    lab = one_machine()
    body = "<n:Enumerate><w:OptimizeEnumeration/></n:Enumerate>"
    answer = lab.request("win1", f"{ENUMERATION}/Enumerate", f"{WMI}root/StandardCimv2/MSFT_NetFirewallRule", body)
    (row,) = answer.findall(f".//{{{WSMAN}}}Items/*")
    space = f"{WMI}root/StandardCimv2/MSFT_NetFirewallRule"
    assert row.tag == f"{{{space}}}MSFT_NetFirewallRule"
    assert row.get(f"{XSI}type") == "p:MSFT_NetFirewallRule_Type"
    names = [child.tag.rpartition("}")[2] for child in row]
    assert names == sorted(names, key=str.lower)
    assert "EnforcementStatus" not in names
    assert row.findtext(f"{{{space}}}Enabled") == "2"
    assert row.findtext(f"{{{space}}}PolicyRuleName") == ""


def test_references_come_with_objects_when_asked_for() -> None:
    more = "<w:EnumerationMode>EnumerateObjectAndEPR</w:EnumerationMode>"
    answer = enumerate_all(one_machine(), "SELECT * FROM Win32_Service", more=more)
    (item,) = answer.findall(f".//{{{WSMAN}}}Item")
    selector = item.find(f".//{{{WSMAN}}}Selector")
    assert selector is not None
    assert (selector.get("Name"), selector.text) == ("Name", "sppsvc")


def test_a_selector_filter_selects_on_the_class() -> None:
    lab = one_machine()
    selectors = '<w:SelectorSet><w:Selector Name="PartialProductKey">2YT43</w:Selector></w:SelectorSet>'
    dialect = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"
    body = f'<n:Enumerate><w:OptimizeEnumeration/><w:Filter Dialect="{dialect}">{selectors}</w:Filter></n:Enumerate>'
    answer = lab.request("win1", f"{ENUMERATION}/Enumerate", f"{CIMV2}/SoftwareLicensingProduct", body)
    assert len(answer.findall(f".//{{{WSMAN}}}Items/*")) == 1


def test_selectors_and_resources_are_case_insensitive() -> None:
    lab = one_machine()
    assert lab.get("win1", "win32_service", {"NAME": "SPPSVC"})["State"] == "Running"
    assert lab.get("win1", "MSFT_NetFirewallRule", RULE, "ROOT/StandardCIMv2")["InstanceID"] == "SPPSVC-In-TCP"


def test_the_operating_system_needs_no_selectors() -> None:
    row = one_machine().get("win1", "Win32_OperatingSystem")
    assert (row["Version"], row["OperatingSystemSKU"], row["ProductType"]) == ("10.0.22631", "4", "1")
    assert (row["MUILanguages"], row["CSDVersion"]) == ("en-US", None)
    assert row["LocalDateTime"] == "2026-01-01T12:00:00Z"


def test_enabling_the_rule_gives_an_empty_output_and_put_does_the_same() -> None:
    lab = one_machine()
    assert lab.invoke("win1", "MSFT_NetFirewallRule", "Enable", None, RULE, "root/StandardCimv2") == {}
    assert firewall(lab)
    uri = f"{WMI}root/StandardCimv2/MSFT_NetFirewallRule"

    def put(inner: str) -> None:
        body = f'<p:MSFT_NetFirewallRule xmlns:p="{uri}">{inner}</p:MSFT_NetFirewallRule>'
        lab.request("win1", f"{TRANSFER}/Put", uri, body, RULE)

    put("<p:Direction>1</p:Direction><p:Enabled>2</p:Enabled>")
    assert not firewall(lab)
    assert fault_of(lambda: put("<p:Direction>2</p:Direction><p:Enabled>1</p:Enabled>")).code == 0x80041008
    assert not firewall(lab)


def test_a_response_names_the_request_it_answers() -> None:
    response = one_machine().send("win1", request_envelope(f"{TRANSFER}/Get", f"{CIMV2}/Win32_OperatingSystem", ""))
    assert b"<a:RelatesTo>uuid:4F5A0C1E-0001-4000-8000-0000000000AA</a:RelatesTo>" in response.body
    assert b"<a:Action>http://schemas.xmlsoap.org/ws/2004/09/transfer/GetResponse</a:Action>" in response.body


def test_an_invoke_echoes_the_callers_spelling() -> None:
    lab = one_machine()
    uri = f"{WMI}ROOT/cimv2/win32_SERVICE"
    body = f'<p:startservice_INPUT xmlns:p="{uri}"/>'
    response = lab.send("win1", request_envelope(f"{uri}/startservice", uri, body, {"Name": "sppsvc"}))
    assert response.status == 200
    assert f"<a:Action>{uri}/startserviceResponse</a:Action>".encode() in response.body
    assert b"<p:ReturnValue>10</p:ReturnValue>" in response.body


@pytest.mark.parametrize("namespace", ["root/default", "root/cimv2"])
def test_the_registry_shows_and_takes_the_settings_of_the_service(namespace: str) -> None:
    lab = one_machine()
    key = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SoftwareProtectionPlatform"
    value = {"hDefKey": 2147483650, "sSubKeyName": key, "sValueName": "KeyManagementServiceName"}

    def call(method: str, **more: object) -> dict[str, str | None]:
        return lab.invoke("win1", "StdRegProv", method, {**value, **more}, namespace=namespace)

    assert call("GetStringValue") == {"sValue": None, "ReturnValue": "1"}
    assert call("SetStringValue", sValue="kms.example.test") == {"ReturnValue": "0"}
    assert call("GetStringValue") == {"sValue": "kms.example.test", "ReturnValue": "0"}
    assert lab.site.machines["win1"].settings.kms_machine == "kms.example.test"
    assert call("GetStringValue", sSubKeyName="SOFTWARE\\Nothing") == {"ReturnValue": "2"}
    assert call("DeleteValue") == {"ReturnValue": "0"}
    assert call("GetStringValue")["sValue"] is None
    assert call("GetDWORDValue", sValueName="DisableDnsPublishing")["ReturnValue"] == "1"
    assert call("SetDWORDValue", sValueName="DisableDnsPublishing", uValue=1) == {"ReturnValue": "0"}
    assert not lab.site.machines["win1"].settings.dns_publishing
    version = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    assert call("GetStringValue", sSubKeyName=version, sValueName="EditionID")["sValue"] == "Enterprise"


def test_statistics_count_by_machine_and_operation_and_can_be_reset() -> None:
    lab = one_machine()
    lab.query("win1", "SELECT ID FROM SoftwareLicensingProduct")
    fault_of(lambda: lab.install_key("win1", "nonsense"))
    stats = lab.site.stats(reset=True)
    machines = t.cast("dict[str, t.Any]", stats["machines"])
    assert set(machines["win1"]) == {
        "Enumerate SoftwareLicensingProduct",
        "Pull SoftwareLicensingProduct",
        "Invoke SoftwareLicensingService.InstallProductKey",
    }
    assert machines["win1"]["Invoke SoftwareLicensingService.InstallProductKey"]["faults"] == 1
    assert machines["win1"]["Enumerate SoftwareLicensingProduct"]["bytes_sent"] > 500
    assert t.cast("dict[str, int]", lab.site.stats()["total"])["requests"] == 0


def test_what_cannot_be_set_is_named_with_what_can() -> None:
    lab = one_machine()
    with pytest.raises(
        SiteError, match="'colour' is nothing that can be set; valid names are access=allowed or denied; "
    ):
        lab.site.set("win1", "colour", "blue")
    with pytest.raises(SiteError, match="firewall='maybe' of win1 is not on or off"):
        lab.site.set("win1", "firewall", "maybe")
    with pytest.raises(SiteError, match="There is no machine 'win9'; there are win1"):
        lab.site.set("win9", "firewall", "on")
    lab.site.set("win1", "license_status", "1")
    lab.site.set("win1", "grace_minutes", "90")
    wql = "SELECT LicenseStatus, GracePeriodRemaining FROM SoftwareLicensingProduct WHERE LicenseStatus = 1"
    assert lab.query("win1", wql) == [{"LicenseStatus": "1", "GracePeriodRemaining": "90"}]


def test_values_are_written_as_windows_writes_them() -> None:
    moment = datetime(2026, 1, 1, 13, 0, 0, 120000, tzinfo=timezone(timedelta(hours=1)))
    assert datetime_text(moment) == "2026-01-01T12:00:00.12Z"
    assert datetime_text(datetime(1601, 1, 1, tzinfo=timezone.utc)) == "1601-01-01T00:00:00Z"
    assert element("p:", "A", None) == '<p:A xsi:nil="true"/>'
    assert element("p:", "A", None, is_array=True) == ""
    assert element("", "A", "") == "<A/>"
    assert element("p:", "A", "a<b\x01") == "<p:A>a&lt;b?</p:A>"
    assert element("p:", "A", False) == "<p:A>false</p:A>"
    assert element("p:", "A", [1, 2]) == "<p:A>1</p:A><p:A>2</p:A>"
    assert element("p:", "A", moment) == "<p:A><cim:Datetime>2026-01-01T12:00:00.12Z</cim:Datetime></p:A>"
    assert element("", "A", moment) == "<A><Datetime>2026-01-01T12:00:00.12Z</Datetime></A>"
