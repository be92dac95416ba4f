# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every operation, as a replayed exchange."""

from __future__ import annotations

import typing as t
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    BadInput,
    BadReply,
    NotSupported,
    TransportLost,
    TransportTimeout,
)
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import (
    CimInstance,
    CimSession,
    Identity,
    Reference,
)

OWNER = Reference("Win32_Computer", {"Name": "WIN01", "Site": Reference("Lab_Site", {"Id": "4"}, "root/lab")})


def test_identify_sends_no_header_and_reads_three_texts(replayed: t.Any) -> None:
    transport = replayed("identify")

    identity = CimSession(transport).identify()

    assert identity == Identity(
        protocol_version="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
        vendor="Example Corporation",
        product_version="OS: 10.0.22631 SP: 0.0 Stack: 3.0",
    )
    assert transport.read_timeouts == [35.0]


def test_a_query_with_a_property_list_gives_rows_of_the_class_after_from(replayed: t.Any) -> None:
    rows = CimSession(replayed("query_property_list")).query(
        "SELECT Caption, MUILanguages, InstallDate FROM Win32_OperatingSystem WHERE BuildNumber >= '9200'"
    )

    assert [row.class_name for row in rows] == ["Win32_OperatingSystem"]
    (row,) = rows
    assert row.text("caption") == "Microsoft Windows 11 Enterprise \u00fc\u65e5"
    assert row.text("BuildType") is None
    assert row.text("Description") == ""
    assert row.strings("MUILanguages") == ["de-DE", "ja-JP"]
    assert row.moment("InstallDate") == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert row.integer("MaxProcessMemorySize") == 137438953344
    assert row.integer("NumberOfLicensedUsers") == 4294967295
    assert row.boolean("Primary") is True


def test_a_query_pulls_to_the_end_and_keeps_the_class_of_each_row(replayed: t.Any) -> None:
    transport = replayed("query_pages")
    session = CimSession(transport)

    rows = session.query("SELECT * FROM Win32_Service")

    assert [(row.class_name, row.text("Name"), row.integer("ProcessId")) for row in rows] == [
        ("Win32_Service", "Alpha", 0),
        ("Win32_Service", "Beta", 1204),
        ("Win32_TerminalService", "Gamma", 1208),
        ("Win32_Service", "Delta", 4),
    ]
    assert rows[0]["StartedAt"] == datetime(2026, 2, 3, 4, 5, 6, 700_000, tzinfo=timezone.utc)
    assert transport.actions == ["Enumerate", "Pull", "Pull", "Pull"]
    assert session.requests == 4


def test_class_uris_address_a_query_by_its_class_and_name_the_namespace_in_a_selector(replayed: t.Any) -> None:
    session = CimSession(replayed("query_class_uris"), class_uris=True)

    rows = session.query("SELECT * FROM Lab_Widget WHERE Note = 'bought FROM Nowhere'", namespace="root\\lab")

    assert rows == [CimInstance("Lab_Widget", {"Id": "7"})]


def test_get_reads_references_embedded_instances_and_intervals(replayed: t.Any) -> None:
    volume = CimSession(replayed("get")).get("Win32_Volume", {"DeviceID": "D:\\", "Label": ""})

    assert volume.class_name == "Win32_Volume"
    assert volume["Age"] == timedelta(days=3, hours=4, minutes=5, seconds=6.5)
    assert volume["Owner"] == OWNER
    assert volume["Quota"] == CimInstance("Lab_Quota", {"Limit": "18446744073709551615", "Warn": None})


def test_put_sends_arrays_item_by_item_and_null_as_nil(replayed: t.Any) -> None:
    shown = CimSession(replayed("put")).put(
        "MSFT_NetAddressFilter",
        {"InstanceID": "rule-7"},
        {"RemoteAddress": ["LocalSubnet", "192.0.2.0/24"], "Description": None, "LocalAddress": []},
        namespace="root/standardcimv2",
    )

    assert shown is not None
    assert shown.strings("RemoteAddress") == ["LocalSubnet", "192.0.2.0/24"]


def test_put_without_an_instance_in_the_reply_gives_none(scripted: t.Any, envelope: t.Any) -> None:
    assert CimSession(scripted(envelope(""))).put("Lab_Widget", {"Id": 7}, {"Name": "x"}) is None


def test_what_create_gives_is_what_delete_takes(replayed: t.Any) -> None:
    session = CimSession(replayed("create_and_delete"))
    since = datetime(2026, 3, 4, 7, 6, 7, 250_000, tzinfo=timezone(timedelta(hours=2)))

    created = session.create("Lab_Widget", {"Enabled": True, "Id": 7, "Since": since}, namespace="root/lab")
    session.delete(created.class_name, created.keys, namespace=created.namespace)

    assert created == Reference("Lab_Widget", {"Id": "7"}, "root/lab")


@pytest.mark.parametrize(
    "body", ["", "<other/>", '<x:ResourceCreated xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer"/>']
)
def test_create_without_a_reference_in_the_reply_is_a_bad_reply(body: str, scripted: t.Any, envelope: t.Any) -> None:
    with pytest.raises(BadReply, match="answered Create of Lab_Widget with a SOAP body that does not hold") as caught:
        CimSession(scripted(envelope(body))).create("Lab_Widget", {"Id": 7})
    assert (caught.value.operation, caught.value.target) == ("Create", "Lab_Widget")


def test_invoke_sends_every_kind_of_argument_and_reads_its_output(replayed: t.Any) -> None:
    transport = replayed("invoke")
    session = CimSession(transport)

    output = session.invoke(
        "Lab_Service",
        "Configure",
        {
            "Text": 'a < b & "c"',
            "Empty": "",
            "Port": 1688,
            "Enable": False,
            "Bytes": [0, 255],
            "After": timedelta(hours=2),
            "Owner": OWNER,
            "Quota": CimInstance("Lab_Quota", {"Limit": 5}),
        },
        keys={"Version": "10.0.22631.1"},
        operation_timeout=60,
    )
    nothing = session.invoke("Lab_Service", "Refresh")

    assert output == CimInstance("Configure_OUTPUT", {"Applied": "true", "ReturnValue": "2147942402"})
    assert nothing == CimInstance("Refresh_OUTPUT", {})
    assert transport.read_timeouts == [75.0, 35.0]


def test_invoke_takes_a_body_without_any_output_for_an_empty_one(scripted: t.Any, envelope: t.Any) -> None:
    assert len(CimSession(scripted(envelope(""))).invoke("Lab_Service", "Refresh")) == 0


def test_invoke_takes_an_output_in_the_servers_spelling(scripted: t.Any, envelope: t.Any) -> None:
    transport = scripted(envelope("<REFRESH_OUTPUT><ReturnValue>0</ReturnValue></REFRESH_OUTPUT>"))
    assert CimSession(transport).invoke("Lab_Service", "Refresh").integer("ReturnValue") == 0


def test_invoke_does_not_take_another_element_for_an_output(scripted: t.Any, envelope: t.Any) -> None:
    question = '<i:InteractiveEvent xmlns:i="urn:example"><i:Description>sure?</i:Description></i:InteractiveEvent>'
    with pytest.raises(BadReply, match="answered Refresh of Lab_Service with a SOAP body") as caught:
        CimSession(scripted(envelope(question))).invoke("Lab_Service", "Refresh")
    assert "sure" not in str(caught.value)


@pytest.mark.parametrize("body", ["", "<one/><two/>"])
def test_get_wants_exactly_one_instance(body: str, scripted: t.Any, envelope: t.Any) -> None:
    with pytest.raises(BadReply, match="does not hold what was asked for"):
        CimSession(scripted(envelope(body))).get("Lab_Widget", {"Id": 7})


def test_identify_wants_an_identity(scripted: t.Any, envelope: t.Any) -> None:
    with pytest.raises(BadReply, match="answered Identify of the WS-Management service with"):
        CimSession(scripted(envelope("<other/>"))).identify()


@pytest.mark.parametrize("related", ["uuid:{}", "{}", "urn:uuid:{}", "UUID:{}"])
@pytest.mark.parametrize("case", [str.lower, str.upper])
def test_the_reply_may_spell_the_message_identifier_its_own_way(
    related: str, case: Callable[[str], str], scripted: t.Any, envelope: t.Any
) -> None:
    message_id = uuid.UUID("0a1b2c3d-0000-4000-8000-00000000abcd")
    transport = scripted(envelope("", relates_to=related.format(case(str(message_id)))))

    CimSession(transport, new_message_id=lambda: message_id).delete("Lab_Widget", {"Id": 7})

    assert transport.actions == ["Delete"]


@pytest.mark.parametrize("related", ["uuid:0a1b2c3d-0000-4000-8000-00000000abcd", "", "uuid."])
def test_an_answer_to_another_request_is_not_believed(related: str, scripted: t.Any, envelope: t.Any) -> None:
    with pytest.raises(BadReply, match="answered Get of Lab_Widget with the answer to another request"):
        CimSession(scripted(envelope("<one/>", relates_to=related))).get("Lab_Widget")


def test_an_answer_without_a_header_is_not_believed(scripted: t.Any) -> None:
    body = b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><one/></s:Body></s:Envelope>'
    with pytest.raises(BadReply, match="the answer to another request"):
        CimSession(scripted(body)).get("Lab_Widget")


def test_a_lost_transport_learns_what_was_being_done(scripted: t.Any) -> None:
    session = CimSession(scripted(TransportLost("WIN01 closed the connection.")))
    with pytest.raises(TransportLost, match="WIN01 closed the connection") as caught:
        session.invoke("Lab_Service", "Refresh")
    assert (caught.value.operation, caught.value.target) == ("Refresh", "Lab_Service")
    assert session.requests == 1


def test_a_transport_that_knows_better_what_was_being_done_is_left_alone(scripted: t.Any) -> None:
    error = TransportTimeout("No reply.", operation="connect", target="WIN01")
    with pytest.raises(TransportTimeout) as caught:
        CimSession(scripted(error)).get("Lab_Widget")
    assert (caught.value.operation, caught.value.target) == ("connect", "WIN01")


def test_a_request_larger_than_an_envelope_may_be_is_not_sent(scripted: t.Any) -> None:
    session = CimSession(scripted(), max_envelope_size=8192)
    with pytest.raises(NotSupported, match=r"InstallLicense of Lab_Service would take \d+ bytes.*accepts 8192"):
        session.invoke("Lab_Service", "InstallLicense", {"License": "x" * 8192})
    assert session.requests == 0


def test_an_envelope_size_that_no_server_accepts_is_refused(scripted: t.Any) -> None:
    with pytest.raises(ValueError, match="at least 8192"):
        CimSession(scripted(), max_envelope_size=8191)


@pytest.mark.parametrize("text", ["\x00", "a\x1bb", "\ud800", "\ufffe"])
def test_a_text_that_xml_cannot_carry_is_refused_without_showing_it(text: str, scripted: t.Any) -> None:
    session = CimSession(scripted())
    with pytest.raises(BadInput, match="cannot be sent to a Windows machine") as caught:
        session.invoke("Lab_Service", "Configure", {"Text": f"secret{text}"})
    with pytest.raises(BadInput):
        session.get("Lab_Widget", {f"secret{text}": 1})
    with pytest.raises(BadInput):
        session.query(f"SELECT * FROM Lab_Widget WHERE Name = 'secret{text}'")
    assert "secret" not in str(caught.value)
    assert session.requests == 0


@pytest.mark.parametrize("name", ["", "a b", "x/y", "1st", "<x>", "x:y", "\u00e9t\u00e9", "Lab_Widget\n"])
def test_what_is_no_cim_identifier_does_not_get_into_a_request(name: str, scripted: t.Any) -> None:
    session = CimSession(scripted())
    for call in (
        lambda: session.get(name),
        lambda: session.invoke("Lab_Widget", name),
        lambda: session.invoke("Lab_Widget", "Refresh", {name: 1}),
        lambda: session.query(f"SELECT * FROM '{name}'"),
    ):
        with pytest.raises(ValueError):
            call()
    assert session.requests == 0


@pytest.mark.parametrize("namespace", ["", "/root", "root//cimv2", "root/c v", "root/<x>"])
def test_what_is_no_cim_namespace_does_not_get_into_a_request(namespace: str, scripted: t.Any) -> None:
    with pytest.raises(ValueError, match="is not a CIM identifier"):
        CimSession(scripted()).get("Lab_Widget", namespace=namespace)


def test_a_session_shows_its_endpoint_and_no_bodies(scripted: t.Any, envelope: t.Any) -> None:
    session = CimSession(scripted(envelope("<Widget><Secret>canary</Secret></Widget>")))
    instance = session.get("Lab_Widget", {"Key": "canary"})
    reference = Reference("Lab_Widget", {"Key": "canary"})

    assert repr(session) == "<CimSession http://win01.example.test:5985/wsman: 1 requests>"
    assert repr(instance) == "<CimInstance Widget: 1 properties>"
    assert "canary" not in repr(reference)
