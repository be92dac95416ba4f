# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The self-test reads what the modules read and sends nothing else; its capture names nobody, and can be replayed."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring
from spp_lab import HOST_KEY, OPEN_FIREWALL, FakeClock, InProcessLab, LabTransport, Plant, new_lab

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault, KmsError, TransportLost
from ansible_collections.volact.kms.plugins.plugin_utils._spp import (
    Activate,
    Channel,
    DesiredClient,
    DesiredHost,
    Licensing,
    ProductKey,
    _rows,
    client_result,
    converge_client,
    converge_host,
    host_result,
    observe_client,
    observe_host,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall_read import (
    ADDRESS_PROPERTIES,
    OUR_RULES,
    PORT_PROPERTIES,
    RULE_PROPERTIES,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._scrub import IDENTIFYING, KEPT, Scrubber
from ansible_collections.volact.kms.plugins.plugin_utils._spp._selftest import (
    RecordingTransport,
    SelfTest,
    run_selftest,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession, HttpReply

READS = [
    "identify",
    "operating_system",
    "licensing_service",
    "windows_products",
    "host_service",
    "host_products",
    "licensing_service_6_1",
    "windows_products_6_1",
    "host_service_6_1",
    "host_products_6_1",
    "firewall_rule",
    "windows_service",
]
# What observing a host asks for, in its order.
OF_A_HOST = ["operating_system", "windows_service", "host_service", "host_products"]
OF_A_CLIENT = ["operating_system", "licensing_service", "windows_products"]
ACTION = re.compile(r"Action[^>]*>[^<]*/([^</]+)<")


def selftest(lab: InProcessLab, machine: str) -> SelfTest:
    return run_selftest(CimSession(LabTransport(lab, machine)), FakeClock())


@functools.cache
def replaying() -> ModuleType:
    """The replay transport of the tests of _wsman, which lives in a file of pytest's."""
    path = Path(__file__).parents[1] / "wsman" / "conftest.py"
    spec = importlib.util.spec_from_file_location("wsman_conftest", path)
    assert spec
    assert spec.loader
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def replay(capture: dict[str, Any], reads: list[str]) -> Any:
    """A transport that answers the requests of these reads as the captured machine did."""
    exchanges = [
        (fromstring(exchange["request"]), HttpReply(exchange["status"], (exchange["reply"] or "").encode()))
        for name in reads
        for exchange in capture["exchanges"]
        if exchange["read"] == name
    ]
    return replaying().Replay(exchanges, endpoint=capture["endpoint"])


def scrubbed(result: dict[str, Any], scrubber: Scrubber) -> dict[str, Any]:
    """A result with the same placeholders as a capture."""
    text = json.dumps(result)
    for value, placeholder in sorted(scrubber.replacements.items(), key=lambda item: -len(item[0])):
        text = re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", placeholder, text, flags=re.IGNORECASE)
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture
def site() -> InProcessLab:
    """A host, and a client that is pinned to it and has asked it: everything that identifies has a value."""
    lab = new_lab()
    lab.publish("kms01")
    host = DesiredHost(product_keys=(ProductKey(HOST_KEY),), activate=Activate.IF_NEEDED, firewall=OPEN_FIREWALL)
    converge_host(lab.licensing("kms01"), host, check_mode=False)
    client = DesiredClient(channel=Channel.KMS_CLIENT, kms_host="kms01.corp.example.test", activate=Activate.IF_NEEDED)
    converge_client(lab.licensing("win01"), client, check_mode=False)
    return lab


def test_it_reads_everything_once_and_says_what_it_found(site: InProcessLab) -> None:
    test = selftest(site, "win01")
    assert test.ok
    assert [read.name for read in test.reads] == READS
    # Two built-in rules and their addresses: the second row of each comes with a Pull.
    assert {read.name: read.requests for read in test.reads} == {**dict.fromkeys(READS, 1), "firewall_rule": 4}
    unasked = dict.fromkeys(("identify", "licensing_service", "host_service"))
    assert {read.name: read.found for read in test.reads} | unasked == {
        "identify": None,
        "operating_system": "Windows 10.0.22631, SKU 4",
        "licensing_service": None,
        "windows_products": "kms_client Notification",
        "host_service": None,
        "host_products": "kms_client Notification",
        "licensing_service_6_1": "version 10.0.22631.1001, no KMS host",
        "windows_products_6_1": "kms_client Notification",
        "host_service_6_1": "version 10.0.22631.1001, no KMS host",
        "host_products_6_1": "kms_client Notification",
        "firewall_rule": "SPPSVC-In-TCP disabled, SPPSVC-In-TCP-NoScope disabled",
        "windows_service": "Running",
    }


def test_windows_7_is_asked_once_and_has_no_firewall_class(site: InProcessLab) -> None:
    test = selftest(site, "old01")
    assert test.ok
    assert [read.name for read in test.reads] == [name for name in READS if not name.endswith("_6_1")]
    assert {read.name: read.found for read in test.reads}["firewall_rule"] == "no such rule or class"


@pytest.mark.parametrize("machine", ["win01", "kms01", "old01"])
def test_it_sends_queries_and_nothing_else(site: InProcessLab, machine: str) -> None:
    before = site.site.state()
    test = selftest(site, machine)
    actions = {found[1] for exchange in test.exchanges if (found := ACTION.search(exchange.request.decode()))}
    assert actions <= {"Enumerate", "Pull", "Release"}
    assert site.site.state() == before


def test_a_method_does_not_get_past_the_recorder(site: InProcessLab) -> None:
    session = CimSession(LabTransport(site, "win01"))
    session.interpose(RecordingTransport)
    with pytest.raises(AssertionError, match=r"only reads, and this is .*/StopService"):
        session.invoke("Win32_Service", "StopService", keys={"Name": "sppsvc"})
    assert session.query("SELECT State FROM Win32_Service WHERE Name = 'sppsvc'")[0].text("State") == "Running"


def test_a_read_that_fails_does_not_keep_the_others_from_being_done(site: InProcessLab) -> None:
    site.plants.append(Plant(b"MSFT_NetFirewallRule", CimFault("no", code=0x80041001, operation="Enumerate")))
    test = selftest(site, "win01")
    assert not test.ok
    failed = [read for read in test.reads if not read.ok]
    assert [(read.name, read.found) for read in failed] == [("firewall_rule", None)]
    assert failed[0].error
    assert (failed[0].error["kind"], failed[0].error["code"]) == ("cim_fault", "0x80041001")
    assert test.reads[-1].name == "windows_service"


def test_a_filter_that_wmi_refuses_for_another_reason_is_no_missing_class(site: InProcessLab) -> None:
    # 0x8033801A, "cannot process the filter", is around every error of a query.
    refused = CimFault("no", code=0x80041003, wsman_code=0x8033801A, operation="Enumerate")
    site.plants.append(Plant(b"MSFT_NetFirewallRule", refused))
    assert {read.name for read in selftest(site, "win01").reads if not read.ok} == {"firewall_rule"}


def test_nothing_is_asked_after_the_machine_was_lost(site: InProcessLab) -> None:
    site.plants.append(Plant(b"FROM SoftwareLicensingService", TransportLost("gone", sent=False)))
    test = selftest(site, "win01")
    assert not test.ok
    assert isinstance(test.lost, TransportLost)
    assert [read.name for read in test.reads] == READS[:3]
    last = json.loads(test.capture())["exchanges"][-1]
    assert (last["read"], last["status"], last["reply"]) == ("licensing_service", None, None)


@pytest.mark.parametrize("machine", ["win01", "srv01", "kms01"])
def test_a_capture_replays_to_the_state_that_was_observed(site: InProcessLab, machine: str) -> None:
    scrubber = Scrubber()
    capture = json.loads(selftest(site, machine).capture(scrubber))
    observed = host_result(observe_host(site.licensing(machine))) | client_result(
        observe_client(site.licensing(machine))
    )
    transport = replay(capture, OF_A_HOST)
    replayed = observe_host(Licensing(CimSession(transport), FakeClock()))
    assert not transport.exchanges
    transport = replay(capture, OF_A_CLIENT)
    as_client = observe_client(Licensing(CimSession(transport), FakeClock()))
    again = host_result(replayed) | client_result(as_client)
    expected = scrubbed(observed, scrubber)
    assert str(again).lower() == str(expected).lower()
    assert again["operating_system"]["computer_name"] == "machine-1"


def test_a_whole_capture_replays_to_the_same_reads(site: InProcessLab) -> None:
    test = selftest(site, "win01")
    transport = replay(json.loads(test.capture()), READS)
    again = run_selftest(CimSession(transport), FakeClock())
    assert again.reads == test.reads
    assert not transport.exchanges


@pytest.mark.parametrize("shape", [2, 3])
def test_a_fault_replays_with_its_code(shape: int) -> None:
    site = new_lab(fault_shape=shape)
    test = selftest(site, "old01")
    capture = json.loads(test.capture())
    transport = replay(capture, ["firewall_rule"])
    session = CimSession(transport)
    with pytest.raises(CimFault) as replayed:
        session.query(
            f"SELECT {', '.join(RULE_PROPERTIES)} FROM MSFT_NetFirewallRule WHERE {OUR_RULES}",
            namespace="root/StandardCimv2",
        )
    with pytest.raises(CimFault) as original:
        CimSession(LabTransport(site, "old01")).query(
            "SELECT Enabled FROM MSFT_NetFirewallRule", namespace="root/StandardCimv2"
        )
    assert replayed.value.code == original.value.code
    assert replayed.value.wsman_code == original.value.wsman_code
    assert replayed.value.subcode == original.value.subcode
    assert original.value.message not in json.dumps(capture)


def test_nothing_that_identifies_is_in_a_capture(site: InProcessLab) -> None:
    observed = client_result(observe_client(site.licensing("win01")))
    (product,) = observed["products"]
    canaries = {
        "win01",
        "kms01",
        "corp.example.test",
        observed["kms_client"]["cmid"],
        observed["kms_client"]["kms_host"],
        product["partial_product_key"],
    }
    raw = selftest(site, "win01")
    went_over = "".join(
        exchange.request.decode() + (exchange.reply.body.decode() if exchange.reply else "")
        for exchange in raw.exchanges
    ).lower()
    assert [canary for canary in canaries if canary.lower() not in went_over] == []
    capture = raw.capture().lower()
    assert [canary for canary in canaries if canary.lower() in capture] == []


FULL = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:f="urn:f"><s:Header><a:To>{to}</a:To>
 <Unknown>ORION</Unknown></s:Header><s:Body><Row Machine="ORION">{body}</Row>ORION</s:Body></s:Envelope>"""


def reply(body: str, scrubber: Scrubber | None = None, to: str = "x") -> str:
    return (scrubber or Scrubber()).reply(FULL.format(body=body, to=to).encode())


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("<CSName>ORION</CSName>", "machine-1"),
        ("<KeyManagementServiceMachine>orion.zeta.test</KeyManagementServiceMachine>", "machine-1.domain-1.invalid"),
        ("<KeyManagementServiceMachine>198.51.100.7</KeyManagementServiceMachine>", "192.0.2.1"),
        ("<KeyManagementServiceMachine>2001:db8:5::7</KeyManagementServiceMachine>", "2001:db8::1"),
        (
            "<{0}>198.51.100.7</{0}>".format("DiscoveredKeyManagementServiceMachineIpAddress"),
            "192.0.2.1",
        ),
        ("<KeyManagementServiceLookupDomain>zeta.test</KeyManagementServiceLookupDomain>", "domain-1.invalid"),
        (
            "<ClientMachineID>9F0D3C4E-6D3C-4D3A-8B4E-5F1F0A6A2B11</ClientMachineID>",
            "00000000-0000-4000-8000-000000000001",
        ),
        ("<PartialProductKey>QQ4TT</PartialProductKey>", "KEY01"),
        ("<OA3xOriginalProductKey>BBBBB-CCCCC-DDDDD-FFFFF-QQ4TT</OA3xOriginalProductKey>", "removed"),
        ("<Description>key BBBBB-CCCCC-DDDDD-FFFFF-QQ4TT</Description>", "removed"),
        (f"<Description>{'123456' * 9}</Description>", "removed"),
        ("<RegisteredUser>ZETA\\ada</RegisteredUser>", "removed"),
        ("<Unthought><Of><CSName>ORION</CSName></Of></Unthought>", "machine-1"),
    ],
)
def test_a_value_that_identifies_is_replaced(body: str, kept: str) -> None:
    text = reply(body)
    assert f">{kept}<" in text
    for canary in ("orion", "zeta", "198.51", "db8:5", "9f0d3c4e", "qq4tt", "123456", "ada"):
        assert canary not in text.lower()


def test_a_fault_keeps_its_codes_and_loses_its_words() -> None:
    text = reply(
        "<s:Fault><s:Code><s:Value>s:Sender</s:Value></s:Code><s:Reason><s:Text>ZETA\\ada may not (0x80070005)</s:Text>"
        "</s:Reason><f:WSManFault Code='5' Machine='ORION'><f:Message>ORION says -2147217385</f:Message></f:WSManFault>"
        "<error_Code>2147942405</error_Code><error_Type>HRESULT</error_Type><CSName>ORION</CSName></s:Fault>"
    )
    for kept in ("s:Sender", "removed 0x80070005", "removed -2147217385", 'Code="5"', "2147942405", ">HRESULT<"):
        assert kept in text
    for canary in ("orion", "zeta", "ada"):
        assert canary not in text.lower()


def test_the_same_value_gets_the_same_placeholder_in_any_case() -> None:
    scrubber = Scrubber()
    first = reply("<CSName>ORION</CSName>", scrubber)
    second = reply("<KeyManagementServiceMachine>orion.zeta.test</KeyManagementServiceMachine>", scrubber)
    third = reply("<CSName>VEGA1</CSName>", scrubber)
    assert ">machine-1<" in first
    assert ">machine-1.domain-1.invalid<" in second
    assert ">machine-2<" in third


def test_pages_of_a_result_still_belong_together() -> None:
    scrubber = Scrubber()
    context = "<EnumerationContext>uuid:4F7A07F6-4020-474A-8336-4A23A8204BE8</EnumerationContext>"
    request = FULL.format(to="x", body=context).encode()
    kept = "<EnumerationContext>uuid:00000000-0000-4000-8000-000000000001</EnumerationContext>"
    assert kept in reply(context, scrubber)
    assert kept in scrubber.request(request)
    assert kept not in reply(context.replace("4F7A", "5F7A"), scrubber)


def test_a_capture_that_would_still_tell_a_name_is_not_given(site: InProcessLab) -> None:
    class Talkative:
        endpoint = "http://orion.zeta.test:5985/wsman"

        def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
            answer = LabTransport(site, "win01").send(envelope, read_timeout=read_timeout)
            return HttpReply(answer.status, answer.body.replace(b"VOLUME_KMSCLIENT", b"orion VOLUME_KMSCLIENT"))

    test = run_selftest(CimSession(Talkative()), FakeClock())
    with pytest.raises(KmsError, match="would still hold 1 of the names") as error:
        test.capture()
    assert "orion" not in error.value.message


def test_what_is_not_xml_is_left_out_of_a_capture() -> None:
    class Broken:
        endpoint = "http://orion.zeta.test:5985/wsman"

        def send(self, envelope: bytes, *, read_timeout: float) -> HttpReply:
            return HttpReply(200, b"ORION <is> not XML")

    test = run_selftest(CimSession(Broken()), FakeClock())
    assert {read.error["kind"] for read in test.reads if read.error} == {"bad_reply"}
    exchanges = json.loads(test.capture())["exchanges"]
    assert {(exchange["status"], exchange["reply"]) for exchange in exchanges} == {(200, None)}


def test_every_property_that_is_read_is_known_to_identify_or_not() -> None:
    read = {
        *_rows.SYSTEM_PROPERTIES,
        *_rows.HOST_SERVICE_PROPERTIES,
        *_rows.HOST_PRODUCT_PROPERTIES,
        *RULE_PROPERTIES,
        *ADDRESS_PROPERTIES,
        *PORT_PROPERTIES,
        "Name",
        "StartMode",
        "State",
    }
    assert read == KEPT | IDENTIFYING.keys()
    assert not KEPT & IDENTIFYING.keys()
