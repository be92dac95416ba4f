# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a request is about: its class, its instance, the rows of its query; and who may not, or must wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from . import faults, soap, wql
from .cim import (
    DEFAULT,
    NAMESPACES,
    OFFICE_FAMILY,
    SINGLETONS,
    WINDOWS_FAMILY,
    CimClass,
    find_class,
    is_office_class,
)
from .faults import Fault
from .firewall_wmi import FILTER_CLASSES, FILTER_KEYS
from .instances import Instance, instances
from .machine import Machine
from .publishing import begin_to_publish
from .rendering import fragment_row, reference, typed_row
from .soap import ENUMERATION, WSMAN, Request, child_text
from .world import World

WQL_DIALECT = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
SELECTOR_DIALECT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"

#: How long a query of events takes that names no log, or neither a time nor a record to begin with: it reads them all.
_UNBOUNDED_EVENTS_SECONDS = 90.0


@dataclass(slots=True)
class Label:
    """The name of the operation, refined as the request is understood."""

    text: str = "Unreadable"


@dataclass(frozen=True, slots=True)
class Selection:
    """The class of an Enumerate, its rows as XML, and how many seconds it takes to find them."""

    cim_class: CimClass
    rows: tuple[str, ...]
    seconds: float


def is_licensing(cim_class: CimClass) -> bool:
    """Whether a licensing service answers for a class: sppsvc, or osppsvc."""
    return cim_class.name.lower().startswith((WINDOWS_FAMILY, OFFICE_FAMILY))


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
        machine = self._machine
        found = find_class(
            machine.os,
            namespace,
            name,
            oldest=machine.dialect.oldest_property_lists,
            office=machine.has_ospp,
            verified_only=machine.dialect.ospp_verified_members_only,
        )
        if found is not None and found.name in FILTER_CLASSES and machine.dialect.firewall_filter_keys == "instance_id":
            return _keyed_by_instance_id(found)
        return found

    def _touch(self, cim_class: CimClass) -> None:
        """Asking the licensing service starts it: it is demand started. Source: cim_classes.yaml, Win32_Service."""
        machine = self._machine
        if not is_licensing(cim_class):
            return
        if machine.circumstances.token_filtered:
            raise faults.provider_fault(machine, machine.dialect.filtered_token, "ExecQuery")
        if is_office_class(cim_class.name):
            machine.ospp_running = True
            return
        if machine.is_stopping(self._world.now()) or machine.service_running:
            return
        if machine.circumstances.service_disabled:
            raise faults.provider_fault(machine, machine.dialect.service_disabled, "ExecQuery")
        machine.start_service(self._world.now())
        begin_to_publish(self._world, machine)

    def seconds_until_ready(self, cim_class: CimClass) -> float:
        """How long it takes until a licensing service that is starting can answer about a class."""
        is_starting = is_licensing(cim_class) and not is_office_class(cim_class.name)
        return self._machine.seconds_until_started(self._world.now()) if is_starting else 0.0

    def _query_seconds(self, cim_class: CimClass, condition: wql.Condition | None) -> float:
        """How long a query takes by itself."""
        circumstances = self._machine.circumstances
        if cim_class.name.endswith("Product") and is_licensing(cim_class):
            return circumstances.slow_query_seconds
        if cim_class.name != "Win32_NTLogEvent":
            return 0.0
        return max(circumstances.slow_events_seconds, 0.0 if _is_bounded(condition) else _UNBOUNDED_EVENTS_SECONDS)

    def instance(self, request: Request, cim_class: CimClass, operation: str) -> Instance:
        """The instance that the selectors name. Names and values are case-insensitive. Source: MS-WSMV 3.1.4.1.2."""
        wanted = {
            name.lower(): value.lower() for name, value in request.selectors.items() if name.lower() != "__cimnamespace"
        }
        found = instances(self._machine, cim_class, self._world.now(), request.options.get("policystore", ""))
        if not wanted:
            if cim_class.name not in SINGLETONS:
                raise faults.missing_selectors()
            return next(found)
        keys = {key.lower(): key for key in cim_class.keys} or {"name": "Name", "csname": "CSName"}
        if not self._names_one(cim_class, set(wanted), set(keys)):
            raise faults.bad_selectors()
        keys |= {"instanceid": "InstanceID"} if "instanceid" in wanted else {}
        for instance in found:
            if all(str(instance.get(keys.get(name, name)) or "").lower() == value for name, value in wanted.items()):
                return instance
        raise faults.not_found(operation)

    def _names_one(self, cim_class: CimClass, wanted: set[str], keys: set[str]) -> bool:
        """Whether the names of selectors are the keys of a class, or, for a filter of the firewall, enough of them."""
        if cim_class.name in FILTER_CLASSES and self._machine.dialect.firewall_filter_keys == "any":
            return wanted == {"instanceid"} or (FILTER_KEYS[0] in wanted and wanted <= set(FILTER_KEYS))
        return not cim_class.keys or wanted == keys

    def selected(self, request: Request, body: Element, operation: Label) -> Selection:
        """What an Enumerate is about."""
        mode = child_text(body, WSMAN, "EnumerationMode") or ""
        filters = [*body.findall(f"{{{WSMAN}}}Filter"), *body.findall(f"{{{ENUMERATION}}}Filter")]
        namespace, name = self.namespace_and_class(request)
        if not filters:
            if name == "*":
                raise faults.invalid_query(faults.WBEM_INVALID_QUERY)
            cim_class = self.of(request, "CreateInstanceEnum")
            operation.text = f"Enumerate {cim_class.name}"
            return self._selection(request, cim_class, None, (), mode)
        dialect = filters[0].get("Dialect", "")
        if dialect == SELECTOR_DIALECT:
            cim_class = self.of(request, "CreateInstanceEnum")
            operation.text = f"Enumerate {cim_class.name}"
            return self._selection(request, cim_class, _selector_condition(filters[0], cim_class), (), mode)
        if dialect != WQL_DIALECT:
            raise Fault(
                True, "n:FilterDialectRequestedUnavailable", "bad_filter", 0x8033801A, action=faults.ENUMERATION_FAULT
            )
        if name != "*":
            raise Fault(True, "n:CannotProcessFilter", "wql_uri", 0x803380FB, action=faults.ENUMERATION_FAULT)
        return self._query(request, namespace, (filters[0].text or "").strip(), mode, operation)

    def _query(self, request: Request, namespace: str, text: str, mode: str, operation: Label) -> Selection:
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
        return self._selection(request, cim_class, query.condition, query.properties, mode)

    def _selection(
        self,
        request: Request,
        cim_class: CimClass,
        condition: wql.Condition | None,
        properties: tuple[str, ...],
        mode: str,
    ) -> Selection:
        store = request.options.get("policystore", "")
        found = instances(self._machine, cim_class, self._world.now(), store)
        rows = tuple(self._rows(found, cim_class, condition, properties, mode))
        return Selection(cim_class, rows, self._query_seconds(cim_class, condition))

    def _rows(
        self,
        found: Iterable[Instance],
        cim_class: CimClass,
        condition: wql.Condition | None,
        properties: tuple[str, ...],
        mode: str,
    ) -> Iterator[str]:
        read = [(name, cim_class.properties[name].name) for name in wql.names_in(condition)]
        dialect = self._machine.dialect
        chosen = [cim_class.properties[name.lower()] for name in properties]
        for instance in found:
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


def _keyed_by_instance_id(cim_class: CimClass) -> CimClass:
    members = {name: replace(member, key=name == "instanceid") for name, member in cim_class.properties.items()}
    return replace(cim_class, properties=members)


def _is_bounded(condition: wql.Condition | None) -> bool:
    """Whether a query of events names its log, and a time or a record to begin with."""
    parts = (
        condition.conditions if isinstance(condition, wql.Junction) and condition.operator == "AND" else (condition,)
    )
    compared = [part for part in parts if isinstance(part, wql.Comparison)]
    one_log = any(part.name == "logfile" and part.operator == "=" for part in compared)
    start = ("timegenerated", "timewritten", "recordnumber")
    return one_log and any(part.name in start and part.operator in ("=", ">", ">=") for part in compared)


def _selector_condition(filter_element: Element, cim_class: CimClass) -> wql.Condition:
    """A SelectorFilter as a condition. Source: MS-WSMV 2.2.4.41."""
    parts = []
    for selector in filter_element.iter(f"{{{WSMAN}}}Selector"):
        name = selector.get("Name", "").lower()
        if name not in cim_class.properties or cim_class.properties[name].is_array:
            raise faults.invalid_query(faults.WBEM_INVALID_QUERY)
        parts.append(wql.Comparison(name, "=", selector.text or ""))
    return wql.Junction("AND", tuple(parts))
