# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan: what will be changed, in order, before anything is. It can be shown, tested and applied."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from ._codes import WINDOWS_APPLICATION, Channel, LicenseStatus
from ._keys import ProductKey
from ._rows import Product

Scalar: t.TypeAlias = str | int | bool | None
Argument: t.TypeAlias = str | int | bool | ProductKey


@dataclass(frozen=True, slots=True)
class ServiceTarget:
    """The SoftwareLicensingService object; its key changes with every update, so it is asked for at the time of use."""


@dataclass(frozen=True, slots=True)
class ProductTarget:
    """A licence as a query, never an ID kept from before: a new key selects another SKU with another activation ID."""

    application_id: str
    last_five: str


@dataclass(frozen=True, slots=True)
class FirewallTarget:
    """A built-in firewall rule by its name in the policy store."""

    rule: str


@dataclass(frozen=True, slots=True)
class WindowsServiceTarget:
    """A Windows service by its name."""

    name: str


Target: t.TypeAlias = ServiceTarget | ProductTarget | FirewallTarget | WindowsServiceTarget

INSTALL_KEY = "InstallProductKey"
ACTIVATE = "Activate"
RESTART = "RestartService"


@dataclass(frozen=True, slots=True)
class Change:
    """One operation: the CIM method, on what, and the setting it moves from `before` to `after`.

    `before` and `after` are what a diff shows. A key appears in them by its last five characters; the key itself is
    in `arguments`, wrapped so that nothing can print it. `channel` is what a key must turn out to be.
    """

    operation: str
    target: Target
    setting: str
    before: Scalar
    after: Scalar
    arguments: t.Mapping[str, Argument] = field(default_factory=dict)
    channel: Channel | None = None


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


def install_key(current: Product | None, wanted: WantedKey) -> Change:
    """The change that puts `wanted` in the place of the Windows key in use."""
    before = None
    if current is not None and current.partial_product_key is not None:
        before = f"{current.channel.value}, key ending in {current.partial_product_key}"
    return Change(
        INSTALL_KEY,
        ServiceTarget(),
        "product_key",
        before=before,
        after=f"{wanted.channel.value}, key ending in {wanted.key.last_five}",
        arguments={"ProductKey": wanted.key},
        channel=wanted.channel,
    )


def activation(before: str, last_five: str, *, after: str = LicenseStatus.LICENSED.label) -> Change:
    """The change that activates the Windows licence whose key ends in `last_five`."""
    return Change(ACTIVATE, ProductTarget(WINDOWS_APPLICATION, last_five), "license_status", before, after)
