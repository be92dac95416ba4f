# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which resource URI and selectors address a CIM class, and what such an address means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ._instance import DEFAULT_NAMESPACE, CimKey, Reference
from ._namespaces import CIM_RESOURCE, WMI_RESOURCE

# Names go into URIs and element names as they are.
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_FROM = re.compile(r"\bFROM\s+([A-Za-z_][A-Za-z0-9_]*)", re.ASCII | re.IGNORECASE)
_STRING_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_NAMESPACE_SELECTOR = "__cimnamespace"


@dataclass(frozen=True, slots=True)
class Addressing:
    """How this server wants its classes addressed.

    Windows has one resource URI per namespace and class, and `*` for a query. With `class_uris` it is the DMTF URI of
    the class, also for a query, and a selector names the namespace: so wants Microsoft's OMI.
    Source: [MS-WSMV], "3.1.4.1.1 ResourceURI"; microsoft/omi, wsman
    """

    class_uris: bool = False

    def resource_uri(self, class_name: str, namespace: str) -> str:
        """The URI of `class_name` in `namespace` (``root/cimv2``; backslashes will do)."""
        identifier(class_name)
        path = "/".join(identifier(part) for part in namespace.replace("\\", "/").split("/"))
        return f"{CIM_RESOURCE}{class_name}" if self.class_uris else f"{WMI_RESOURCE}{path}/{class_name}"

    def query_uri(self, class_name: str, namespace: str) -> str:
        """The URI to send a query to that selects from `class_name`."""
        uri = self.resource_uri(class_name, namespace)
        return uri if self.class_uris else f"{uri.rpartition('/')[0]}/*"

    def selectors(self, keys: Mapping[str, CimKey] | None, namespace: str) -> dict[str, CimKey]:
        """The selectors of an instance with `keys`, of a class or singleton without."""
        extra: dict[str, CimKey] = {_NAMESPACE_SELECTOR: namespace.replace("\\", "/")} if self.class_uris else {}
        return {**(keys or {}), **extra}


def identifier(name: str) -> str:
    """`name` if it is a CIM identifier; `ValueError` otherwise, since it would end up in XML or a URI."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{name!r} is not a CIM identifier")
    return name


def queried_class(wql: str) -> str:
    """The class after FROM of a WQL SELECT; `ValueError` if there is none."""
    found = _FROM.search(_STRING_LITERAL.sub("''", wql))
    if found is None:
        raise ValueError("the query has no FROM clause")
    return found[1]


def addressed(uri: str, selectors: Mapping[str, str | Reference]) -> Reference:
    """The instance that a resource URI with selectors means; the namespace is the URI's, or a selector's."""
    path, _slash, class_name = uri.rpartition("/")
    keys = {name: value for name, value in selectors.items() if name.lower() != _NAMESPACE_SELECTOR}
    if path.lower().startswith(WMI_RESOURCE.lower()):
        return Reference(class_name, keys, path[len(WMI_RESOURCE) :])
    named = next((value for name, value in selectors.items() if name not in keys and isinstance(value, str)), None)
    return Reference(class_name, keys, named or DEFAULT_NAMESPACE)
