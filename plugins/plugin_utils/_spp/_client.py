# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a client, from what it is to what it should be, for Windows and every product of Office. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ansible_collections.volact.kms.plugins.module_utils._errors import BadInput, BelowThreshold, NotSupported

from ._client_address import CLOUD_KMS_HOSTS, address_changes, new_key_changes
from ._client_keys import NewKey, new_keys, old_rows
from ._client_state import ClientState, DesiredClient
from ._codes import Activate, ActivationType, AddressLevel, Channel, Family, LicenseStatus, activation_threshold
from ._diagnose import diagnose
from ._hresult import BELOW_THRESHOLD, explain
from ._plan import (
    SET_VALUE,
    Change,
    Plan,
    ProductTarget,
    RegistryTarget,
    ServiceTarget,
    activation,
    install_key,
    uninstall_key,
)
from ._registry_levels import ACTIVATION_KEY, MANUAL_VALUE
from ._rows import Product
from ._selection import Selection, Slot, select

__all__ = ["CLOUD_KMS_HOSTS", "ClientState", "DesiredClient", "plan_client", "plan_selected", "still_pending"]


def plan_client(state: ClientState, desired: DesiredClient) -> Plan:
    """Everything that differs, in the order of a switch: KMS address, then key, settings and activation by product.

    Raises BadInput or NotSupported before anything is changed, for whatever can be known beforehand: from the key
    change on Windows 8 and later may be in Notification at once, and the MAK licence is gone.
    """
    return plan_selected(state, desired, select(state, desired))


def plan_selected(state: ClientState, desired: DesiredClient, selection: Selection) -> Plan:
    """The same for products that are selected already."""
    slots = selection.slots
    if desired.absent:
        return Plan(tuple(_removal(state, desired, slots)))
    keys = new_keys(state, desired, slots)
    _refuse_activation_type(state, desired, slots, keys)
    changes = address_changes(state, desired, slots, keys) if slots else []
    if slots and desired.automatic_activation is not None:
        changes += _automatic_activation(state, desired.automatic_activation)
    for slot in (*slots, *(new.slot for new in keys.values() if new.slot not in slots)):
        changes += _slot_changes(state, desired, slot, keys.get(slot.name))
    return Plan(tuple(changes))


def _slot_changes(state: ClientState, desired: DesiredClient, slot: Slot, new: NewKey | None) -> Iterator[Change]:
    """One product: key, what can be set only with it, activation, and last what it makes superfluous."""
    if new is not None:
        yield install_key(
            slot.current,
            new.wanted,
            new.target,
            family=new.family,
            setting=slot.setting("product_key"),
            product=slot.name,
        )
        if desired.clear_key_from_registry:
            yield _clear_key(new.family, slot)
        yield from new_key_changes(state, new, desired)
    yield from _activation_type_changes(desired, slot, new)
    planned = list(_activation_changes(state, desired, slot, new))
    yield from planned
    yield from _old_keys(desired, slot, new, will_be_activated=bool(planned))


def _clear_key(family: Family, slot: Slot) -> Change:
    return Change(
        "ClearProductKeyFromRegistry",
        ServiceTarget(family),
        slot.setting("key_in_registry"),
        None,
        "cleared",
        product=slot.name,
    )


def _removal(state: ClientState, desired: DesiredClient, slots: tuple[Slot, ...]) -> Iterator[Change]:
    """Take away the key of exactly one licence. A licence without a key has nothing to take away."""
    row = next((row for slot in slots for row in slot.rows if row.activation_id == desired.activation_id), None)
    if row is None:
        return
    if row.is_windows and not desired.remove_windows_key:
        raise BadInput(
            f"{row.activation_id} is the Windows licence of {state.system.computer_name} itself, and without its key "
            f"(ending in {row.partial_product_key}) Windows is not activated any more. Nothing was changed. If that is "
            f"meant, set remove_windows_key to true.",
            operation="plan",
            target="activation_id",
            hint="remove_windows_key: true",
        )
    setting = "product_key" if row.is_windows else f"product_key ({row.activation_id})"
    yield uninstall_key(row, setting, product=row.activation_id)


def _automatic_activation(state: ClientState, wanted: bool) -> Iterator[Change]:
    """Before a key is installed: else the service spends an activation by itself."""
    if state.automatic_activation is None or state.automatic_activation == wanted:
        return
    yield Change(
        SET_VALUE,
        RegistryTarget(ACTIVATION_KEY, MANUAL_VALUE),
        "automatic_activation",
        state.automatic_activation,
        wanted,
        arguments={"value": 0 if wanted else 1},
    )


def _refuse_activation_type(
    state: ClientState, desired: DesiredClient, slots: tuple[Slot, ...], keys: Mapping[str, NewKey]
) -> None:
    if desired.activation_type is None or not slots:
        return
    machine, system = state.system.computer_name, state.system
    old = next((s.name for s in slots if s.family is Family.OSPP), "Windows" if system.is_6_1 else None)
    if old:
        raise NotSupported(
            f"The licensing service of {old} on {machine} (Windows {system.version}) has no activation types: only "
            f"those of Windows 8 and later have. Nothing was changed. Leave activation_type out, and use channel kms "
            f"or mak for this machine.",
            operation="plan",
            target="activation_type",
            hint="channel: kms",
        )
    rows = [slot.current for slot in slots if slot.current]
    if not keys and not any(row.channel is Channel.KMS_CLIENT for row in rows):
        there = ", ".join(f"{row.name} has {row.channel.key}" for row in rows) or "there is no key"
        raise BadInput(
            f"An activation type is about a client setup key, and on {machine} {there}. Nothing was changed. Set "
            f"channel to kms or ad, which installs one.",
            operation="plan",
            target="activation_type",
            hint="channel: kms",
        )


def _activation_type_changes(desired: DesiredClient, slot: Slot, new: NewKey | None) -> Iterator[Change]:
    wanted, setting = desired.activation_type, slot.setting("activation_type")
    if wanted is None:
        return
    if new is not None:
        if new.wanted.channel is Channel.KMS_CLIENT and wanted is not ActivationType.ANY:
            yield _set_type(new.target, setting, None, wanted, slot)
        return
    row = slot.current
    if row is None or row.channel is not Channel.KMS_CLIENT:
        return
    before = row.activation_type_enabled or ActivationType.ANY
    target = _target_of(slot, row)
    if before == wanted:
        return
    if wanted is not ActivationType.ANY:
        yield _set_type(target, setting, before, wanted, slot)
        return
    if desired.address_level is AddressLevel.SERVICE:
        # Whether a product shows a type that is set for all is unverified: clear both.
        name = slot.setting("activation_type_of_all")
        yield Change("ClearVLActivationTypeEnabled", ServiceTarget(), name, None, None, product=slot.name)
    yield Change("ClearVLActivationTypeEnabled", target, setting, before.label, wanted.label, product=slot.name)


def _set_type(
    target: ProductTarget, setting: str, before: ActivationType | None, wanted: ActivationType, slot: Slot
) -> Change:
    return Change(
        "SetVLActivationTypeEnabled",
        target,
        setting,
        before.label if before is not None else None,
        wanted.label,
        arguments={"ActivationType": int(wanted)},
        product=slot.name,
    )


def _target_of(slot: Slot, row: Product) -> ProductTarget:
    return ProductTarget(row.application_id, row.partial_product_key or "", slot.activation_id)


def _activation_changes(state: ClientState, desired: DesiredClient, slot: Slot, new: NewKey | None) -> Iterator[Change]:
    row = slot.current
    if desired.activate is Activate.NEVER:
        return
    if new is None and row is not None and desired.channel not in (None, row.channel):
        return  # the key that was given is for another product
    setting = slot.setting("license_status")
    kind = desired.activation_type if desired.activation_type is not ActivationType.ANY else None
    allowed = row.activation_type_enabled if row is not None and new is None else None
    if (allowed if desired.activation_type is None else desired.activation_type) is ActivationType.TOKEN:
        raise _token_only(state, slot)
    if new is not None:
        last_five = new.wanted.key.last_five
        yield activation(
            LicenseStatus.UNLICENSED.label,
            last_five,
            target=new.target,
            setting=setting,
            product=slot.name,
            activation_type=kind,
        )
        return
    if row is None or row.partial_product_key is None:
        raise _no_key(state, slot)
    before, after = row.license_status.label, LicenseStatus.LICENSED.label
    if row.is_licensed:
        if row.channel is not Channel.KMS_CLIENT:
            return
        if kind is not None and row.activation_type not in (None, ActivationType.ANY, kind):
            after = f"Licensed by {kind.label}"
        elif desired.activate is Activate.RENEW:
            # A renewal with the KMS host costs nothing; a MAK that is licensed is never activated again.
            after = "Licensed (renewed)"
        else:
            return
    yield activation(
        before,
        row.partial_product_key,
        after=after,
        target=_target_of(slot, row),
        setting=setting,
        product=slot.name,
        activation_type=kind,
    )


def _old_keys(desired: DesiredClient, slot: Slot, new: NewKey | None, *, will_be_activated: bool) -> Iterator[Change]:
    """Keys of the same product of Office that another one made superfluous: only once that one is licensed."""
    if not desired.remove_old_keys or desired.channel is None:
        return
    row = slot.current
    if new is not None:
        target = new.target
    elif row is not None and row.channel is desired.channel:
        target = _target_of(slot, row)
    else:
        return
    if not will_be_activated and (new is not None or row is None or not row.is_licensed):
        return
    for old in old_rows(slot, target):
        yield uninstall_key(old, f"old key ({old.activation_id})", product=slot.name, once_licensed=target)


def _no_key(state: ClientState, slot: Slot) -> BadInput:
    what = "Windows product key" if slot.is_windows else f"product key of {slot.name}"
    return BadInput(
        f"{state.system.computer_name} has no {what}, so there is nothing to activate. Nothing was "
        f"changed. Set channel to kms, or give a product_key.",
        operation="plan",
        target=state.system.computer_name,
        hint="channel: kms",
    )


def _token_only(state: ClientState, slot: Slot) -> NotSupported:
    named = slot.current.name if slot.current else slot.name
    return NotSupported(
        f"{named} on {state.system.computer_name} may be activated by token only, which needs a certificate on the "
        f"machine itself. Nothing was changed. Leave activate out, or set activation_type to any.",
        operation="plan",
        target="activation_type",
        hint="activation_type: any",
    )


def still_pending(state: ClientState, reason: str | None, pending: tuple[Product, ...] = ()) -> BelowThreshold:
    """The error for users who don't accept a pending activation. `pending`: the licences, if it isn't Windows alone."""
    system = state.system
    office = [product.name for product in pending if product.is_office]
    kind, count = "Servers" if system.is_server else "Clients", activation_threshold(system.is_server)
    need = f"{kind} need a count of {count}"
    if office:
        of_office = activation_threshold(system.is_server, is_office=True)
        windows = f"{need}, and Office" if len(office) < len(pending) else "Office products need a count"
        need = f"{windows} of {of_office}, each of its own ({', '.join(office)})"
    error = BelowThreshold(
        f"{system.computer_name} has its key, and is not activated yet: {reason}. {need}. Run "
        f"again when more machines have asked, or set below_threshold to accept and ask again in a later task.",
        operation="Activate",
        target=system.computer_name,
        code=BELOW_THRESHOLD,
        name=explain(BELOW_THRESHOLD).name,
        hint="below_threshold: accept",
    )
    diagnose(error, state, pending[0] if pending else state.windows)
    return error
