# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a client looks for its KMS host: at the service, at one product, in the registry, by Group Policy. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, NotSupported

from ._client_keys import NewKey
from ._client_state import ClientState, DesiredClient
from ._codes import DEFAULT_KMS_PORT, AddressLevel, Channel, Family
from ._plan import DELETE_VALUE, Change, Plan, ProductTarget, RegistryTarget, ServiceTarget
from ._registry_levels import HOST_VALUE, OSPP_KEY, POLICY_KEY, PORT_VALUE, SPP_KEY
from ._rows import LicensingService, Product
from ._selection import Slot

CLOUD_KMS_HOSTS = frozenset({"169.254.169.250", "169.254.169.251", "azkms.core.windows.net", "kms.core.windows.net"})
"""Addresses that cloud providers pin on purpose; a machine that loses such a pin may never activate again."""

SET_HOST, CLEAR_HOST = "SetKeyManagementServiceMachine", "ClearKeyManagementServiceMachine"
SET_PORT, CLEAR_PORT = "SetKeyManagementServicePort", "ClearKeyManagementServicePort"
SET_DOMAIN, CLEAR_DOMAIN = "SetKeyManagementServiceLookupDomain", "ClearKeyManagementServiceLookupDomain"
ADDRESS_METHODS = frozenset({SET_HOST, CLEAR_HOST, SET_PORT, CLEAR_PORT, SET_DOMAIN, CLEAR_DOMAIN})
"""The same at a service and at a product."""

_ROOTS = {Family.SPP: SPP_KEY, Family.OSPP: OSPP_KEY}


def address_changes(
    state: ClientState, desired: DesiredClient, slots: tuple[Slot, ...], keys: Mapping[str, NewKey]
) -> list[Change]:
    """What is set for all products of a service, and what overrides it; before any key is changed."""
    families = _families(slots, keys)
    _refuse_old(state, desired, families)
    changes: list[Change] = []
    for family in families:
        service = state.service_of(family)
        if service is None:
            continue
        if desired.address_level is AddressLevel.SERVICE:
            changes += _host_changes(service, desired, _OfService(family), state)
        changes += _caching_changes(service, desired)
    if desired.discovery:
        changes += _registry_changes(state, desired)
    for slot in slots:
        if slot.current is not None and slot.name not in keys:
            changes += _product_changes(state, slot, slot.current, desired)
    _refuse_policy(state, changes)
    return changes


def new_key_changes(state: ClientState, new: NewKey, desired: DesiredClient) -> list[Change]:
    """What is set for one product alone and can be only once its new key is there: between key and activation."""
    if desired.address_level is not AddressLevel.PRODUCT:
        return []
    setter = _OfProduct(new.slot, new.target)
    changes = list(_set_changes(None, None, desired, setter))
    if desired.lookup_domain:
        changes.append(setter.set(SET_DOMAIN, "lookup_domain", None, desired.lookup_domain, "LookupDomain"))
    _refuse_policy(state, changes)
    return changes


def questions(state: ClientState, desired: DesiredClient, slots: tuple[Slot, ...], plan: Plan) -> list[tuple[str, str]]:
    """Level and key of what the registry has to be asked: only where its answer could change the plan.

    A Group Policy matters where an address is to be changed. A value that is left over at an application matters to
    discovery, unless nothing is to be changed and every licence shows that it found its KMS host in DNS.
    """
    is_addressed = any(change.operation in ADDRESS_METHODS for change in plan.changes)
    asked = [("policy", POLICY_KEY)] if is_addressed else []
    found = [slot.current is not None and slot.current.is_licensed and _is_discovered(slot.current) for slot in slots]
    if desired.discovery and (plan or not all(found)):
        places = {(row.family, row.application_id): None for slot in slots for row in slot.rows[:1]}
        asked += [("application", rf"{_ROOTS[family]}\{application}") for family, application in places]
    return asked


def _is_discovered(product: Product) -> bool:
    return product.channel is not Channel.KMS_CLIENT or product.discovered_machine is not None


def _families(slots: tuple[Slot, ...], keys: Mapping[str, NewKey]) -> list[Family]:
    found = {slot.family: None for slot in slots if slot.family} | {new.family: None for new in keys.values()}
    return [family for family in Family if family in found]


class _OfService:
    """Writes changes of the service of a family."""

    def __init__(self, family: Family) -> None:
        self.prefix = "" if family is Family.SPP else "office_"
        self.target = ServiceTarget(family)

    def set(self, method: str, setting: str, before: str | int | None, after: str | int, argument: str) -> Change:
        return Change(method, self.target, f"{self.prefix}{setting}", before, after, arguments={argument: after})

    def clear(self, method: str, setting: str, before: str | int | None, after: int | None = None) -> Change:
        return Change(method, self.target, f"{self.prefix}{setting}", before, after)


class _OfProduct:
    """Writes changes of one product alone."""

    def __init__(self, slot: Slot, target: ProductTarget) -> None:
        self.slot, self.target = slot, target

    def set(self, method: str, setting: str, before: str | int | None, after: str | int, argument: str) -> Change:
        name = self.slot.setting(f"product_{setting}")
        arguments = {argument: after}
        return Change(method, self.target, name, before, after, arguments=arguments, product=self.slot.name)

    def clear(self, method: str, setting: str, before: str | int | None, after: int | None = None) -> Change:
        name = self.slot.setting(f"product_{setting}")
        return Change(method, self.target, name, before, after, product=self.slot.name)


_Setter = _OfService | _OfProduct


def _host_changes(
    service: LicensingService, desired: DesiredClient, setter: _Setter, state: ClientState
) -> Iterator[Change]:
    if desired.discovery:
        # A port without a host is left over, and misleads.
        if service.kms_machine:
            _refuse_to_lose_cloud_pin(service.kms_machine, desired)
            yield setter.clear(CLEAR_HOST, "kms_host", service.kms_machine)
        if service.kms_port != DEFAULT_KMS_PORT:
            yield setter.clear(CLEAR_PORT, "kms_port", service.kms_port, DEFAULT_KMS_PORT)
    yield from _set_changes(service.kms_machine, service.kms_port, desired, setter)
    if service.family is Family.SPP:
        yield from _domain_changes(service.lookup_domain, desired, setter)


def _set_changes(machine: str | None, port: int | None, desired: DesiredClient, setter: _Setter) -> Iterator[Change]:
    if desired.kms_host and not _same(desired.kms_host, machine):
        _refuse_to_lose_cloud_pin(machine, desired)
        yield setter.set(SET_HOST, "kms_host", machine, desired.kms_host, "MachineName")
    if desired.kms_port and desired.kms_port != port:
        yield setter.set(SET_PORT, "kms_port", port, desired.kms_port, "PortNumber")


def _domain_changes(domain: str | None, desired: DesiredClient, setter: _Setter) -> Iterator[Change]:
    if desired.lookup_domain and not _same(desired.lookup_domain, domain):
        yield setter.set(SET_DOMAIN, "lookup_domain", domain, desired.lookup_domain, "LookupDomain")
    elif desired.lookup_domain == "" and domain:
        yield setter.clear(CLEAR_DOMAIN, "lookup_domain", domain)


def _caching_changes(service: LicensingService, desired: DesiredClient) -> Iterator[Change]:
    wanted = desired.host_caching
    if wanted is None or wanted == service.host_caching:
        return
    # One method for both directions. Source: SoftwareLicensingService class.
    yield Change(
        "DisableKeyManagementServiceHostCaching",
        ServiceTarget(service.family),
        "host_caching" if service.family is Family.SPP else "office_host_caching",
        service.host_caching,
        wanted,
        arguments={"DisableCaching": not wanted},
    )


def _product_changes(state: ClientState, slot: Slot, row: Product, desired: DesiredClient) -> Iterator[Change]:
    """What stands at one product: it wins over the service, so what contradicts the wished has to go there too."""
    setter = _OfProduct(slot, ProductTarget(row.application_id, row.partial_product_key or "", slot.activation_id))
    if desired.address_level is AddressLevel.PRODUCT and not desired.discovery:
        yield from _set_changes(row.kms_machine, row.kms_port, desired, setter)
        if row.family is Family.SPP:
            yield from _domain_changes(row.lookup_domain, desired, setter)
        return
    service = state.service_of(row.family)
    # Whether a product shows what is set for all is unverified: a host that is the service's too is taken for that.
    # If it was the product's own, it is still there when the service's is gone, and is cleared then.
    own = row.kms_machine and not (service and _same(row.kms_machine, service.kms_machine))
    overrides = desired.kms_host and not _same(row.kms_machine, desired.kms_host)
    if row.kms_machine and own and (desired.discovery or overrides):
        _refuse_to_lose_cloud_pin(row.kms_machine, desired)
        yield setter.clear(CLEAR_HOST, "kms_host", row.kms_machine)
        if row.kms_port not in (None, DEFAULT_KMS_PORT):
            yield setter.clear(CLEAR_PORT, "kms_port", row.kms_port)
    if desired.address_level is AddressLevel.PRODUCT and row.family is Family.SPP:
        yield from _domain_changes(row.lookup_domain, desired, setter)


def _registry_changes(state: ClientState, desired: DesiredClient) -> Iterator[Change]:
    """A KMS host that somebody wrote for one application into the registry: no method clears it."""
    for level in state.levels or ():
        if level.level != "application":
            continue
        _refuse_to_lose_cloud_pin(level.kms_host, desired)
        if level.kms_host:
            target = RegistryTarget(level.key, HOST_VALUE)
            yield Change(DELETE_VALUE, target, "registry_kms_host", level.kms_host, None)
        if level.kms_port:
            target = RegistryTarget(level.key, PORT_VALUE)
            yield Change(DELETE_VALUE, target, "registry_kms_port", level.kms_port, None)


def _same(one: str | None, other: str | None) -> bool:
    return (one or "").lower() == (other or "").lower()


def _refuse_to_lose_cloud_pin(machine: str | None, desired: DesiredClient) -> None:
    if machine and machine.lower() in CLOUD_KMS_HOSTS and not desired.force:
        raise NotSupported(
            f"The machine is pinned to {machine}, the KMS host of its cloud provider, and would lose it. Nothing was "
            f"changed. Leave kms_host and discovery out for this machine, or set force to true.",
            operation="plan",
            target="kms_host",
            hint="Cloud machines activate against their provider.",
        )


def _refuse_old(state: ClientState, desired: DesiredClient, families: list[Family]) -> None:
    if desired.lookup_domain is None or (not state.system.is_6_1 and families != [Family.OSPP]):
        return
    raise NotSupported(
        f"{state.system.computer_name} (Windows {state.system.version}) has no lookup domain for "
        f"{'Office' if Family.OSPP in families else 'Windows'}: only the services of Windows 8 and later have. Nothing "
        f"was changed. Leave lookup_domain and clear_lookup_domain out, and use kms_host for this machine.",
        operation="plan",
        target="lookup_domain",
        hint="kms_host",
    )


def _refuse_policy(state: ClientState, changes: list[Change]) -> None:
    """A Group Policy wins over what is set here, and comes back: say so instead of a change without effect."""
    policy = next((level for level in state.levels or () if level.level == "policy"), None)
    if policy is None:
        return
    held_values = (
        (HOST_VALUE, policy.kms_host, (SET_HOST, CLEAR_HOST)),
        (PORT_VALUE, policy.kms_port, (SET_PORT, CLEAR_PORT)),
    )
    for value, held, methods in held_values:
        for change in changes:
            if held is None or change.operation not in methods or _same(str(held), str(change.after)):
                continue
            raise BadInput(
                f"A Group Policy sets {value} to {held} on {state.system.computer_name} (HKLM\\{policy.key}), which "
                f"wins over every setting of the machine. Nothing was changed. Change the policy, or leave kms_host, "
                f"kms_port and discovery out for this machine.",
                operation="plan",
                target=value,
                hint="Run `gpresult /h` on the machine to see which policy it is.",
            )
