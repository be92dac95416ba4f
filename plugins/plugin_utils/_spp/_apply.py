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
from ._hresult import activation_failed
from ._install import install_key
from ._keys import ProductKey
from ._machine import Machine
from ._plan import (
    ACTIVATE,
    DELETE_VALUE,
    INSTALL_KEY,
    RESTART,
    SET_VALUE,
    UNINSTALL_KEY,
    Change,
    FirewallTarget,
    Plan,
    ProductTarget,
    RegistryTarget,
    ServiceTarget,
    WindowsServiceTarget,
)
from ._windows_service import restart

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
        """Carry out `plan`. A failure of one product among several is kept, and the others go on."""
        for change in plan.changes:
            if change.product in self.failures:
                continue
            if change.product is None:
                self._carry_out(change)
                continue
            try:
                self._carry_out(change)
            except _OF_ONE_PRODUCT as error:
                self.failures[change.product] = error
                self.outcomes[change.product] = ProductOutcome(Outcome.FAILED, error.message)

    def _carry_out(self, change: Change) -> None:
        machine, target = self._machine, change.target
        if change.operation == INSTALL_KEY:
            install_key(machine, change)
        elif change.operation == ACTIVATE and isinstance(target, ProductTarget):
            self.outcomes[change.product or ""] = activate(machine, change, target)
        elif isinstance(target, ServiceTarget):
            with machine.recorded(change.operation):
                machine.call_service(target.family, change.operation, _plain(change))
        elif isinstance(target, ProductTarget):
            self._change_product(change, target)
        elif isinstance(target, RegistryTarget):
            self._change_value(change, target)
        elif isinstance(target, FirewallTarget):
            self._switch_rule(change.operation, target)
        elif isinstance(target, WindowsServiceTarget) and change.operation == RESTART:
            restart(machine, target.name)
        else:
            raise AssertionError(f"no way to carry out {change.operation} on {target}")

    def _change_product(self, change: Change, target: ProductTarget) -> None:
        machine = self._machine
        if change.once_licensed is not None:
            wanted = machine.find(change.once_licensed)
            if wanted is None or not wanted.is_licensed:
                return
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
        registry = self._machine.registry
        with self._machine.recorded(change.operation):
            if change.operation == SET_VALUE:
                registry.set_number(target.key, target.name, int(str(change.arguments["value"])))
            elif change.operation == DELETE_VALUE:
                registry.delete(target.key, target.name)

    def _switch_rule(self, method: str, target: FirewallTarget) -> None:
        machine = self._machine
        rule = machine.licensing.firewall_rule(target.rule)
        if rule is None:
            raise NotConverged(
                f"The firewall rule {target.rule} of {machine.name} disappeared while it was being changed.",
                operation=method,
                target=target.rule,
            )
        with machine.recorded(method):
            machine.licensing.switch_firewall_rule(rule, method)


def worst_of(outcomes: list[ProductOutcome]) -> ProductOutcome | None:
    """The worst of several outcomes: failed before pending before licensed."""
    return min(outcomes, key=lambda each: _WORST_FIRST.index(each.outcome), default=None)


def _plain(change: Change) -> dict[str, str | int | bool]:
    return {
        name: value.reveal() if isinstance(value, ProductKey) else value for name, value in change.arguments.items()
    }
