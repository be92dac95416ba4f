# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of a machine as far as licensing needs it: where the keys are, and what a fresh Windows has."""

from __future__ import annotations

import typing as t

from .catalogue import WINDOWS_APPLICATION_ID, OperatingSystem, languages

if t.TYPE_CHECKING:
    from .spec_machine import MachineSpec

#: Data of a value: a text, a number, or the texts of a REG_MULTI_SZ.
RegistryData = str | int | tuple[str, ...]

#: Path (lower case) -> value name (lower case) -> (name, REG type, data).
Registry = dict[str, dict[str, tuple[str, int, RegistryData]]]

REG_SZ, REG_EXPAND_SZ, REG_DWORD, REG_MULTI_SZ = 1, 2, 4, 7

_SPP = "microsoft\\windows nt\\currentversion\\softwareprotectionplatform"
CURRENT_VERSION = "software\\microsoft\\windows nt\\currentversion"
SPP_KEY = f"software\\{_SPP}"
WOW6432_SPP_KEY = f"software\\wow6432node\\{_SPP}"
OSPP_KEY = "software\\microsoft\\officesoftwareprotectionplatform"
ACTIVATION_KEY = f"{SPP_KEY}\\activation"

#: Group Policy. Unverified: no public source names values of KMS below it.
POLICY_KEY = "software\\policies\\microsoft\\windows nt\\currentversion\\software protection platform"

KMS_NAME, KMS_PORT = "keymanagementservicename", "keymanagementserviceport"

#: The first Windows whose registry has the revision of the build.
_FIRST_WITH_REVISION = 10240


def fresh_registry(spec: MachineSpec, domain: str) -> Registry:
    """What a machine has before anybody changes anything."""
    system = spec.os
    registry: Registry = {
        CURRENT_VERSION: {
            "editionid": ("EditionID", REG_SZ, system.edition_id),
            "currentbuild": ("CurrentBuild", REG_SZ, str(system.build)),
        },
        SPP_KEY: {},
        f"{SPP_KEY}\\{WINDOWS_APPLICATION_ID}": {},
        "system\\currentcontrolset\\services\\tcpip\\parameters": {
            "domain": ("Domain", REG_SZ, domain),
            "nv domain": ("NV Domain", REG_SZ, domain),
            "hostname": ("Hostname", REG_SZ, spec.name),
        },
        "system\\currentcontrolset\\control\\nls\\language": {
            "default": ("Default", REG_SZ, f"{languages()[spec.language]:04x}"),
        },
    }
    write_revision(registry, system, spec.revision)
    if spec.dialect.activation_key_is_there:
        registry[ACTIVATION_KEY] = {}
    if spec.is_64_bit and spec.dialect.wow6432_key_is_there:
        registry[WOW6432_SPP_KEY] = {}
    return registry


def write_revision(registry: Registry, system: OperatingSystem, revision: int) -> None:
    """UBR: the last part of the version of a cumulative update, from Windows 10 on."""
    if system.build >= _FIRST_WITH_REVISION:
        registry[CURRENT_VERSION]["ubr"] = ("UBR", REG_DWORD, revision)


def text_value(registry: Registry, path: str, name: str) -> str | None:
    """A text of the registry that is not empty; `path` and `name` in lower case."""
    _, kind, data = registry.get(path, {}).get(name, ("", 0, ""))
    return str(data) if kind in (REG_SZ, REG_EXPAND_SZ) and data else None


def texts_value(registry: Registry, path: str, name: str) -> tuple[str, ...]:
    """The texts of a REG_MULTI_SZ; none when it is not there."""
    _, _kind, data = registry.get(path, {}).get(name, ("", 0, ""))
    return data if isinstance(data, tuple) else ()


def number_value(registry: Registry, path: str, name: str) -> int | None:
    """A number of the registry, also one that is written as text, as the ports are."""
    _, _kind, data = registry.get(path, {}).get(name, ("", 0, ""))
    return int(data) if not isinstance(data, tuple) and str(data).isdigit() else None
