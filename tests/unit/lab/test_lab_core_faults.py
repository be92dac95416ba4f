# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults: their codes, shapes and languages."""

from __future__ import annotations

import functools
import typing as t
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from lab.core.example_company import one_machine
from lab.core.rehearsal import Rehearsal, RehearsedFault, rehearse, request_envelope
from lab.core.soap import ENUMERATION, SOAP, TRANSFER, WMI

CIMV2 = f"{WMI}root/cimv2"


def enumerate_body(wql: str, *, optimised: bool = True, maximum: int = 50, more: str = "") -> str:
    optimise = f"<w:OptimizeEnumeration/><w:MaxElements>{maximum}</w:MaxElements>" if optimised else ""
    dialect = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
    return f'<n:Enumerate>{optimise}{more}<w:Filter Dialect="{dialect}">{wql}</w:Filter></n:Enumerate>'


def fault_of(call: t.Callable[[], object]) -> RehearsedFault:
    with pytest.raises(RehearsedFault) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("wql", "code"),
    [
        ("SELECT * FROM Win32_Nothing", 0x80041010),
        ("SELECT * FROM OfficeSoftwareProtectionProduct", 0x80041010),
        ("SELECT * FROM MSFT_NetFirewallRule", 0x80041010),
        ("SELECT ID, Colour FROM SoftwareLicensingProduct", 0x80041017),
        ("SELECT ID FROM SoftwareLicensingProduct WHERE Colour = 1", 0x80041017),
        ("SELECT ID FROM SoftwareLicensingProduct ORDER BY ID", 0x80041017),
        ("SELECT ID FROM SoftwareLicensingProduct WHERE LicenseStatus = 'five'", 0x80041017),
    ],
)
def test_a_bad_query_is_a_fault_as_a_whole(wql: str, code: int) -> None:
    fault = fault_of(lambda: one_machine().query("win1", wql))
    assert fault.codes == (0x8033801A, code)
    assert fault.subcode == "n:CannotProcessFilter"


def test_windows_7_refuses_a_query_for_newer_properties() -> None:
    wql = "SELECT ID, VLActivationType FROM SoftwareLicensingProduct"
    assert fault_of(lambda: one_machine("windows-7-enterprise").query("win1", wql)).code == 0x80041017
    assert len(one_machine().query("win1", wql)) == 124


def test_wql_needs_the_wildcard_resource() -> None:
    body = enumerate_body("SELECT * FROM Win32_Service")
    fault = fault_of(lambda: one_machine().request("win1", f"{ENUMERATION}/Enumerate", f"{CIMV2}/Win32_Service", body))
    assert fault.code == 0x803380FB


@pytest.mark.parametrize(
    ("class_name", "selectors", "namespace", "codes", "subcode"),
    [
        ("Win32_Nothing", {"Name": "x"}, "root/cimv2", (0x80338000, 0x80041010), "a:DestinationUnreachable"),
        ("Win32_Service", {"Name": "x"}, "root/cimv3", (0x80338000, 0x8004100E), "w:InternalError"),
        ("Win32_Service", {"Name": "spooler"}, "root/cimv2", (0x80338000, 0x80041002), "a:DestinationUnreachable"),
        ("Win32_Service", {}, "root/cimv2", (0x803380FA,), "w:InvalidSelectors"),
        ("Win32_Service", {"Title": "sppsvc"}, "root/cimv2", (0x8033805B,), "w:InvalidSelectors"),
        ("MSFT_NetFirewallRule", {"InstanceID": "x"}, "root/standardcimv2", (0x8033805B,), "w:InvalidSelectors"),
        (
            "SoftwareLicensingService",
            {"Version": "1.0"},
            "root/cimv2",
            (0x80338000, 0x80041002),
            "a:DestinationUnreachable",
        ),
    ],
)
def test_a_resource_that_is_not_there_is_a_fault(
    class_name: str, selectors: dict[str, str], namespace: str, codes: tuple[int, ...], subcode: str
) -> None:
    fault = fault_of(lambda: one_machine().get("win1", class_name, selectors, namespace))
    assert (fault.codes, fault.subcode) == (codes, subcode)


@pytest.mark.parametrize("verb", ["Put", "Create", "Delete"])
def test_classes_that_change_by_methods_only_refuse_transfer(verb: str) -> None:
    lab = one_machine()
    uri = f"{CIMV2}/SoftwareLicensingService"
    fault = fault_of(lambda: lab.request("win1", f"{TRANSFER}/{verb}", uri, "", lab.service("win1")))
    assert fault.code == 0x8004100C


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("Explode", {}, 0x8004102E),
        ("InstallProductKey", {"Key": "x"}, 0x8004102F),
        ("SetKeyManagementServicePort", {"PortNumber": "high"}, 0x8004102F),
        ("SetKeyManagementServicePort", {"PortNumber": 0}, 0x80070057),
        ("SetKeyManagementServiceMachine", {"MachineName": ""}, 0x80070057),
        ("AcquireGenuineTicket", {}, 0x8004100C),
    ],
)
def test_a_method_that_fails_is_a_fault_with_its_hresult(method: str, arguments: dict[str, object], code: int) -> None:
    lab = one_machine()
    fault = fault_of(lambda: lab.invoke("win1", "SoftwareLicensingService", method, arguments, lab.service("win1")))
    assert fault.codes == (0x80338003, code)
    shape_3 = one_machine(fault_shape=3)
    fault = fault_of(
        lambda: shape_3.invoke("win1", "SoftwareLicensingService", method, arguments, shape_3.service("win1"))
    )
    assert fault.codes == (code,)


def test_an_access_denied_machine_faults_and_identify_still_answers() -> None:
    lab = one_machine()
    lab.site.set("win1", "access", "denied")
    fault = fault_of(lambda: lab.query("win1", "SELECT * FROM Win32_Service"))
    assert (fault.code, fault.subcode) == (5, "w:AccessDenied")
    identify = (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
        "<s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>"
    ).encode()
    response = lab.send("win1", identify)
    assert response.status == 200
    assert b"<wsmid:ProductVersion>OS: 10.0.22631 SP: 0.0 Stack: 3.0</wsmid:ProductVersion>" in response.body
    stranger = lab.send("win1", identify, user="")
    assert b"<wsmid:ProductVersion>OS: 0.0.0 SP: 0.0 Stack: 3.0</wsmid:ProductVersion>" in stranger.body


def test_texts_of_faults_are_in_the_language_of_the_machine_and_names_are_not() -> None:
    lab = rehearse(
        {
            "domain": "corp.example.test",
            "machines": {
                "en": {"os": "windows-11-enterprise"},
                "de": {"os": "windows-11-enterprise", "language": "de-DE"},
                "ja": {"os": "windows-11-enterprise", "language": "ja-JP"},
            },
        }
    )
    wql = "SELECT Name, Description FROM SoftwareLicensingProduct WHERE PartialProductKey IS NOT NULL"
    assert lab.query("en", wql) == lab.query("de", wql) == lab.query("ja", wql)
    texts = {name: fault_of(functools.partial(lab.query, name, "SELECT * FROM Nothing")) for name in ("en", "de", "ja")}
    assert texts["de"].text.startswith("Der WS-Verwaltungsdienst kann die Anforderung nicht verarbeiten.")
    assert len({fault.text for fault in texts.values()}) == 3
    assert len({fault.codes for fault in texts.values()}) == 1
    names = {lab.get(name, "Win32_Service", {"Name": "sppsvc"})["DisplayName"] for name in ("en", "de", "ja")}
    assert len(names) == 3


def sent(lab: Rehearsal, old: str, new: str) -> Element:
    """The body of the answer to a good request in which `old` was replaced."""
    envelope = request_envelope(f"{TRANSFER}/Get", f"{CIMV2}/Win32_OperatingSystem", "")
    assert old.encode() in envelope
    response = lab.send("win1", envelope.replace(old.encode(), new.encode(), 1))
    assert response.status == 500
    body = fromstring(response.body).find(f"{{{SOAP}}}Body")
    assert body is not None
    return body


@pytest.mark.parametrize(
    ("old", "new", "subcode", "code"),
    [
        ('s:mustUnderstand="false"', 's:mustUnderstand="true"', "w:UnsupportedFeature", 0x80338087),
        (">512000<", ">8191<", "w:EncodingLimit", 0x80338035),
        ("<a:ReplyTo>", "<a:ReplyFrom>", "w:SchemaValidationError", 0x80338041),
        ("role/anonymous", "role/none", "w:UnsupportedFeature", 0x80338041),
        ("<s:Header>", "<!-- <s:Header>", "w:SchemaValidationError", 0x80338041),
        ("<s:Envelope", "<!DOCTYPE s:Envelope []><s:Envelope", "w:SchemaValidationError", 0x80338041),
        ("transfer/Get", "transfer/Fetch", "a:ActionNotSupported", 0x80338013),
        ("transfer/Get", "nowhere/Get", "a:ActionNotSupported", 0x80338013),
    ],
)
def test_a_request_that_is_not_well_made_is_a_fault(old: str, new: str, subcode: str, code: int) -> None:
    fault = RehearsedFault(sent(one_machine(), old, new))
    assert (fault.subcode, fault.code) == (subcode, code)


def test_a_header_that_must_be_understood_and_is_not_has_a_fault_without_detail() -> None:
    body = sent(one_machine(), "<s:Header>", '<s:Header><q:Odd xmlns:q="urn:q" s:mustUnderstand="true"/>')
    assert body.findtext(f".//{{{SOAP}}}Code/{{{SOAP}}}Value") == "s:MustUnderstand"
    assert body.find(f".//{{{SOAP}}}Detail") is None


def test_a_request_larger_than_the_server_takes_is_refused_by_http() -> None:
    assert one_machine().send("win1", b" " * (500 * 1024 + 1)).status == 413
    assert one_machine("windows-7-enterprise").send("win1", b" " * (150 * 1024 + 1)).status == 413
