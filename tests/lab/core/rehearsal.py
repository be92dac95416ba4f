# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A site driven in one process, without sockets: for unit tests of the lab and of whatever talks to it.

A `Rehearsal` performs the effects of the core itself: its DNS is a dictionary, and a KMS exchange goes straight to the
machine that listens at the address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeVar
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from defusedxml.ElementTree import fromstring

from ..effects import (
    Addresses,
    DropConnection,
    Effect,
    ExchangeWithKms,
    Failure,
    LookupAddress,
    LookupService,
    Outcome,
    Payload,
    Published,
    PublishService,
    Response,
    ServiceRecord,
    ServiceRecords,
    Wait,
)
from .firewall import FIREWALL_RULE, NO_SCOPE_RULE
from .office import OFFICE_SERVICE_VERSION
from .site import Site
from .soap import ADDRESSING, ANONYMOUS, ENUMERATION, SOAP, TRANSFER, WMI, WSMAN, XSI
from .spec import parse_site
from .world import Steps

#: What the licensing classes of Windows, and those of Office, begin with.
WINDOWS_FAMILY, OFFICE_FAMILY = "SoftwareLicensing", "OfficeSoftwareProtection"

NAME_DOES_NOT_EXIST = 0x8007232B
NO_CONNECTION = 0x800706BA
NOT_THE_OWNER = 0x80072338

Result = TypeVar("Result")


@dataclass
class Rehearsal:
    """A site with a dictionary for DNS. `waited` collects the seconds that the core asked to wait."""

    site: Site
    services: dict[str, tuple[ServiceRecord, ...]] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)
    waited: list[float] = field(default_factory=list)
    exchanges: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        for machine in self.site.machines.values():
            self.hosts.setdefault(machine.fqdn, machine.address)

    def publish(self, *names: str, port: int = 1688) -> None:
        """Let the site's domain have one SRV record for each machine."""
        records = tuple(ServiceRecord(0, 0, port, self.site.machines[name].fqdn) for name in names)
        self.services[f"_vlmcs._tcp.{self.site.spec.domain}"] = records

    def play(self, steps: Steps[Result]) -> Result:
        """Run a generator of the core to its end."""
        outcome: Outcome = None
        try:
            while True:
                outcome = self._perform(steps.send(outcome))
        except StopIteration as end:
            result: Result = end.value
            return result

    def run_due(self) -> int:
        """Do everything that is due; the number of tasks."""
        tasks = self.site.due()
        for task in tasks:
            self.play(self.site.run(task))
        return len(tasks)

    def send(self, machine: str, envelope: bytes, user: str = "labadmin") -> Response:
        """One request to a machine."""
        return self.play(self.site.handle(machine, envelope, user=user))

    def query(self, machine: str, wql: str, namespace: str = "root/cimv2") -> list[dict[str, str | None]]:
        """The rows of a WQL query, pulled to the end. Raises RehearsedFault."""
        uri = f"{WMI}{namespace}/*"
        body = (
            "<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>50</w:MaxElements>"
            f'<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">{escape(wql)}</w:Filter></n:Enumerate>'
        )
        answer = self.request(machine, f"{ENUMERATION}/Enumerate", uri, body)
        rows = [*answer.iterfind(f".//{{{WSMAN}}}Items/*")]
        while (context := answer.findtext(f".//{{{ENUMERATION}}}EnumerationContext")) and context.strip():
            place = f"<n:EnumerationContext>{context}</n:EnumerationContext>"
            pull = f"<n:Pull>{place}<n:MaxElements>50</n:MaxElements></n:Pull>"
            answer = self.request(machine, f"{ENUMERATION}/Pull", uri, pull)
            rows += answer.iterfind(f".//{{{ENUMERATION}}}Items/*")
        return [_properties(row) for row in rows]

    def invoke(
        self,
        machine: str,
        class_name: str,
        method: str,
        arguments: Mapping[str, object] | None = None,
        selectors: Mapping[str, str] | None = None,
        namespace: str = "root/cimv2",
        timeout: float = 60.0,
    ) -> dict[str, str | None]:
        """Call a method; its output. Raises RehearsedFault."""
        uri = f"{WMI}{namespace}/{class_name}"
        body = f'<p:{method}_INPUT xmlns:p="{uri}">{_elements(arguments or {})}</p:{method}_INPUT>'
        answer = self.request(machine, f"{uri}/{method}", uri, body, selectors, timeout)
        return _properties(next(iter(answer)))

    def get(
        self, machine: str, class_name: str, selectors: Mapping[str, str] | None = None, namespace: str = "root/cimv2"
    ) -> dict[str, str | None]:
        """Get one instance. Raises RehearsedFault."""
        answer = self.request(machine, f"{TRANSFER}/Get", f"{WMI}{namespace}/{class_name}", "", selectors)
        return _properties(next(iter(answer)))

    def transfer(
        self,
        machine: str,
        verb: str,
        class_name: str,
        selectors: Mapping[str, str] | None,
        properties: Mapping[str, object] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Element:
        """Put, Create or Delete an instance of the firewall; the s:Body of the answer. Raises RehearsedFault."""
        uri = f"{WMI}root/StandardCimv2/{class_name}"
        body = f'<p:{class_name} xmlns:p="{uri}">{_elements(properties)}</p:{class_name}>' if properties else ""
        return self.request(machine, f"{TRANSFER}/{verb}", uri, body, selectors, options=options)

    def request(
        self,
        machine: str,
        action: str,
        uri: str,
        body: str,
        selectors: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        options: Mapping[str, str] | None = None,
    ) -> Element:
        """Send one request; the s:Body of the answer. Raises RehearsedFault."""
        response = self.send(machine, request_envelope(action, uri, body, selectors, timeout, options))
        answer = fromstring(response.body).find(f"{{{SOAP}}}Body")
        assert answer is not None
        if response.status != 200:
            raise RehearsedFault(answer)
        return answer

    def install_key(self, machine: str, key: str, family: str = WINDOWS_FAMILY) -> None:
        """InstallProductKey of the service of a class family."""
        self.invoke_service(machine, "InstallProductKey", {"ProductKey": key}, family)

    def activate(self, machine: str, last_five: str = "%", family: str = WINDOWS_FAMILY) -> None:
        """Activate the first row that has a key that ends so."""
        self.invoke_product(machine, "Activate", last_five, None, family)

    def invoke_service(
        self, machine: str, method: str, arguments: Mapping[str, object] | None = None, family: str = WINDOWS_FAMILY
    ) -> dict[str, str | None]:
        """Call a method of the service of a class family. Raises RehearsedFault."""
        selectors = self.service(machine) if family == WINDOWS_FAMILY else {"Version": OFFICE_SERVICE_VERSION}
        return self.invoke(machine, f"{family}Service", method, arguments, selectors)

    def invoke_product(
        self,
        machine: str,
        method: str,
        last_five: str,
        arguments: Mapping[str, object] | None = None,
        family: str = WINDOWS_FAMILY,
    ) -> dict[str, str | None]:
        """Call a method of the first product that has a key that ends so. Raises RehearsedFault."""
        rows = self.query(machine, f"SELECT ID FROM {family}Product WHERE PartialProductKey LIKE '{last_five}'")
        (activation_id,) = rows[0].values()
        return self.invoke(machine, f"{family}Product", method, arguments, {"ID": str(activation_id)})

    def enable_firewall_rule(self, machine: str) -> None:
        """MSFT_NetFirewallRule.Enable of the KMS rules that there are."""
        for name in (FIREWALL_RULE, NO_SCOPE_RULE):
            if name in self.site.machines[machine].firewall.rules:
                keys = rule_keys(name)
                self.invoke(machine, "MSFT_NetFirewallRule", "Enable", None, keys, "root/StandardCimv2")

    def provision_host(self, machine: str, key: str) -> None:
        """Host key, activation, firewall rule, SRV record."""
        self.install_key(machine, key)
        self.activate(machine)
        self.enable_firewall_rule(machine)
        self.publish(machine)

    def service(self, machine: str) -> dict[str, str]:
        """The selectors of the service object."""
        return {"Version": self.site.machines[machine].service_version}

    def _perform(self, effect: Effect) -> Outcome:
        if isinstance(effect, LookupService):
            records = self.services.get(effect.name)
            return ServiceRecords(records) if records else Failure(NAME_DOES_NOT_EXIST)
        if isinstance(effect, LookupAddress):
            address = self.hosts.get(effect.name, effect.name if effect.name[:1].isdigit() else None)
            return Addresses((address,)) if address else Failure(NAME_DOES_NOT_EXIST)
        if isinstance(effect, ExchangeWithKms):
            self.exchanges.append((effect.source, effect.address, effect.port))
            for name, port in self.site.kms_listeners().items():
                if (self.site.machines[name].address, port) == (effect.address, effect.port):
                    return Payload(self.site.kms_answer(name, effect.payload, peer=effect.source))
            return Failure(NO_CONNECTION)
        if isinstance(effect, PublishService):
            name = f"_vlmcs._tcp.{effect.domain}"
            there = self.services.get(name, ())
            if effect.only_if_absent and there:
                return Failure(NOT_THE_OWNER)
            self.services[name] = tuple(dict.fromkeys((*there, effect.record)))
            return Published()
        if isinstance(effect, DropConnection):
            raise ConnectionResetError("The lab dropped the connection.")
        assert isinstance(effect, Wait)
        self.waited.append(effect.seconds)
        return None


def rule_keys(name: str) -> dict[str, str]:
    """The selectors of a firewall rule."""
    keys = dict.fromkeys(("PolicyRuleName", "SystemCreationClassName", "SystemName"), "")
    return {**keys, "CreationClassName": f"MSFT|FW|FirewallRule|{name}"}


def rehearse(document: Mapping[str, Any], *, seed: int = 0) -> Rehearsal:
    """A site from a loaded site file, at noon of 2026-01-01, machines on 127.9.0.1 and following."""
    spec = parse_site(document)
    addresses = {machine.name: f"127.9.0.{number}" for number, machine in enumerate(spec.machines, 1)}
    noon = datetime(2026, 1, 1, 12, 0, tzinfo=timezone.utc)
    return Rehearsal(Site(spec, addresses=addresses, kms_secret=b"rehearsal", now=lambda: noon, seed=seed))


class RehearsedFault(Exception):
    """A fault came back; `codes` are its HRESULTs from the outside in."""

    def __init__(self, body: Element) -> None:
        codes = [int(value) for element in body.iter() if (value := element.get("Code")) is not None]
        codes += [int(element.text or 0) for element in body.iter() if element.tag.endswith("}error_Code")]
        self.codes = tuple(codes)
        self.subcode = "".join(body.findtext(f".//{{{SOAP}}}Subcode/{{{SOAP}}}Value") or "")
        self.text = "".join(body.findtext(f".//{{{SOAP}}}Text") or "")
        super().__init__(f"{self.subcode} {', '.join(f'0x{code:08X}' for code in codes)}: {self.text}")

    @property
    def code(self) -> int:
        """The innermost HRESULT; 0 without a detail."""
        return self.codes[-1] if self.codes else 0


def request_envelope(
    action: str,
    uri: str,
    body: str,
    selectors: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    options: Mapping[str, str] | None = None,
) -> bytes:
    """A request as a plain client writes it."""
    chosen = "".join(
        f'<w:Selector Name="{name}">{escape(value)}</w:Selector>' for name, value in (selectors or {}).items()
    )
    selector_set = f"<w:SelectorSet>{chosen}</w:SelectorSet>" if chosen else ""
    said = "".join(f'<w:Option Name="{name}">{escape(value)}</w:Option>' for name, value in (options or {}).items())
    option_set = f"<w:OptionSet>{said}</w:OptionSet>" if said else ""
    return (
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{ADDRESSING}" xmlns:n="{ENUMERATION}" xmlns:w="{WSMAN}" '
        f'xmlns:xsi="{XSI}">'
        "<s:Header><a:To>http://lab.example.test:5985/wsman</a:To>"
        f'<w:ResourceURI s:mustUnderstand="true">{uri}</w:ResourceURI>'
        f'<a:ReplyTo><a:Address s:mustUnderstand="true">{ANONYMOUS}</a:Address></a:ReplyTo>'
        f'<a:Action s:mustUnderstand="true">{action}</a:Action>'
        "<a:MessageID>uuid:4F5A0C1E-0001-4000-8000-0000000000AA</a:MessageID>"
        '<w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>'
        '<w:Locale xml:lang="en-US" s:mustUnderstand="false"/>'
        f"<w:OperationTimeout>PT{timeout:.3f}S</w:OperationTimeout>{selector_set}{option_set}"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def _elements(values: Mapping[str, object]) -> str:
    """Arguments or properties: an array is as many elements, None is nil."""
    return "".join(
        f'<p:{name} xsi:nil="true"/>' if value is None else f"<p:{name}>{escape(str(value))}</p:{name}>"
        for name, given in values.items()
        for value in (given if isinstance(given, (list, tuple)) else (given,))
    )


def _properties(row: Element) -> dict[str, str | None]:
    """Properties of a row; nil is None, an empty element the empty string, a nested element its text, an array its
    texts with commas.
    """
    nil = f"{{{XSI}}}nil"
    found: dict[str, str | None] = {}
    for child in row:
        name = child.tag.rpartition("}")[2]
        text = None if child.get(nil) == "true" else "".join(child.itertext()).strip()
        found[name] = f"{found[name]},{text}" if found.get(name) else text
    return found
