# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activating one licence, at most once, and telling licensed, pending and failed apart by the state alone."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    CimFault,
    KmsError,
    NotConverged,
    OperationTimedOut,
    OutcomeUnknown,
    TransportTimeout,
)

from ._codes import ActivationType, Channel, LicenseStatus, Outcome
from ._confirmation import ConfirmationId
from ._hresult import BELOW_THRESHOLD, NO_ACTIVATIONS_LEFT, activation_failed, explain
from ._machine import Machine
from ._plan import DEPOSIT, Change, ProductTarget
from ._rows import Product

_LIMITS = (
    "A KMS host key can be activated on 6 machines, and 10 times on each of them. Look whether all of them are still "
    "hosts: host_info shows what a machine has. For more activations call the Microsoft Licensing Activation Center, "
    "with the agreement at hand (`slui 4` on the machine shows the number of the country). Clients take a client setup "
    "key, never this one."
)
_LOOK_AT_EVENTS = "Run again; if it stays so, look into the Application event log for events 12288 and 12289."
_STAYS_UNLICENSED = (
    "An activation of the key may be spent all the same, so wait some minutes and look at host_info first: the state "
    "may only be late. If it stays so, restart the machine and run again."
)


@dataclass(frozen=True, slots=True)
class ProductOutcome:
    """What became of the activation of one product, and why it is not licensed."""

    outcome: Outcome
    reason: str | None = None


def activate(machine: Machine, change: Change, target: ProductTarget) -> ProductOutcome:
    """Activate or deposit a confirmation ID, once. Raises ActivationFailed or NotConverged with the state's reason."""
    product = machine.find(target)
    if product is None:
        raise NotConverged(
            f"No {target.kind} licence on {machine.name} has a key ending in {target.last_five} any more, so "
            f"nothing was activated. Something else changes keys on this machine.",
            operation=change.operation,
            target=machine.name,
        )
    renewal = change.before == LicenseStatus.LICENSED.label
    if product.is_licensed and not renewal and _is_of_type(product, change.activation_type):
        # The service activates by itself in the background after a key change: a better state is success.
        return ProductOutcome(Outcome.LICENSED)
    finite = product.channel is not Channel.KMS_CLIENT
    arguments = _confirmation(machine, change, product) if change.operation == DEPOSIT else {}
    failure: CimFault | None = None
    try:
        with machine.recorded(change.operation, finite=finite):
            machine.call_product(product, change.operation, arguments)
    except (OperationTimedOut, TransportTimeout) as error:
        return _await(machine, target, error, finite)
    except CimFault as fault:
        machine.operations.append(change.operation)
        failure = fault
    else:
        machine.refresh(product.family)
    return _judge(machine, change, target, failure, renewal)


def _confirmation(machine: Machine, change: Change, product: Product) -> dict[str, str]:
    """The confirmation ID, and the installation ID as it is now: it fits to that one only."""
    installation_id = machine.licensing.installation_id(product.activation_id)
    if installation_id is None:
        raise NotConverged(
            f"{machine.name} shows no installation ID of {product.name}, so the confirmation ID was not deposited.",
            operation=DEPOSIT,
            target=machine.name,
            hint="Restart the service sppsvc and run again.",
        )
    confirmation_id = t.cast(ConfirmationId, change.arguments["ConfirmationId"])
    return {"InstallationId": installation_id, "ConfirmationId": confirmation_id.reveal()}


def _is_of_type(product: Product, wanted: ActivationType | None) -> bool:
    return wanted is None or product.activation_type in (None, wanted)


def _await(machine: Machine, target: ProductTarget, cause: KmsError, finite: bool) -> ProductOutcome:
    """No answer yet is not a failure: a later task asks again, while others have their turn.

    Unless asking again may spend a second activation of a MAK or host key: that is a user's decision.
    """
    try:
        machine.poll(lambda: machine.is_licensed(target), f"{target.kind} is activated", cause)
    except OutcomeUnknown:
        if finite:
            raise
        return ProductOutcome(Outcome.PENDING, "the licensing service has not answered yet")
    return ProductOutcome(Outcome.LICENSED)


def _judge(
    machine: Machine, change: Change, target: ProductTarget, failure: CimFault | None, renewal: bool
) -> ProductOutcome:
    """Only the state decides: a call may succeed without effect, and fail while the service got there by itself."""
    product = machine.find(target)
    if product is not None and product.is_licensed and not (renewal and failure):
        return ProductOutcome(Outcome.LICENSED)
    code = failure.code if failure else product.license_status_reason if product else None
    if code == BELOW_THRESHOLD:
        return ProductOutcome(Outcome.PENDING, f"the KMS host's count is below the threshold ({explain(code)})")
    name = product.name if product else target.kind
    is_host = product is not None and product.channel is Channel.KMS_HOST
    if failure is not None:
        if is_host and failure.code == NO_ACTIVATIONS_LEFT:
            failure.hint = _LIMITS
        raise activation_failed(failure, f"Could not activate {name}", machine.name)
    raise NotConverged(
        f"{change.operation} reported success on {machine.name}, and {name} is still not licensed"
        f"{f' ({explain(code)})' if code else ''}.{f' {_STAYS_UNLICENSED}' if is_host else ''}",
        operation=change.operation,
        target=machine.name,
        code=code or None,
        hint=_STAYS_UNLICENSED if is_host else _LOOK_AT_EVENTS,
    )
