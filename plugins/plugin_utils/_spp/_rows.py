# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CIM rows as values: which properties are read, and what they mean."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime

from ansible_collections.volact.kms.plugins.plugin_utils._wsman import CimInstance

from ._codes import (
    DEFAULT_KMS_PORT,
    NOT_APPLICABLE,
    OFFICE_2010_APPLICATION,
    OFFICE_APPLICATION,
    WINDOWS_APPLICATION,
    ActivationType,
    Channel,
    Family,
    LicenseStatus,
)

SYSTEM_PROPERTIES = (
    "BuildNumber",
    "CSName",
    "LocalDateTime",
    "OperatingSystemSKU",
    "OSLanguage",
    "ProductType",
    "Version",
)

SERVICE_PROPERTIES_6_1 = (
    "ClientMachineID",
    "DiscoveredKeyManagementServiceMachineName",
    "DiscoveredKeyManagementServiceMachinePort",
    "IsKeyManagementServiceMachine",
    "KeyManagementServiceDnsPublishing",
    "KeyManagementServiceHostCaching",
    "KeyManagementServiceListeningPort",
    "KeyManagementServiceMachine",
    "KeyManagementServicePort",
    "RemainingWindowsReArmCount",
    "Version",
)
SERVICE_PROPERTIES = (
    *SERVICE_PROPERTIES_6_1,
    "DiscoveredKeyManagementServiceMachineIpAddress",
    "KeyManagementServiceLookupDomain",
)

HOST_SERVICE_PROPERTIES_6_1 = (
    *SERVICE_PROPERTIES_6_1,
    "KeyManagementServiceLowPriority",
    "VLActivationInterval",
    "VLRenewalInterval",
)
HOST_SERVICE_PROPERTIES = (
    *SERVICE_PROPERTIES,
    "KeyManagementServiceLowPriority",
    "VLActivationInterval",
    "VLRenewalInterval",
)

# Of the classes of Office no published definition is known: these are what those of Windows 7 have, and what scripts of
# Microsoft's use. The shorter lists are for an Office that refuses the longer ones.
OFFICE_SERVICE_PROPERTIES = (
    "ClientMachineID",
    "DiscoveredKeyManagementServiceMachineName",
    "DiscoveredKeyManagementServiceMachinePort",
    "KeyManagementServiceHostCaching",
    "KeyManagementServiceMachine",
    "KeyManagementServicePort",
    "Version",
)
OFFICE_SERVICE_PROPERTIES_LEAST = ("ClientMachineID", "KeyManagementServiceHostCaching", "Version")

PRODUCT_PROPERTIES_6_1 = (
    "ApplicationID",
    "Description",
    "DiscoveredKeyManagementServiceMachineName",
    "DiscoveredKeyManagementServiceMachinePort",
    "GracePeriodRemaining",
    "ID",
    "IsKeyManagementServiceMachine",
    "KeyManagementServiceCurrentCount",
    "KeyManagementServiceFailedRequests",
    "KeyManagementServiceMachine",
    "KeyManagementServicePort",
    "KeyManagementServiceTotalRequests",
    "LicenseFamily",
    "LicenseIsAddon",
    "LicenseStatus",
    "LicenseStatusReason",
    "Name",
    "PartialProductKey",
    "RequiredClientCount",
    "VLActivationInterval",
    "VLRenewalInterval",
)
PRODUCT_PROPERTIES = (
    *PRODUCT_PROPERTIES_6_1,
    "ADActivationObjectDN",
    "ADActivationObjectName",
    "DiscoveredKeyManagementServiceMachineIpAddress",
    "KeyManagementServiceLookupDomain",
    "RemainingAppReArmCount",
    "RemainingSkuReArmCount",
    "VLActivationType",
    "VLActivationTypeEnabled",
)
_COUNTER_PROPERTIES = (
    "KeyManagementServiceLicensedRequests",
    "KeyManagementServiceNonGenuineGraceRequests",
    "KeyManagementServiceNotificationRequests",
    "KeyManagementServiceOOBGraceRequests",
    "KeyManagementServiceOOTGraceRequests",
    "KeyManagementServiceUnlicensedRequests",
)
HOST_PRODUCT_PROPERTIES_6_1 = (*PRODUCT_PROPERTIES_6_1, *_COUNTER_PROPERTIES)
HOST_PRODUCT_PROPERTIES = (*PRODUCT_PROPERTIES, *_COUNTER_PROPERTIES)
LICENCE_PROPERTIES = ("ApplicationID", "Description", "ID", "LicenseFamily", "Name", "PartialProductKey")
OFFICE_PRODUCT_PROPERTIES = (
    "ApplicationID",
    "Description",
    "DiscoveredKeyManagementServiceMachineName",
    "DiscoveredKeyManagementServiceMachinePort",
    "GracePeriodRemaining",
    "ID",
    "KeyManagementServiceMachine",
    "KeyManagementServicePort",
    "LicenseFamily",
    "LicenseStatus",
    "LicenseStatusReason",
    "Name",
    "PartialProductKey",
    "VLActivationInterval",
    "VLRenewalInterval",
)
OFFICE_PRODUCT_PROPERTIES_LEAST = (
    "ApplicationID",
    "Description",
    "GracePeriodRemaining",
    "ID",
    "LicenseStatus",
    "LicenseStatusReason",
    "Name",
    "PartialProductKey",
)

_ADDON_MARK = " add-on for "


def applicable(value: int | None) -> int | None:
    """A count or interval, or None where the service says "not applicable" (uint32 -1) or nothing."""
    return None if value is None or value == NOT_APPLICABLE else value


def effective_port(value: int | None) -> int:
    """The KMS port in force. Unset reads 0 (documented) or 1688 (observed on the service object): both mean 1688."""
    return value or DEFAULT_KMS_PORT


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """Win32_OperatingSystem, as far as it decides anything. No localised property is read."""

    computer_name: str
    version: str
    build: int
    sku: int
    product_type: int
    language: int | None
    clock: datetime | None

    @property
    def is_server(self) -> bool:
        """ProductType 2 is a domain controller and 3 a server; 1 is a client. Source: Win32_OperatingSystem."""
        return self.product_type in (2, 3)

    @property
    def is_6_1(self) -> bool:
        """Windows 7 and Server 2008 R2: a smaller licensing schema, and no firewall classes."""
        return self.version.startswith("6.1.")

    @classmethod
    def from_instance(cls, row: CimInstance) -> OperatingSystem:
        """From a row of SYSTEM_PROPERTIES. A property that is missing or null reads as 0 or empty."""
        return cls(
            computer_name=row.text("CSName") or "the machine",
            version=row.text("Version") or "",
            build=row.integer("BuildNumber") or 0,
            sku=row.integer("OperatingSystemSKU") or 0,
            product_type=row.integer("ProductType") or 0,
            language=row.integer("OSLanguage"),
            clock=row.moment("LocalDateTime"),
        )


@dataclass(frozen=True, slots=True)
class LicensingService:
    """SoftwareLicensingService or the one of Office: the settings of the machine as KMS client and as KMS host."""

    version: str
    cmid: str | None
    is_kms_host: bool
    kms_machine: str | None
    kms_port: int
    lookup_domain: str | None
    host_caching: bool | None
    discovered_machine: str | None
    discovered_port: int | None
    discovered_address: str | None
    listening_port: int
    dns_publishing: bool | None
    remaining_windows_rearms: int | None = None
    family: Family = Family.SPP
    tells_address: bool = True
    low_priority: bool | None = None
    activation_interval: int | None = None
    renewal_interval: int | None = None

    @classmethod
    def from_instance(cls, row: CimInstance, family: Family = Family.SPP) -> LicensingService:
        """From a row of SERVICE_PROPERTIES, or those of Office; an empty text means the same as null."""
        return cls(
            version=row.text("Version") or "",
            cmid=row.text("ClientMachineID") or None,
            is_kms_host=row.integer("IsKeyManagementServiceMachine") == 1,
            kms_machine=row.text("KeyManagementServiceMachine") or None,
            kms_port=effective_port(row.integer("KeyManagementServicePort")),
            lookup_domain=row.text("KeyManagementServiceLookupDomain") or None,
            host_caching=row.boolean("KeyManagementServiceHostCaching"),
            discovered_machine=row.text("DiscoveredKeyManagementServiceMachineName") or None,
            discovered_port=row.integer("DiscoveredKeyManagementServiceMachinePort") or None,
            discovered_address=row.text("DiscoveredKeyManagementServiceMachineIpAddress") or None,
            listening_port=effective_port(row.integer("KeyManagementServiceListeningPort")),
            dns_publishing=row.boolean("KeyManagementServiceDnsPublishing"),
            remaining_windows_rearms=applicable(row.integer("RemainingWindowsReArmCount")),
            family=family,
            tells_address="KeyManagementServiceMachine" in row,
            low_priority=row.boolean("KeyManagementServiceLowPriority"),
            activation_interval=applicable(row.integer("VLActivationInterval")),
            renewal_interval=applicable(row.integer("VLRenewalInterval")),
        )


@dataclass(frozen=True, slots=True)
class Product:
    """SoftwareLicensingProduct or the one of Office: one licence that has a key installed."""

    activation_id: str
    application_id: str
    name: str
    description: str
    channel: Channel
    is_addon: bool
    partial_product_key: str | None
    license_status: LicenseStatus
    license_status_reason: int
    grace_minutes: int | None
    kms_machine: str | None
    kms_port: int | None
    discovered_machine: str | None
    discovered_port: int | None
    discovered_address: str | None
    activation_type: ActivationType | None
    activation_type_enabled: ActivationType | None
    activation_interval: int | None
    renewal_interval: int | None
    is_kms_host: bool
    current_count: int | None
    required_count: int | None
    total_requests: int | None
    failed_requests: int | None
    license_family: str = ""
    family: Family = Family.SPP
    lookup_domain: str | None = None
    ad_activation_object_name: str | None = None
    ad_activation_object_dn: str | None = None
    remaining_app_rearms: int | None = None
    remaining_sku_rearms: int | None = None
    unlicensed_requests: int | None = None
    licensed_requests: int | None = None
    oob_grace_requests: int | None = None
    oot_grace_requests: int | None = None
    non_genuine_grace_requests: int | None = None
    notification_requests: int | None = None

    @property
    def is_licensed(self) -> bool:
        """Whether the product is activated now."""
        return self.license_status is LicenseStatus.LICENSED

    @property
    def is_windows(self) -> bool:
        """Windows itself: not Office, and not an add-on such as an ESU licence, which has the same application ID."""
        return self.application_id == WINDOWS_APPLICATION and not self.is_addon

    @property
    def is_office(self) -> bool:
        """Office, Project, Visio, and their KMS host keys."""
        return self.application_id in (OFFICE_APPLICATION, OFFICE_2010_APPLICATION)

    @property
    def application(self) -> str | None:
        """The application in a word, add-ons included; None for one that is neither Windows nor Office."""
        if self.is_office:
            return "office"
        return "windows" if self.application_id == WINDOWS_APPLICATION else None

    @classmethod
    def from_instance(cls, row: CimInstance, family: Family = Family.SPP) -> Product:
        """From a row of PRODUCT_PROPERTIES, or those of Office. GUIDs and the last five are folded to one case."""
        description = row.text("Description") or ""
        partial = row.text("PartialProductKey")
        return cls(
            activation_id=(row.text("ID") or "").lower(),
            application_id=(row.text("ApplicationID") or "").lower(),
            name=row.text("Name") or "",
            description=description,
            channel=Channel.from_description(description),
            is_addon=_is_addon(row),
            partial_product_key=partial.upper() if partial else None,
            license_status=LicenseStatus(row.integer("LicenseStatus") or 0),
            license_status_reason=row.integer("LicenseStatusReason") or 0,
            grace_minutes=applicable(row.integer("GracePeriodRemaining")),
            kms_machine=row.text("KeyManagementServiceMachine") or None,
            kms_port=row.integer("KeyManagementServicePort") or None,
            discovered_machine=row.text("DiscoveredKeyManagementServiceMachineName") or None,
            discovered_port=row.integer("DiscoveredKeyManagementServiceMachinePort") or None,
            discovered_address=row.text("DiscoveredKeyManagementServiceMachineIpAddress") or None,
            activation_type=_activation_type(row.integer("VLActivationType")),
            activation_type_enabled=_activation_type(row.integer("VLActivationTypeEnabled")),
            activation_interval=applicable(row.integer("VLActivationInterval")),
            renewal_interval=applicable(row.integer("VLRenewalInterval")),
            is_kms_host=row.integer("IsKeyManagementServiceMachine") == 1,
            current_count=applicable(row.integer("KeyManagementServiceCurrentCount")),
            required_count=applicable(row.integer("RequiredClientCount")),
            total_requests=applicable(row.integer("KeyManagementServiceTotalRequests")),
            failed_requests=applicable(row.integer("KeyManagementServiceFailedRequests")),
            license_family=row.text("LicenseFamily") or "",
            family=family,
            lookup_domain=row.text("KeyManagementServiceLookupDomain") or None,
            ad_activation_object_name=row.text("ADActivationObjectName") or None,
            ad_activation_object_dn=row.text("ADActivationObjectDN") or None,
            remaining_app_rearms=applicable(row.integer("RemainingAppReArmCount")),
            remaining_sku_rearms=applicable(row.integer("RemainingSkuReArmCount")),
            unlicensed_requests=applicable(row.integer("KeyManagementServiceUnlicensedRequests")),
            licensed_requests=applicable(row.integer("KeyManagementServiceLicensedRequests")),
            oob_grace_requests=applicable(row.integer("KeyManagementServiceOOBGraceRequests")),
            oot_grace_requests=applicable(row.integer("KeyManagementServiceOOTGraceRequests")),
            non_genuine_grace_requests=applicable(row.integer("KeyManagementServiceNonGenuineGraceRequests")),
            notification_requests=applicable(row.integer("KeyManagementServiceNotificationRequests")),
        )


@dataclass(frozen=True, slots=True)
class WindowsService:
    """Win32_Service: Running, Stopped, Start Pending, ... and Auto, Manual, Disabled, ..., in English everywhere."""

    state: str
    start_mode: str


def _is_addon(row: CimInstance) -> bool:
    """Whether a licence is an add-on, such as extended security updates.

    That LicenseIsAddon is true for an ESU licence is unverified, its name is not: accept either.
    Source: products_text.yaml, row esu ("Windows(R), Client-ESU-Year1 add-on for ...")
    """
    return bool(row.boolean("LicenseIsAddon")) or _ADDON_MARK in (row.text("Name") or "")


def _activation_type(value: int | None) -> ActivationType | None:
    return None if value is None or value == NOT_APPLICABLE else ActivationType(value)


def windows_product(products: t.Iterable[Product]) -> Product | None:
    """The Windows licence in use. If a broken machine has a key in several, the licensed one, then the lowest ID."""
    keyed = [product for product in products if product.is_windows and product.partial_product_key]
    return min(keyed, key=lambda product: (not product.is_licensed, product.activation_id), default=None)
