# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The WS-Management service of one machine: an envelope in, effects, an envelope out."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from ..effects import DropConnection, Handler, Response, Wait
from . import faults, soap
from .cim import PRODUCT_CLASSES, CimClass, is_office_class
from .enumeration import OPERATIONS, OPERATIONS_WINDOWS_7, Enumeration, OpenEnumerations
from .faults import Fault
from .firewall_wmi import (
    FIREWALL_CLASSES,
    RULE_CLASS,
    FirewallNotSupported,
    FirewallRefusal,
    create_rule,
    delete_rule,
    put_firewall,
)
from .machine import Machine
from .methods import EMPTY, SUCCESS, Call, find_method
from .rendering import output, reference, spelled, typed_row
from .resources import Label, Resources, is_licensing
from .soap import ENUMERATION, TRANSFER, WSMAN, Request, child_text
from .statistics import Statistics
from .values import CimScalar, CimValue, scalar_from_text
from .world import SppFailure, Steps, World

#: Largest request. Source: MS-WSMV 2.2.4.10, MaxEnvelopeSizekb.
LARGEST_REQUEST, LARGEST_REQUEST_WINDOWS_7 = 500 * 1024, 150 * 1024

#: What the parts of a response around its items take, generously.
_FRAME = 2048


#: What the shell gets to see of a connection that it did not close.
_CLOSED = Response(503, b"")

#: Classes whose methods need to know of which instance: the property that says so.
_NAMED_BY = {"Win32_Service": "Name", RULE_CLASS: "InstanceID"}

_SUCCESS_FORMS: Mapping[str, Mapping[str, CimValue]] = {"zero": SUCCESS, "empty": EMPTY, "nil": {"ReturnValue": None}}


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
        self._resources = Resources(world, machine)
        self._enumerations = OpenEnumerations(OPERATIONS_WINDOWS_7 if machine.os.is_windows_7 else OPERATIONS)

    def handle(self, envelope: bytes, user: str) -> Handler:
        """Answer one request."""
        machine = self._machine
        limit = LARGEST_REQUEST_WINDOWS_7 if machine.os.is_windows_7 else LARGEST_REQUEST
        if len(envelope) > limit:
            self._statistics.count(machine.name, "Too large", len(envelope), 0, fault=True)
            return Response(413, b"")
        drop_before, drop_after = machine.drops_connection()
        if drop_before:
            yield DropConnection()
            return _CLOSED
        request: Request | None = None
        operation = Label()
        try:
            request = soap.parse(envelope)
            answer = yield from self._dispatch(request, user, operation)
            status, header = 200, ""
        except Fault as fault:
            answer = _Answer(fault.action, faults.fault_body(fault, machine))
            status, header = 500, _not_understood(fault)
        if drop_after:
            yield DropConnection()
            return _CLOSED
        if machine.dialect.extra_headers:
            header += soap.unasked_headers(self._world.chance)
        body = soap.envelope(
            answer.action,
            answer.body,
            relates_to=_relates_to(request, machine, is_fault=status != 200),
            language=machine.language,
            chance=self._world.chance,
            extra_header=header,
        )
        self._statistics.count(machine.name, operation.text, len(envelope), len(body), fault=status != 200)
        return Response(status, body)

    def _dispatch(self, request: Request, user: str, operation: Label) -> Steps[_Answer]:
        if request.is_identify:
            operation.text = "Identify"
            return self._identify(user)
        soap.check(request)
        verb = request.action.rsplit("/", 1)[-1]
        operation.text = verb
        if self._machine.circumstances.access_denied:
            raise faults.access_denied(self._machine)
        if self._machine.meets_quota():
            raise faults.quota()
        if request.action == f"{ENUMERATION}/Enumerate":
            return (yield from self._enumerate(request, user, operation))
        if request.action == f"{ENUMERATION}/Pull":
            return self._pull(request, operation)
        if request.action == f"{ENUMERATION}/Release":
            return self._release(request, operation)
        if request.action.startswith(f"{TRANSFER}/"):
            return (yield from self._transfer(request, verb, operation))
        if request.action.lower() == f"{request.resource_uri}/{verb}".lower():
            return (yield from self._invoke(request, verb, operation))
        raise faults.action_not_supported()

    def _identify(self, user: str) -> _Answer:
        """Who has not logged in is not told the version. Source: detecting WS-Management support, "Examples"."""
        machine = self._machine
        version = machine.os.version if user else "0.0.0"
        service_pack = "1.0" if user and machine.os.is_windows_7 else "0.0"
        stack = "2.0" if machine.os.is_windows_7 else "3.0"
        body = (
            f'<wsmid:IdentifyResponse xmlns:wsmid="{soap.IDENTITY}">'
            f"<wsmid:ProtocolVersion>{WSMAN}</wsmid:ProtocolVersion>"
            "<wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>"
            f"<wsmid:ProductVersion>OS: {version} SP: {service_pack} Stack: {stack}</wsmid:ProductVersion>"
            "</wsmid:IdentifyResponse>"
        )
        return _Answer(f"{soap.IDENTITY}/IdentifyResponse", body)

    # -- Enumerate, Pull, Release

    def _let_start(self, request: Request, cim_class: CimClass, query_seconds: float = 0.0) -> Steps[None]:
        """Wait for a service that is starting and for a slow query, at most as long as the request allows."""
        seconds = self._resources.seconds_until_ready(cim_class) + query_seconds
        if seconds > request.timeout:
            yield Wait(request.timeout)
            raise faults.timed_out()
        if seconds:
            yield Wait(seconds)
            self._machine.starts_at = None

    def _enumerate(self, request: Request, user: str, operation: Label) -> Steps[_Answer]:
        body = request.body
        if body is None or body.tag != f"{{{ENUMERATION}}}Enumerate":
            raise faults.schema_error()
        selection = self._resources.selected(request, body, operation)
        cim_class = selection.cim_class
        yield from self._let_start(request, cim_class, selection.seconds)
        if self._enumerations.is_full(user, self._world.now()):
            raise faults.quota()
        chance = self._world.chance
        low, high = self._machine.dialect.pull_rows
        enumeration = Enumeration(selection.rows, cim_class.name, user, chance.randint(low, high), self._world.now())
        first = ""
        if body.find(f"{{{WSMAN}}}OptimizeEnumeration") is not None:
            # Windows 2008 R2 and later put one item into the first response, however many were asked for.
            maximum = min(self._machine.dialect.first_rows, _maximum(body, WSMAN))
            taken = enumeration.take(maximum, request.max_envelope_size - _FRAME)
            if maximum and not taken and not enumeration.is_done:
                raise Fault(True, "w:EncodingLimit", "envelope_size", 0x80338048)
            first = f"<w:Items>{''.join(taken)}</w:Items>" if maximum else ""
            if enumeration.is_done:
                inner = f"<n:EnumerationContext/>{first}<w:EndOfSequence/>"
                return _Answer(
                    f"{ENUMERATION}/EnumerateResponse", f"<n:EnumerateResponse>{inner}</n:EnumerateResponse>"
                )
        context = f"uuid:{uuid.UUID(int=chance.getrandbits(128), version=4)}".upper().replace("UUID", "uuid")
        self._enumerations.add(context, enumeration)
        inner = f"<n:EnumerationContext>{context}</n:EnumerationContext>{first}"
        return _Answer(f"{ENUMERATION}/EnumerateResponse", f"<n:EnumerateResponse>{inner}</n:EnumerateResponse>")

    def _pull(self, request: Request, operation: Label) -> _Answer:
        context = child_text(request.body, ENUMERATION, "EnumerationContext") or ""
        enumeration = self._enumerations.get(context)
        if enumeration is None:
            raise faults.bad_enumeration_context()
        operation.text = f"Pull {enumeration.class_name}"
        taken = enumeration.take(_maximum(request.body, ENUMERATION), request.max_envelope_size - _FRAME)
        if not taken and not enumeration.is_done:
            raise Fault(True, "w:EncodingLimit", "envelope_size", 0x80338048)
        items = f"<n:Items>{''.join(taken)}</n:Items>"
        if enumeration.is_done:
            self._enumerations.close(context)
            inner = f"{items}<n:EndOfSequence/>"
        else:
            inner = f"<n:EnumerationContext>{context}</n:EnumerationContext>{items}"
        return _Answer(f"{ENUMERATION}/PullResponse", f"<n:PullResponse>{inner}</n:PullResponse>")

    def _release(self, request: Request, operation: Label) -> _Answer:
        operation.text = "Release"
        if not self._enumerations.close(child_text(request.body, ENUMERATION, "EnumerationContext") or ""):
            raise faults.bad_enumeration_context()
        return _Answer(f"{ENUMERATION}/ReleaseResponse", "")

    # -- Get, Put, Create, Delete

    def _transfer(self, request: Request, verb: str, operation: Label) -> Steps[_Answer]:
        calls = {"Get": "GetObject", "Put": "PutInstance", "Create": "PutInstance", "Delete": "DeleteInstance"}
        if verb not in calls:
            raise faults.action_not_supported()
        cim_class = self._resources.of(request, calls[verb])
        operation.text = f"{verb} {cim_class.name}"
        yield from self._let_start(request, cim_class)
        if verb == "Get":
            row = self._typed_row(request, cim_class, calls[verb])
            return _Answer(f"{TRANSFER}/GetResponse", row)
        if cim_class.name in FIREWALL_CLASSES and (verb == "Put" or cim_class.name == RULE_CLASS):
            try:
                return self._change_firewall(request, cim_class, verb, calls[verb])
            except FirewallRefusal:
                code = self._machine.dialect.provider_failure
                raise faults.wmi_fault("bad_parameters", code, faults.WBEM_INVALID_PARAMETER, calls[verb]) from None
            except FirewallNotSupported:
                pass
        raise faults.wmi_fault(
            "not_supported", self._machine.dialect.provider_failure, faults.WBEM_NOT_SUPPORTED, calls[verb]
        )

    def _change_firewall(self, request: Request, cim_class: CimClass, verb: str, operation: str) -> _Answer:
        """Put of a rule or of a filter, Create and Delete of a rule. Raises FirewallRefusal, FirewallNotSupported."""
        machine, sent = self._machine, _sent(request.body)
        if verb == "Create":
            name = create_rule(machine, sent, request.options)
            created = dict.fromkeys(cim_class.keys, "") | {"CreationClassName": f"MSFT|FW|FirewallRule|{name}"}
            place = reference(cim_class, created, machine.dialect)
            body = place.replace("a:EndpointReference>", "x:ResourceCreated>")
            return _Answer(f"{TRANSFER}/CreateResponse", body)
        instance = self._resources.instance(request, cim_class, operation)
        if verb == "Delete":
            delete_rule(machine, str(instance["InstanceID"]))
            return _Answer(f"{TRANSFER}/DeleteResponse", "")
        put_firewall(machine, cim_class.name, instance, cim_class.properties, sent)
        return _Answer(f"{TRANSFER}/PutResponse", self._typed_row(request, cim_class, operation))

    def _typed_row(self, request: Request, cim_class: CimClass, operation: str) -> str:
        return typed_row(cim_class, self._resources.instance(request, cim_class, operation), self._machine.dialect)

    # -- methods

    def _invoke(self, request: Request, method: str, operation: Label) -> Steps[_Answer]:
        cim_class = self._resources.of(request, "ExecMethod")
        operation.text = f"Invoke {cim_class.name}.{method}"
        found = cim_class.methods.get(method.lower())
        if found is None:
            raise faults.wmi_fault(
                "bad_method", self._machine.dialect.provider_failure, faults.WBEM_INVALID_METHOD, "ExecMethod"
            )
        yield from self._let_start(request, cim_class)
        name, parameters = found
        operation.text = f"Invoke {cim_class.name}.{name}"
        row, name_of_instance = None, ""
        if cim_class.properties:
            instance = self._resources.instance(request, cim_class, "ExecMethod")
            if cim_class.name in PRODUCT_CLASSES:
                row = self._machine.row(str(instance["ID"]), self._world.now())
            elif cim_class.name in _NAMED_BY:
                name_of_instance = str(instance[_NAMED_BY[cim_class.name]])
        arguments = self._arguments(request.body, name, parameters)
        dialect = self._machine.dialect
        ospp = is_office_class(cim_class.name)
        call = Call(self._world, self._machine, row, arguments, request.timeout, ospp=ospp, name=name_of_instance)
        try:
            result = yield from find_method(cim_class.name, name)(call)
        except SppFailure as failure:
            if dialect.failure_form == "fault":
                raise faults.provider_fault(self._machine, failure.code, "ExecMethod") from None
            result = {"ReturnValue": failure.code}
        if result is SUCCESS and is_licensing(cim_class):
            result = _SUCCESS_FORMS[dialect.success_form]
        elif result is EMPTY and cim_class.name == RULE_CLASS:
            result = _SUCCESS_FORMS[dialect.firewall_success_form]
        action = spelled(f"{request.resource_uri}/{method}Response", dialect)
        return _Answer(action, output(request.resource_uri, name, result, dialect))

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
            kind = parameters[name][1]
            try:
                value = None if _is_nil(child) else scalar_from_text(child.text or "", kind.removesuffix("[]"))
            except ValueError:
                raise wrong from None
            arguments[name] = [*_list(arguments.get(name)), value] if kind.endswith("[]") else value
        return arguments


def _sent(body: Element | None) -> dict[str, list[str | None]]:
    """The properties of an instance that a client sent: lower-case name -> texts, None for nil."""
    found: dict[str, list[str | None]] = {}
    for child in () if body is None else body:
        texts = found.setdefault(child.tag.rpartition("}")[2].lower(), [])
        texts.append(None if _is_nil(child) else (child.text or ""))
    return found


def _list(value: CimValue) -> list[CimScalar]:
    return list(value) if isinstance(value, (list, tuple)) else []


def _is_nil(element: Element) -> bool:
    return element.get(f"{{{soap.XSI}}}nil", "").lower() in ("true", "1")


def _maximum(body: Element | None, name_space: str) -> int:
    """MaxElements of an Enumerate or a Pull. Raises Fault for what is no number from 1 on."""
    asked = child_text(body, name_space, "MaxElements") or "1"
    if not asked.isdigit() or int(asked) < 1:
        raise faults.schema_error()
    return int(asked)


def _relates_to(request: Request | None, machine: Machine, *, is_fault: bool) -> str:
    message_id = request.message_id if request else ""
    form = machine.dialect.fault_relates_to if is_fault else "echoed"
    if form == "malformed":
        return message_id.replace(":", ".").lower()
    return message_id if form == "echoed" else ""


def _not_understood(fault: Fault) -> str:
    if not fault.not_understood:
        return ""
    return f'<s:NotUnderstood qname="{fault.not_understood}"/>'
