# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests are small, declare what they use, and cannot be broken by what they carry."""

from __future__ import annotations

import re
import typing as t

import pytest
from defusedxml.ElementTree import fromstring

from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimSession
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._namespaces import Name
from ansible_collections.volact.kms.plugins.plugin_utils._wsman._xml import Node, serialize


def test_a_simple_query_takes_less_than_1300_bytes(scripted: t.Any, envelope: t.Any) -> None:
    transport = scripted(envelope("<n:EnumerateResponse/>"))
    CimSession(transport).query("SELECT Caption, Version, OperatingSystemSKU FROM Win32_OperatingSystem")
    assert len(transport.sent[0]) < 1300


def test_identify_takes_less_than_250_bytes(replayed: t.Any) -> None:
    transport = replayed("identify")
    CimSession(transport).identify()
    assert len(transport.sent[0]) < 250


def operations(session: CimSession) -> None:
    session.query("SELECT * FROM Lab_Widget")
    session.get("Lab_Widget", {"Id": 7})
    session.put("Lab_Widget", {"Id": 7}, {"Name": None, "Part": CimInstance("Lab_Part", {"A": 1})})
    session.delete("Lab_Widget", {"Id": 7})
    session.invoke("Lab_Widget", "Refresh", {"Name": "x"})


@pytest.fixture
def sent(scripted: t.Any, envelope: t.Any) -> list[bytes]:
    """One request of each kind."""
    bodies = ["<n:EnumerateResponse/>", "<one/>", "<one/>", "", "<Refresh_OUTPUT/>"]
    transport = scripted(*map(envelope, bodies))
    operations(CimSession(transport))
    return t.cast("list[bytes]", transport.sent)


def test_requests_declare_each_namespace_once_and_none_in_vain(sent: list[bytes]) -> None:
    for request in sent:
        text = request.decode()
        prefixes = re.findall(r"xmlns:(\w+)=", text)
        assert len(prefixes) == len(set(prefixes))
        for prefix in prefixes:
            assert re.search(rf"[</ \"]{prefix}:", text), f"{prefix} is declared and not used"


def test_requests_ask_to_be_understood_but_not_in_a_language(sent: list[bytes]) -> None:
    soap, wsman = "{http://www.w3.org/2003/05/soap-envelope}", "{http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd}"
    microsoft = "{http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd}"
    for request in sent:
        header = fromstring(request)[0]
        must = {element.tag: element.get(f"{soap}mustUnderstand") for element in header}
        assert must[f"{wsman}ResourceURI"] == must[f"{wsman}MaxEnvelopeSize"] == "true"
        assert must[f"{wsman}Locale"] == must[f"{microsoft}DataLocale"] == "false"


def test_each_request_has_its_own_message_identifier(sent: list[bytes]) -> None:
    found = [re.search(rb"<a:MessageID>uuid:([0-9A-F-]{36})</a:MessageID>", request) for request in sent]
    assert len({match[1] for match in found if match}) == len(sent)


@pytest.mark.parametrize("text", ['</q><x y="', "]]>", "&amp;", "<!--", "' OR 1=1", "\r\n"])
def test_no_text_breaks_out_of_its_element_or_attribute(text: str) -> None:
    root = fromstring(serialize(Node(Name("urn:a", "q"), text, {Name("", "k"): text})))
    assert root.text == text
    assert root.get("k") == text
    assert len(root) == 0


def test_qualified_names_as_attribute_values_follow_the_prefixes() -> None:
    document = serialize(Node(Name("urn:a", "x"), (Node(Name("", "plain")),), {Name("", "type"): Name("urn:b", "T")}))
    assert document == b'<q0:x xmlns:q0="urn:a" xmlns:q1="urn:b" type="q1:T"><plain/></q0:x>'
