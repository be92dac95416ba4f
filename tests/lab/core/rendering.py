# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Instances and method results as XML.

Source: wsman_examples/README.md, "Response rules": typed rows carry the class's own namespace, rows of a property list
are XmlFragments without one; both in case-insensitive alphabetical order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .cim import CimClass, Property
from .dialect import STANDARD, Dialect
from .instances import Instance
from .soap import ANONYMOUS, WMI, XSI
from .values import CimValue, element, text_of

CIM = "http://schemas.dmtf.org/wbem/wscim/1/common"

_NAMESPACE_SPELLING = {"root/standardcimv2": "root/StandardCimv2"}


def class_uri(cim_class: CimClass, dialect: Dialect = STANDARD) -> str:
    """The resource URI of a class, as the service spells it."""
    name_space = _NAMESPACE_SPELLING.get(cim_class.namespace, cim_class.namespace)
    return spelled(f"{WMI}{name_space}/{cim_class.name}", dialect)


def spelled(name: str, dialect: Dialect) -> str:
    """A URI or a name as the service spells it when it sends it."""
    return name.lower() if dialect.lower_case_echo else name


def typed_row(cim_class: CimClass, instance: Instance, dialect: Dialect = STANDARD) -> str:
    """A whole instance (`SELECT *`, Get)."""
    name = spelled(cim_class.name, dialect)
    properties = _alphabetical(cim_class.properties.values())
    members = "".join(_member("p:", member, instance, dialect) for member in properties)
    return (
        f'<p:{name} xmlns:xsi="{XSI}" xmlns:p="{class_uri(cim_class, dialect)}" xmlns:cim="{CIM}" '
        f'xsi:type="p:{name}_Type">{members}</p:{name}>'
    )


def fragment_row(properties: Iterable[Property], instance: Instance, dialect: Dialect = STANDARD) -> str:
    """The chosen properties of an instance."""
    chosen = _alphabetical(dict.fromkeys(properties))
    members = "".join(_member("", member, instance, dialect) for member in chosen)
    return f'<w:XmlFragment xmlns:xsi="{XSI}">{members}</w:XmlFragment>'


def reference(cim_class: CimClass, instance: Instance, dialect: Dialect = STANDARD) -> str:
    """The endpoint reference of an instance."""
    selectors = "".join(
        f'<w:Selector Name="{key}">{text_of(str(instance.get(key) or ""))}</w:Selector>' for key in cim_class.keys
    )
    return (
        f"<a:EndpointReference><a:Address>{ANONYMOUS}</a:Address><a:ReferenceParameters>"
        f"<w:ResourceURI>{class_uri(cim_class, dialect)}</w:ResourceURI><w:SelectorSet>{selectors}</w:SelectorSet>"
        "</a:ReferenceParameters></a:EndpointReference>"
    )


def output(resource_uri: str, method: str, result: Mapping[str, CimValue], dialect: Dialect = STANDARD) -> str:
    """The `_OUTPUT` element of a method in the namespace that the caller spelled; it may be empty."""
    members = "".join(element("p:", spelled(name, dialect), value, dialect=dialect) for name, value in result.items())
    name_space = spelled(text_of(resource_uri), dialect)
    name = spelled(f"{method}_OUTPUT", dialect)
    return f'<p:{name} xmlns:xsi="{XSI}" xmlns:p="{name_space}" xmlns:cim="{CIM}">{members}</p:{name}>'


def _alphabetical(properties: Iterable[Property]) -> list[Property]:
    return sorted(properties, key=lambda member: member.name.lower())


def _member(prefix: str, member: Property, instance: Instance, dialect: Dialect) -> str:
    name = spelled(member.name, dialect)
    return element(prefix, name, instance.get(member.name), is_array=member.is_array, dialect=dialect)
