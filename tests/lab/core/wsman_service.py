# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The WS-Management service of one machine: an envelope in, effects, an envelope out."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ..effects import Handler, Response
from . import faults, soap, wql
from .cim import DEFAULT, NAMESPACES, SINGLETONS, CimClass, find_class
from .enumeration import OPERATIONS, OPERATIONS_WINDOWS_7, Enumeration, OpenEnumerations
from .faults import Fault
from .instances import Instance, instances
from .machine import Machine
from .methods import Call, find_method
from .rendering import fragment_row, output, reference, typed_row
from .soap import ENUMERATION, TRANSFER, WSMAN, Request, child_text
from .statistics import Statistics
from .values import CimValue, plain_text, scalar_from_text
from .world import SppFailure, Steps, World

WQL_DIALECT = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
SELECTOR_DIALECT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"

#: Largest request. Source: MS-WSMV 2.2.4.10, MaxEnvelopeSizekb.
LARGEST_REQUEST, LARGEST_REQUEST_WINDOWS_7 = 500 * 1024, 150 * 1024

#: What the parts of a response around its items take, generously.
_FRAME = 2048

#: Classes of the licensing service, which starts when it is asked.
_LICENSING = "softwarelicensing"


@dataclass(slots=True)
class _Answer:
    """A response in the making: its action, its body, and the name of the operation for statistics."""

    action: str
    body: str


class WsmanService:
    """Answers for one machine."""

    def __init__(self, world: World, machine: Machine, statistics: Statistics) -> None:
        self._world = world
        self._machine = machine
        self._statistics = statistics
        self._enumerations = OpenEnumerations(OPERATIONS_WINDOWS_7 if machine.os.is_windows_7 else OPERATIONS)

    def handle(self, envelope: bytes, user: str) -> Handler:
        """Answer one request."""
        machine = self._machine
        limit = LARGEST_REQUEST_WINDOWS_7 if machine.os.is_windows_7 else LARGEST_REQUEST
        if len(envelope) > limit:
            self._statistics.count(machine.name, "Too large", len(envelope), 0, fault=True)
            return Response(413, b"")
        request: Request | None = None
        operation = _Label()
        try:
            request = soap.parse(envelope)
            answer = yield from self._dispatch(request, user, operation)
            status, header = 200, ""
        except Fault as fault:
            answer = _Answer(fault.action, faults.fault_body(fault, machine))
            status, header = 500, _not_understood(fault)
        body = soap.envelope(
            answer.action,
            answer.body,
            relates_to=request.message_id if request else "",
            language=machine.language,
            chance=self._world.chance,
            extra_header=header,
        )
        self._statistics.count(machine.name, operation.text, len(envelope), len(body), fault=status != 200)
        return Response(status, body)

    def _dispatch(self, request: Request, user: str, operation: _Label) -> Steps[_Answer]:
        if request.is_identify:
            operation.text = "Identify"
            return self._identify()
        soap.check(request)
        verb = request.action.rsplit("/", 1)[-1]
        operation.text = verb
        if self._machine.circumstances.access_denied:
            raise faults.access_denied()
        if request.action == f"{ENUMERATION}/Enumerate":
            return self._enumerate(request, user, operation)
        if request.action == f"{ENUMERATION}/Pull":
            return self._pull(request, operation)
        if request.action == f"{ENUMERATION}/Release":
            return self._release(request, operation)
        if request.action.startswith(f"{TRANSFER}/"):
            return self._transfer(request, verb, operation)
        if request.action.lower() == f"{request.resource_uri}/{verb}".lower():
            return (yield from self._invoke(request, verb, operation))
        raise faults.action_not_supported()

    def _identify(self) -> _Answer:
        machine = self._machine
        service_pack = "1.0" if machine.os.is_windows_7 else "0.0"
        stack = "2.0" if machine.os.is_windows_7 else "3.0"
        body = (
            f'<wsmid:IdentifyResponse xmlns:wsmid="{soap.IDENTITY}">'
            f"<wsmid:ProtocolVersion>{WSMAN}</wsmid:ProtocolVersion>"
            "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
            f"<wsmid:ProductVersion>OS: {machine.os.version} SP: {service_pack} Stack: {stack}</wsmid:ProductVersion>"
            "</wsmid:IdentifyResponse>"
        )
        return _Answer(f"{soap.IDENTITY}/IdentifyResponse", body)

    # -- the resource of a request

    def _namespace_and_class(self, request: Request) -> tuple[str, str]:
        uri = request.resource_uri
        if not uri.lower().startswith(soap.WMI):
            raise faults.invalid_class("GetObject")
        namespace, _, name = uri[len(soap.WMI) :].rpartition("/")
        selected = next((v for k, v in request.selectors.items() if k.lower() == "__cimnamespace"), namespace)
        if namespace.lower() not in NAMESPACES or selected.replace("\\", "/").lower() != namespace.lower():
            raise faults.wmi_fault(
                "bad_class", faults.WSMAN_RESOURCE_NOT_FOUND, faults.WBEM_INVALID_NAMESPACE, "ConnectServer"
            )
        return namespace, name

    def _class(self, request: Request, operation: str) -> CimClass:
        namespace, name = self._namespace_and_class(request)
        found = find_class(self._machine.os, namespace, name)
        if found is None:
            raise faults.invalid_class(operation)
        self._touch(found.name)
        return found

    def _touch(self, class_name: str) -> None:
        """Asking the licensing service starts it: it is demand started. Source: cim_classes.yaml, Win32_Service."""
        if class_name.lower().startswith(_LICENSING) and not self._machine.service_running:
            self._machine.start_service()

    def _instance(self, request: Request, cim_class: CimClass, operation: str) -> Instance:
        """The instance that the selectors name. Names and values are case-insensitive. Source: MS-WSMV 3.1.4.1.2."""
        wanted = {
            name.lower(): value.lower() for name, value in request.selectors.items() if name.lower() != "__cimnamespace"
        }
        found = instances(self._machine, cim_class, self._world.now())
        if not wanted:
            if cim_class.name not in SINGLETONS:
                raise faults.missing_selectors()
            return next(found)
        keys = {key.lower(): key for key in cim_class.keys} or {"name": "Name", "csname": "CSName"}
        if set(wanted) != set(keys) and cim_class.keys:
            raise faults.bad_selectors()
        for instance in found:
            if all(str(instance.get(keys.get(name, name)) or "").lower() == value for name, value in wanted.items()):
                return instance
        raise faults.not_found(operation)

    # -- Enumerate, Pull, Release

    def _enumerate(self, request: Request, user: str, operation: _Label) -> _Answer:
        body = request.body
        if body is None or body.tag != f"{{{ENUMERATION}}}Enumerate":
            raise faults.schema_error()
        cim_class, items = self._selected(request, body, operation)
        if self._enumerations.is_full(user, self._world.now()):
            raise Fault(False, "w:InternalError", "quota", 0x803381A6)
        chance = self._world.chance
        low, high = self._machine.dialect.pull_rows
        enumeration = Enumeration(list(items), cim_class.name, user, chance.randint(low, high), self._world.now())
        first = ""
        if body.find(f"{{{WSMAN}}}OptimizeEnumeration") is not None:
            # Windows 2008 R2 and later put one item into the first response, however many were asked for.
            taken = enumeration.take(1, request.max_envelope_size - _FRAME)
            if not taken and not enumeration.is_done:
                raise Fault(True, "w:EncodingLimit", "envelope_size", 0x80338048)
            first = f"<w:Items>{''.join(taken)}</w:Items>"
            if enumeration.is_done:
                inner = f"<n:EnumerationContext/>{first}<w:EndOfSequence/>"
                return _Answer(
                    f"{ENUMERATION}/EnumerateResponse", f"<n:EnumerateResponse>{inner}</n:EnumerateResponse>"
                )
        context = f"uuid:{uuid.UUID(int=chance.getrandbits(128), version=4)}".upper().replace("UUID", "uuid")
        self._enumerations.add(context, enumeration)
        inner = f"<n:EnumerationContext>{context}</n:EnumerationContext>{first}"
        return _Answer(f"{ENUMERATION}/EnumerateResponse", f"<n:EnumerateResponse>{inner}</n:EnumerateResponse>")

    def _selected(self, request: Request, body: Element, operation: _Label) -> tuple[CimClass, Iterator[str]]:
        """The class and the rows, as XML, of an Enumerate."""
        mode = child_text(body, WSMAN, "EnumerationMode") or ""
        filters = [*body.findall(f"{{{WSMAN}}}Filter"), *body.findall(f"{{{ENUMERATION}}}Filter")]
        namespace, name = self._namespace_and_class(request)
        if not filters:
            if name == "*":
                raise faults.invalid_query(faults.WBEM_INVALID_QUERY)
            cim_class = self._class(request, "CreateInstanceEnum")
            operation.text = f"Enumerate {cim_class.name}"
            return cim_class, self._rows(cim_class, None, (), mode)
        dialect = filters[0].get("Dialect", "")
        if dialect == SELECTOR_DIALECT:
            cim_class = self._class(request, "CreateInstanceEnum")
            operation.text = f"Enumerate {cim_class.name}"
            return cim_class, self._rows(cim_class, _selector_condition(filters[0], cim_class), (), mode)
        if dialect != WQL_DIALECT:
            raise Fault(
                True, "n:FilterDialectRequestedUnavailable", "bad_filter", 0x8033801A, action=faults.ENUMERATION_FAULT
            )
        if name != "*":
            raise Fault(True, "n:CannotProcessFilter", "wql_uri", 0x803380FB, action=faults.ENUMERATION_FAULT)
        return self._query(namespace, (filters[0].text or "").strip(), mode, operation)

    def _query(self, namespace: str, text: str, mode: str, operation: _Label) -> tuple[CimClass, Iterator[str]]:
        try:
            query = wql.parse(text)
        except wql.WqlError:
            raise faults.invalid_query(faults.WBEM_INVALID_QUERY) from None
        cim_class = find_class(self._machine.os, namespace, query.class_name)
        if cim_class is None or namespace.lower() == DEFAULT:
            operation.text = f"Enumerate {query.class_name}"
            raise faults.invalid_query(faults.WBEM_INVALID_CLASS)
        operation.text = f"Enumerate {cim_class.name}"
        self._touch(cim_class.name)
        named = {name.lower() for name in query.properties} | wql.names_in(query.condition)
        if not named <= set(cim_class.properties):
            raise faults.invalid_query(faults.WBEM_INVALID_QUERY)
        return cim_class, iter(list(self._rows(cim_class, query.condition, query.properties, mode)))

    def _rows(
        self, cim_class: CimClass, condition: wql.Condition | None, properties: tuple[str, ...], mode: str
    ) -> Iterator[str]:
        read = [(name, cim_class.properties[name].name) for name in wql.names_in(condition)]
        chosen = [cim_class.properties[name.lower()] for name in properties]
        for instance in instances(self._machine, cim_class, self._world.now()):
            try:
                if not wql.holds(condition, {lower: instance.get(name) for lower, name in read}):
                    continue
            except wql.WqlError:
                raise faults.invalid_query(faults.WBEM_INVALID_QUERY) from None
            row = fragment_row(chosen, instance) if properties else typed_row(cim_class, instance)
            if mode == "EnumerateEPR":
                yield reference(cim_class, instance)
            elif mode == "EnumerateObjectAndEPR":
                yield f"<w:Item>{row}{reference(cim_class, instance)}</w:Item>"
            else:
                yield row

    def _pull(self, request: Request, operation: _Label) -> _Answer:
        context = child_text(request.body, ENUMERATION, "EnumerationContext") or ""
        enumeration = self._enumerations.get(context)
        if enumeration is None:
            raise faults.bad_enumeration_context()
        operation.text = f"Pull {enumeration.class_name}"
        asked = child_text(request.body, ENUMERATION, "MaxElements") or "1"
        if not asked.isdigit() or int(asked) < 1:
            raise faults.schema_error()
        taken = enumeration.take(int(asked), request.max_envelope_size - _FRAME)
        if not taken and not enumeration.is_done:
            raise Fault(True, "w:EncodingLimit", "envelope_size", 0x80338048)
        items = f"<n:Items>{''.join(taken)}</n:Items>"
        if enumeration.is_done:
            self._enumerations.close(context)
            inner = f"{items}<n:EndOfSequence/>"
        else:
            inner = f"<n:EnumerationContext>{context}</n:EnumerationContext>{items}"
        return _Answer(f"{ENUMERATION}/PullResponse", f"<n:PullResponse>{inner}</n:PullResponse>")

    def _release(self, request: Request, operation: _Label) -> _Answer:
        operation.text = "Release"
        if not self._enumerations.close(child_text(request.body, ENUMERATION, "EnumerationContext") or ""):
            raise faults.bad_enumeration_context()
        return _Answer(f"{ENUMERATION}/ReleaseResponse", "")

    # -- Get, Put, Create, Delete

    def _transfer(self, request: Request, verb: str, operation: _Label) -> _Answer:
        calls = {"Get": "GetObject", "Put": "PutInstance", "Create": "PutInstance", "Delete": "DeleteInstance"}
        if verb not in calls:
            raise faults.action_not_supported()
        cim_class = self._class(request, calls[verb])
        operation.text = f"{verb} {cim_class.name}"
        if verb == "Get":
            row = typed_row(cim_class, self._instance(request, cim_class, calls[verb]))
            return _Answer(f"{TRANSFER}/GetResponse", row)
        if verb == "Put" and cim_class.name == "MSFT_NetFirewallRule":
            self._instance(request, cim_class, calls[verb])
            return self._put_firewall_rule(request, cim_class)
        raise faults.wmi_fault(
            "not_supported", self._machine.dialect.provider_failure, faults.WBEM_NOT_SUPPORTED, calls[verb]
        )

    def _put_firewall_rule(self, request: Request, cim_class: CimClass) -> _Answer:
        """Enabled may change. Another property that differs from what is there is refused, not dropped silently."""
        rule = self._instance(request, cim_class, "PutInstance")
        enabled = self._machine.firewall_on
        for child in () if request.body is None else request.body:
            member = cim_class.properties.get(child.tag.rpartition("}")[2].lower())
            text = child.text or ""
            if member is not None and member.name == "Enabled" and text in ("1", "2"):
                enabled = text == "1"
            elif member is None or text != plain_text(rule.get(member.name)):
                raise self._refused_put()
        self._machine.firewall_on = enabled
        row = typed_row(cim_class, self._instance(request, cim_class, "PutInstance"))
        return _Answer(f"{TRANSFER}/PutResponse", row)

    def _refused_put(self) -> Fault:
        code = self._machine.dialect.provider_failure
        return faults.wmi_fault("bad_parameters", code, faults.WBEM_INVALID_PARAMETER, "PutInstance")

    # -- methods

    def _invoke(self, request: Request, method: str, operation: _Label) -> Steps[_Answer]:
        cim_class = self._class(request, "ExecMethod")
        operation.text = f"Invoke {cim_class.name}.{method}"
        found = cim_class.methods.get(method.lower())
        if found is None:
            raise faults.wmi_fault(
                "bad_method", self._machine.dialect.provider_failure, faults.WBEM_INVALID_METHOD, "ExecMethod"
            )
        name, parameters = found
        operation.text = f"Invoke {cim_class.name}.{name}"
        row = None
        if cim_class.properties:
            instance = self._instance(request, cim_class, "ExecMethod")
            if cim_class.name == "SoftwareLicensingProduct":
                row = self._machine.row(str(instance["ID"]), self._world.now())
        arguments = self._arguments(request.body, name, parameters)
        call = Call(self._world, self._machine, row, arguments, request.timeout)
        try:
            result = yield from find_method(cim_class.name, name)(call)
        except SppFailure as failure:
            raise faults.provider_fault(self._machine, failure.code, "ExecMethod") from None
        return _Answer(f"{request.resource_uri}/{method}Response", output(request.resource_uri, name, result))

    def _arguments(
        self, body: Element | None, method: str, parameters: Mapping[str, tuple[str, str]]
    ) -> dict[str, CimValue]:
        wrong = faults.wmi_fault(
            "bad_parameters",
            self._machine.dialect.provider_failure,
            faults.WBEM_INVALID_METHOD_PARAMETERS,
            "ExecMethod",
        )
        if body is None or body.tag.rpartition("}")[2].lower() != f"{method}_INPUT".lower():
            raise wrong
        arguments: dict[str, CimValue] = {}
        for child in body:
            name = child.tag.rpartition("}")[2].lower()
            if name not in parameters:
                raise wrong
            nil = child.get(f"{{{soap.XSI}}}nil", "").lower() in ("true", "1")
            try:
                arguments[name] = None if nil else scalar_from_text(child.text or "", parameters[name][1])
            except ValueError:
                raise wrong from None
        return arguments


@dataclass(slots=True)
class _Label:
    """The name of the operation, refined as the request is understood."""

    text: str = "Unreadable"


def _selector_condition(filter_element: Element, cim_class: CimClass) -> wql.Condition:
    """A SelectorFilter as a condition. Source: MS-WSMV 2.2.4.41."""
    parts = []
    for selector in filter_element.iter(f"{{{WSMAN}}}Selector"):
        name = selector.get("Name", "").lower()
        if name not in cim_class.properties or cim_class.properties[name].is_array:
            raise faults.invalid_query(faults.WBEM_INVALID_QUERY)
        parts.append(wql.Comparison(name, "=", selector.text or ""))
    return wql.Junction("AND", tuple(parts))


def _not_understood(fault: Fault) -> str:
    if not fault.not_understood:
        return ""
    return f'<s:NotUnderstood qname="{fault.not_understood}"/>'
