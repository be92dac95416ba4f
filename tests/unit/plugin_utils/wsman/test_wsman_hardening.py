# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine that we cannot trust may send: it costs an error, and shows nothing of itself."""

from __future__ import annotations

import importlib.util
import sys
import time
import tracemalloc
import typing as t
import uuid

import pytest

from ansible_collections.volact.kms.plugins.module_utils._errors import BadReply, MissingLibrary
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimSession, HttpReply, _xml

SECRET = "canary"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "canary">'
    + "".join(f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9))
    + "]><x>&j;</x>"
)


def soap(content: str) -> str:
    return f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{content}</s:Body></s:Envelope>'


HOSTILE = {
    "a document type": ('<!DOCTYPE canary SYSTEM "http://192.0.2.1/canary.dtd"><x/>', "a document type or entities"),
    "an internal entity": ('<!DOCTYPE x [<!ENTITY e "canary">]><x>&e;</x>', "a document type or entities"),
    "an external entity": ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/canary">]><x>&e;</x>', "a document type"),
    "a parameter entity": ('<!DOCTYPE x [<!ENTITY % e SYSTEM "file:///canary"> %e;]><x/>', "a document type"),
    "an entity bomb": (BOMB, "a document type or entities"),
    "an undeclared entity": (soap("&canary;"), "not well-formed XML"),
    "depth": ("<canary>" * 100_000, "elements nested deeper than 64 levels"),
    "depth in balance": (soap("<a>" * 63 + "canary" + "</a>" * 63), "elements nested deeper than 64 levels"),
    "width": (soap("<canary/>" * 200_001), "more than 200000 elements"),
    "truncation": (soap("<x>canary</x>")[:-20], "not well-formed XML at line 1"),
    "two roots": (soap("") + "<canary/>", "not well-formed XML"),
    "an HTML page": ("<!DOCTYPE html><html><body>canary<br></body></html>", "a document type or entities"),
    "an XHTML page": ("<html><body>canary</body></html>", "not a SOAP 1.2 envelope"),
    "plain text": ("canary canary", "not well-formed XML at line 1, column 0"),
    "JSON": ('{"canary": 1}', "not well-formed XML"),
    "SOAP 1.1": (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>canary</s:Body></s:Envelope>',
        "not a SOAP 1.2 envelope",
    ),
    "an envelope without a body": (f'<s:Envelope xmlns:s="{SOAP}"><canary/></s:Envelope>', "not a SOAP 1.2 envelope"),
    "a null character": (soap("canary\x00"), "not well-formed XML"),
    "an unbound prefix": (soap("<canary:x/>"), "not well-formed XML"),
    "white space only": (" \n ", "not well-formed XML"),
}


@pytest.mark.parametrize(("text", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_replies_are_refused_without_showing_them(text: str, sentence: str, scripted: t.Any) -> None:
    with pytest.raises(BadReply) as caught:
        CimSession(scripted(text.encode())).get("Lab_Widget")

    error = caught.value
    assert error.message.startswith("http://win01.example.test:5985/wsman answered Get of Lab_Widget with ")
    assert sentence in error.message
    assert SECRET not in f"{error!r} {error.hint}"
    # Whoever prints the chain must not print the document either.
    assert error.__suppress_context__ or error.__context__ is None


def test_the_deepest_and_widest_honest_reply_is_read(scripted: t.Any, envelope: t.Any) -> None:
    transport = scripted(envelope("<p>" * 62 + "</p>" * 62), envelope(f"<x>{'<p/>' * 50_000}</x>"))
    session = CimSession(transport)
    assert session.get("Lab_Widget").class_name == "p"
    assert len(session.get("Lab_Widget").strings("p")) == 50_000


def test_a_reply_over_the_limit_is_not_even_decoded(scripted: t.Any, envelope: t.Any) -> None:
    oversize = b"\xff" * (100 * 1024 * 1024)
    session = CimSession(scripted(oversize))
    tracemalloc.start()
    try:
        with pytest.raises(BadReply, match="with more than 16777216 bytes"):
            session.get("Lab_Widget")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1024 * 1024


def test_the_limit_is_the_last_size_that_is_read(scripted: t.Any, envelope: t.Any) -> None:
    message_id = uuid.UUID("00000000-0000-4000-8000-000000000001")
    reply = envelope("<one/>", relates_to=f"uuid:{message_id}")

    def session(limit: int) -> CimSession:
        return CimSession(scripted(reply), reply_limit=limit, new_message_id=lambda: message_id)

    assert session(len(reply)).get("Lab_Widget").class_name == "one"
    with pytest.raises(BadReply, match="with more than"):
        session(len(reply) - 1).get("Lab_Widget")


def test_a_deep_reply_is_left_at_the_limit_and_not_read_to_the_end(scripted: t.Any) -> None:
    started = time.process_time()
    with pytest.raises(BadReply, match="nested deeper"):
        CimSession(scripted(b"<a>" * 5_000_000)).get("Lab_Widget")
    assert time.process_time() - started < 2


DECLARATION = '<?xml version="1.0" encoding="{}"?>'


@pytest.mark.parametrize(
    ("encoding", "declared", "mark"),
    [
        ("utf-8", None, b""),
        ("utf-8", "UTF-8", b""),
        ("utf-8", "utf-8", b"\xef\xbb\xbf"),
        ("utf-8", "us-ascii", b""),
        ("utf-16-le", "UTF-16", b"\xff\xfe"),
        ("utf-16-be", "UTF-16", b"\xfe\xff"),
        ("utf-16-le", None, b"\xff\xfe"),
        ("utf-16-le", "utf-16", b""),
        ("utf-16-be", "UTF-16BE", b""),
    ],
)
def test_utf_8_and_utf_16_are_read(
    encoding: str, declared: str | None, mark: bytes, scripted: t.Any, envelope: t.Any
) -> None:
    message_id = uuid.UUID("00000000-0000-4000-8000-000000000001")
    reply = envelope("<x><Name>\u00fc\u65e5\U0001f5a5</Name></x>", relates_to=f"uuid:{message_id}").decode()
    declaration = DECLARATION.format(declared) if declared else ""
    transport = scripted(mark + (declaration + reply).encode(encoding))

    instance = CimSession(transport, new_message_id=lambda: message_id).get("Lab_Widget")

    assert instance.text("Name") == "\u00fc\u65e5\U0001f5a5"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (soap("canary\u00fc").encode("latin-1"), "what is not valid UTF-8"),
        ((DECLARATION.format("ISO-8859-1") + soap("canary\u00fc")).encode("latin-1"), "what is not valid UTF-8"),
        (
            (DECLARATION.format("ISO-8859-1") + soap("canary")).encode(),
            "a declaration of another character set than UTF-8",
        ),
        ((DECLARATION.format("canary") + soap("")).encode(), "a declaration of another character set than UTF-8"),
        ((DECLARATION.format("UTF-16") + soap("canary")).encode(), "a declaration of another character set than UTF-8"),
        ((DECLARATION.format("UTF-8") + soap("canary")).encode("utf-16"), "another character set than UTF-16-LE"),
        (b"\xff\xfe" + soap("canary").encode("utf-16-le")[:-1], "what is not valid UTF-16-LE"),
        (soap("canary").encode("utf-32"), "not well-formed XML"),
        ((DECLARATION.format("UTF-7") + soap("+ADw-canary/+AD4-")).encode(), "another character set than UTF-8"),
        (soap("canary").encode("cp037"), "what is not valid UTF-8"),
    ],
)
def test_any_other_character_set_is_refused(body: bytes, sentence: str, scripted: t.Any) -> None:
    with pytest.raises(BadReply) as caught:
        CimSession(scripted(body)).get("Lab_Widget")
    assert sentence in caught.value.message
    assert SECRET not in str(caught.value)


def test_without_defusedxml_nothing_is_parsed_and_the_package_is_named(
    scripted: t.Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_xml, "HAS_DEFUSEDXML", False)
    with pytest.raises(MissingLibrary, match=r"pip install 'defusedxml>=0\.7\.1'"):
        CimSession(scripted(b"<x/>")).get("Lab_Widget")


def test_the_package_imports_without_defusedxml(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("defusedxml", "defusedxml.common", "defusedxml.ElementTree"):
        monkeypatch.setitem(sys.modules, name, None)
    # Under another name, and in the package, so that its relative imports find the real siblings.
    name = f"{_xml.__name__}_without_defusedxml"
    spec = importlib.util.spec_from_file_location(name, _xml.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)

    spec.loader.exec_module(module)

    with pytest.raises(MissingLibrary):
        module.parse(b"<x/>", limit=10)


def test_a_reply_does_not_show_its_body() -> None:
    assert repr(HttpReply(200, b"canary")) == "HttpReply(status=200)"


def test_a_reply_of_200_rows_is_read_fast(scripted: t.Any, envelope: t.Any) -> None:
    row = "".join(f"<Property{number}>value {number}</Property{number}>" for number in range(20))
    rows = f"<w:XmlFragment>{row}</w:XmlFragment>" * 200
    body = f"<n:EnumerateResponse><w:Items>{rows}</w:Items><w:EndOfSequence/></n:EnumerateResponse>"
    session = CimSession(scripted(*[envelope(body)] * 3))

    started = time.process_time()
    for _ in range(3):
        assert len(session.query("SELECT * FROM Lab_Widget")) == 200
    assert (time.process_time() - started) / 3 < 0.25
