# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan: what will be changed, in order, before anything is. It can be shown, tested and applied."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from ._codes import WINDOWS_APPLICATION, ActivationType, Channel, Family, LicenseStatus
from ._confirmation import ConfirmationId
from ._keys import ProductKey
from ._rows import Product

Scalar: t.TypeAlias = str | int | bool | tuple[str, ...] | None
Argument: t.TypeAlias = str | int | bool | tuple[str, ...] | ProductKey | ConfirmationId


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """The licensing service of a class family; its key changes with every update, so it is asked for when used."""

    family: Family = Family.SPP


@dataclass(frozen=True, slots=True)
class ProductTarget:
    """A licence as a query, never an ID kept from before: a new key selects another SKU with another activation ID.

    Only what was named by its ID, an add-on for example, is looked for by that too. An empty `application_id` is
    Windows or Office, an empty `last_five` any key. `channel` is looked at only where it is given.
    """

    application_id: str
    last_five: str
    activation_id: str | None = None
    channel: Channel | None = None

    @property
    def is_windows(self) -> bool:
        """Whether it is Windows itself."""
        return self.application_id == WINDOWS_APPLICATION and self.activation_id is None

    @property
    def is_other(self) -> bool:
        """Whether it is certainly not Windows itself."""
        return self.activation_id is not None or self.application_id not in ("", WINDOWS_APPLICATION)

    @property
    def kind(self) -> str:
        """What it is in a sentence: Windows, Office, or the ID by which it was named."""
        if self.activation_id is not None:
            return self.activation_id
        if not self.application_id:
            return "KMS host"
        return "Windows" if self.is_windows else "Office"

    def matches(self, product: Product) -> bool:
        """Whether `product` is it. Which of the two applications of Office a key is for shows only once it is there."""
        key = product.partial_product_key
        if key is None or self.last_five not in ("", key) or self.channel not in (None, product.channel):
            return False
        if self.activation_id is not None:
            return product.activation_id == self.activation_id
        if not self.application_id:
            return product.is_windows or product.is_office
        return product.is_windows if self.is_windows else product.is_office


@dataclass(frozen=True, slots=True)
class FirewallTarget:
    """A built-in firewall rule by its name in the policy store."""

    rule: str


@dataclass(frozen=True, slots=True)
class WindowsServiceTarget:
    """A Windows service by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class RegistryTarget:
    """A value of a key below HKEY_LOCAL_MACHINE."""

    key: str
    name: str


ANY_HOST_KEY = ProductTarget("", "", channel=Channel.KMS_HOST)
"""Whichever licence has a KMS host key."""

Target: t.TypeAlias = ServiceTarget | ProductTarget | FirewallTarget | WindowsServiceTarget | RegistryTarget

INSTALL_KEY = "InstallProductKey"
INSTALL_LICENSE = "InstallLicense"
ACTIVATE = "Activate"
DEPOSIT = "DepositOfflineConfirmationId"
RESTART = "RestartService"
START = "StartService"
REFRESH = "RefreshLicenseStatus"
UNINSTALL_KEY = "UninstallProductKey"
SET_VALUE = "SetRegistryValue"
DELETE_VALUE = "DeleteRegistryValue"


@dataclass(frozen=True, slots=True)
class Change:
    """One operation: the CIM method, on what, and the setting it moves from `before` to `after`.

    `before` and `after` are what a diff shows. A key appears in them by its last five characters; the key itself is
    in `arguments`, wrapped so that nothing can print it. `channel` is what a key must turn out to be, `installs` where
    it is looked for, `activation_type` what must have activated a licence. `product` is the product that the change
    is for: if one of its changes fails, its others are left, and those of other products go on. A change with
    `once_licensed` is only made if that licence is activated by then, one with `once_there` if it has a key.

    Of a key that is installed: `keeps` are the last characters of those that it may not replace, and `licences` the
    texts of licences to install if the machine has none that takes the key.
    """

    operation: str
    target: Target
    setting: str
    before: Scalar
    after: Scalar
    arguments: t.Mapping[str, Argument] = field(default_factory=dict)
    channel: Channel | None = None
    installs: ProductTarget | None = None
    activation_type: ActivationType | None = None
    product: str | None = None
    once_licensed: ProductTarget | None = None
    once_there: ProductTarget | None = None
    keeps: frozenset[str] = frozenset()
    licences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Changes in the order in which they are applied."""

    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def operations(self) -> list[str]:
        """The names of the operations, in order."""
        return [change.operation for change in self.changes]

    def diff(self) -> dict[str, dict[str, Scalar]]:
        """The plan as Ansible shows it: settings before and after. An operation without a setting is not in it."""
        shown = [change for change in self.changes if change.before != change.after]
        return {
            "before": {change.setting: change.before for change in shown},
            "after": {change.setting: change.after for change in shown},
        }


@dataclass(frozen=True, slots=True)
class WantedKey:
    """The key that a machine should have. Unless it is published, its kind shows only after it was installed."""

    key: ProductKey
    channel: Channel


def refuse_known_kind(current: Product | None, wanted: Channel, key: ProductKey, machine: str) -> None:
    """Raise BadInput for a key that the machine has already, as one of another kind than `wanted`.

    Only installing a key shows its kind, and taking it out again would cost the licence that it gave.
    """
    if current is None or current.partial_product_key != key.last_five or current.channel is wanted:
        return
    raise BadInput(
        f"product_key (ending in {key.last_five}) is installed on {machine} already, as {current.channel.key}, and "
        f"{wanted.key} was asked for. Nothing was changed. Give {wanted.key} as product_key.",
        operation="plan",
        target="product_key",
        hint=f"Give {wanted.key} as product_key.",
    )


def install_key(
    current: Product | None,
    wanted: WantedKey,
    target: ProductTarget | None = None,
    *,
    family: Family = Family.SPP,
    setting: str = "product_key",
    product: str | None = None,
) -> Change:
    """The change that puts `wanted` in the place of the key in use; `target` is where it will be, else Windows."""
    return Change(
        INSTALL_KEY,
        ServiceTarget(family),
        setting,
        before=None if current is None else _described(current),
        after=f"{wanted.channel.value}, key ending in {wanted.key.last_five}",
        arguments={"ProductKey": wanted.key},
        channel=wanted.channel,
        installs=target or ProductTarget(WINDOWS_APPLICATION, wanted.key.last_five),
        product=product,
    )


def _described(product: Product) -> str | None:
    if product.partial_product_key is None:
        return None
    return f"{product.channel.value}, key ending in {product.partial_product_key}"


def uninstall_key(
    row: Product, setting: str, *, product: str | None = None, once_licensed: ProductTarget | None = None
) -> Change:
    """The change that takes the key of one licence away, by its ID: without one Windows would lose its key too."""
    target = ProductTarget(row.application_id, row.partial_product_key or "", row.activation_id)
    return Change(UNINSTALL_KEY, target, setting, _described(row), None, product=product, once_licensed=once_licensed)


def activation(
    before: str,
    last_five: str,
    *,
    after: str = LicenseStatus.LICENSED.label,
    target: ProductTarget | None = None,
    setting: str = "license_status",
    product: str | None = None,
    activation_type: ActivationType | None = None,
) -> Change:
    """The change that activates a licence, by default the one of Windows whose key ends in `last_five`."""
    return Change(
        ACTIVATE,
        target or ProductTarget(WINDOWS_APPLICATION, last_five),
        setting,
        before,
        after,
        activation_type=activation_type,
        product=product,
    )
