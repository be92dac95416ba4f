# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine as a client of volume activation: what was observed of it, and what a user asks of it."""

from __future__ import annotations

from dataclasses import dataclass

from ._codes import Activate, ActivationType, AddressLevel, Channel, Family, Scope
from ._keys import ProductKey
from ._registry_levels import RegistryLevel
from ._rows import LicensingService, OperatingSystem, Product, windows_product


@dataclass(frozen=True, slots=True)
class ClientState:
    """One observation of a machine, as far as it is a client. `products` are those with a key.

    `levels` and `automatic_activation` are what the registry says; None where it was not asked.
    """

    system: OperatingSystem
    service: LicensingService
    products: tuple[Product, ...]
    office_service: LicensingService | None = None
    levels: tuple[RegistryLevel, ...] | None = None
    automatic_activation: bool | None = None

    @property
    def windows(self) -> Product | None:
        """The Windows licence in use; None where Windows has no key at all."""
        return windows_product(self.products)

    @property
    def is_kms_host(self) -> bool:
        """Whether Windows serves others: then a client key would take that from it."""
        return self.service.is_kms_host or any(
            product.channel is Channel.KMS_HOST and product.is_windows for product in self.products
        )

    def service_of(self, family: Family) -> LicensingService | None:
        """The service of a class family; None where the machine has none."""
        return self.service if family is Family.SPP else self.office_service


@dataclass(frozen=True, slots=True)
class DesiredClient:
    """What a user asks of a client. None always means: leave it as it is.

    `channel` is KMS_CLIENT or MAK. `from_channels` are those that may be changed, None means any. `lookup_domain` is
    '' to clear it. `absent` takes away the key of `activation_id`.
    """

    channel: Channel | None = None
    product_key: ProductKey | None = None
    kms_host: str | None = None
    kms_port: int | None = None
    discovery: bool = False
    activate: Activate = Activate.NEVER
    convert_host: bool = False
    scope: Scope = Scope.WINDOWS
    product_name: str | None = None
    activation_id: str | None = None
    absent: bool = False
    remove_windows_key: bool = False
    activation_type: ActivationType | None = None
    from_channels: frozenset[Channel] | None = None
    lookup_domain: str | None = None
    address_level: AddressLevel = AddressLevel.SERVICE
    host_caching: bool | None = None
    force: bool = False
    remove_old_keys: bool = False
    clear_key_from_registry: bool = False
    automatic_activation: bool | None = None
    diagnose: bool = False

    @property
    def read_scope(self) -> Scope:
        """What has to be read: a name or an ID may be of any application."""
        return Scope.ALL if self.product_name or self.activation_id else self.scope

    @property
    def is_about_service(self) -> bool:
        """Whether anything is asked of the service itself, so that its settings have to be known."""
        return self.discovery or any(
            wanted is not None for wanted in (self.kms_host, self.kms_port, self.lookup_domain, self.host_caching)
        )
