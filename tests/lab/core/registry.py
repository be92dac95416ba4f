# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""StdRegProv: the registry as far as licensing needs it. Failures come back in ReturnValue, never as a fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from .fresh_registry import OSPP_KEY, REG_DWORD, REG_EXPAND_SZ, REG_MULTI_SZ, REG_SZ, SPP_KEY, RegistryData
from .kms import INTERVAL_MAXIMUM, INTERVAL_MINIMUM, KmsHost
from .licence import LicenceRow
from .machine import Machine, ServiceSettings
from .values import CimValue

HKEY_LOCAL_MACHINE = 0x80000002

_TYPES = {
    "StringValue": (REG_SZ, "sValue"),
    "ExpandedStringValue": (REG_EXPAND_SZ, "sValue"),
    "DWORDValue": (REG_DWORD, "uValue"),
    "MultiStringValue": (REG_MULTI_SZ, "sValue"),
}

#: (REG type, data) of a registry value that is a setting of the service, None: not there.
Data = tuple[int, RegistryData]


@dataclass(frozen=True, slots=True)
class View:
    """A registry key whose values are settings that methods change, too.

    `values` are those that are set; `write` takes a lower-case name and the data, None to delete, and tells whether the
    value is a setting at all. It raises ValueError for data that is none.
    """

    values: Mapping[str, Data | None]
    write: Callable[[str, RegistryData | None], bool]


def _view(machine: Machine, path: str) -> View | None:
    """The view that stands behind a key."""
    if path == SPP_KEY or (path == OSPP_KEY and machine.has_ospp):
        return _service_view(machine, ospp=path == OSPP_KEY)
    parent, _, activation_id = path.rpartition("\\")
    base, _, application_id = parent.rpartition("\\")
    row = machine.own_row(activation_id) if base in (SPP_KEY, OSPP_KEY) else None
    if row is None or row.application_id != application_id or row.is_ospp != (base == OSPP_KEY):
        return None
    return _row_view(machine, row)


def _exists(machine: Machine, path: str) -> bool:
    return any(key == path or key.startswith(f"{path}\\") for key in _paths(machine))


def registry_method(machine: Machine, method: str, arguments: Mapping[str, CimValue]) -> Mapping[str, CimValue]:
    """One StdRegProv method: its out parameters and ReturnValue (a Win32 code)."""
    root = arguments.get("hdefkey")
    path = str(arguments.get("ssubkeyname") or "").strip("\\").lower()
    if root not in (None, HKEY_LOCAL_MACHINE):
        return {"ReturnValue": machine.dialect.registry_missing_key}
    if method == "CreateKey":
        machine.registry.setdefault(path, {})
        return {"ReturnValue": 0}
    if not _exists(machine, path):
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
        below = {key.split("\\")[depth] for key in _paths(machine) if key.startswith(path + "\\")}
        return {"sNames": sorted(below), "ReturnValue": 0}
    return {"ReturnValue": 1}


def _name(arguments: Mapping[str, CimValue]) -> str:
    return str(arguments.get("svaluename") or "")


def _paths(machine: Machine) -> list[str]:
    """Every key that is there."""
    rows = [
        f"{OSPP_KEY if row.is_ospp else SPP_KEY}\\{row.application_id}\\{row.activation_id}"
        for row in machine.own_rows()
        if row.is_configured
    ]
    return [*machine.registry, *rows, *([OSPP_KEY] if machine.has_ospp else [])]


def _values(machine: Machine, path: str) -> dict[str, tuple[str, Data]]:
    """All values of a key by lower-case name; those that are settings are read from the settings."""
    found: dict[str, tuple[str, Data]] = {
        lower: (name, (kind, data)) for lower, (name, kind, data) in machine.registry.get(path, {}).items()
    }
    view = _view(machine, path)
    for name, setting in view.values.items() if view else ():
        if setting is not None:
            found[name.lower()] = (name, setting)
    return found


def _service_view(machine: Machine, *, ospp: bool) -> View:
    def write(name: str, data: RegistryData | None) -> bool:
        if name in _INTERVALS and not ospp and machine.kms is not None:
            machine.kms = _with_interval(machine.kms, name, data)
            return True
        changed = _with_setting(machine.settings_of(ospp=ospp), name, data)
        if changed is None:
            return False
        machine.put_settings(changed, ospp=ospp)
        return True

    values = _setting_values(machine.settings_of(ospp=ospp))
    if not ospp and machine.kms is not None:
        values |= _interval_values(machine.kms)
    return View(values, write)


def _row_view(machine: Machine, row: LicenceRow) -> View:
    def write(name: str, data: RegistryData | None) -> bool:
        if name == "keymanagementservicename":
            machine.put_row(replace(row, kms_machine=str(data) if data else None))
        elif name == "keymanagementserviceport":
            machine.put_row(replace(row, kms_port=_whole(data) or 0))
        elif name == "vlactivationtype":
            machine.put_row(replace(row, activation_type_enabled=_whole(data) or 0))
        else:
            return False
        return True

    values: dict[str, Data | None] = {
        "KeyManagementServiceName": (REG_SZ, row.kms_machine) if row.kms_machine else None,
        "KeyManagementServicePort": (REG_SZ, str(row.kms_port)) if row.kms_port else None,
        "VLActivationType": (REG_DWORD, row.activation_type_enabled) if row.activation_type_enabled else None,
    }
    return View(values, write)


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


#: Values of the intervals of a KMS host -> their fields. Source: kms_rules.yaml, registry.
_INTERVALS = {"vlactivationinterval": "activation_interval", "vlrenewalinterval": "renewal_interval"}


def _interval_values(host: KmsHost) -> dict[str, Data | None]:
    """What is not the default is in the registry."""
    fresh = KmsHost()
    return {
        name: (REG_DWORD, getattr(host, field)) if getattr(host, field) != getattr(fresh, field) else None
        for name, field in (("VLActivationInterval", "activation_interval"), ("VLRenewalInterval", "renewal_interval"))
    }


def _with_interval(host: KmsHost, name: str, data: RegistryData | None) -> KmsHost:
    field = _INTERVALS[name]
    minutes = _whole(data) or getattr(KmsHost(), field)
    if not INTERVAL_MINIMUM <= minutes <= INTERVAL_MAXIMUM:
        raise ValueError(data)
    return replace(host, **{field: minutes})  # type: ignore[arg-type]


def _whole(data: RegistryData | None) -> int | None:
    """A number, also one that is written as text; None for nothing. Raises ValueError."""
    if isinstance(data, tuple):
        raise ValueError(data)
    return int(data) if data else None


def _with_setting(settings: ServiceSettings, name: str, data: RegistryData | None) -> ServiceSettings | None:
    """The settings after a registry write, None for a value that is no setting. Raises ValueError."""
    if name == "keymanagementservicename":
        return replace(settings, kms_machine=str(data) if data else None)
    if name == "keymanagementserviceport":
        return replace(settings, kms_port=_whole(data))
    if name == "keymanagementservicelisteningport":
        return replace(settings, listening_port=_whole(data) or 1688)
    if name == "disablednspublishing":
        return replace(settings, dns_publishing=not data)
    if name == "enablekmslowpriority":
        return replace(settings, low_priority=bool(data))
    return None


def _get(machine: Machine, path: str, name: str, kind: int, out: str) -> Mapping[str, CimValue]:
    found = _values(machine, path).get(name.lower())
    if found is None or found[1][0] != kind:
        return {out: None, "ReturnValue": machine.dialect.registry_missing_value}
    data = found[1][1]
    return {**({out: data} if data != () else {}), "ReturnValue": 0}


def _set(machine: Machine, path: str, arguments: Mapping[str, CimValue], kind: int, out: str) -> Mapping[str, CimValue]:
    name = _name(arguments)
    data = arguments.get(out.lower())
    if kind == REG_MULTI_SZ:
        # Without a string it is an empty list: a null array is left out, or nil.
        texts = tuple(str(text) for text in data if text is not None) if isinstance(data, (list, tuple)) else ()
        return {"ReturnValue": write_value(machine, path, name, (kind, texts))}
    if not isinstance(data, (str, int)):
        return {"ReturnValue": 87}
    return {"ReturnValue": write_value(machine, path, name, (kind, data))}


def _delete(machine: Machine, path: str, name: str) -> Mapping[str, CimValue]:
    if name.lower() not in _values(machine, path):
        return {"ReturnValue": machine.dialect.registry_missing_value}
    return {"ReturnValue": write_value(machine, path, name, None)}


def write_value(machine: Machine, path: str, name: str, data: Data | None) -> int:
    """Write a value, None to delete it, in a key that comes to be with it; 0, or the Win32 code of a failure."""
    view = _view(machine, path)
    try:
        if view is not None and view.write(name.lower(), None if data is None else data[1]):
            return 0
    except ValueError:
        return 87
    if data is None:
        machine.registry.get(path, {}).pop(name.lower(), None)
    else:
        machine.registry.setdefault(path, {})[name.lower()] = (name, *data)
    return 0
