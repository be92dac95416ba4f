# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the registry holds the KMS host of a client: by Group Policy, for all, for one application, for one licence.

The classes of the licensing service show what they were told themselves. A value that a Group Policy, a script or an
image wrote at another place is only seen here.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable
from dataclasses import dataclass

from ._registry import Registry

#: Source: Registry Settings for Volume Activation (dn502532)
SPP_KEY = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\SoftwareProtectionPlatform"
OSPP_KEY = r"SOFTWARE\Microsoft\OfficeSoftwareProtectionPlatform"
#: The place of Group Policies for the Software Protection Platform. That Windows takes a KMS host from here is
#: unverified: it is shown, and what contradicts it is refused.
POLICY_KEY = r"SOFTWARE\Policies\Microsoft\Windows NT\CurrentVersion\Software Protection Platform"
ACTIVATION_KEY = rf"{SPP_KEY}\Activation"

HOST_VALUE = "KeyManagementServiceName"
PORT_VALUE = "KeyManagementServicePort"
MANUAL_VALUE = "Manual"
USER_OPERATIONS_VALUE = "UserOperations"


class Licence(t.Protocol):
    """What of a product decides where its registry key is."""

    @property
    def application_id(self) -> str:
        """Of the application, the upper of the two keys."""

    @property
    def activation_id(self) -> str:
        """Of the licence, the lower one."""


@dataclass(frozen=True, slots=True)
class RegistryLevel:
    """A key that holds a KMS host or port. `level` is policy, service, application or product, the strongest first."""

    level: str
    key: str
    kms_host: str | None
    kms_port: int | None


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """What the registry says about a client. `automatic_activation`: a key is activated online without being asked."""

    levels: tuple[RegistryLevel, ...]
    automatic_activation: bool
    user_operations: bool


def read_settings(registry: Registry, spp: Iterable[Licence], ospp: Iterable[Licence] = ()) -> RegistrySettings:
    """Read all levels for the licences of both class families. One request for each key, one for each value there."""
    return RegistrySettings(
        levels=read_levels(registry, spp, ospp),
        automatic_activation=registry.number(ACTIVATION_KEY, MANUAL_VALUE) != 1,
        user_operations=registry.number(SPP_KEY, USER_OPERATIONS_VALUE) == 1,
    )


def read_levels(registry: Registry, spp: Iterable[Licence], ospp: Iterable[Licence] = ()) -> tuple[RegistryLevel, ...]:
    """Those keys that hold a KMS host or port, in the order policy, service, application, product."""
    found = (read_level(registry, level, key) for level, key in level_keys(spp, ospp))
    return tuple(level for level in found if level)


def level_keys(spp: Iterable[Licence], ospp: Iterable[Licence] = ()) -> list[tuple[str, str]]:
    """Level and key of all places where a KMS host of these licences may stand."""
    keys = [("policy", POLICY_KEY), ("service", SPP_KEY)]
    families = [(SPP_KEY, list(spp)), (OSPP_KEY, list(ospp))]
    if families[1][1]:
        keys.append(("service", OSPP_KEY))
    for root, licences in families:
        applications = dict.fromkeys(licence.application_id for licence in licences)
        keys += [("application", rf"{root}\{application}") for application in applications]
    for root, licences in families:
        keys += [("product", rf"{root}\{each.application_id}\{each.activation_id}") for each in licences]
    return keys


def read_level(registry: Registry, level: str, key: str) -> RegistryLevel | None:
    """One key; None where it holds neither host nor port. Most are missing or empty: that takes one request."""
    names = {name.lower() for name in registry.names(key)}
    host = registry.text(key, HOST_VALUE) if HOST_VALUE.lower() in names else None
    port = _port(registry, key) if PORT_VALUE.lower() in names else None
    return RegistryLevel(level, key, host or None, port) if host or port else None


def _port(registry: Registry, key: str) -> int | None:
    """Documented as REG_SZ; what somebody wrote by hand or by policy may be a REG_DWORD."""
    text = registry.text(key, PORT_VALUE)
    if text is None:
        return registry.number(key, PORT_VALUE) or None
    return int(text) or None if text.strip().isdigit() else None
