# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a machine said, without what tells whose machine it is: SOAP in, SOAP with placeholders out.

Only what stands in a list is kept. A value of a property that identifies becomes a placeholder, the same one wherever
the value returns; of a fault the codes are left; everything else goes. So what nobody thought of cannot slip through.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, tostring

from ansible_collections.volact.kms.plugins.plugin_utils._wsman._xml import local_name, parse

ENDPOINT = "http://machine.invalid:5985/wsman"
"""The endpoint of every capture: requests are replayed against this one."""

RELATED = "MESSAGE-ID"
"""Stands in a reply for the identifier of the request, which is another one each time."""

_LARGEST_MESSAGE = 16 * 1024 * 1024
_SHORTEST_SECRET = 4
_REMOVED = "removed"
_NO_ID = "uuid:00000000-0000-4000-8000-000000000000"
_CODE = re.compile(r"\b0x[0-9A-F]{8}\b|(?<![\w.-])-?[0-9]+\b", re.IGNORECASE | re.ASCII)
_SECRET = re.compile(r"\w{5}(-\w{5}){4}|[0-9]{36,}", re.ASCII)  # a product key, an installation ID
_WORD = re.compile(r"[\w:./#-]{1,120}", re.ASCII)


class Rule(enum.Enum):
    """What becomes of the text of an element."""

    KEEP = "keep"
    CODES = "codes"
    WORD = "word"
    NO_ID = "no_id"
    RELATED = "related"
    ENDPOINT = "endpoint"
    CONTEXT = "context"
    CMID = "cmid"
    KEY = "key"
    NAME = "name"
    DOMAIN = "domain"
    ADDRESS = "address"
    NETWORK = "network"


IDENTIFYING: Mapping[str, Rule] = {
    "ADActivationObjectDN": Rule.DOMAIN,
    "ADActivationObjectName": Rule.DOMAIN,
    "CSName": Rule.NAME,
    "ClientMachineID": Rule.CMID,
    "DiscoveredKeyManagementServiceMachineIpAddress": Rule.ADDRESS,
    "DiscoveredKeyManagementServiceMachineName": Rule.NAME,
    "KeyManagementServiceLookupDomain": Rule.DOMAIN,
    "KeyManagementServiceMachine": Rule.NAME,
    "PartialProductKey": Rule.KEY,
    "RemoteAddress": Rule.NETWORK,
}
"""Properties whose values become placeholders."""

KEPT = frozenset(
    {
        "Action",
        "ApplicationID",
        "BuildNumber",
        "CreationClassName",
        "Description",
        "Direction",
        "DiscoveredKeyManagementServiceMachinePort",
        "Enabled",
        "GracePeriodRemaining",
        "ID",
        "InstanceID",
        "IsKeyManagementServiceMachine",
        "KeyManagementServiceCurrentCount",
        "KeyManagementServiceDnsPublishing",
        "KeyManagementServiceFailedRequests",
        "KeyManagementServiceHostCaching",
        "KeyManagementServiceLicensedRequests",
        "KeyManagementServiceListeningPort",
        "KeyManagementServiceLowPriority",
        "KeyManagementServiceNonGenuineGraceRequests",
        "KeyManagementServiceNotificationRequests",
        "KeyManagementServiceOOBGraceRequests",
        "KeyManagementServiceOOTGraceRequests",
        "KeyManagementServicePort",
        "KeyManagementServiceTotalRequests",
        "KeyManagementServiceUnlicensedRequests",
        "LicenseFamily",
        "LicenseIsAddon",
        "LicenseStatus",
        "LicenseStatusReason",
        "LocalDateTime",
        "LocalPort",
        "Name",
        "OSLanguage",
        "OperatingSystemSKU",
        "PolicyStoreSourceType",
        "ProductType",
        "Profiles",
        "Protocol",
        "RemainingAppReArmCount",
        "RemainingSkuReArmCount",
        "RemainingWindowsReArmCount",
        "RequiredClientCount",
        "StartMode",
        "State",
        "VLActivationInterval",
        "VLActivationType",
        "VLActivationTypeEnabled",
        "VLRenewalInterval",
        "Version",
    }
)
"""Properties that say something about Windows and nothing about whose it is. Name and Description are the licence's."""

_PROTOCOL = {
    "Action": Rule.WORD,
    "ActivityId": Rule.NO_ID,
    "Address": Rule.WORD,
    "EnumerationContext": Rule.CONTEXT,
    "Fault": Rule.CODES,
    "MessageID": Rule.NO_ID,
    "ProductVendor": Rule.KEEP,
    "ProductVersion": Rule.KEEP,
    "ProtocolVersion": Rule.KEEP,
    "RelatesTo": Rule.RELATED,
}
_REQUEST = _PROTOCOL | dict.fromkeys(
    ("Filter", "Locale", "MaxElements", "MaxEnvelopeSize", "OperationTimeout", "ResourceURI"), Rule.KEEP
)
_REQUEST["To"] = Rule.ENDPOINT
_REPLY = _PROTOCOL | dict.fromkeys(KEPT, Rule.KEEP) | dict(IDENTIFYING)
_REPLY["To"] = Rule.WORD
# Names in a fault whose text is one word of the protocol: needed to tell the shapes of faults apart.
_WORDS_OF_A_FAULT = {"Value", "FaultDetail", "error_Type"}
_ATTRIBUTES = {"Code", "Dialect", "lang", "mustUnderstand", "nil", "provider", "providerId", "type"}


class Scrubber:
    """Scrubs the messages of one machine, with the same placeholder for the same value in all of them."""

    def __init__(self) -> None:
        self._placeholders: dict[tuple[Rule, str], str] = {}

    @property
    def replacements(self) -> dict[str, str]:
        """Each value that was replaced, in lower case, and its placeholder. It is what must never be written."""
        return {value: placeholder for (_rule, value), placeholder in self._placeholders.items()}

    def request(self, envelope: bytes) -> str:
        """A request of ours, without the endpoint."""
        return self._message(envelope, _REQUEST)

    def reply(self, body: bytes) -> str:
        """A machine's reply. Raises `Unreadable` for what isn't XML."""
        return self._message(body, _REPLY)

    def leaks(self, text: str) -> Iterator[str]:
        """What still stands in `text` that had to be replaced: as a whole word, in any case."""
        for value in self.replacements:
            if len(value) >= _SHORTEST_SECRET and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text, re.IGNORECASE):
                yield value

    def _message(self, document: bytes, rules: Mapping[str, Rule]) -> str:
        root = parse(document, limit=_LARGEST_MESSAGE)
        self._clean(root, rules, None)
        return tostring(root, encoding="unicode")

    def _clean(self, element: Element, rules: Mapping[str, Rule], inherited: Rule | None) -> None:
        name = local_name(element)
        rule = inherited or rules.get(name)
        text_rule = Rule.WORD if rule is Rule.CODES and name in _WORDS_OF_A_FAULT else rule
        element.text = self._text(element.text, text_rule)
        element.tail = None
        for attribute in list(element.attrib):
            if attribute.rpartition("}")[2] not in _ATTRIBUTES:
                del element.attrib[attribute]
        for inner in element:
            self._clean(inner, rules, rule)

    def _text(self, text: str | None, rule: Rule | None) -> str | None:
        if text is None or not text.strip():
            return None
        if rule is Rule.KEEP:
            return _REMOVED if _SECRET.search(text) else text
        if rule is Rule.WORD:
            return text if _WORD.fullmatch(text.strip()) else _REMOVED
        if rule is Rule.CODES:
            return text if _CODE.fullmatch(text.strip()) else " ".join([_REMOVED, *_CODE.findall(text)])
        if rule is Rule.NO_ID:
            return _NO_ID
        if rule is Rule.RELATED:
            return RELATED
        if rule is Rule.NETWORK:
            return text if text.strip().isalpha() else self._placeholder(Rule.ADDRESS, text.strip())
        return _REMOVED if rule is None else self._placeholder(rule, text.strip())

    def _placeholder(self, rule: Rule, text: str) -> str:
        if rule is Rule.ENDPOINT:
            self._name(urlsplit(text).hostname or text)
            return self._remember(rule, text, ENDPOINT)
        if rule is Rule.NAME:
            return self._name(text)
        number = 1 + sum(known is rule for known, _value in self._placeholders)
        return self._remember(
            rule,
            text,
            {
                Rule.CONTEXT: f"uuid:00000000-0000-4000-8000-{number:012d}",
                Rule.CMID: f"00000000-0000-4000-8000-{number:012d}",
                Rule.KEY: f"KEY{number:02d}",
                Rule.DOMAIN: f"domain-{number}.invalid",
                Rule.ADDRESS: f"2001:db8::{number:x}" if ":" in text else f"192.0.2.{number}",
            }.get(rule, f"machine-{number}"),
        )

    def _name(self, text: str) -> str:
        """A name of a machine, with or without its domain, or an address in its place."""
        try:
            ipaddress.ip_address(text)
        except ValueError:
            label, _dot, domain = text.partition(".")
        else:
            return self._placeholder(Rule.ADDRESS, text)
        number = 1 + sum(known is Rule.NAME for known, _value in self._placeholders)
        machine = self._remember(Rule.NAME, label, f"machine-{number}")
        return f"{machine}.{self._placeholder(Rule.DOMAIN, domain)}" if domain else machine

    def _remember(self, rule: Rule, text: str, placeholder: str) -> str:
        return self._placeholders.setdefault((rule, text.lower()), placeholder)
