# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine as KMS or MAK client: what it is, what it should be, and the plan between the two. All of it pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, BelowThreshold, NotSupported

from . import _catalogue
from ._codes import DEFAULT_KMS_PORT, Activate, Channel, LicenseStatus, activation_threshold
from ._hresult import BELOW_THRESHOLD, explain
from ._keys import ProductKey
from ._plan import Change, Plan, ServiceTarget, WantedKey, activation, install_key, refuse_known_kind
from ._rows import LicensingService, OperatingSystem, Product, windows_product

CLOUD_KMS_HOSTS = frozenset({"169.254.169.250", "169.254.169.251", "azkms.core.windows.net", "kms.core.windows.net"})
"""Addresses that cloud providers pin on purpose; a machine that loses such a pin may never activate again."""


@dataclass(frozen=True, slots=True)
class ClientState:
    """One observation of a machine, as far as it is a client. `products` are those with a key."""

    system: OperatingSystem
    service: LicensingService
    products: tuple[Product, ...]

    @property
    def windows(self) -> Product | None:
        """The Windows licence in use; None where Windows has no key at all."""
        return windows_product(self.products)

    @property
    def is_kms_host(self) -> bool:
        """Whether the machine serves others: then a client key would take that from it."""
        return self.service.is_kms_host or any(product.channel is Channel.KMS_HOST for product in self.products)


@dataclass(frozen=True, slots=True)
class DesiredClient:
    """What a user asks of a client. None always means: leave it as it is."""

    channel: Channel | None = None
    product_key: ProductKey | None = None
    kms_host: str | None = None
    kms_port: int | None = None
    discovery: bool = False
    activate: Activate = Activate.NEVER
    convert_host: bool = False


def plan_client(state: ClientState, desired: DesiredClient) -> Plan:
    """Everything that differs, in the order of a switch: KMS address, key, activation.

    Raises BadInput or NotSupported before anything is changed, for whatever can be known beforehand: from the key
    change on Windows 8 and later may be in Notification at once, and the MAK licence is gone.
    """
    wanted = _wanted_key(state, desired)
    changes = [*_address_changes(state.service, desired)]
    if wanted:
        changes.append(install_key(state.windows, wanted))
    changes.extend(_activation_changes(state, desired, wanted))
    return Plan(tuple(changes))


def _wanted_key(state: ClientState, desired: DesiredClient) -> WantedKey | None:
    """The key to install, or None when the right kind of key is there already."""
    current = state.windows
    if desired.channel is None or _has_wanted_key(current, desired.channel, desired.product_key):
        return None
    _catalogue.refuse_evaluation(state.system)
    if state.is_kms_host and not desired.convert_host:
        raise BadInput(
            f"{state.system.computer_name} is a KMS host, and a client key would end that: its clients could no longer "
            f"activate. Nothing was changed. If it should become a client, set convert_host to true.",
            operation="plan",
            target=state.system.computer_name,
            hint="convert_host: true",
        )
    if desired.product_key is not None:
        return _given_key(state.system, current, desired.channel, desired.product_key)
    if desired.channel is Channel.MAK:
        raise BadInput(
            f"channel is mak, {state.system.computer_name} has no MAK, and no product_key was given. Nothing was "
            f"changed. Give the MAK as product_key, from a vault.",
            operation="plan",
            target="product_key",
            hint='product_key: "{{ vault_mak }}"',
        )
    gvlk = _catalogue.gvlk_for(state.system)
    return WantedKey(gvlk.key, Channel.KMS_CLIENT)


def _has_wanted_key(current: Product | None, channel: Channel, key: ProductKey | None) -> bool:
    if current is None or current.channel is not channel:
        return False
    return key is None or current.partial_product_key == key.last_five


def _given_key(system: OperatingSystem, current: Product | None, channel: Channel, key: ProductKey) -> WantedKey:
    """Check a key that the user gave, as far as its text tells anything (F28)."""
    published = _catalogue.published(key)
    if published is None:
        refuse_known_kind(current, channel, key, system.computer_name)
        return WantedKey(key, channel)
    if channel is Channel.MAK:
        raise BadInput(
            f"product_key (ending in {key.last_five}) is the published client setup key of {published.name}, not a "
            f"MAK. Nothing was changed. Give a MAK, or set channel to kms.",
            operation="plan",
            target="product_key",
            hint="channel: kms",
        )
    expected = _catalogue.gvlk_for(system)
    if expected.key != key:
        raise BadInput(
            f"product_key (ending in {key.last_five}) is the client setup key of {published.name}, and "
            f"{system.computer_name} takes the one of {expected.name}. Nothing was changed. Leave product_key out: the "
            f"right key (ending in {expected.key.last_five}) is chosen by edition.",
            operation="plan",
            target="product_key",
            hint="Leave product_key out.",
        )
    return WantedKey(key, channel)


def _address_changes(service: LicensingService, desired: DesiredClient) -> t.Iterator[Change]:
    machine, port = service.kms_machine, service.kms_port
    if desired.discovery:
        yield from _discovery_changes(service)
    if desired.kms_host and desired.kms_host.lower() != (machine or "").lower():
        _refuse_to_lose_cloud_pin(machine)
        yield _setting("SetKeyManagementServiceMachine", "kms_host", machine, desired.kms_host, "MachineName")
    if desired.kms_port and desired.kms_port != port:
        yield _setting("SetKeyManagementServicePort", "kms_port", port, desired.kms_port, "PortNumber")


def _discovery_changes(service: LicensingService) -> t.Iterator[Change]:
    """Return to DNS: clear what pins the machine to one host. A port without a host is left over, and misleads."""
    if service.kms_machine:
        _refuse_to_lose_cloud_pin(service.kms_machine)
        yield Change("ClearKeyManagementServiceMachine", ServiceTarget(), "kms_host", service.kms_machine, None)
    if service.kms_port != DEFAULT_KMS_PORT:
        yield Change("ClearKeyManagementServicePort", ServiceTarget(), "kms_port", service.kms_port, DEFAULT_KMS_PORT)


def _setting(method: str, setting: str, before: str | int | None, after: str | int, argument: str) -> Change:
    return Change(method, ServiceTarget(), setting, before, after, arguments={argument: after})


def _refuse_to_lose_cloud_pin(machine: str | None) -> None:
    if machine and machine.lower() in CLOUD_KMS_HOSTS:
        raise NotSupported(
            f"The machine is pinned to {machine}, the KMS host of its cloud provider, and would lose it. Nothing was "
            f"changed. Leave kms_host and discovery out for this machine.",
            operation="plan",
            target="kms_host",
            hint="Cloud machines activate against their provider.",
        )


def _activation_changes(state: ClientState, desired: DesiredClient, wanted: WantedKey | None) -> t.Iterator[Change]:
    current = state.windows
    if desired.activate is Activate.NEVER:
        return
    if wanted is not None:
        yield activation(LicenseStatus.UNLICENSED.label, wanted.key.last_five)
    elif current is None or current.partial_product_key is None:
        raise BadInput(
            f"{state.system.computer_name} has no Windows product key, so there is nothing to activate. Nothing was "
            f"changed. Set channel to kms, or give a product_key.",
            operation="plan",
            target=state.system.computer_name,
            hint="channel: kms",
        )
    elif not current.is_licensed:
        yield activation(current.license_status.label, current.partial_product_key)
    elif desired.activate is Activate.RENEW and current.channel is Channel.KMS_CLIENT:
        # A renewal with the KMS host costs nothing; a MAK that is licensed is never activated again.
        yield activation(current.license_status.label, current.partial_product_key, after="Licensed (renewed)")


def still_pending(state: ClientState, reason: str | None) -> BelowThreshold:
    """The error for users who don't accept a pending activation."""
    system = state.system
    kind, count = "Servers" if system.is_server else "Clients", activation_threshold(system.is_server)
    return BelowThreshold(
        f"{system.computer_name} has its key, and is not activated yet: {reason}. {kind} need a count of {count}. Run "
        f"again when more machines have asked, or set below_threshold to accept and ask again in a later task.",
        operation="Activate",
        target=system.computer_name,
        code=BELOW_THRESHOLD,
        name=explain(BELOW_THRESHOLD).name,
        hint="below_threshold: accept",
    )
