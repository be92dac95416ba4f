# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CIM values on the wire, both ways.

Replies carry no types: a value is text, null, a time, a reference or an embedded instance by its form alone, and an
array is an element that is repeated. Source: [MS-WSMV], "3.1.4.1.26"; DSP0230, "Value representation"
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from ._instance import CimInstance, CimKey, CimScalar, CimValue, Reference
from ._namespaces import ADDRESSING, ANONYMOUS, CIM_COMMON, WSMAN, XSI, Name
from ._resource import Addressing, addressed, identifier
from ._time import read_time, write_datetime, write_interval
from ._xml import Node, child, child_text, local_name, namespace_of

NIL = Name(XSI, "nil")
TYPE = Name(XSI, "type")
FRAGMENT = Name(WSMAN, "XmlFragment")

_TIMES = frozenset({"Datetime", "Date", "Time", "Interval", "CIM_DateTime"})
_REFERENCE_PARAMETERS = Name(ADDRESSING, "ReferenceParameters")
_SELECTOR_SET = Name(WSMAN, "SelectorSet")
_SELECTOR = Name(WSMAN, "Selector")
_RESOURCE_URI = Name(WSMAN, "ResourceURI")
_ENDPOINT_REFERENCE = Name(ADDRESSING, "EndpointReference")


def read_instance(element: Element, *, class_name: str | None = None) -> CimInstance:
    """An instance, a method output, or a row of a query; `class_name` is for rows that don't name theirs."""
    if class_name is None or element.tag != FRAGMENT.clark:
        class_name = local_name(element)
    properties: dict[str, CimValue] = {}
    repeated: dict[str, list[CimValue]] = {}
    for item in element:
        name = local_name(item)
        value = read_value(item)
        if name in repeated:
            repeated[name].append(value)
        elif name in properties:
            properties[name] = repeated[name] = [properties[name], value]
        else:
            properties[name] = value
    return CimInstance(class_name, properties)


def read_value(element: Element) -> CimValue:
    """The value of one property element; one item where the property is an array."""
    if element.get(NIL.clark) in {"true", "1"}:
        return None
    if len(element) == 0:
        return element.text or ""
    inner = element[0]
    if len(element) == 1 and local_name(inner) in _TIMES and namespace_of(inner) in {CIM_COMMON, ""}:
        return read_time((inner.text or "").strip())
    if (reference := read_reference(element)) is not None:
        return reference
    embedded = read_instance(element)
    declared = (element.get(TYPE.clark) or "").rpartition(":")[2].removesuffix("_Type")
    return CimInstance(declared or namespace_of(inner).rpartition("/")[2] or embedded.class_name, embedded.properties)


def read_reference(element: Element) -> Reference | None:
    """The endpoint reference that `element` holds (an address and reference parameters); None if it holds none."""
    parameters = child(element, _REFERENCE_PARAMETERS)
    if parameters is None:
        return None
    selectors = child(parameters, _SELECTOR_SET)
    keys: dict[str, str | Reference] = {}
    for selector in () if selectors is None else selectors.iterfind(_SELECTOR.clark):
        nested = child(selector, _ENDPOINT_REFERENCE)
        reference = None if nested is None else read_reference(nested)
        keys[selector.get("Name", "")] = reference or selector.text or ""
    return addressed(child_text(parameters, _RESOURCE_URI) or "", keys)


def write_instance(name: Name, properties: Mapping[str, CimValue], *, addressing: Addressing, namespace: str) -> Node:
    """An instance or a method input: `name` holds the class URI, which is the namespace of the properties too."""
    content = tuple(
        node
        for key, value in properties.items()
        for node in write_value(
            Name(name.namespace, identifier(key)), value, addressing=addressing, namespace=namespace
        )
    )
    return Node(name, content)


def write_value(name: Name, value: CimValue, *, addressing: Addressing, namespace: str) -> list[Node]:
    """The element or elements of a property; `bytes` are an array of uint8.

    An empty array and null are both one nil element: Windows tells them apart only when asked for precise arrays.
    """
    if value is None:
        return [Node(name, attributes={NIL: "true"})]
    if isinstance(value, datetime):
        return [Node(name, (Node(Name(CIM_COMMON, "Datetime"), write_datetime(value)),))]
    if isinstance(value, timedelta):
        return [Node(name, (Node(Name(CIM_COMMON, "Interval"), write_interval(value)),))]
    if isinstance(value, Reference):
        return [Node(name, write_reference(value, addressing))]
    if isinstance(value, CimInstance):
        uri = addressing.resource_uri(value.class_name, namespace)
        embedded = write_instance(Name(uri, name.local), value.properties, addressing=addressing, namespace=namespace)
        return [Node(name, embedded.content, {TYPE: Name(uri, f"{value.class_name}_Type")})]
    if isinstance(value, Sequence) and not isinstance(value, str):
        items: Sequence[CimValue] = value or (None,)
        return [node for item in items for node in write_value(name, item, addressing=addressing, namespace=namespace)]
    return [Node(name, write_scalar(value))]


def write_scalar(value: CimScalar) -> str:
    """A scalar as text: as the content of an element or a selector. Null has no text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return write_datetime(value)
    if isinstance(value, timedelta):
        return write_interval(value)
    if isinstance(value, str | int):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not a CIM scalar")


def write_reference(reference: Reference, addressing: Addressing) -> tuple[Node, ...]:
    """The content of an endpoint reference."""
    uri = addressing.resource_uri(reference.class_name, reference.namespace)
    parameters = (Node(_RESOURCE_URI, uri), *write_selectors(reference.keys, reference.namespace, addressing))
    return Node(Name(ADDRESSING, "Address"), ANONYMOUS), Node(_REFERENCE_PARAMETERS, parameters)


def write_selectors(keys: Mapping[str, CimKey] | None, namespace: str, addressing: Addressing) -> tuple[Node, ...]:
    """The selector set, or nothing for a class or a singleton. Names keep the caller's spelling (they ignore case)."""
    selectors = tuple(
        Node(
            _SELECTOR,
            (Node(_ENDPOINT_REFERENCE, write_reference(value, addressing)),)
            if isinstance(value, Reference)
            else write_scalar(value),
            {Name("", "Name"): name},
        )
        for name, value in addressing.selectors(keys, namespace).items()
    )
    return (Node(_SELECTOR_SET, selectors),) if selectors else ()
