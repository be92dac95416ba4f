# Copyright: (c) 2026, The volact.kms authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out a plan, one change after the other, and never twice."""

from __future__ import annotations

from ansible_collections.volact.kms.plugins.module_utils._errors import (
    ActivationFailed,
    BadInput,
    CimFault,
    KmsError,
    NotConverged,
    NotSupported,
    OperationTimedOut,
    OutcomeUnknown,
)

from ._activate import ProductOutcome, activate
from ._codes import Outcome
from ._confirmation import ConfirmationId
from ._firewall_write import change_firewall
from ._hresult import activation_failed
from ._install import install_key, install_license
from ._keys import ProductKey
from ._machine import Machine
from ._plan import (
    ACTIVATE,
    DELETE_VALUE,
    DEPOSIT,
    INSTALL_KEY,
    INSTALL_LICENSE,
    RESTART,
    START,
    UNINSTALL_KEY,
    Change,
    FirewallTarget,
    Plan,
    ProductTarget,
    RegistryTarget,
    ServiceTarget,
    WindowsServiceTarget,
)
from ._windows_service import restart, start

_OF_ONE_PRODUCT = (ActivationFailed, BadInput, NotConverged, NotSupported, OutcomeUnknown)
"""What ends the work on one product, and says nothing about the others."""

_WORST_FIRST = (Outcome.FAILED, Outcome.PENDING, Outcome.LICENSED)


class Applier:
    """Applies plans to one machine. `outcomes` and `failures` are by product; "" is what has no product's name."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.outcomes: dict[str, ProductOutcome] = {}
        self.failures: dict[str, KmsError] = {}

    @property
    def worst(self) -> ProductOutcome | None:
        """The outcome of the whole run; None where nothing was activated."""
        return worst_of(list(self.outcomes.values()))

    def apply(self, plan: Plan) -> None:
        """Carry out `plan`. A failure of one product among several is kept, and the others go on.

        Where the outcome of one is unknown, it may still be under way: then nothing is done that is for all of them,
        such as a restart of the service.
        """
        for change in plan.changes:
            if change.product in self.failures or (change.product is None and self._is_something_under_way):
                continue
            if change.product is None:
                self._carry_out(change)
                continue
            try:
                self._carry_out(change)
            except _OF_ONE_PRODUCT as error:
                self.failures[change.product] = error
                self.outcomes[change.product] = ProductOutcome(Outcome.FAILED, error.message)

    @property
    def _is_something_under_way(self) -> bool:
        return any(isinstance(error, OutcomeUnknown) for error in self.failures.values())

    def _carry_out(self, change: Change) -> None:
        machine, target = self._machine, change.target
        if not self._is_due(change):
            return
        if change.operation == INSTALL_KEY:
            install_key(machine, change)
        elif change.operation == INSTALL_LICENSE:
            install_license(machine, str(change.arguments["License"]))
        elif change.operation in (ACTIVATE, DEPOSIT) and isinstance(target, ProductTarget):
            self.outcomes[change.product or ""] = activate(machine, change, target)
        elif isinstance(target, ServiceTarget):
            with machine.recorded(change.operation):
                machine.call_service(target.family, change.operation, _plain(change))
        elif isinstance(target, ProductTarget):
            self._change_product(change, target)
        elif isinstance(target, RegistryTarget):
            self._change_value(change, target)
        elif isinstance(target, FirewallTarget):
            change_firewall(machine, change)
        elif isinstance(target, WindowsServiceTarget) and change.operation == RESTART:
            restart(machine, target.name)
        elif isinstance(target, WindowsServiceTarget) and change.operation == START:
            start(machine, target.name)
        else:
            raise AssertionError(f"no way to carry out {change.operation} on {target}")

    def _is_due(self, change: Change) -> bool:
        if change.once_there is not None and self._machine.find(change.once_there) is None:
            return False
        return change.once_licensed is None or self._machine.has_licensed(change.once_licensed)

    def _change_product(self, change: Change, target: ProductTarget) -> None:
        machine = self._machine
        product = machine.find(target)
        if product is None:
            if change.operation == UNINSTALL_KEY:
                return
            raise NotConverged(
                f"No licence on {machine.name} has a key ending in {target.last_five} any more, so {change.operation} "
                f"was not called. Something else changes keys on this machine.",
                operation=change.operation,
                target=machine.name,
            )
        try:
            with machine.recorded(change.operation):
                machine.call_product(product, change.operation, _plain(change))
        except OperationTimedOut:
            raise
        except CimFault as fault:
            raise activation_failed(fault, f"{change.operation} failed for {product.name}", machine.name) from fault
        if change.operation == UNINSTALL_KEY:
            machine.refresh(product.family)

    def _change_value(self, change: Change, target: RegistryTarget) -> None:
        registry, value = self._machine.registry, change.arguments.get("value")
        with self._machine.recorded(change.operation):
            if change.operation == DELETE_VALUE:
                registry.delete(target.key, target.name)
            elif isinstance(value, int):
                registry.set_number(target.key, target.name, value)
            elif isinstance(value, tuple):
                registry.set_strings(target.key, target.name, value)
            elif isinstance(value, str):
                registry.set_text(target.key, target.name, value)


def worst_of(outcomes: list[ProductOutcome]) -> ProductOutcome | None:
    """The worst of several outcomes: failed before pending before licensed."""
    return min(outcomes, key=lambda each: _WORST_FIRST.index(each.outcome), default=None)


def _plain(change: Change) -> dict[str, str | int | bool | tuple[str, ...]]:
    return {
        name: value.reveal() if isinstance(value, (ProductKey, ConfirmationId)) else value
        for name, value in change.arguments.items()
    }
