# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Putting a product key in place, and what happens to one that turns out to be another one than was asked for."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    BadInput,
    CimFault,
    KmsError,
    NotConverged,
    OperationTimedOut,
    OutcomeUnknown,
    TransportTimeout,
)

from . import _catalogue
from ._codes import Channel, Family
from ._hresult import KEY_DOES_NOT_FIT, activation_failed, explain
from ._keys import ProductKey
from ._machine import Machine
from ._plan import INSTALL_KEY, INSTALL_LICENSE, UNINSTALL_KEY, Change, ProductTarget, ServiceTarget
from ._rows import Product, windows_product

_OF_ITSELF = "Leave product_key out: the right client setup key is chosen {by}."


def install_key(machine: Machine, change: Change) -> None:
    """InstallProductKey, once; then the key has to be there, and of the channel that was asked for."""
    key = t.cast(ProductKey, change.arguments["ProductKey"])
    service, target = t.cast(ServiceTarget, change.target), t.cast(ProductTarget, change.installs)
    former = None if target.is_other else windows_product(machine.last_products)
    try:
        with machine.recorded(INSTALL_KEY):
            machine.call_service(service.family, INSTALL_KEY, {"ProductKey": key.reveal()})
    except (OperationTimedOut, TransportTimeout) as error:
        machine.poll(lambda: machine.look_again(target), f"the key ending in {key.last_five} is installed", error)
    except CimFault as fault:
        if fault.code in KEY_DOES_NOT_FIT and change.licences:
            # There are licences that may take it, of which an interrupted run installed only some.
            for licence in change.licences:
                install_license(machine, licence)
            install_key(machine, dataclasses.replace(change, licences=()))
            return
        raise _refused(machine, fault, key, change, former) from fault
    machine.refresh(service.family)
    installed = machine.find(dataclasses.replace(target, channel=change.channel)) or machine.find(target)
    if installed is None:
        raise NotConverged(
            f"InstallProductKey reported success on {machine.name}, and no {target.kind} licence there has a "
            f"key ending in {key.last_five}. Nothing was activated.",
            operation=INSTALL_KEY,
            target=machine.name,
            hint="Restart the service sppsvc and run again.",
        )
    replaced = former if installed.is_windows else None
    if change.channel is not None and installed.channel is not change.channel:
        raise _take_back(machine, change.channel, key, installed, replaced)
    if replaced is not None and replaced.partial_product_key in change.keeps:
        raise BadInput(
            f"product_key (ending in {key.last_five}) is a KMS host key of Windows like the one that ends in "
            f"{replaced.partial_product_key}, and both were asked for: Windows on {machine.name} has one key, and that "
            f"is the one ending in {key.last_five} now. Nothing was activated with it. Leave one of the two out, and "
            f"run again.",
            operation=INSTALL_KEY,
            target="product_key",
            hint="A host key of a newer Windows activates the older ones, too.",
        )


def install_license(machine: Machine, text: str) -> None:
    """InstallLicense, once: the text of a licence file, not its path."""
    try:
        with machine.recorded(INSTALL_LICENSE):
            machine.call_service(Family.SPP, INSTALL_LICENSE, {"License": text})
    except (OperationTimedOut, TransportTimeout) as error:
        raise OutcomeUnknown(
            f"{machine.name} did not say in time whether it took a licence file. It may still happen; nothing was sent "
            f"twice, and no key was installed after it. Run again: the next run reads the state first.",
            operation=INSTALL_LICENSE,
            target=machine.name,
        ) from error
    except CimFault as fault:
        raise activation_failed(fault, "Could not install a licence file", machine.name) from fault


def _take_back(
    machine: Machine, wanted: Channel, key: ProductKey, installed: Product, former: Product | None
) -> BadInput:
    """A key turned out to be of another kind: activate nothing, restore what can be restored, and say so (F28)."""
    published = _catalogue.published_by_last_five(former.partial_product_key or "") if former else None
    if published is not None:
        with machine.recorded(INSTALL_KEY):
            machine.call_service(installed.family, INSTALL_KEY, {"ProductKey": published.key.reveal()})
        left = (
            f"The former client setup key (ending in {published.key.last_five}) was installed again, and has to be "
            f"activated again"
        )
    else:
        with machine.recorded(UNINSTALL_KEY):
            machine.call_product(installed, UNINSTALL_KEY)
        lost = f", and the former one (ending in {former.partial_product_key}) is gone" if former else ""
        left = "The key was removed again"
        if installed.is_windows:
            left += f", so Windows has no key now{lost}"
    machine.refresh(installed.family)
    advice = f"Run again with {wanted.key} as product_key."
    if wanted is Channel.KMS_CLIENT:
        advice = _of_itself(installed.is_windows)
    return BadInput(
        f"product_key (ending in {key.last_five}) is {installed.channel.key}, which only its installation on "
        f"{machine.name} could show, and {wanted.key} was asked for. Nothing was activated. {left}. {advice}",
        operation=INSTALL_KEY,
        target="product_key",
        hint=advice,
    )


def _of_itself(is_windows: bool) -> str:
    return _OF_ITSELF.format(by="by edition" if is_windows else "by product")


def _refused(machine: Machine, fault: CimFault, key: ProductKey, change: Change, former: Product | None) -> KmsError:
    if fault.code not in KEY_DOES_NOT_FIT:
        return activation_failed(fault, f"Could not install the key ending in {key.last_five}", machine.name)
    known, wanted = explain(fault.code or 0), change.channel
    target = t.cast(ProductTarget, change.installs)
    what = f"another edition than {_catalogue.edition_name(machine.system)} (build {machine.system.build})"
    left = (
        f"The former key (ending in {former.partial_product_key}) is still in place" if former else "It still has none"
    )
    if target.is_other:
        what, left = "no product that is installed there", "Every former key is still in place"
    elif not target.is_windows:
        what += ", or for an Office whose licence pack is not installed there"
        left = "Every former key is still in place"
    advice = _of_itself(target.is_windows)
    if wanted is not Channel.KMS_CLIENT:
        advice = f"Compare product_key with the agreement: it has to be {(wanted or Channel.UNKNOWN).key} for that."
    return BadInput(
        f"{machine.name} refused the product key ending in {key.last_five} ({known}): it is mistyped, or for "
        f"{what}. {left}. {advice}",
        operation=INSTALL_KEY,
        target="product_key",
        code=fault.code,
        name=known.name,
        hint=advice,
    )
