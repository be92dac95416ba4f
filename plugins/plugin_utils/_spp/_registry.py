# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry of one machine, below HKEY_LOCAL_MACHINE: values as texts and numbers, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ansible_collections.volact.kms.plugins.module_utils._errors import CimFault
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimSession, CimValue

from ._hresult import NO_SUCH_CLASS, explain

# HKEY_LOCAL_MACHINE
_ROOT_KEY = 1 << 31 | 2

# Newer systems have the class in both. Older ones, and servers other than Windows, may have it in the second only.
_NAMESPACES = ("root/cimv2", "root/default")

# Which code a missing key and a missing value have is unverified (1 is a report, 2 is ERROR_FILE_NOT_FOUND, 3 is
# ERROR_PATH_NOT_FOUND): accept each of them for both.
_MISSING = frozenset({1, 2, 3})

_FACILITY_WIN32 = 0x8007 << 16

_TEXT = "sValue"
_NUMBER = "uValue"
_NAMES = "sNames"


class Registry:
    """StdRegProv over a CIM session. Keys are paths below HKEY_LOCAL_MACHINE, and ignore case as Windows does.

    Each call is one request. What the registry refuses is a `CimFault` with the HRESULT of its Win32 code; a key or
    value that is missing is no fault. Source: learn.microsoft.com, StdRegProv class
    """

    def __init__(self, session: CimSession) -> None:
        self._session = session
        self._namespaces = list(_NAMESPACES)

    def text(self, key: str, name: str) -> str | None:
        """A REG_SZ; None where key or value is missing."""
        output = self._read("GetStringValue", key, name)
        return output.text(_TEXT) if output else None

    def number(self, key: str, name: str) -> int | None:
        """A REG_DWORD; None where key or value is missing."""
        output = self._read("GetDWORDValue", key, name)
        return output.integer(_NUMBER) if output else None

    def strings(self, key: str, name: str) -> tuple[str, ...] | None:
        """A REG_MULTI_SZ; None where key or value is missing, empty where it holds nothing."""
        output = self._read("GetMultiStringValue", key, name)
        return tuple(output.strings(_TEXT)) if output else None

    def names(self, key: str) -> list[str]:
        """The names of all values of `key`, in no particular order; none where the key is missing."""
        output = self._call("EnumValues", key, {})
        return output.strings(_NAMES) if output else []

    def keys(self, key: str) -> list[str]:
        """The names of the keys right below `key`; none where it is missing."""
        output = self._call("EnumKey", key, {})
        return output.strings(_NAMES) if output else []

    def set_number(self, key: str, name: str, value: int) -> None:
        """Write a REG_DWORD; a key that is missing is created first."""
        self._write("SetDWORDValue", key, {"sValueName": name, _NUMBER: value})

    def set_text(self, key: str, name: str, value: str, *, create: bool = True) -> bool:
        """Write a REG_SZ. A missing key is created first; without `create` it stays missing, and this is False."""
        arguments = {"sValueName": name, _TEXT: value}
        if not create:
            return self._call("SetStringValue", key, arguments) is not None
        self._write("SetStringValue", key, arguments)
        return True

    def set_strings(self, key: str, name: str, values: Sequence[str]) -> None:
        """Write a REG_MULTI_SZ; a key that is missing is created first. None of `values` may be empty."""
        self._write("SetMultiStringValue", key, {"sValueName": name, _TEXT: list(values)})

    def delete(self, key: str, name: str) -> None:
        """Delete a value; one that isn't there is deleted already."""
        self._call("DeleteValue", key, {"sValueName": name})

    def _read(self, method: str, key: str, name: str) -> CimInstance | None:
        return self._call(method, key, {"sValueName": name})

    def _write(self, method: str, key: str, arguments: Mapping[str, CimValue]) -> None:
        if self._call(method, key, arguments) is None:
            self._must("CreateKey", key, {})
            self._must(method, key, arguments)

    def _must(self, method: str, key: str, arguments: Mapping[str, CimValue]) -> None:
        if self._call(method, key, arguments) is None:
            raise _refused(method, key, _FACILITY_WIN32 | 2)

    def _call(self, method: str, key: str, arguments: Mapping[str, CimValue]) -> CimInstance | None:
        """The output of a method, or None where what it is about isn't there."""
        output = self._invoke(method, {"hDefKey": _ROOT_KEY, "sSubKeyName": key, **arguments})
        code = (output.integer("ReturnValue") or 0) & 0xFFFFFFFF
        if code in _MISSING:
            return None
        if code:
            raise _refused(method, key, _FACILITY_WIN32 | code if code < 0x10000 else code)
        return output

    def _invoke(self, method: str, arguments: Mapping[str, CimValue]) -> CimInstance:
        """Call the class in the first namespace that has it, and keep to that one."""
        try:
            return self._session.invoke("StdRegProv", method, arguments, namespace=self._namespaces[0])
        except CimFault as fault:
            if fault.code not in NO_SUCH_CLASS or len(self._namespaces) == 1:
                raise
        self._namespaces.pop(0)
        return self._invoke(method, arguments)


def _refused(method: str, key: str, code: int) -> CimFault:
    known = explain(code)
    return CimFault(
        f"The registry refused {method} for HKLM\\{key} with {known}.",
        operation=method,
        target=f"HKLM\\{key}",
        code=code,
        name=known.name,
    )
