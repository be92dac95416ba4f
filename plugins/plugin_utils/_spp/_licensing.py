# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Talking to the licensing service of one machine. Nothing here decides anything."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import BadReply, CimFault
from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance, CimSession

from . import _rows
from ._codes import OFFICE_2010_APPLICATION, OFFICE_APPLICATION, WINDOWS_APPLICATION, Channel, Family, Scope
from ._hresult import INVALID_QUERY, NO_SUCH_CLASS, explain
from ._rows import LicensingService, OperatingSystem, Product, WindowsService

SLOW_OPERATION_SECONDS = 60.0
"""What the server grants at most (MaxTimeoutms). Activating against a dead host takes most of it."""

_SLOW_OPERATIONS = frozenset(
    {"InstallProductKey", "InstallLicense", "Activate", "DepositOfflineConfirmationId", "RefreshLicenseStatus"}
)

_SERVICE_CLASSES = {Family.SPP: "SoftwareLicensingService", Family.OSPP: "OfficeSoftwareProtectionService"}
_PRODUCT_CLASSES = {Family.SPP: "SoftwareLicensingProduct", Family.OSPP: "OfficeSoftwareProtectionProduct"}

_OFFICE = f"ApplicationID = '{OFFICE_APPLICATION}' OR ApplicationID = '{OFFICE_2010_APPLICATION}'"
_APPLICATIONS = {
    Scope.WINDOWS: f"ApplicationID = '{WINDOWS_APPLICATION}'",
    Scope.OFFICE: f"({_OFFICE})",
    Scope.ALL: f"(ApplicationID = '{WINDOWS_APPLICATION}' OR {_OFFICE})",
}

Parameters: t.TypeAlias = Mapping[str, str | int | bool]


class Clock(t.Protocol):
    """Time, so that a test need not wait for it."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""

    def time(self) -> float:
        """Seconds since 1970, by the controller's own clock."""


class Licensing:
    """The licensing classes of one machine over a CimSession: rows as values, methods by name."""

    def __init__(self, session: CimSession, clock: Clock = time) -> None:
        self._session = session
        self.clock = clock

    @property
    def session(self) -> CimSession:
        """The session itself, for what isn't about licensing: the registry, the event log."""
        return self._session

    def system(self) -> OperatingSystem:
        """Win32_OperatingSystem."""
        return OperatingSystem.from_instance(
            self._only(f"SELECT {', '.join(_rows.SYSTEM_PROPERTIES)} FROM Win32_OperatingSystem")
        )

    def service(self, system: OperatingSystem) -> LicensingService:
        """SoftwareLicensingService, with the properties that this version of Windows has."""
        rows = self._select(
            "SoftwareLicensingService", _rows.SERVICE_PROPERTIES, _rows.SERVICE_PROPERTIES_6_1, system.is_6_1
        )
        return LicensingService.from_instance(_single(rows, "SoftwareLicensingService"))

    def products(
        self, system: OperatingSystem, scope: Scope = Scope.WINDOWS, *, own_classes: bool = True
    ) -> tuple[Product, ...]:
        """The rows that have a key, of the applications in `scope`; Windows first.

        Hundreds of rows have none, and reading them takes a minute. One query, and for Office one more of its own
        classes, unless `own_classes` says that they have nothing.
        """
        rows = self._select(
            "SoftwareLicensingProduct",
            _rows.PRODUCT_PROPERTIES,
            _rows.PRODUCT_PROPERTIES_6_1,
            system.is_6_1,
            f" WHERE {_APPLICATIONS[scope]} AND PartialProductKey IS NOT NULL",
        )
        products = [Product.from_instance(row) for row in rows]
        if scope is not Scope.WINDOWS and own_classes:
            products += self._office_products()
        return tuple(sorted(products, key=lambda product: (product.is_office, product.family is Family.OSPP)))

    def host_service(self, system: OperatingSystem) -> LicensingService:
        """SoftwareLicensingService, with what only a KMS host has."""
        rows = self._select(
            "SoftwareLicensingService", _rows.HOST_SERVICE_PROPERTIES, _rows.HOST_SERVICE_PROPERTIES_6_1, system.is_6_1
        )
        return LicensingService.from_instance(_single(rows, "SoftwareLicensingService"))

    def host_products(self, system: OperatingSystem) -> tuple[Product, ...]:
        """The rows that have a key, with the counters of a KMS host; Windows first.

        The host keys of Office are here on every Windows, so the classes of Office itself are not asked.
        """
        rows = self._select(
            "SoftwareLicensingProduct",
            _rows.HOST_PRODUCT_PROPERTIES,
            _rows.HOST_PRODUCT_PROPERTIES_6_1,
            system.is_6_1,
            f" WHERE {_APPLICATIONS[Scope.ALL]} AND PartialProductKey IS NOT NULL",
        )
        return tuple(sorted((Product.from_instance(row) for row in rows), key=lambda product: product.is_office))

    def office_host_licences(self) -> tuple[Product, ...]:
        """The licences of KMS hosts for Office, with a key or not. Where Office is installed there are many others."""
        names = ", ".join(_rows.LICENCE_PROPERTIES)
        rows = self._session.query(f"SELECT {names} FROM SoftwareLicensingProduct WHERE {_APPLICATIONS[Scope.OFFICE]}")
        found = (Product.from_instance(row) for row in rows)
        return tuple(product for product in found if product.channel is Channel.KMS_HOST)

    def installation_id(self, activation_id: str) -> str | None:
        """OfflineInstallationId: the digits that are told the telephone service. None where there is no key."""
        wql = f"SELECT ID, OfflineInstallationId FROM SoftwareLicensingProduct WHERE ID = '{activation_id}'"
        return next((row.text("OfflineInstallationId") or None for row in self._session.query(wql)), None)

    def _office_products(self) -> list[Product]:
        """The rows with a key of the classes of Office itself; a machine without such an Office has no such class.

        Where even the shortest list is an invalid query, that is what the machine says of a missing class.
        """
        try:
            rows = self._select(
                "OfficeSoftwareProtectionProduct",
                _rows.OFFICE_PRODUCT_PROPERTIES,
                _rows.OFFICE_PRODUCT_PROPERTIES_LEAST,
                False,
                " WHERE PartialProductKey IS NOT NULL",
            )
        except CimFault as fault:
            if fault.code in NO_SUCH_CLASS | INVALID_QUERY:
                return []
            raise
        return [Product.from_instance(row, Family.OSPP) for row in rows]

    def office_service(self) -> LicensingService | None:
        """The service of the classes of Office itself, or None where there are none."""
        try:
            rows = self._select(
                "OfficeSoftwareProtectionService",
                _rows.OFFICE_SERVICE_PROPERTIES,
                _rows.OFFICE_SERVICE_PROPERTIES_LEAST,
                False,
            )
        except CimFault as fault:
            if fault.code in NO_SUCH_CLASS | INVALID_QUERY:
                return None
            raise
        return LicensingService.from_instance(rows[0], Family.OSPP) if rows else None

    def call_service(self, service: LicensingService, method: str, arguments: Parameters) -> None:
        """A method of a licensing service. Raises CimFault with the HRESULT, however it was reported."""
        self._call(_SERVICE_CLASSES[service.family], method, arguments, {"Version": service.version})

    def call_product(self, activation_id: str, method: str, arguments: Parameters, family: Family = Family.SPP) -> None:
        """A method of one licence: always by ID, without one some methods mean all products."""
        self._call(_PRODUCT_CLASSES[family], method, arguments, {"ID": activation_id})

    def windows_service(self, name: str) -> WindowsService:
        """State and start mode of a service of Windows."""
        row = self._only(f"SELECT Name, StartMode, State FROM Win32_Service WHERE Name = '{name}'")
        return WindowsService(row.text("State") or "Unknown", row.text("StartMode") or "Unknown")

    def control_windows_service(self, name: str, method: str) -> int:
        """StartService or StopService; the return code (0: accepted). The state follows later."""
        return self._session.invoke("Win32_Service", method, keys={"Name": name}).integer("ReturnValue") or 0

    def _select(
        self, class_name: str, names: t.Sequence[str], oldest: t.Sequence[str], is_oldest: bool, where: str = ""
    ) -> list[CimInstance]:
        """A query whose property list fits the machine; on "invalid query" once more with what every Windows has."""
        wanted = oldest if is_oldest else names
        try:
            return self._session.query(f"SELECT {', '.join(wanted)} FROM {class_name}{where}")
        except CimFault as fault:
            if fault.code not in INVALID_QUERY or wanted is oldest:
                raise
            return self._session.query(f"SELECT {', '.join(oldest)} FROM {class_name}{where}")

    def _only(self, wql: str) -> CimInstance:
        return _single(self._session.query(wql), wql.partition(" FROM ")[2])

    def _call(self, class_name: str, method: str, arguments: Parameters, keys: Mapping[str, str]) -> None:
        output = self._session.invoke(
            class_name,
            method,
            arguments,
            keys=keys,
            operation_timeout=SLOW_OPERATION_SECONDS if method in _SLOW_OPERATIONS else None,
        )
        _raise_hresult(output, class_name, method)


def _single(rows: list[CimInstance], what: str) -> CimInstance:
    if rows:
        return rows[0]
    raise BadReply(
        f"The machine answered the query for {what} with no row, where Windows always has one. The licensing or WMI "
        f"service may be damaged, or the machine may be in safe mode, where activation has no state.",
        operation="query",
        target=what,
        hint="Look whether `slmgr /dlv` works on the machine itself.",
    )


def _raise_hresult(output: CimInstance, class_name: str, method: str) -> None:
    """An HRESULT in ReturnValue is the same failure as a fault: which of the two a machine sends is unverified."""
    value = output.integer("ReturnValue")
    if not value:
        return
    code = value & 0xFFFFFFFF
    known = explain(code)
    raise CimFault(
        f"{class_name}.{method} failed with {known}.", operation=method, target=class_name, code=code, name=known.name
    )
