# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""StdRegProv: the registry as far as licensing needs it. Failures come back in ReturnValue, never as a fault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .machine import Machine, ServiceSettings
from .values import CimValue

HKEY_LOCAL_MACHINE = 0x80000002
SPP_KEY = "software\\microsoft\\windows nt\\currentversion\\softwareprotectionplatform"

REG_SZ, REG_EXPAND_SZ, REG_DWORD = 1, 2, 4
_TYPES = {
    "StringValue": (REG_SZ, "sValue"),
    "ExpandedStringValue": (REG_EXPAND_SZ, "sValue"),
    "DWORDValue": (REG_DWORD, "uValue"),
}

#: (REG type, data) of a registry value that is a setting of the service, None: not there.
Data = tuple[int, "str | int"]


def registry_method(machine: Machine, method: str, arguments: Mapping[str, CimValue]) -> Mapping[str, CimValue]:
    """One StdRegProv method: its out parameters and ReturnValue (a Win32 code)."""
    root = arguments.get("hdefkey")
    path = str(arguments.get("ssubkeyname") or "").strip("\\").lower()
    if root not in (None, HKEY_LOCAL_MACHINE):
        return {"ReturnValue": machine.dialect.registry_missing_key}
    if method == "CreateKey":
        machine.registry.setdefault(path, {})
        return {"ReturnValue": 0}
    if path not in machine.registry:
        return {"ReturnValue": machine.dialect.registry_missing_key}
    verb, _, kind = method.partition("et") if method[1:3] == "et" else ("", "", "")
    if kind in _TYPES and verb == "G":
        return _get(machine, path, _name(arguments), *_TYPES[kind])
    if kind in _TYPES and verb == "S":
        return _set(machine, path, arguments, *_TYPES[kind])
    if method == "DeleteValue":
        return _delete(machine, path, _name(arguments))
    if method == "EnumValues":
        values = _values(machine, path)
        return {
            "sNames": [name for name, _ in values.values()],
            "Types": [data[0] for _, data in values.values()],
            "ReturnValue": 0,
        }
    if method == "EnumKey":
        depth = path.count("\\") + 1
        below = {key.split("\\")[depth] for key in machine.registry if key.startswith(path + "\\")}
        return {"sNames": sorted(below), "ReturnValue": 0}
    return {"ReturnValue": 1}


def _name(arguments: Mapping[str, CimValue]) -> str:
    return str(arguments.get("svaluename") or "")


def _values(machine: Machine, path: str) -> dict[str, tuple[str, Data]]:
    """All values of a key by lower-case name; those of the SPP key that are settings are read from the settings."""
    found: dict[str, tuple[str, Data]] = {
        lower: (name, (kind, data)) for lower, (name, kind, data) in machine.registry[path].items()
    }
    if path == SPP_KEY:
        for name, data in _setting_values(machine.settings).items():
            if data is not None:
                found[name.lower()] = (name, data)
    return found


def _setting_values(settings: ServiceSettings) -> dict[str, Data | None]:
    """Source: Registry Settings for Volume Activation (dn502532)."""
    port = settings.kms_port
    return {
        "KeyManagementServiceName": (REG_SZ, settings.kms_machine) if settings.kms_machine else None,
        "KeyManagementServicePort": (REG_SZ, str(port)) if port else None,
        "KeyManagementServiceListeningPort": (REG_SZ, str(settings.listening_port))
        if settings.listening_port != 1688
        else None,
        "DisableDnsPublishing": None if settings.dns_publishing else (REG_DWORD, 1),
        "EnableKmsLowPriority": (REG_DWORD, 1) if settings.low_priority else None,
    }


def _with_setting(settings: ServiceSettings, name: str, data: str | int | None) -> ServiceSettings | None:
    """The settings after a registry write, None for a value that is no setting. Raises ValueError."""
    if name == "keymanagementservicename":
        return replace(settings, kms_machine=str(data) if data else None)
    if name == "keymanagementserviceport":
        return replace(settings, kms_port=int(data) if data else None)
    if name == "keymanagementservicelisteningport":
        return replace(settings, listening_port=int(data) if data else 1688)
    if name == "disablednspublishing":
        return replace(settings, dns_publishing=not data)
    if name == "enablekmslowpriority":
        return replace(settings, low_priority=bool(data))
    return None


def _get(machine: Machine, path: str, name: str, kind: int, out: str) -> Mapping[str, CimValue]:
    found = _values(machine, path).get(name.lower())
    if found is None or found[1][0] != kind:
        return {out: None, "ReturnValue": machine.dialect.registry_missing_value}
    return {out: found[1][1], "ReturnValue": 0}


def _set(machine: Machine, path: str, arguments: Mapping[str, CimValue], kind: int, out: str) -> Mapping[str, CimValue]:
    name = _name(arguments)
    data = arguments.get(out.lower())
    if not isinstance(data, (str, int)):
        return {"ReturnValue": 87}
    return {"ReturnValue": _write(machine, path, name, (kind, data))}


def _delete(machine: Machine, path: str, name: str) -> Mapping[str, CimValue]:
    if name.lower() not in _values(machine, path):
        return {"ReturnValue": machine.dialect.registry_missing_value}
    return {"ReturnValue": _write(machine, path, name, None)}


def _write(machine: Machine, path: str, name: str, data: Data | None) -> int:
    if path == SPP_KEY:
        try:
            changed = _with_setting(machine.settings, name.lower(), None if data is None else data[1])
        except ValueError:
            return 87
        if changed is not None:
            machine.settings = changed
            return 0
    if data is None:
        machine.registry[path].pop(name.lower(), None)
    else:
        machine.registry[path][name.lower()] = (name, *data)
    return 0
