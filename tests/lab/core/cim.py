# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The classes that a simulated Windows has, by table: members differ between Windows 7 and later releases."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

from .catalogue import DATA, OPERATING_SYSTEMS, OperatingSystem

CIMV2 = "root/cimv2"
STANDARD = "root/standardcimv2"
DEFAULT = "root/default"
NAMESPACES = (CIMV2, STANDARD, DEFAULT)

#: The classes of Office are taken to be those of Windows 7 wherever they are. Source: cim_classes.yaml, notes.
_WINDOWS_7 = OPERATING_SYSTEMS["windows-7-enterprise"]

#: Classes that answer a Get or a method call without selectors.
SINGLETONS = frozenset({"Win32_OperatingSystem"})


@dataclass(frozen=True, slots=True)
class Property:
    """A property of a class."""

    name: str
    type: str
    key: bool

    @property
    def is_array(self) -> bool:
        """Whether the value is a sequence."""
        return self.type.endswith("[]")


@dataclass(frozen=True, slots=True)
class CimClass:
    """One class on one Windows; members are found by lower-case name. `methods` map to {parameter: (name, type)}."""

    name: str
    namespace: str
    properties: dict[str, Property]
    methods: dict[str, tuple[str, dict[str, tuple[str, str]]]]

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the key properties."""
        return tuple(member.name for member in self.properties.values() if member.key)


@functools.cache
def _table() -> dict[str, dict[str, Any]]:
    table = json.loads((DATA / "cim_classes.json").read_text(encoding="utf-8"))
    return {name.lower(): {**entry, "name": name} for name, entry in table.items()}


def _present(since: str, system: OperatingSystem) -> bool:
    """Whether a member with this `since` exists; later builds are taken to have what 23H2 has."""
    if since == "6.1 only":
        return system.is_windows_7
    if since == "6.2":
        return not system.is_windows_7
    return system.build >= int(since) if since else True


#: The licensing classes of Windows and those of Office.
WINDOWS_FAMILY, OFFICE_FAMILY = "softwarelicensing", "officesoftwareprotection"


#: Classes whose instances are licence rows.
PRODUCT_CLASSES = frozenset({"SoftwareLicensingProduct", "OfficeSoftwareProtectionProduct"})


def is_office_class(name: str) -> bool:
    """Whether a class is one of OfficeSoftwareProtection*."""
    return name.lower().startswith(OFFICE_FAMILY)


def find_class(
    system: OperatingSystem,
    namespace: str,
    name: str,
    *,
    oldest: bool = False,
    office: bool = False,
    verified_only: bool = False,
) -> CimClass | None:
    """The class as this machine has it, None when it has none. Names are case-insensitive.

    With `oldest` the licensing classes have no members that came after Windows 7. The classes of Office are there with
    `office` only; with `verified_only` they have no members that are but derived.
    """
    name = name.lower()
    if is_office_class(name):
        return _find(_WINDOWS_7, namespace.lower(), name, False, verified_only) if office else None
    return _find(system, namespace.lower(), name, oldest and name.startswith(WINDOWS_FAMILY), False)


@functools.lru_cache(maxsize=1024)
def _find(system: OperatingSystem, namespace: str, name: str, oldest: bool, verified_only: bool) -> CimClass | None:
    entry = _table().get(name)
    if entry is None or (entry["namespace"] == "root/StandardCimv2" and system.is_windows_7):
        return None
    verified = {member.lower() for member in entry["verified"]} if verified_only else None
    home = entry["namespace"].lower()
    if namespace != home and not (name == "stdregprov" and namespace == CIMV2):
        return None
    return CimClass(
        entry["name"],
        namespace,
        {
            member.lower(): Property(member, facts["type"], facts["key"])
            for member, facts in entry["properties"].items()
            if (not facts["since"] if oldest else _present(facts["since"], system))
            and (verified is None or member.lower() in verified)
        },
        {
            method.lower(): (method, {name.lower(): (name, kind) for name, kind in facts["in"].items()})
            for method, facts in entry["methods"].items()
            if (not facts["since"] if oldest else _present(facts["since"], system))
            and (verified is None or method.lower() in verified)
        },
    )
