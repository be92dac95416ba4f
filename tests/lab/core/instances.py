# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The instances of each class that a machine shows, as mappings of property name to value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from .activation import kms_product_key_id
from .catalogue import OperatingSystem, languages
from .cim import CimClass
from .clock import NO_DATE
from .kms import KmsHost
from .licence import LicenceRow, LicenseStatus
from .machine import FIREWALL_RULE, Machine, ServiceSettings
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


def instances(machine: Machine, cim_class: CimClass, now: datetime) -> Iterator[Instance]:
    """Every instance of a class on a machine; a property that a mapping leaves out is null."""
    source = _SOURCES.get(cim_class.name)
    return iter(()) if source is None else source(machine, now)


def product_instance(machine: Machine, row: LicenceRow, now: datetime) -> Instance:
    """SoftwareLicensingProduct of one row. Source: cim_classes.yaml, sample_instances.yaml."""
    if row.key is None and not row.is_configured:
        return _spelled_product(machine, _bare_product(machine.os, row))
    host = machine.active_kms_host(now) if row.is_kms_host and row.key is not None else None
    client = row.is_kms_client and row.key is not None
    shown = machine.settings if machine.dialect.product_shows_service_host else _NO_SETTINGS
    values: dict[str, CimValue] = {
        **_bare_product(machine.os, row),
        **_host_values(machine, host),
        "GracePeriodRemaining": row.grace_minutes(now),
        "KeyManagementServiceLookupDomain": row.lookup_domain,
        "KeyManagementServiceMachine": row.kms_machine or shown.kms_machine,
        "KeyManagementServicePort": row.kms_port or shown.kms_port or 0,
        "LicenseIsAddon": row.is_addon and machine.dialect.addon_is_marked,
        "VLActivationTypeEnabled": row.activation_type_enabled,
        "VLActivationInterval": row.activation_interval if client else NOT_APPLICABLE,
        "VLRenewalInterval": row.renewal_interval if client else NOT_APPLICABLE,
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
        "OfflineInstallationId": machine.digits(row.activation_id, 54 if machine.os.is_windows_7 else 63),
        "PartialProductKey": row.key.last_five,
        "ProductKeyChannel": row.key_channel,
        "ProductKeyID": f"03612-03301-{serial[:3]}-{serial}-03-{edition}",
        "ProductKeyID2": f"00330-{machine.digits(row.activation_id, 5)}-00000-AA{serial[:3]}",
        "TrustedTime": machine.local_time(now).replace(microsecond=0),
        "VLActivationType": 2 if row.activated_by == "kms" else 0,
    }


@functools.lru_cache(maxsize=8192)
def _bare_product(system: OperatingSystem, row: LicenceRow) -> dict[str, CimValue]:
    """What a row shows that no key and no setting has changed; shared, as real machines have hundreds of them."""
    return {
        **_TOKEN,
        **_host_values(None, None),
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
        "RemainingAppReArmCount": 3 if system.is_windows_7 else 1001,
        "RemainingSkuReArmCount": 3 if system.is_windows_7 else 1001,
        "UseLicenseURL": "https://activation.example.test/SLActivateProduct.asmx",
    }


def _host_values(machine: Machine | None, host: KmsHost | None) -> dict[str, CimValue]:
    """The figures of a KMS host, or what stands there when it is none."""
    if machine is None or host is None:
        return {
            "IsKeyManagementServiceMachine": 0,
            "KeyManagementServiceCurrentCount": NOT_APPLICABLE,
            "RequiredClientCount": NOT_APPLICABLE,
            "KeyManagementServiceTotalRequests": NOT_APPLICABLE,
            "KeyManagementServiceFailedRequests": NOT_APPLICABLE,
            **{name: NOT_APPLICABLE for name, _status in _REQUEST_COUNTERS},
        }
    return {
        "IsKeyManagementServiceMachine": 1,
        "KeyManagementServiceCurrentCount": host.pool.count or machine.dialect.fresh_host_count,
        "RequiredClientCount": machine.dialect.required_client_count,
        "KeyManagementServiceTotalRequests": host.counters.total,
        "KeyManagementServiceFailedRequests": host.counters.failed,
        **{name: host.counters.by_status[status] for name, status in _REQUEST_COUNTERS},
    }


def _services(machine: Machine, now: datetime) -> Iterator[Instance]:
    """SoftwareLicensingService: exactly one."""
    settings = machine.settings
    host = machine.active_kms_host(now)
    client = next((row for row in machine.windows_rows(now) if row.is_kms_client), None)
    yield {
        **_TOKEN,
        **_host_values(machine, host),
        "Version": machine.service_version,
        "ClientMachineID": machine.client_machine_id,
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
        "RemainingWindowsReArmCount": 3 if machine.os.is_windows_7 else 1001,
        "OA2xBiosMarkerStatus": 1,
        "OA2xBiosMarkerMinorVersion": 1,
        "OA3xOriginalProductKey": "",
        "OA3xOriginalProductKeyDescription": "",
        "OA3xOriginalProductKeyPkPn": "",
    }


def _products(machine: Machine, now: datetime) -> Iterator[Instance]:
    return (product_instance(machine, row, now) for row in machine.rows(now))


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
        "OSArchitecture": caption(machine.language, "64-bit"),
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
    state = machine.service_state(now)
    running = state == "Running"
    title = caption(machine.language, "Software Protection")
    yield {
        "AcceptPause": False,
        "AcceptStop": running,
        "Caption": title,
        "CreationClassName": "Win32_Service",
        "DelayedAutoStart": True,
        "DisplayName": title,
        "ExitCode": 0,
        "Name": "sppsvc",
        "PathName": "C:\\Windows\\system32\\sppsvc.exe",
        "ProcessId": 4242 if running else 0,
        "ServiceType": "Own Process",
        "Started": running,
        "StartMode": "Disabled" if machine.circumstances.service_disabled else "Auto",
        "StartName": "NT AUTHORITY\\NetworkService",
        "State": state,
        "Status": "OK",
        "SystemName": machine.name.upper(),
    }


def _computer_systems(machine: Machine, _now: datetime) -> Iterator[Instance]:
    yield {
        "Name": machine.name.upper(),
        "Caption": machine.name.upper(),
        "DNSHostName": machine.name,
        "Domain": machine.domain,
        "DomainRole": 3 if machine.os.is_server else 1,
        "PartOfDomain": True,
        "Manufacturer": "volact.kms lab",
        "Model": "Simulated machine",
    }


def _firewall_rules(machine: Machine, _now: datetime) -> Iterator[Instance]:
    yield {
        "InstanceID": FIREWALL_RULE,
        "CreationClassName": f"MSFT|FW|FirewallRule|{FIREWALL_RULE}",
        "PolicyRuleName": "",
        "SystemCreationClassName": "",
        "SystemName": "",
        "ElementName": "@%SystemRoot%\\system32\\firewallapi.dll,-33752",
        "DisplayName": caption(machine.language, "Key Management Service (TCP-In)"),
        "RuleGroup": "@%SystemRoot%\\system32\\firewallapi.dll,-33751",
        "DisplayGroup": caption(machine.language, "Key Management Service"),
        "Enabled": 1 if machine.firewall_on else 2,
        "Direction": 1,
        "Action": 2,
        "Profiles": 0,
        "EdgeTraversalPolicy": 0,
        "PrimaryStatus": 1,
        "Status": "The rule was parsed successfully from the store.",
        "StatusCode": 65536,
        "PolicyStoreSource": "PersistentStore",
        "PolicyStoreSourceType": 1,
        "EnforcementStatus": None,
        "LooseSourceMapping": False,
        "LocalOnlyMapping": False,
    }


_SOURCES: dict[str, Callable[[Machine, datetime], Iterator[Instance]]] = {
    "SoftwareLicensingService": _services,
    "SoftwareLicensingProduct": _products,
    "Win32_OperatingSystem": _operating_systems,
    "Win32_Service": _win32_services,
    "Win32_ComputerSystem": _computer_systems,
    "MSFT_NetFirewallRule": _firewall_rules,
}
