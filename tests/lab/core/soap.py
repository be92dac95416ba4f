# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SOAP envelopes of WS-Management: bytes to a request, a body to bytes."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from random import Random
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from .faults import ADDRESSING_FAULT, Fault, schema_error
from .values import text_of

SOAP = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
MICROSOFT = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
IDENTITY = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
ANONYMOUS = f"{ADDRESSING}/role/anonymous"

#: What a server grants at most. Source: MS-WSMV 2.2.4.10, MaxTimeoutms.
LONGEST_OPERATION = 60.0
SMALLEST_ENVELOPE = 8192
DEFAULT_ENVELOPE = 512000

#: Headers the service understands, by namespace.
_UNDERSTOOD = {
    ADDRESSING: {"Action", "To", "MessageID", "ReplyTo", "FaultTo", "From", "RelatesTo"},
    WSMAN: {
        "ResourceURI",
        "SelectorSet",
        "OptionSet",
        "MaxEnvelopeSize",
        "OperationTimeout",
        "Locale",
        "FragmentTransfer",
    },
    MICROSOFT: {"DataLocale", "SessionId", "OperationID", "SequenceId", "ActivityId"},
}

_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `timeout` is in seconds and already what the server grants; selectors keep their spelling.

    `options` are those of the OptionSet, by lower-case name.
    """

    action: str
    resource_uri: str
    message_id: str
    selectors: dict[str, str]
    timeout: float
    max_envelope_size: int
    header: Element
    body: Element | None = field(compare=False)
    options: dict[str, str] = field(default_factory=dict)

    @property
    def is_identify(self) -> bool:
        """Identify has an empty header and tells itself by its body."""
        return self.body is not None and self.body.tag == f"{{{IDENTITY}}}Identify"


def parse(envelope: bytes) -> Request:
    """Read an envelope without judging it. Raises Fault for XML that is no envelope (a DTD makes it none)."""
    try:
        root = fromstring(envelope, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise schema_error() from None
    header = root.find(f"{{{SOAP}}}Header")
    body = root.find(f"{{{SOAP}}}Body")
    if root.tag != f"{{{SOAP}}}Envelope" or header is None or body is None:
        raise schema_error()
    selectors = {
        selector.get("Name", ""): (selector.text or "")
        for selector in header.findall(f"{{{WSMAN}}}SelectorSet/{{{WSMAN}}}Selector")
    }
    options = {
        option.get("Name", "").lower(): (option.text or "").strip()
        for option in header.findall(f"{{{WSMAN}}}OptionSet/{{{WSMAN}}}Option")
    }
    return Request(
        _text(header, ADDRESSING, "Action"),
        _text(header, WSMAN, "ResourceURI"),
        _text(header, ADDRESSING, "MessageID"),
        selectors,
        _seconds(_text(header, WSMAN, "OperationTimeout")),
        _size(_text(header, WSMAN, "MaxEnvelopeSize")),
        header,
        next(iter(body), None),
        options,
    )


def check(request: Request) -> None:
    """Raise the Fault of a request whose headers the service does not take. Source: MS-WSMV 3.1.4.1."""
    for child in request.header:
        name_space, _, name = child.tag[1:].partition("}")
        if child.get(f"{{{SOAP}}}mustUnderstand", "").lower() not in ("true", "1"):
            continue
        if name in ("Locale", "DataLocale") and name_space in (WSMAN, MICROSOFT):
            raise Fault(True, "w:UnsupportedFeature", "locale", 0x80338087)
        if name not in _UNDERSTOOD.get(name_space, set()):
            raise Fault(True, "", "not_understood", 0, action=ADDRESSING_FAULT, not_understood=name)
    address = request.header.find(f"{{{ADDRESSING}}}ReplyTo/{{{ADDRESSING}}}Address")
    if not request.message_id or not request.action or address is None:
        raise Fault(True, "a:MessageInformationHeaderRequired", "reply_to", 0x80338041, action=ADDRESSING_FAULT)
    if (address.text or "").strip() != ANONYMOUS:
        raise Fault(True, "w:UnsupportedFeature", "addressing_mode", 0x80338041)
    if request.max_envelope_size < SMALLEST_ENVELOPE:
        raise Fault(True, "w:EncodingLimit", "envelope_size", 0x80338035)


def unasked_headers(chance: Random) -> str:
    """Headers that newer servers add to a response. Source: MS-WSMV 2.2.4; microsoft/omi."""
    ids = [str(uuid.UUID(int=chance.getrandbits(128), version=4)).upper() for _ in range(2)]
    return (
        f'<p:ActivityId xmlns:p="{MICROSOFT}" s:mustUnderstand="false">uuid:{ids[0]}</p:ActivityId>'
        f'<p:OperationID xmlns:p="{MICROSOFT}" s:mustUnderstand="false">uuid:{ids[1]}</p:OperationID>'
        f'<p:SequenceId xmlns:p="{MICROSOFT}">1</p:SequenceId>'
    )


def envelope(
    action: str, body: str, *, relates_to: str, language: str, chance: Random, extra_header: str = ""
) -> bytes:
    """A response. An empty `relates_to` leaves the header out."""
    message_id = str(uuid.UUID(int=chance.getrandbits(128), version=4)).upper()
    related = f"<a:RelatesTo>{text_of(relates_to)}</a:RelatesTo>" if relates_to else ""
    return (
        f'<s:Envelope xml:lang="{language}" xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:n="{ENUMERATION}" '
        f'xmlns:x="{TRANSFER}" xmlns:w="{WSMAN}">'
        f"<s:Header><a:Action>{text_of(action)}</a:Action><a:MessageID>uuid:{message_id}</a:MessageID>{extra_header}"
        f"<a:To>{ANONYMOUS}</a:To>{related}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def child_text(parent: Element | None, name_space: str, name: str) -> str | None:
    """The text of a child element, None when it is not there."""
    child = None if parent is None else parent.find(f"{{{name_space}}}{name}")
    return None if child is None else (child.text or "").strip()


def _text(header: Element, name_space: str, name: str) -> str:
    return child_text(header, name_space, name) or ""


def _seconds(duration: str) -> float:
    """OperationTimeout in seconds; absent, unreadable or too long: what the server grants at most."""
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groups()):
        return LONGEST_OPERATION
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return min(LONGEST_OPERATION, ((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _size(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else DEFAULT_ENVELOPE
