# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a request is about: its class, its instance, the rows of its query; and who may not, or must wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from . import faults, soap, wql
from .cim import DEFAULT, NAMESPACES, SINGLETONS, CimClass, find_class
from .faults import Fault
from .instances import Instance, instances
from .machine import Machine
from .rendering import fragment_row, reference, typed_row
from .soap import ENUMERATION, WSMAN, Request, child_text
from .world import World

WQL_DIALECT = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
SELECTOR_DIALECT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"

#: Classes of the licensing service, which starts when it is asked.
_LICENSING = "softwarelicensing"


@dataclass(slots=True)
class Label:
    """The name of the operation, refined as the request is understood."""

    text: str = "Unreadable"


def is_licensing(cim_class: CimClass) -> bool:
    """Whether sppsvc answers for a class."""
    return cim_class.name.lower().startswith(_LICENSING)


class Resources:
    """The resources of one machine."""

    def __init__(self, world: World, machine: Machine) -> None:
        self._world = world
        self._machine = machine

    def namespace_and_class(self, request: Request) -> tuple[str, str]:
        """Namespace and class of the resource URI, as the caller spelled them. Raises Fault."""
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

    def of(self, request: Request, operation: str) -> CimClass:
        """The class of a request. Raises Fault."""
        namespace, name = self.namespace_and_class(request)
        found = self._find(namespace, name)
        if found is None:
            raise faults.invalid_class(operation)
        self._touch(found)
        return found

    def _find(self, namespace: str, name: str) -> CimClass | None:
        oldest = self._machine.dialect.oldest_property_lists
        return find_class(self._machine.os, namespace, name, oldest=oldest)

    def _touch(self, cim_class: CimClass) -> None:
        """Asking the licensing service starts it: it is demand started. Source: cim_classes.yaml, Win32_Service."""
        machine = self._machine
        if not is_licensing(cim_class):
            return
        if machine.circumstances.token_filtered:
            raise faults.provider_fault(machine, machine.dialect.filtered_token, "ExecQuery")
        if machine.service_running:
            return
        if machine.circumstances.service_disabled:
            raise faults.provider_fault(machine, machine.dialect.service_disabled, "ExecQuery")
        machine.start_service(self._world.now())

    def seconds_until_ready(self, cim_class: CimClass, *, is_query: bool) -> float:
        """How long an answer about a class takes: a service that is starting, and a slow query of products."""
        if not is_licensing(cim_class):
            return 0.0
        machine = self._machine
        slow = machine.circumstances.slow_query_seconds
        is_slow = is_query and cim_class.name == "SoftwareLicensingProduct"
        return machine.seconds_until_started(self._world.now()) + (slow if is_slow else 0.0)

    def instance(self, request: Request, cim_class: CimClass, operation: str) -> Instance:
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

    def selected(self, request: Request, body: Element, operation: Label) -> tuple[CimClass, Iterator[str]]:
        """The class and the rows, as XML, of an Enumerate."""
        mode = child_text(body, WSMAN, "EnumerationMode") or ""
        filters = [*body.findall(f"{{{WSMAN}}}Filter"), *body.findall(f"{{{ENUMERATION}}}Filter")]
        namespace, name = self.namespace_and_class(request)
        if not filters:
            if name == "*":
                raise faults.invalid_query(faults.WBEM_INVALID_QUERY)
            cim_class = self.of(request, "CreateInstanceEnum")
            operation.text = f"Enumerate {cim_class.name}"
            return cim_class, self._rows(cim_class, None, (), mode)
        dialect = filters[0].get("Dialect", "")
        if dialect == SELECTOR_DIALECT:
            cim_class = self.of(request, "CreateInstanceEnum")
            operation.text = f"Enumerate {cim_class.name}"
            return cim_class, self._rows(cim_class, _selector_condition(filters[0], cim_class), (), mode)
        if dialect != WQL_DIALECT:
            raise Fault(
                True, "n:FilterDialectRequestedUnavailable", "bad_filter", 0x8033801A, action=faults.ENUMERATION_FAULT
            )
        if name != "*":
            raise Fault(True, "n:CannotProcessFilter", "wql_uri", 0x803380FB, action=faults.ENUMERATION_FAULT)
        return self._query(namespace, (filters[0].text or "").strip(), mode, operation)

    def _query(self, namespace: str, text: str, mode: str, operation: Label) -> tuple[CimClass, Iterator[str]]:
        try:
            query = wql.parse(text)
        except wql.WqlError:
            raise faults.invalid_query(faults.WBEM_INVALID_QUERY) from None
        cim_class = self._find(namespace, query.class_name)
        if cim_class is None or namespace.lower() == DEFAULT:
            operation.text = f"Enumerate {query.class_name}"
            raise faults.invalid_query(faults.WBEM_INVALID_CLASS)
        operation.text = f"Enumerate {cim_class.name}"
        self._touch(cim_class)
        named = {name.lower() for name in query.properties} | wql.names_in(query.condition)
        if not named <= set(cim_class.properties):
            raise faults.invalid_query(faults.WBEM_INVALID_QUERY)
        return cim_class, iter(list(self._rows(cim_class, query.condition, query.properties, mode)))

    def _rows(
        self, cim_class: CimClass, condition: wql.Condition | None, properties: tuple[str, ...], mode: str
    ) -> Iterator[str]:
        read = [(name, cim_class.properties[name].name) for name in wql.names_in(condition)]
        dialect = self._machine.dialect
        chosen = [cim_class.properties[name.lower()] for name in properties]
        for instance in instances(self._machine, cim_class, self._world.now()):
            try:
                if not wql.holds(condition, {lower: instance.get(name) for lower, name in read}):
                    continue
            except wql.WqlError:
                raise faults.invalid_query(faults.WBEM_INVALID_QUERY) from None
            row = fragment_row(chosen, instance, dialect) if properties else typed_row(cim_class, instance, dialect)
            if mode == "EnumerateEPR":
                yield reference(cim_class, instance, dialect)
            elif mode == "EnumerateObjectAndEPR":
                yield f"<w:Item>{row}{reference(cim_class, instance, dialect)}</w:Item>"
            else:
                yield row


def _selector_condition(filter_element: Element, cim_class: CimClass) -> wql.Condition:
    """A SelectorFilter as a condition. Source: MS-WSMV 2.2.4.41."""
    parts = []
    for selector in filter_element.iter(f"{{{WSMAN}}}Selector"):
        name = selector.get("Name", "").lower()
        if name not in cim_class.properties or cim_class.properties[name].is_array:
            raise faults.invalid_query(faults.WBEM_INVALID_QUERY)
        parts.append(wql.Comparison(name, "=", selector.text or ""))
    return wql.Junction("AND", tuple(parts))
