# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Activating one licence, at most once, and telling licensed, pending and failed apart by the state alone."""

from __future__ import annotations

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
from ._hresult import BELOW_THRESHOLD, activation_failed, explain
from ._machine import Machine
from ._plan import ACTIVATE, Change, ProductTarget
from ._rows import Product


@dataclass(frozen=True, slots=True)
class ProductOutcome:
    """What became of the activation of one product, and why it is not licensed."""

    outcome: Outcome
    reason: str | None = None


def activate(machine: Machine, change: Change, target: ProductTarget) -> ProductOutcome:
    """Activate, once. Raises ActivationFailed or NotConverged with the state's own reason."""
    product = machine.find(target)
    if product is None:
        kind = "Windows" if target.is_windows else "Office" if target.activation_id is None else target.activation_id
        raise NotConverged(
            f"No {kind} licence on {machine.name} has a key ending in {target.last_five} any more, so "
            f"nothing was activated. Something else changes keys on this machine.",
            operation=ACTIVATE,
            target=machine.name,
        )
    renewal = change.before == LicenseStatus.LICENSED.label
    if product.is_licensed and not renewal and _is_of_type(product, change.activation_type):
        # The service activates by itself in the background after a key change: a better state is success.
        return ProductOutcome(Outcome.LICENSED)
    finite = product.channel is not Channel.KMS_CLIENT
    failure: CimFault | None = None
    try:
        with machine.recorded(ACTIVATE, finite=finite):
            machine.call_product(product, ACTIVATE)
    except (OperationTimedOut, TransportTimeout) as error:
        return _await(machine, target, error, finite)
    except CimFault as fault:
        machine.operations.append(ACTIVATE)
        failure = fault
    else:
        machine.refresh(product.family)
    return _judge(machine, target, failure, renewal)


def _is_of_type(product: Product, wanted: ActivationType | None) -> bool:
    return wanted is None or product.activation_type in (None, wanted)


def _await(machine: Machine, target: ProductTarget, cause: KmsError, finite: bool) -> ProductOutcome:
    """No answer yet is not a failure: a later task asks again, while others have their turn.

    Unless asking again may spend a second activation of a MAK or host key: that is a user's decision.
    """
    try:
        machine.poll(lambda: machine.is_licensed(target), f"{_kind(target)} is activated", cause)
    except OutcomeUnknown:
        if finite:
            raise
        return ProductOutcome(Outcome.PENDING, "the licensing service has not answered yet")
    return ProductOutcome(Outcome.LICENSED)


def _judge(machine: Machine, target: ProductTarget, failure: CimFault | None, renewal: bool) -> ProductOutcome:
    """Only the state decides: a call may succeed without effect, and fail while the service got there by itself."""
    product = machine.find(target)
    if product is not None and product.is_licensed and not (renewal and failure):
        return ProductOutcome(Outcome.LICENSED)
    code = failure.code if failure else product.license_status_reason if product else None
    if code == BELOW_THRESHOLD:
        return ProductOutcome(Outcome.PENDING, f"the KMS host's count is below the threshold ({explain(code)})")
    name = product.name if product else _kind(target)
    if failure is not None:
        raise activation_failed(failure, f"Could not activate {name}", machine.name)
    raise NotConverged(
        f"Activate reported success on {machine.name}, and {name} is still not licensed"
        f"{f' ({explain(code)})' if code else ''}.",
        operation=ACTIVATE,
        target=machine.name,
        code=code or None,
        hint="Run again; if it stays so, look into the Application event log for events 12288 and 12289.",
    )


def _kind(target: ProductTarget) -> str:
    return "Windows" if target.is_windows else "Office"
