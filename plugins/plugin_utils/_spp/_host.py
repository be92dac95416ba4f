# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine as KMS host for Windows: what it is, what it should be, and the plan between the two. All of it pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported

from . import _catalogue
from ._codes import Activate, Channel, LicenseStatus
from ._keys import ProductKey
from ._plan import (
    RESTART,
    Change,
    FirewallTarget,
    Plan,
    ServiceTarget,
    WantedKey,
    WindowsServiceTarget,
    activation,
    install_key,
    refuse_known_kind,
)
from ._rows import FirewallRule, LicensingService, OperatingSystem, Product, windows_product

FIREWALL_RULE = "SPPSVC-In-TCP"
"""The built-in inbound rule for TCP 1688. Source: kms-create-host, "Install and configure a KMS host"."""

LICENSING_SERVICE = "sppsvc"


@dataclass(frozen=True, slots=True)
class HostState:
    """One observation of a machine, as far as it is a host. `rule` is None where Windows has no such rule or class."""

    system: OperatingSystem
    service: LicensingService
    products: tuple[Product, ...]
    rule: FirewallRule | None

    @property
    def windows(self) -> Product | None:
        """The Windows licence in use."""
        return windows_product(self.products)

    @property
    def host_product(self) -> Product | None:
        """The Windows licence when it is a KMS host key."""
        windows = self.windows
        return windows if windows is not None and windows.channel is Channel.KMS_HOST else None


@dataclass(frozen=True, slots=True)
class DesiredHost:
    """What a user asks of a KMS host. None always means: leave it as it is."""

    product_key: ProductKey | None = None
    activate: Activate = Activate.NEVER
    listening_port: int | None = None
    dns_publishing: bool | None = None
    firewall_rule: bool | None = None


def plan_host(state: HostState, desired: DesiredHost) -> Plan:
    """Everything that differs: key, activation, settings, restart, firewall.

    Activations of a host key can't be bought back (6 hosts, 10 activations each), so a key that is installed is not
    installed again, and a licensed host is not activated again. The settings follow the key, because Windows takes
    them from a KMS host only; the firewall opens last. Raises before anything is changed.
    """
    new_key = _new_key(state, desired.product_key)
    changes: list[Change] = []
    if new_key:
        changes.append(install_key(state.windows, WantedKey(new_key, Channel.KMS_HOST)))
    changes.extend(_activation_changes(state, desired, new_key))
    settings = list(_setting_changes(state, desired, new_key))
    changes.extend(settings)
    if settings or _restart_may_be_due(state, desired):
        # Source: slmgr.vbs options, "/sprt": the port takes effect after the service restarts. One restart for all.
        changes.append(Change(RESTART, WindowsServiceTarget(LICENSING_SERVICE), LICENSING_SERVICE, None, None))
    changes.extend(_firewall_changes(state, desired))
    return Plan(tuple(changes))


def _new_key(state: HostState, key: ProductKey | None) -> ProductKey | None:
    """The key to install, or None when it is there already."""
    host = state.host_product
    if key is None or (host is not None and host.partial_product_key == key.last_five):
        return None
    _catalogue.refuse_evaluation(state.system)
    _catalogue.refuse_azure_edition(state.system)
    published = _catalogue.published(key)
    if published is not None:
        raise BadInput(
            f"product_key (ending in {key.last_five}) is the published client setup key of {published.name}, not a KMS "
            f"host key. Nothing was changed. Give the KMS host key (CSVLK) of your agreement.",
            operation="plan",
            target="product_key",
            hint="The keys of an agreement are listed where it is administered, KMS host keys under 'KMS'.",
        )
    refuse_known_kind(state.windows, Channel.KMS_HOST, key, state.system.computer_name)
    return key


def _activation_changes(state: HostState, desired: DesiredHost, new_key: ProductKey | None) -> t.Iterator[Change]:
    if desired.activate is Activate.NEVER:
        return
    if new_key:
        yield activation(LicenseStatus.UNLICENSED.label, new_key.last_five)
        return
    host = state.host_product
    if host is None or host.partial_product_key is None:
        raise BadInput(
            f"{state.system.computer_name} has no KMS host key, so there is nothing to activate. Nothing was changed. "
            f"Give the KMS host key as product_key, from a vault.",
            operation="plan",
            target="product_key",
            hint='product_key: "{{ vault_kms_host_key }}"',
        )
    if not host.is_licensed:
        yield activation(host.license_status.label, host.partial_product_key)


def _restart_may_be_due(state: HostState, desired: DesiredHost) -> bool:
    """Whether settings may wait for a restart that an interrupted run did not get to: no property tells.

    The firewall opens last, so a host that is still closed was not restarted for certain. It serves nobody yet.
    """
    is_managed = desired.listening_port is not None or desired.dns_publishing is not None
    is_closed = state.rule is not None and not state.rule.enabled and desired.firewall_rule is True
    return is_managed and is_closed and state.host_product is not None


def _setting_changes(state: HostState, desired: DesiredHost, new_key: ProductKey | None) -> t.Iterator[Change]:
    service = state.service
    port, publishing = desired.listening_port, desired.dns_publishing
    differs = (port is not None and port != service.listening_port) or (
        publishing is not None and publishing != service.dns_publishing
    )
    if differs and state.host_product is None and new_key is None:
        raise BadInput(
            f"{state.system.computer_name} is not a KMS host, so listening_port and dns_publishing mean nothing there. "
            f"Nothing was changed. Give a product_key too.",
            operation="plan",
            target=state.system.computer_name,
            hint="product_key",
        )
    if port is not None and port != service.listening_port:
        yield Change(
            "SetKeyManagementServiceListeningPort",
            ServiceTarget(),
            "listening_port",
            service.listening_port,
            port,
            arguments={"PortNumber": port},
        )
    if publishing is not None and publishing != service.dns_publishing:
        # One method for both directions. Source: SoftwareLicensingService class.
        yield Change(
            "DisableKeyManagementServiceDnsPublishing",
            ServiceTarget(),
            "dns_publishing",
            service.dns_publishing,
            publishing,
            arguments={"DisablePublishing": not publishing},
        )


def _firewall_changes(state: HostState, desired: DesiredHost) -> t.Iterator[Change]:
    if desired.firewall_rule is None:
        return
    if state.rule is None:
        switch = "yes" if desired.firewall_rule else "no"
        raise NotSupported(
            f"{state.system.computer_name} (Windows {state.system.version}) has no firewall rule {FIREWALL_RULE} that "
            f"can be managed over CIM. Nothing was changed. Leave firewall_rule out, and run there once: netsh "
            f'advfirewall firewall set rule group="Key Management Service" new enable={switch}',
            operation="plan",
            target=FIREWALL_RULE,
            hint=f'netsh advfirewall firewall set rule group="Key Management Service" new enable={switch}',
        )
    if state.rule.enabled != desired.firewall_rule:
        yield Change(
            "Enable" if desired.firewall_rule else "Disable",
            FirewallTarget(FIREWALL_RULE),
            "firewall_rule",
            state.rule.enabled,
            desired.firewall_rule,
        )
