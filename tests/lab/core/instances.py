# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instances of each class that a machine shows, as mappings of property name to value."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from .addressing import application_host
from .catalogue import OperatingSystem, languages
from .cim import CimClass
from .clock import NO_DATE
from .event_log import log_instances
from .firewall_wmi import FIREWALL_CLASSES, firewall_instances
from .kms import KmsHost, Tally
from .kms_answer import kms_product_key_id
from .licence import LicenceRow, LicenseStatus
from .machine import Machine, ServiceSettings
from .office import OFFICE_SERVICE_VERSION, OFFICE_THRESHOLD
from .rearm import OFFICE_REARMS, app_rearms, rearms_at_first, sku_rearms
from .telephone import installation_id
from .texts import caption, system_caption
from .values import CimValue

#: uint32 -1: "does not apply".
NOT_APPLICABLE = 0xFFFFFFFF

Instance = Mapping[str, CimValue]

_NO_SETTINGS = ServiceSettings()

_REQUEST_COUNTERS = (
    ("KeyManagementServiceUnlicensedRequests", LicenseStatus.UNLICENSED),
    ("KeyManagementServiceLicensedRequests", LicenseStatus.LICENSED),
    ("KeyManagementServiceOOBGraceRequests", LicenseStatus.OOB_GRACE),
    ("KeyManagementServiceOOTGraceRequests", LicenseStatus.OOT_GRACE),
    ("KeyManagementServiceNonGenuineGraceRequests", LicenseStatus.NON_GENUINE_GRACE),
    ("KeyManagementServiceNotificationRequests", LicenseStatus.NOTIFICATION),
)

_TOKEN: dict[str, CimValue] = {
    "TokenActivationILVID": NOT_APPLICABLE,
    "TokenActivationGrantNumber": NOT_APPLICABLE,
}


def instances(machine: Machine, cim_class: CimClass, now: datetime, store: str = "") -> Iterator[Instance]:
    """Every instance of a class on a machine; a property that a mapping leaves out is null.

    `store` is the policy store that a request about the firewall names.
    """
    if cim_class.name in FIREWALL_CLASSES:
        return firewall_instances(machine, cim_class.name, store)
    source = _SOURCES.get(cim_class.name)
    return iter(()) if source is None else source(machine, now)


def product_instance(machine: Machine, row: LicenceRow, now: datetime) -> Instance:
    """A product of one row, in either class family. Source: cim_classes.yaml, sample_instances.yaml."""
    if row.key is None and not row.is_configured and row.rearms_left is None:
        return _spelled_product(machine, _bare_product(machine.os, row))
    host = machine.active_kms_host(row) if row.is_kms_host else None
    client = row.is_kms_client and row.key is not None
    shown = machine.settings_of(ospp=row.is_ospp) if machine.dialect.product_shows_service_host else _NO_SETTINGS
    name, port = application_host(machine, row) if machine.dialect.product_shows_application_host else (None, None)
    values: dict[str, CimValue] = {
        **_bare_product(machine.os, row),
        **_host_values(machine, row, host, now),
        "GracePeriodRemaining": row.grace_minutes(now),
        "KeyManagementServiceLookupDomain": row.lookup_domain,
        "KeyManagementServiceMachine": row.kms_machine or name or shown.kms_machine,
        "KeyManagementServicePort": row.kms_port or port or shown.kms_port or 0,
        "LicenseIsAddon": row.is_addon and machine.dialect.addon_is_marked,
        "VLActivationTypeEnabled": row.activation_type_enabled,
        "VLActivationInterval": row.activation_interval if client else NOT_APPLICABLE,
        "VLRenewalInterval": row.renewal_interval if client else NOT_APPLICABLE,
        "RemainingAppReArmCount": app_rearms(machine, row),
        "RemainingSkuReArmCount": sku_rearms(machine, row),
    }
    if row.key is not None:
        values.update(_keyed_values(machine, row, now))
    return _spelled_product(machine, values)


def _spelled_product(machine: Machine, values: dict[str, CimValue]) -> Instance:
    if not machine.dialect.upper_case_ids:
        return values
    return {**values, **{name: str(values[name]).upper() for name in ("ID", "ApplicationID")}}


def _keyed_values(machine: Machine, row: LicenceRow, now: datetime) -> dict[str, CimValue]:
    assert row.key is not None
    serial = machine.digits(row.key.sha256, 6)
    edition = f"{languages()[machine.language]}-{machine.os.build}.0000-0012026"
    return {
        "DiscoveredKeyManagementServiceMachineIpAddress": row.discovered_address,
        "DiscoveredKeyManagementServiceMachineName": row.discovered_name,
        "DiscoveredKeyManagementServiceMachinePort": row.discovered_port,
        "EvaluationEndDate": row.expires if row.key_channel == "Retail:TB:Eval" and row.expires else NO_DATE,
        "KeyManagementServiceProductKeyID": row.kms_product_key_id,
        "OfflineInstallationId": installation_id(machine, row),
        "PartialProductKey": row.key.last_five,
        "ProductKeyChannel": row.key_channel,
        "ProductKeyID": f"03612-03301-{serial[:3]}-{serial}-03-{edition}",
        "ProductKeyID2": f"00330-{machine.digits(row.activation_id, 5)}-00000-AA{serial[:3]}",
        "TrustedTime": machine.local_time(now).replace(microsecond=0),
        "VLActivationType": {"ad": 1, "kms": 2}.get(row.activated_by or "", 0),
        **_directory_values(machine, row),
    }


def _directory_values(machine: Machine, row: LicenceRow) -> dict[str, CimValue]:
    """What a product that Active Directory activated tells of the activation object."""
    found = row.activation_object
    if found is None:
        return {}
    return {
        "ADActivationObjectName": found.name,
        "ADActivationObjectDN": found.dn,
        "ADActivationCsvlkPid": f"03612-00206-{machine.digits(found.name, 3)}-000000-03-1033-20348.0000-0012026",
        "ADActivationCsvlkSkuId": str(uuid.uuid5(uuid.NAMESPACE_DNS, found.dn)),
    }


@functools.lru_cache(maxsize=8192)
def _bare_product(system: OperatingSystem, row: LicenceRow) -> dict[str, CimValue]:
    """What a row shows that no key and no setting has changed; shared, as real machines have hundreds of them."""
    return {
        **_TOKEN,
        **_NO_HOST,
        "ID": row.activation_id,
        "ApplicationID": row.application_id,
        "Name": row.name,
        "Description": row.description,
        "LicenseFamily": row.family,
        "LicenseIsAddon": row.is_addon,
        "LicenseStatus": int(row.status),
        "LicenseStatusReason": row.reason,
        "GracePeriodRemaining": 0,
        "ExtendedGrace": NOT_APPLICABLE,
        "GenuineStatus": 0,
        "EvaluationEndDate": NO_DATE,
        "TrustedTime": NO_DATE,
        "AutomaticVMActivationLastActivationTime": NO_DATE,
        "DiscoveredKeyManagementServiceMachinePort": 0,
        "KeyManagementServicePort": 0,
        "VLActivationInterval": NOT_APPLICABLE,
        "VLRenewalInterval": NOT_APPLICABLE,
        "VLActivationType": 0,
        "VLActivationTypeEnabled": 0,
        "RemainingAppReArmCount": rearms_at_first(system, row),
        "RemainingSkuReArmCount": rearms_at_first(system, row),
        "UseLicenseURL": "https://activation.example.test/SLActivateProduct.asmx",
    }


#: What stands in the figures of a KMS host where there is none.
_NO_HOST: dict[str, CimValue] = {
    "IsKeyManagementServiceMachine": 0,
    "KeyManagementServiceCurrentCount": NOT_APPLICABLE,
    "RequiredClientCount": NOT_APPLICABLE,
    "KeyManagementServiceTotalRequests": NOT_APPLICABLE,
    "KeyManagementServiceFailedRequests": NOT_APPLICABLE,
    **{name: NOT_APPLICABLE for name, _status in _REQUEST_COUNTERS},
}


def _host_values(machine: Machine, row: LicenceRow | None, host: KmsHost | None, now: datetime) -> dict[str, CimValue]:
    """The figures of a KMS host: those of the count that a host key has."""
    if row is None or host is None:
        return dict(_NO_HOST)
    tally: Tally = host.tally(row.pool(machine.dialect), now)
    return {
        "IsKeyManagementServiceMachine": 1,
        "KeyManagementServiceCurrentCount": tally.pool.count or machine.dialect.fresh_host_count,
        "RequiredClientCount": OFFICE_THRESHOLD if row.office_release else machine.dialect.required_client_count,
        "KeyManagementServiceTotalRequests": tally.counters.total,
        "KeyManagementServiceFailedRequests": tally.counters.failed,
        **{name: tally.counters.by_status[status] for name, status in _REQUEST_COUNTERS},
    }


def _services(machine: Machine, now: datetime) -> Iterator[Instance]:
    """SoftwareLicensingService: exactly one."""
    host_row = machine.service_host_row(now)
    client = next((row for row in machine.windows_rows(now) if row.is_kms_client), None)
    yield {
        **_service_values(machine, host_row, client, now, ospp=False),
        "ClientMachineID": machine.client_machine_id,
        "RemainingWindowsReArmCount": machine.windows_rearms_left,
        "OA2xBiosMarkerStatus": 1,
        "OA2xBiosMarkerMinorVersion": 1,
        "OA3xOriginalProductKey": "",
        "OA3xOriginalProductKeyDescription": "",
        "OA3xOriginalProductKeyPkPn": "",
    }


def _office_services(machine: Machine, now: datetime) -> Iterator[Instance]:
    """OfficeSoftwareProtectionService: one, where an Office needs it. It is never a KMS host."""
    client = next((row for row in machine.keyed_rows(now) if row.is_kms_client and row.is_ospp), None)
    yield {
        **_service_values(machine, None, client, now, ospp=True),
        "Version": OFFICE_SERVICE_VERSION,
        "ClientMachineID": machine.ospp_client_machine_id,
        "RemainingWindowsReArmCount": OFFICE_REARMS,
    }


def _service_values(
    machine: Machine, host_row: LicenceRow | None, client: LicenceRow | None, now: datetime, *, ospp: bool
) -> dict[str, CimValue]:
    settings = machine.settings_of(ospp=ospp)
    host = machine.active_kms_host(host_row)
    return {
        **_TOKEN,
        **_host_values(machine, host_row, host, now),
        "Version": machine.service_version,
        "KeyManagementServiceProductKeyID": kms_product_key_id(machine) if host else None,
        "KeyManagementServiceListeningPort": settings.listening_port,
        "KeyManagementServiceDnsPublishing": settings.dns_publishing,
        "KeyManagementServiceLowPriority": settings.low_priority,
        "KeyManagementServiceHostCaching": settings.host_caching,
        "KeyManagementServiceMachine": settings.kms_machine,
        "KeyManagementServicePort": settings.kms_port or machine.dialect.service_port_unset,
        "KeyManagementServiceLookupDomain": settings.lookup_domain,
        "KeyManagementServiceActivationDisabled": False,
        "DiscoveredKeyManagementServiceMachineName": client.discovered_name if client else None,
        "DiscoveredKeyManagementServiceMachinePort": client.discovered_port if client else 0,
        "DiscoveredKeyManagementServiceMachineIpAddress": client.discovered_address if client else None,
        "VLActivationInterval": host.activation_interval if host else NOT_APPLICABLE,
        "VLRenewalInterval": host.renewal_interval if host else NOT_APPLICABLE,
        "PolicyCacheRefreshRequired": 0,
    }


def _products(machine: Machine, now: datetime) -> Iterator[Instance]:
    return (product_instance(machine, row, now) for row in machine.rows(now) if not row.is_ospp)


def _office_products(machine: Machine, now: datetime) -> Iterator[Instance]:
    return (product_instance(machine, row, now) for row in machine.office_family_rows(now))


def _operating_systems(machine: Machine, now: datetime) -> Iterator[Instance]:
    system = machine.os
    local = machine.local_time(now)
    name = system_caption(machine.language, system.caption)
    yield {
        "BuildNumber": str(system.build),
        "Caption": name,
        "CodeSet": {"ja-JP": "932", "ru-RU": "1251"}.get(machine.language, "1252"),
        "CountryCode": "1",
        "CreationClassName": "Win32_OperatingSystem",
        "CSCreationClassName": "Win32_ComputerSystem",
        "CSDVersion": "Service Pack 1" if system.is_windows_7 else None,
        "CSName": machine.name.upper(),
        "CurrentTimeZone": machine.dialect.zone_minutes,
        "FreePhysicalMemory": 2097152,
        "InstallDate": datetime(2026, 1, 15, 8, 30, tzinfo=NO_DATE.tzinfo),
        "LastBootUpTime": local.replace(microsecond=500000) - timedelta(days=3),
        "LocalDateTime": local,
        "Locale": f"{languages()[machine.language]:04x}",
        "Manufacturer": "Microsoft Corporation",
        "MUILanguages": [machine.language],
        "Name": f"{name}|C:\\Windows|\\Device\\Harddisk0\\Partition3",
        "NumberOfUsers": 1,
        "OperatingSystemSKU": system.sku,
        "Organization": "",
        "OSArchitecture": caption(machine.language, "64-bit" if machine.spec.is_64_bit else "32-bit"),
        "OSLanguage": languages()[machine.language],
        "Primary": True,
        "ProductType": system.product_type,
        "RegisteredUser": "Windows User",
        "SerialNumber": f"00330-{machine.digits('serial', 5)}-00000-AA{machine.digits('serial', 3)}",
        "ServicePackMajorVersion": 1 if system.is_windows_7 else 0,
        "ServicePackMinorVersion": 0,
        "Status": "OK",
        "SystemDirectory": "C:\\Windows\\system32",
        "TotalVisibleMemorySize": 4194304,
        "Version": system.version,
        "WindowsDirectory": "C:\\Windows",
    }


def _win32_services(machine: Machine, now: datetime) -> Iterator[Instance]:
    disabled = machine.circumstances.service_disabled
    yield _win32_service(machine, "sppsvc", "Software Protection", machine.service_state(now), disabled=disabled)
    if machine.has_ospp:
        state = "Running" if machine.ospp_running else "Stopped"
        yield _win32_service(machine, "osppsvc", "Office Software Protection Platform", state, disabled=False)


def _win32_service(machine: Machine, name: str, title: str, state: str, *, disabled: bool) -> Instance:
    running = state == "Running"
    shown = caption(machine.language, title)
    return {
        "AcceptPause": False,
        "AcceptStop": running,
        "Caption": shown,
        "CreationClassName": "Win32_Service",
        "DelayedAutoStart": True,
        "DisplayName": shown,
        "ExitCode": 0,
        "Name": name,
        "PathName": f"C:\\Windows\\system32\\{name}.exe",
        "ProcessId": 4242 if running else 0,
        "ServiceType": "Own Process",
        "Started": running,
        "StartMode": "Disabled" if disabled else "Auto",
        "StartName": "NT AUTHORITY\\NetworkService",
        "State": state,
        "Status": "OK",
        "SystemName": machine.name.upper(),
    }


def _computer_systems(machine: Machine, _now: datetime) -> Iterator[Instance]:
    joined = machine.spec.domain_joined
    yield {
        "Name": machine.name.upper(),
        "Caption": machine.name.upper(),
        "DNSHostName": machine.name,
        "Domain": machine.domain if joined else "WORKGROUP",
        "DomainRole": 2 * machine.os.is_server + joined,
        "PartOfDomain": joined,
        "Manufacturer": "volact.kms lab",
        "Model": "Simulated machine",
    }


def _updates(machine: Machine, _now: datetime) -> Iterator[Instance]:
    """Win32_QuickFixEngineering. InstalledOn is a text in the form of the United States."""
    for position, name in enumerate(machine.updates):
        yield {
            "CSName": machine.name.upper(),
            "HotFixID": name,
            "ServicePackInEffect": "",
            "Caption": f"https://support.example.test/help/{name[2:]}",
            "Description": "Security Update" if position % 2 else "Update",
            "FixComments": "",
            "InstallDate": None,
            "InstalledBy": "NT AUTHORITY\\SYSTEM",
            "InstalledOn": f"{1 + position % 12}/14/2025",
            "Name": None,
            "Status": None,
        }


_SOURCES: dict[str, Callable[[Machine, datetime], Iterator[Instance]]] = {
    "SoftwareLicensingService": _services,
    "SoftwareLicensingProduct": _products,
    "OfficeSoftwareProtectionService": _office_services,
    "OfficeSoftwareProtectionProduct": _office_products,
    "Win32_NTLogEvent": log_instances,
    "Win32_OperatingSystem": _operating_systems,
    "Win32_Service": _win32_services,
    "Win32_ComputerSystem": _computer_systems,
    "Win32_QuickFixEngineering": _updates,
}
