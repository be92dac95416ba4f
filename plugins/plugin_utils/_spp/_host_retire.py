# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retiring a KMS host: its keys go, Windows becomes a client, and what pointed to the host is withdrawn. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from . import _catalogue
from ._codes import WINDOWS_APPLICATION, Activate, Channel
from ._firewall import DesiredFirewall, plan_firewall
from ._host_settings import restart, setting_changes, withdraw_marker
from ._host_state import DesiredHost, HostState
from ._plan import (
    Change,
    Plan,
    ProductTarget,
    ServiceTarget,
    WantedKey,
    activation,
    install_key,
    uninstall_key,
)
from ._rows import Product

_WINDOWS = "windows"


def plan_retirement(state: HostState, desired: DesiredHost) -> Plan:
    """Take away one key, or all; with the last one go publishing, marker and firewall. Raises before anything changed.

    The host withdraws its record while it still is one. The marker goes only after the restart that ends the service
    for the clients, so an interrupted run is made good. Windows asks for its own activation last.
    """
    going = _going(state, desired)
    is_last = len(going) == len(state.host_products) and (desired.activation_id is None or bool(going))
    changes = list(_withdrawal(state)) if is_last else []
    for row in going:
        changes.append(_successor(state, row) if row.is_windows else _uninstall(row))
    if is_last:
        changes += _address(state, desired)
        if going or state.has_marker:
            changes.append(restart(state))
        changes += withdraw_marker(state, for_good=True)
        changes += _closing(state)
        changes += _activation(state, desired, going)
    return Plan(tuple(changes))


def _going(state: HostState, desired: DesiredHost) -> tuple[Product, ...]:
    """The licences whose keys go, those of Office first: as long as Windows has its key, it can be run again."""
    rows = tuple(row for row in state.host_products if desired.activation_id in (None, row.activation_id))
    windows = state.host_product
    if desired.activation_id is not None and windows in rows and windows is not None:
        raise BadInput(
            f"activation_id {desired.activation_id} is the KMS host key of Windows itself on "
            f"{state.system.computer_name}: without it the machine is no host of Windows any more. Nothing was "
            f"changed. Leave activation_id out to retire the whole host.",
            operation="plan",
            target="activation_id",
            hint="Leave activation_id out.",
        )
    return tuple(sorted(rows, key=lambda row: row.is_windows))


def _withdrawal(state: HostState) -> Iterator[Change]:
    publishing = None if state.service.dns_publishing is False or not state.host_products else False
    domains = () if state.publish_domains else None
    yield from setting_changes(state, DesiredHost(dns_publishing=publishing, publish_domains=domains))


def _uninstall(row: Product) -> Change:
    return uninstall_key(row, f"product_key ({row.partial_product_key})")


def _successor(state: HostState, row: Product) -> Change:
    """The client setup key of the edition takes the place of the host key: Windows is never left without a key."""
    return install_key(row, WantedKey(_catalogue.gvlk_for(state.system).key, Channel.KMS_CLIENT))


def _address(state: HostState, desired: DesiredHost) -> Iterator[Change]:
    """Where the client that is left asks; without kms_host as it did before, which usually is DNS."""
    service = state.service
    if desired.kms_host is not None and (service.kms_machine or "").lower() != desired.kms_host.lower():
        yield Change(
            "SetKeyManagementServiceMachine",
            ServiceTarget(),
            "kms_host",
            service.kms_machine,
            desired.kms_host,
            arguments={"MachineName": desired.kms_host},
        )
    if desired.kms_port is not None and service.kms_port != desired.kms_port:
        yield Change(
            "SetKeyManagementServicePort",
            ServiceTarget(),
            "kms_port",
            service.kms_port,
            desired.kms_port,
            arguments={"PortNumber": desired.kms_port},
        )


def _closing(state: HostState) -> Iterator[Change]:
    """Close the firewall, where it can be: Windows 7 and Server 2008 R2 have no class for it."""
    if state.firewall is not None and state.firewall.rules is not None:
        closed = DesiredFirewall(enabled=False)
        yield from plan_firewall(state.firewall, closed, state.service.listening_port, state.system.computer_name)


def _activation(state: HostState, desired: DesiredHost, going: tuple[Product, ...]) -> Iterator[Change]:
    """As a client, by another KMS host: that costs nothing, and may be pending."""
    if desired.activate is Activate.NEVER:
        return
    windows = state.windows
    if any(row.is_windows for row in going):
        last_five = _catalogue.gvlk_for(state.system).key.last_five
        before = "Unlicensed"
    elif windows is not None and windows.channel is Channel.KMS_CLIENT and not windows.is_licensed:
        last_five, before = windows.partial_product_key or "", windows.license_status.label
    else:
        return
    target = ProductTarget(WINDOWS_APPLICATION, last_five)
    yield dataclasses.replace(activation(before, last_five, target=target), product=_WINDOWS)
