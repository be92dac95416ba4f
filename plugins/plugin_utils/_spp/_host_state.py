# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine as a KMS host: what was observed of it, and what a user asks of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ._codes import Activate, Channel
from ._confirmation import ConfirmationId
from ._firewall import DesiredFirewall
from ._firewall_rules import FirewallState
from ._keys import ProductKey
from ._license_files import LicenseFile
from ._publishing import PublishDomain
from ._rows import LicensingService, OperatingSystem, Product, WindowsService, windows_product

LICENSING_SERVICE = "sppsvc"


@dataclass(frozen=True, slots=True)
class HostState:
    """One observation of a machine, as far as it is a host. `products` are those with a key, of Windows and Office.

    None means: it was not asked. `has_marker`: the registry says that this is a host, and that all that was set took
    effect; `has_32_bit_view`: it has to say so for 32-bit programs too. `licences` are those of Office KMS hosts, with
    a key or not. `installation_ids` are by activation ID, of host keys that are not activated. `clock_read` is the
    controller's time (epoch seconds) just before and after `system` was read.
    """

    system: OperatingSystem
    service: LicensingService
    products: tuple[Product, ...]
    windows_service: WindowsService | None = None
    firewall: FirewallState | None = None
    publish_domains: tuple[PublishDomain, ...] | None = None
    has_marker: bool | None = None
    has_32_bit_view: bool | None = None
    licences: tuple[Product, ...] | None = None
    installation_ids: Mapping[str, str] = field(default_factory=dict)
    clock_read: tuple[float, float] | None = None

    @property
    def windows(self) -> Product | None:
        """The Windows licence in use."""
        return windows_product(self.products)

    @property
    def host_product(self) -> Product | None:
        """The Windows licence when it is a KMS host key."""
        windows = self.windows
        return windows if windows is not None and windows.channel is Channel.KMS_HOST else None

    @property
    def host_products(self) -> tuple[Product, ...]:
        """The licences with a KMS host key: the one of Windows, then those of Office."""
        office = [row for row in self.products if row.is_office and row.channel is Channel.KMS_HOST]
        return tuple(row for row in (self.host_product, *office) if row is not None)


@dataclass(frozen=True, slots=True)
class DesiredHost:
    """What a user asks of a KMS host. None, or an empty tuple, always means: leave it as it is.

    `activation_id` is the licence that `confirmation_id` is for, or the only one to take away with `absent`. Intervals
    are in minutes. An empty tuple of `publish_domains` clears the list. `kms_host` and `kms_port` are for the client
    that `absent` leaves.
    """

    product_keys: tuple[ProductKey, ...] = ()
    license_files: tuple[LicenseFile, ...] = ()
    activate: Activate = Activate.NEVER
    confirmation_id: ConfirmationId | None = None
    activation_id: str | None = None
    listening_port: int | None = None
    activation_interval: int | None = None
    renewal_interval: int | None = None
    dns_publishing: bool | None = None
    low_priority: bool | None = None
    publish_domains: tuple[PublishDomain, ...] | None = None
    firewall: DesiredFirewall | None = None
    serves: tuple[str, ...] = ()
    absent: bool = False
    kms_host: str | None = None
    kms_port: int | None = None

    @property
    def is_about_service(self) -> bool:
        """Whether anything is asked of the service itself, which takes effect when it is restarted."""
        return any(
            wanted is not None
            for wanted in (
                self.listening_port,
                self.activation_interval,
                self.renewal_interval,
                self.dns_publishing,
                self.low_priority,
                self.publish_domains,
            )
        )
