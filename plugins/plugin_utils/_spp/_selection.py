# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which products of a machine a task is about, and which it leaves alone, and why. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from ._client_state import ClientState, DesiredClient
from ._codes import Channel, Family, Scope
from ._office import suite_of
from ._rows import Product

WINDOWS = "windows"

_VOLUME = frozenset({Channel.KMS_CLIENT, Channel.MAK})


@dataclass(frozen=True, slots=True)
class Slot:
    """One product that is managed: Windows, a product of Office, or the licence that was named by its ID.

    `rows` are its licences that have a key, the one that counts first. A product of Office may have two: its client
    setup key and its MAK are different licences. `name` is "windows", release/product of Office, or an activation ID.
    """

    name: str
    rows: tuple[Product, ...] = ()
    activation_id: str | None = None

    @property
    def is_windows(self) -> bool:
        """Whether it is Windows itself."""
        return self.name == WINDOWS

    @property
    def current(self) -> Product | None:
        """The licence that counts; None where the product has no key."""
        return self.rows[0] if self.rows else None

    @property
    def family(self) -> Family | None:
        """The class family; None where no licence tells."""
        return self.rows[0].family if self.rows else Family.SPP if self.is_windows else None

    def setting(self, name: str) -> str:
        """The name of a setting of this product in a diff: of Windows as it is, of others with the product's name."""
        return name if self.is_windows else f"{name} ({self.name})"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A product that was left alone, and why."""

    product: Product
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What a task is about."""

    slots: tuple[Slot, ...]
    skipped: tuple[Skipped, ...] = ()


def select(state: ClientState, desired: DesiredClient) -> Selection:
    """The products that `desired` is about. Raises BadInput where nothing is selected, naming what there is."""
    if desired.activation_id or desired.product_name:
        selection = Selection(_named(state, desired))
    else:
        selection = _by_scope(state, desired)
    return _guarded(selection, desired)


def _named(state: ClientState, desired: DesiredClient) -> tuple[Slot, ...]:
    """By name or activation ID: then it may be any licence, also one that is not touched otherwise."""
    rows = [product for product in state.products if _is_named(product, desired)]
    if rows:
        chosen = {_slot_name(row): _same_product(row, state.products) for row in rows}
        return tuple(_slot(name, found, desired) for name, found in chosen.items())
    if desired.activation_id and (desired.absent or desired.product_key):
        return (Slot(desired.activation_id, activation_id=desired.activation_id),)
    if desired.activation_id:
        raise _nothing(state, f"has the activation ID {desired.activation_id}", "activation_id")
    raise _nothing(state, f"is called {desired.product_name}", "product_name")


def _is_named(product: Product, desired: DesiredClient) -> bool:
    if desired.activation_id:
        return product.activation_id == desired.activation_id
    pattern = (desired.product_name or "").lower()
    return any(fnmatch.fnmatchcase(text.lower(), pattern) for text in (product.name, product.license_family))


def _by_scope(state: ClientState, desired: DesiredClient) -> Selection:
    slots: list[Slot] = []
    skipped: list[Skipped] = []
    if desired.scope is not Scope.OFFICE:
        slots.append(_slot(WINDOWS, [product for product in state.products if product.is_windows], desired))
    suites: dict[str, list[Product]] = {}
    for product in state.products if desired.scope is not Scope.WINDOWS else ():
        if not product.is_office:
            continue
        if product.channel in _VOLUME:
            suites.setdefault(_slot_name(product), []).append(product)
        else:
            skipped.append(Skipped(product, _not_ours(product)))
    slots += [_slot(name, rows, desired) for name, rows in suites.items()]
    if desired.scope is Scope.OFFICE and not suites and desired.product_key is None:
        raise _nothing(state, "is of a volume product of Office", "product")
    return Selection(tuple(slots), tuple(skipped))


def _not_ours(product: Product) -> str:
    if product.channel is Channel.KMS_HOST:
        return "it is a KMS host key, which volact.kms.host manages"
    return f"its channel is {product.channel.value}, which is managed only when it is named"


def _slot_name(product: Product) -> str:
    if product.is_windows:
        return WINDOWS
    return suite_of(product) or product.activation_id


def _same_product(row: Product, products: Iterable[Product]) -> list[Product]:
    """All licences of the product that `row` is of: a new key may have made another of them the one in use."""
    name = _slot_name(row)
    return [product for product in products if _slot_name(product) == name]


def _slot(name: str, rows: list[Product], desired: DesiredClient) -> Slot:
    """A product whose licences are ordered: what is asked for first, else what is licensed."""

    def rank(product: Product) -> tuple[bool, bool, str]:
        asked = desired.channel is None or product.channel is desired.channel
        asked = asked and (not desired.product_key or product.partial_product_key == desired.product_key.last_five)
        return (not asked and name != WINDOWS, not product.is_licensed, product.activation_id)

    keyed = sorted((row for row in rows if row.partial_product_key), key=rank)
    own_id = name if keyed and name == keyed[0].activation_id else None
    return Slot(name, tuple(keyed), own_id)


def _guarded(selection: Selection, desired: DesiredClient) -> Selection:
    """Leave alone what has a channel that may not be changed. What has no key has nothing to lose."""
    if desired.from_channels is None:
        return selection
    allowed = desired.from_channels | ({desired.channel} if desired.channel else set())
    slots: list[Slot] = []
    skipped = list(selection.skipped)
    for slot in selection.slots:
        if slot.current is None or slot.current.channel in allowed:
            slots.append(slot)
        else:
            skipped.append(Skipped(slot.current, f"its channel is {slot.current.channel.value}, not in from_channels"))
    return Selection(tuple(slots), tuple(skipped))


def _nothing(state: ClientState, wanted: str, option: str) -> BadInput:
    there = ", ".join(f"{product.name} ({product.activation_id})" for product in state.products) or "none at all"
    return BadInput(
        f"{state.system.computer_name} has no licence with a key that {wanted}. Nothing was changed. Licences with a "
        f"key there: {there}. Give the product_key to install one.",
        operation="plan",
        target=option,
        hint=f"Licences with a key: {there}.",
    )
