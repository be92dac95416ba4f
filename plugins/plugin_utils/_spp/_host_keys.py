# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The keys of a KMS host, for Windows and for Office: which to install, and which of them to activate. Pure.

What a key is for shows only once it is installed. So each is found again by its last five characters, among the
licences that the machine itself says are of KMS hosts, and never by an activation ID of a list: Microsoft's lists
disagree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from . import _catalogue
from ._codes import Activate, Channel, LicenseStatus
from ._confirmation import ConfirmationId
from ._host_state import DesiredHost, HostState
from ._keys import ProductKey
from ._license_files import distinct, needed, refuse_large
from ._plan import (
    DEPOSIT,
    INSTALL_LICENSE,
    Change,
    ProductTarget,
    ServiceTarget,
    WantedKey,
    activation,
    install_key,
    refuse_known_kind,
)
from ._rows import Product


@dataclass(frozen=True, slots=True)
class _Licence:
    """A host licence that is managed: one that is there, or the one that a new key will select."""

    last_five: str
    row: Product | None

    @property
    def target(self) -> ProductTarget:
        return ProductTarget("", self.last_five, channel=Channel.KMS_HOST)

    @property
    def is_licensed(self) -> bool:
        return self.row is not None and self.row.is_licensed


def new_keys(state: HostState, desired: DesiredHost) -> tuple[ProductKey, ...]:
    """Those keys that are not there yet, in the order given. Raises BadInput for what can't be a KMS host key."""
    there = {row.partial_product_key for row in state.host_products}
    missing = [key for key in dict.fromkeys(desired.product_keys) if key.last_five not in there]
    for key in missing:
        _refuse_kind(state, key)
    return tuple(missing)


def _refuse_kind(state: HostState, key: ProductKey) -> None:
    published = _catalogue.published(key)
    if published is not None:
        raise BadInput(
            f"product_key (ending in {key.last_five}) is the published client setup key of {published.name}, not a KMS "
            f"host key. Nothing was changed. Give the KMS host key (CSVLK) of your agreement.",
            operation="plan",
            target="product_key",
            hint="The keys of an agreement are listed where it is administered, KMS host keys under 'KMS'.",
        )
    for row in state.products:
        refuse_known_kind(row, Channel.KMS_HOST, key, state.system.computer_name)


def key_changes(state: HostState, desired: DesiredHost, keys: tuple[ProductKey, ...]) -> Iterator[Change]:
    """Licence files that are needed, then each new key. A key that is refused does not stop the others."""
    if not keys:
        return
    refuse_large(desired.license_files, state.system)
    missing = needed(desired.license_files, state.licences or ())
    for file in missing:
        yield Change(
            INSTALL_LICENSE,
            ServiceTarget(),
            f"license_file {file.name}",
            None,
            "installed",
            arguments={"License": file.text},
        )
    in_reserve = tuple(file.text for file in distinct(desired.license_files) if file not in missing)
    for key in keys:
        change = install_key(
            None,
            WantedKey(key, Channel.KMS_HOST),
            ProductTarget("", key.last_five),
            setting=_setting("product_key", key.last_five),
            product=key.last_five,
        )
        others = frozenset(other.last_five for other in desired.product_keys if other != key)
        yield _with(change, others, in_reserve)


def _with(change: Change, keeps: frozenset[str], licences: tuple[str, ...]) -> Change:
    return dataclasses.replace(change, keeps=keeps, licences=licences)


def activation_changes(state: HostState, desired: DesiredHost, keys: tuple[ProductKey, ...]) -> Iterator[Change]:
    """Activations that can't be bought back, so of what is not activated only: online, or by the confirmation ID."""
    if desired.activate is Activate.NEVER and desired.confirmation_id is None:
        return
    licences = _managed(state, desired, keys)
    if not licences:
        raise _no_key(state)
    by_telephone = _by_telephone(state, desired, licences)
    for licence in licences:
        if licence == by_telephone and desired.confirmation_id is not None:
            yield _deposit(licence, desired.confirmation_id)
        elif desired.activate is not Activate.NEVER and not licence.is_licensed:
            yield activation(
                _status(licence),
                licence.last_five,
                target=licence.target,
                setting=_setting("license_status", licence.last_five),
                product=licence.last_five,
            )


def _managed(state: HostState, desired: DesiredHost, keys: tuple[ProductKey, ...]) -> list[_Licence]:
    """The licences of the keys that were given; without any, all that the host has."""
    given = {key.last_five for key in desired.product_keys}
    there = [
        _Licence(row.partial_product_key or "", row)
        for row in state.host_products
        if not given or row.partial_product_key in given or row.activation_id == desired.activation_id
    ]
    return [*there, *(_Licence(key.last_five, None) for key in keys)]


def _by_telephone(state: HostState, desired: DesiredHost, licences: list[_Licence]) -> _Licence | None:
    """The licence that the confirmation ID is for; None where there is none, or it is activated already."""
    if desired.confirmation_id is None:
        return None
    if desired.activation_id is not None:
        for licence in licences:
            if licence.row is not None and licence.row.activation_id == desired.activation_id:
                return None if licence.is_licensed else licence
        raise _choose(state, f"has no KMS host licence {desired.activation_id}", licences)
    waiting = [licence for licence in licences if not licence.is_licensed]
    if len(waiting) > 1:
        raise _choose(state, f"has {len(waiting)} KMS host licences that wait for an activation", waiting)
    return waiting[0] if waiting else None


def _choose(state: HostState, what: str, licences: list[_Licence]) -> BadInput:
    there = ", ".join(
        f"{licence.row.name} ({licence.row.activation_id})"
        if licence.row
        else f"the one of the key {licence.last_five}"
        for licence in licences
    )
    return BadInput(
        f"{state.system.computer_name} {what}, and a confirmation ID fits to one only. Nothing was changed. Give the "
        f"activation_id of one of these: {there}. A key that is not installed yet has to be first.",
        operation="plan",
        target="activation_id",
        hint=f"KMS host licences there: {there}.",
    )


def _deposit(licence: _Licence, confirmation_id: ConfirmationId) -> Change:
    return Change(
        DEPOSIT,
        licence.target,
        _setting("license_status", licence.last_five),
        _status(licence),
        LicenseStatus.LICENSED.label,
        arguments={"ConfirmationId": confirmation_id},
        product=licence.last_five,
    )


def _status(licence: _Licence) -> str:
    return (licence.row.license_status if licence.row else LicenseStatus.UNLICENSED).label


def _setting(name: str, last_five: str) -> str:
    return f"{name} ({last_five})"


def _no_key(state: HostState) -> BadInput:
    return BadInput(
        f"{state.system.computer_name} has no KMS host key, so there is nothing to activate. Nothing was changed. "
        f"Give the KMS host key as product_keys, from a vault.",
        operation="plan",
        target="product_keys",
        hint='product_keys: ["{{ vault_kms_host_key }}"]',
    )
