# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which key each product of a client should have. Pure: what can be known is refused before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput

from . import _catalogue
from ._client_state import ClientState, DesiredClient
from ._codes import OFFICE_2010_APPLICATION, OFFICE_APPLICATION, WINDOWS_APPLICATION, Channel, Family, Scope
from ._keys import ProductKey
from ._office import suite_of
from ._plan import ProductTarget, WantedKey, refuse_known_kind
from ._rows import Product
from ._selection import Slot

_ANY_OFFICE = "office"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that has to be installed: with the service of which family, and where it will be found."""

    slot: Slot
    wanted: WantedKey
    family: Family
    target: ProductTarget


def new_keys(state: ClientState, desired: DesiredClient, slots: tuple[Slot, ...]) -> Mapping[str, NewKey]:
    """The keys to install by name of the product. Raises BadInput or NotSupported before anything is changed."""
    if desired.channel is None:
        return {}
    found: dict[str, NewKey] = {}
    for slot in _with_key_of_nobody(state, desired, slots):
        key = desired.product_key if _is_for(slot, desired.product_key, slots) else None
        if desired.product_key and key is None and not slot.is_windows:
            continue
        wanted = _wanted(state, desired, slot, desired.channel, key)
        if wanted:
            found[slot.name] = NewKey(slot, wanted, _family(state, slot, wanted.key), _target(slot, wanted.key))
    return found


def _with_key_of_nobody(state: ClientState, desired: DesiredClient, slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    """The products, and one more for a key whose product shows only once it is installed, or has no key yet."""
    key, office = desired.product_key, [slot for slot in slots if not slot.is_windows and slot.activation_id is None]
    if key is None or any(slot.activation_id for slot in slots) or any(_has(slot, desired, key) for slot in office):
        return slots
    published = _catalogue.published(key)
    if published is None:
        if desired.read_scope is Scope.WINDOWS or (desired.product_name and not office):
            return slots
        if desired.read_scope is Scope.ALL and not desired.product_name:
            raise _ambiguous(key)
        return slots if len(office) == 1 else (*slots, Slot(_ANY_OFFICE))
    if published.suites and not any(slot.name in published.suites for slot in office) and not _only_windows(desired):
        if office:
            raise _not_there(state, key, published.name, office)
        return (*slots, Slot(published.suites[0]))
    return slots


def _only_windows(desired: DesiredClient) -> bool:
    return desired.read_scope is Scope.WINDOWS


def _has(slot: Slot, desired: DesiredClient, key: ProductKey) -> bool:
    return any(row.channel is desired.channel and row.partial_product_key == key.last_five for row in slot.rows)


def _is_for(slot: Slot, key: ProductKey | None, slots: tuple[Slot, ...]) -> bool:
    """Whether a key that was given is for this product, as far as its text and the choice of products tell."""
    if key is None:
        return False
    published = _catalogue.published(key)
    if published is not None:
        return slot.name in published.suites or (slot.is_windows and (len(slots) == 1 or not published.suites))
    return slot.activation_id is not None or slot.name == _ANY_OFFICE or len(slots) == 1 or _holds(slot, key)


def _holds(slot: Slot, key: ProductKey) -> bool:
    return any(row.partial_product_key == key.last_five for row in slot.rows)


def _wanted(
    state: ClientState, desired: DesiredClient, slot: Slot, channel: Channel, key: ProductKey | None
) -> WantedKey | None:
    """The key to install, or None when the right kind of key is there already."""
    machine = state.system.computer_name
    if _has_wanted(slot, channel, key):
        return None
    if slot.is_windows:
        _refuse_windows(state, desired)
    if key is not None:
        return _given(state, slot, channel, key)
    if channel is Channel.MAK:
        raise BadInput(
            f"channel is mak, {machine} has no MAK{_of(slot)}, and no product_key was given. Nothing was "
            f"changed. Give the MAK as product_key, from a vault.",
            operation="plan",
            target="product_key",
            hint='product_key: "{{ vault_mak }}"',
        )
    if slot.is_windows:
        return WantedKey(_catalogue.gvlk_for(state.system).key, Channel.KMS_CLIENT)
    if slot.current is None:
        raise AssertionError(f"{slot.name} has no licence, and is managed without a key")
    return WantedKey(_catalogue.office_gvlk(slot.current, machine).key, Channel.KMS_CLIENT)


def _of(slot: Slot) -> str:
    return "" if slot.is_windows else f" of {slot.current.name}" if slot.current else f" of {slot.name}"


def _has_wanted(slot: Slot, channel: Channel, key: ProductKey | None) -> bool:
    """Whether a licence has the right kind of key. Of Windows only the one in use counts: it has one key."""
    rows = slot.rows[:1] if slot.is_windows else slot.rows
    return any(row.channel is channel and (key is None or row.partial_product_key == key.last_five) for row in rows)


def _refuse_windows(state: ClientState, desired: DesiredClient) -> None:
    _catalogue.refuse_evaluation(state.system)
    if state.is_kms_host and not desired.convert_host:
        raise BadInput(
            f"{state.system.computer_name} is a KMS host, and a client key would end that: its clients could no longer "
            f"activate. Nothing was changed. If it should become a client, set convert_host to true.",
            operation="plan",
            target=state.system.computer_name,
            hint="convert_host: true",
        )


def _given(state: ClientState, slot: Slot, channel: Channel, key: ProductKey) -> WantedKey:
    """Check a key that the user gave, as far as its text tells anything (F28)."""
    machine, published = state.system.computer_name, _catalogue.published(key)
    if published is None:
        for row in slot.rows:
            refuse_known_kind(row, channel, key, machine)
        return WantedKey(key, channel)
    if channel is Channel.MAK:
        raise BadInput(
            f"product_key (ending in {key.last_five}) is the published client setup key of {published.name}, not a "
            f"MAK. Nothing was changed. Give a MAK, or set channel to kms.",
            operation="plan",
            target="product_key",
            hint="channel: kms",
        )
    if slot.is_windows and (expected := _catalogue.gvlk_for(state.system)).key != key:
        raise BadInput(
            f"product_key (ending in {key.last_five}) is the client setup key of {published.name}, and "
            f"{machine} takes the one of {expected.name}. Nothing was changed. Leave product_key out: the "
            f"right key (ending in {expected.key.last_five}) is chosen by edition.",
            operation="plan",
            target="product_key",
            hint="Leave product_key out.",
        )
    return WantedKey(key, channel)


def _family(state: ClientState, slot: Slot, key: ProductKey) -> Family:
    """The class family that a key is installed with. Source: cim_classes.yaml, OfficeSoftwareProtectionService."""
    if slot.family is not None:
        return slot.family
    published = _catalogue.published(key)
    is_2010 = published is not None and published.application_id == OFFICE_2010_APPLICATION
    return Family.OSPP if is_2010 or (state.system.is_6_1 and slot.activation_id is None) else Family.SPP


def _target(slot: Slot, key: ProductKey) -> ProductTarget:
    if slot.is_windows:
        return ProductTarget(WINDOWS_APPLICATION, key.last_five)
    row = slot.current
    if slot.activation_id is None or (row is not None and suite_of(row) is not None):
        return ProductTarget(OFFICE_APPLICATION, key.last_five)
    return ProductTarget(row.application_id if row else "", key.last_five, slot.activation_id)


def old_rows(slot: Slot, target: ProductTarget) -> list[Product]:
    """The volume licences of the same product of Office with another key than `target`'s. Windows has one key."""
    return [
        row
        for row in slot.rows
        if row.is_office and row.channel in (Channel.MAK, Channel.KMS_CLIENT) and not target.matches(row)
    ]


def _ambiguous(key: ProductKey) -> BadInput:
    return BadInput(
        f"product is all, and nothing tells whether product_key (ending in {key.last_five}) is for Windows or Office. "
        f"Nothing was changed. Set product to windows or office, or name the product.",
        operation="plan",
        target="product",
        hint="product: office",
    )


def _not_there(state: ClientState, key: ProductKey, name: str, office: list[Slot]) -> BadInput:
    there = ", ".join(slot.current.name for slot in office if slot.current)
    return BadInput(
        f"product_key (ending in {key.last_five}) is the client setup key of {name}, and {state.system.computer_name} "
        f"has {there}. Nothing was changed. Leave product_key out: the right key is chosen by product.",
        operation="plan",
        target="product_key",
        hint="Leave product_key out.",
    )
