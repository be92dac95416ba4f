# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observed states for tests: a healthy Windows 11 Enterprise with a MAK, and what differs from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ansible_collections.volact.kms.plugins.plugin_utils._spp._client import ClientState
from ansible_collections.volact.kms.plugins.plugin_utils._spp._codes import Channel, LicenseStatus
from ansible_collections.volact.kms.plugins.plugin_utils._spp._firewall_rules import (
    BUILT_IN_RULE,
    FirewallState,
    Profile,
    Rule,
)
from ansible_collections.volact.kms.plugins.plugin_utils._spp._host import HostState
from ansible_collections.volact.kms.plugins.plugin_utils._spp._rows import (
    LicensingService,
    OperatingSystem,
    Product,
    WindowsService,
)

WINDOWS = "55c92734-d682-4d71-983e-d6ec3f16059f"
CLOCK = datetime(2026, 11, 22, 10, 0, tzinfo=timezone.utc)

ENTERPRISE_11 = OperatingSystem("WIN001", "10.0.26100", 26100, 4, 1, 1033, CLOCK)
HOME_11 = replace(ENTERPRISE_11, sku=101)
UNKNOWN_EDITION = replace(ENTERPRISE_11, sku=99999)
EVALUATION_2022 = OperatingSystem("SRV001", "10.0.20348", 20348, 80, 3, 1033, CLOCK)
DATACENTER_2022 = OperatingSystem("KMS01", "10.0.20348", 20348, 8, 3, 1031, CLOCK)
ENTERPRISE_7 = OperatingSystem("OLD01", "6.1.7601", 7601, 4, 1, 1033, CLOCK)

SERVICE = LicensingService(
    version="10.0.26100.1",
    cmid="9f0d3c4e-6d3c-4d3a-8b4e-5f1f0a6a2b11",
    is_kms_host=False,
    kms_machine=None,
    kms_port=1688,
    lookup_domain=None,
    host_caching=True,
    discovered_machine=None,
    discovered_port=None,
    discovered_address=None,
    listening_port=1688,
    dns_publishing=True,
)

_TEXTS = {
    Channel.MAK: "VOLUME_MAK",
    Channel.KMS_CLIENT: "VOLUME_KMSCLIENT",
    Channel.KMS_HOST: "VOLUME_KMS_WS22",
    Channel.RETAIL: "RETAIL",
}


def licence(channel: Channel = Channel.MAK, last_five: str | None = "MKWHT", **differences: Any) -> Product:
    """A licensed Windows product of `channel`."""
    product = Product(
        activation_id=f"00000000-0000-0000-0000-{channel.value.encode().hex()[:12]:0>12}",
        application_id=WINDOWS,
        name="Windows(R), Enterprise edition",
        description=f"Windows(R) Operating System, {_TEXTS[channel]} channel",
        channel=channel,
        is_addon=False,
        partial_product_key=last_five,
        license_status=LicenseStatus.LICENSED,
        license_status_reason=0,
        grace_minutes=0,
        kms_machine=None,
        kms_port=None,
        discovered_machine=None,
        discovered_port=None,
        discovered_address=None,
        activation_type=None,
        activation_type_enabled=None,
        activation_interval=None,
        renewal_interval=None,
        is_kms_host=channel is Channel.KMS_HOST,
        current_count=None,
        required_count=None,
        total_requests=None,
        failed_requests=None,
    )
    return replace(product, **differences)


MAK = licence()
GVLK = licence(Channel.KMS_CLIENT, "2YT43")
HOST_KEY = licence(Channel.KMS_HOST, "KHWHT", current_count=0, required_count=25)
OFFICE_HOST_KEY = licence(
    Channel.KMS_HOST,
    "KHXXY",
    activation_id="47f3b983-7c53-4d45-abc6-bcd91e2dd90a",
    application_id="0ff1ce15-a989-479d-af46-f275c6370663",
    name="Office 21, Office21KMSHost2021VL_KMS_Host edition",
    description="Office 21, VOLUME_KMS channel",
    license_family="Office21KMSHost2021VL_KMS_Host",
    current_count=0,
    required_count=5,
)


def client(*products: Product, system: OperatingSystem = ENTERPRISE_11, **service: Any) -> ClientState:
    """A client with these licences; keyword arguments are what differs at the licensing service."""
    return ClientState(system, replace(SERVICE, **service), products)


RUNNING = WindowsService("Running", "Auto")
PRIVATE_NETWORKS = frozenset({Profile.DOMAIN, Profile.PRIVATE})


def host(
    *products: Product,
    system: OperatingSystem = DATACENTER_2022,
    rule: bool | None = False,
    marker: bool | None = True,
    windows_service: WindowsService | None = RUNNING,
    **service: Any,
) -> HostState:
    """A host with these licences; `rule` is the firewall rule, None where Windows has none."""
    rules = None if rule is None else (Rule(BUILT_IN_RULE, rule, PRIVATE_NETWORKS),)
    return HostState(
        system,
        replace(SERVICE, **service),
        products,
        windows_service,
        FirewallState(rules),
        publish_domains=(),
        has_marker=marker,
    )
